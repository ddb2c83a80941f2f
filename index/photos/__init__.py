"""Photo files to vectors, perceptual hashes and cleaned copies."""
