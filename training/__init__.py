"""Labelled photos to a checkpoint. The only wing that knows losses."""
