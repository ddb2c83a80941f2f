"""Photos and names to a checkpoint: recipes, losses, loop, evaluation."""
