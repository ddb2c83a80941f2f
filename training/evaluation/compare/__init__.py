"""Ways to score and reject set side by side, the ones that lost included."""
