"""Passes: steps from layer graph to layer graph, one file each."""

from archspec.passes.pipeline import Pass, Property, Ran, run

__all__ = ["Pass", "Property", "Ran", "run"]
