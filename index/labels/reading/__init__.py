"""Label files of whichever format: packages, boxes on stored pixels, photos of two animals."""
