"""One layer as a small ONNX graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

from archspec.ir.op import Op, Shape

OPSET = 23


class Fragment:
    """Collects the ONNX nodes of one layer.

    `operands` name the layer's inputs, whose `shapes` are as archspec has them, without the batch. `training` tells
    in which mode it is run. `outputs` are the layer's buffers afterwards, in the order of its weights.

    An ONNX attribute that is a float is a float32: what must be exact stands in a constant.
    """

    def __init__(self, op: Op, shapes: Sequence[Shape], weights: Sequence[str], *, training: bool) -> None:
        self.op: Any = op
        self.shapes = shapes
        self.training = training
        self.operands = [f"x{index}" for index in range(len(shapes))]
        self.weights = list(weights)
        self.outputs: list[str] = []
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    @property
    def x(self) -> str:
        """The first operand."""
        return self.operands[0]

    @property
    def rank(self) -> int:
        """The axes of the first operand, the batch left out."""
        return len(self.shapes[0])

    def add(self, kind: str, *inputs: str, results: int = 1, **attributes: Any) -> Any:
        """An ONNX node; the name of its output, or a list of them. An input that is left out is ''."""
        names = [f"t{len(self.nodes)}_{index}" for index in range(results)]
        given = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(helper.make_node(kind, list(inputs), names, **given))
        return names[0] if results == 1 else names

    def constant(self, value: Any, dtype: Any = np.float64) -> str:
        """A constant tensor; shapes and axes are `np.int64`."""
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def shape(self, *sizes: int) -> str:
        """A constant tensor of whole numbers."""
        return self.constant(sizes, np.int64)

    def model(self, results: Sequence[str]) -> ModelProto:
        """The fragment as a model whose outputs are `results`."""
        names = [*self.operands, *self.weights]
        inputs = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in names]
        outputs = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, None) for name in results]
        graph = helper.make_graph(self.nodes, self.op.name, inputs, outputs, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])


Row: TypeAlias = Callable[[Fragment], str]
"""Adds an op's nodes to a fragment and gives the name of the result."""


def onnx_pads(sides: Sequence[int]) -> list[int]:
    """Sides (top, bottom, left, right) in ONNX's order: the beginnings, then the ends."""
    top, bottom, left, right = sides
    return [top, left, bottom, right]


def unary(kind: str, **attributes: Any) -> Row:
    """The row of an operator of one operand with these attributes."""
    return lambda layer: str(layer.add(kind, layer.x, **attributes))
