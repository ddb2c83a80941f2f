"""Photo to unit vector: the checkpoint file and the embedder that is loaded from it."""
