"""The version: pyproject.toml and the headers of generated files take it from here."""

__version__ = "0.1.0"
