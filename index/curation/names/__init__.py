"""Names of individuals: found by part of them, and the next id that is free."""
