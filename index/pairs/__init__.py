"""Individuals that may be one animal: the nearest pairs, and how probable each is."""
