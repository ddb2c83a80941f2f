"""The networks of a checkpoint, built and computed by PyTorch."""
