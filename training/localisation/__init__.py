"""Training of the locator and the aligner."""
