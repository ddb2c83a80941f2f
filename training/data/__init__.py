"""A labelled set checked and explored: findings, duplicates, figures, pages."""
