"""A checkpoint's networks written as graphs (ONNX), and compared with PyTorch's answers."""
