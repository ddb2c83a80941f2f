"""Changes of a served catalogue, and what is derived from it for curators."""
