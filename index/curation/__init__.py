"""What curators do and see: acts and their undo, listings, suggestions, the past."""
