"""Tries before a run: overfitting a few photos, the learning rate, augmented photos."""
