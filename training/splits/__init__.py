"""Who is learned from and who is asked about."""
