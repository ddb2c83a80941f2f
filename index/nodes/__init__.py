"""Photos embedded on the nodes of a Ray cluster, by the code that embeds them here."""
