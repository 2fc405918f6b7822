"""The layer graph and the ops it is made of."""

from archspec.ir.builder import GraphBuilder
from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op, ShapeError, Weight
from archspec.ir.ops import OPS
from archspec.ir.tensor_type import Shape, TensorType

__all__ = ["OPS", "GraphBuilder", "LayerGraph", "Node", "Op", "Shape", "ShapeError", "TensorType", "Weight"]
