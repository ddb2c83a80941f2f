"""Backup, restore and verification of a whole catalogue."""
