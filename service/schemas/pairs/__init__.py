"""Pairs of photos and of individuals as JSON: distances, probabilities, boxes and heat."""
