"""Identification over HTTP: the application, its settings, its server."""
