"""The layer graph and the ops it is made of."""

from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op, Shape, ShapeError, Weight
from archspec.ir.ops import OPS
from archspec.ir.wiring import Node

__all__ = ["OPS", "LayerGraph", "Node", "Op", "Shape", "ShapeError", "Weight"]
