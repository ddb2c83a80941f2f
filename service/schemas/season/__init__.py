"""Sightings, unknown animals and reports of a season, as JSON and as parameters."""
