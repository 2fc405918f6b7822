"""The Keras backend."""
