"""Which photos are learned from and which are queries."""
