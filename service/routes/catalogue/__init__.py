"""Routes of the catalogue: the review queue, individuals, encounters, photos, history."""
