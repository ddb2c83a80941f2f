"""Vectors searched in the catalogue's own PostgreSQL database, by its extension pgvector."""
