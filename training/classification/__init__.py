"""Plain classification by labels (species, genus, cat or dog) on the same embeddings."""
