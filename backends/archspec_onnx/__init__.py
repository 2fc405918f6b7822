"""The ONNX backend: a model written from the layer graph."""
