"""Passes: steps from layer graph to layer graph, one file each."""

from archspec.passes.pipeline import Pass, PassResult, Property, run_passes

__all__ = ["Pass", "PassResult", "Property", "run_passes"]
