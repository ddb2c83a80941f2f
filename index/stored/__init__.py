"""Rows whose vectors another server holds and proposes, and the engine that compares them."""
