"""Commands about photos that need no catalogue: where animals are, vectors, heat."""
