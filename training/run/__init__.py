"""One training run: preparation, loop, step, record."""
