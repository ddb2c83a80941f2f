"""Bring a catalogue up to date with labels, files or another checkpoint."""
