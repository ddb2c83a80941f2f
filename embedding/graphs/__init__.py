"""A checkpoint's networks as graphs (ONNX), and OpenVINO, which computes them without PyTorch."""
