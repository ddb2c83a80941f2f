"""Labels and photos in the forms that other programs read."""
