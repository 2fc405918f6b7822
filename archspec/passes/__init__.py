"""Passes: steps from layer graph to layer graph, one file each."""

from archspec.passes.pipeline import Pass, run

__all__ = ["Pass", "run"]
