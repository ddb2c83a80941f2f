"""Identification over HTTP."""
