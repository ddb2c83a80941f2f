"""Vectors to identities. This wing never imports torch."""
