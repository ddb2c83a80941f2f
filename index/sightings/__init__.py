"""Sightings: who was met when and where, read, selected and summed up."""
