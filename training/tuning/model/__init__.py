"""What a model costs: layers, operations, speed."""
