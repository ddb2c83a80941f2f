"""Review by encounters: which photos are one, what waits, and acts on several photos."""
