"""Commands about a season: its report, and how sightings are selected."""
