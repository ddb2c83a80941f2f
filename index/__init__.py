"""Vectors to identities: catalogue, gallery, matching, calibration, re-indexing. Never imports torch."""
