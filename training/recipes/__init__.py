"""A recipe's choices, their bounds, and the recipes that come along."""
