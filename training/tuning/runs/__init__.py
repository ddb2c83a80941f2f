"""Finished runs listed, filtered and compared."""
