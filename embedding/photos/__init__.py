"""Photo files to upright RGB images, and images to a network's input."""
