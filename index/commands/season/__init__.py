"""The command that reports a season."""
