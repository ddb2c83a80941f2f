"""Photo to unit vector: reading, preprocessing, network, checkpoint, Embedder."""
