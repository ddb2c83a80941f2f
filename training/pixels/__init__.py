"""Photos decoded once: the pixel cache and packs."""
