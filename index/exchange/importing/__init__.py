"""Import of a zip, a folder or a label file: planned first, then carried out."""
