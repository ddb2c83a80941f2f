"""Search among the vectors of known individuals, and the decision made of it."""
