"""The ONNX backend: a model written from the layer graph. Importing it imports no ONNX."""

from archspec_onnx.target import OnnxBackend

backend = OnnxBackend()

__all__ = ["OnnxBackend", "backend"]
