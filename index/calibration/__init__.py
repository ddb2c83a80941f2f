"""What a distance is worth: thresholds and probabilities from trials on the catalogue."""
