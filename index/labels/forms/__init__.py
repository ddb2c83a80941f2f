"""Tables by whichever columns: flukeprint's own, other programs', and a stranger's."""
