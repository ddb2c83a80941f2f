"""Flukes drawn in code, so that a fresh clone has whales to identify."""
