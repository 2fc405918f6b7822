"""The OpenVINO backend: its intermediate representation, read from an ONNX model. Importing it imports neither."""

from archspec_openvino.target import OpenVinoBackend

backend = OpenVinoBackend()

__all__ = ["OpenVinoBackend", "backend"]
