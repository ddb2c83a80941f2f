"""Several checkpoints made one: combined, gated, reduced to fewer dimensions."""
