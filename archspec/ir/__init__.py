"""The layer graph and the ops it is made of."""

from archspec.ir.graph import LayerGraph, Node
from archspec.ir.op import Op, Shape, ShapeError, Weight
from archspec.ir.ops import OPS

__all__ = ["OPS", "LayerGraph", "Node", "Op", "Shape", "ShapeError", "Weight"]
