"""The Keras backend. Importing it imports no Keras."""

from archspec_keras.target import KerasBackend

backend = KerasBackend()

__all__ = ["KerasBackend", "backend"]
