"""Which regions make two photos alike: contributions, heat maps, photos side by side."""
