"""What a row is: one layer as a few ONNX nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final, TypeAlias

import numpy as np
from onnx import NodeProto, TensorProto, helper

from archspec.ir.attributes import Sides
from archspec.ir.op import Op
from archspec.ir.tensor_type import TOKENS, TensorType, spatial_rank

LOW_PRECISION: Final = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
"""Element types in which sums, exponentials and statistics lose too much."""


class Fragment:
    """Collects the ONNX nodes of one layer.

    Args:
        op: the layer's op.
        types: of its inputs.
        operands: the names of its inputs.
        weights: the names of its weights, in the op's order.
        path: what the names of its own nodes and tensors begin with.
        results: the names of the tensors that it gives.
        dtype: of its numbers, as ONNX's element type.
        opset: the version of ONNX's operators that the model is written for.
        float32: tensors in float32 by the names of those of `dtype` that are cast from them.
        larger: the types of its inputs where the network takes a larger image, if the spatial axes are open: no row may
            count on the sizes in `types` that differ.
        training: in training mode.
    """

    def __init__(
        self,
        op: Op,
        types: Sequence[TensorType],
        operands: Sequence[str],
        weights: Sequence[str],
        *,
        path: str,
        results: Sequence[str],
        dtype: int,
        opset: int,
        float32: Mapping[str, str],
        larger: Sequence[TensorType] | None,
        training: bool,
    ) -> None:
        self.op: Any = op
        self.types = types
        self.operands = list(operands)
        self.weights = list(weights)
        self.path = path
        self.results = results
        self.dtype = dtype
        self.opset = opset
        self.float32 = float32
        self.larger = larger
        self.training = training
        self.nodes: list[NodeProto] = []
        self.outputs: list[str] = []
        """The layer's running statistics after a training step, in the order of its weights."""
        self.before_casts: list[str] | None = None
        """Where the layer is computed in float32 in a model of fewer bits: its results before they are cast."""

    @property
    def resizable(self) -> bool:
        """The spatial axes are open."""
        return self.larger is not None

    @property
    def exact(self) -> bool:
        """No attribute that is a float may stand for a number: ONNX's are float32."""
        return self.dtype == TensorProto.DOUBLE

    @property
    def is_low(self) -> bool:
        """The model has fewer bits than float32."""
        return self.dtype in LOW_PRECISION

    @contextmanager
    def in_float32(self) -> Iterator[Callable[[str], str]]:
        """What is written within is float32, in a model of fewer bits too; gives what casts a tensor back."""
        dtype = self.dtype
        low = self.is_low
        self.dtype = TensorProto.FLOAT if low else dtype
        yield lambda x: self.add("Cast", x, to=dtype) if low else x
        self.dtype = dtype

    def wide(self, x: str) -> str:
        """A tensor of the model's type in float32, where that has more bits."""
        return self.float32.get(x) or self.add("Cast", x, to=TensorProto.FLOAT)

    @property
    def x(self) -> str:
        """The first operand."""
        return self.operands[0]

    @property
    def rank(self) -> int:
        """The axes of the first operand, the batch left out."""
        return self.types[0].rank

    @property
    def axis(self) -> int:
        """The axis of channels or features in a batch."""
        return -1 if self.types[0].axes == TOKENS else 1

    @property
    def places(self) -> range:
        """The spatial axes of the first operand in a batch; none where it has no channels and spatial axes."""
        return range(2, 2 + spatial_rank(self.types[0].axes))

    def by_channel(self, tensor: str) -> str:
        """A number for each channel or feature, shaped so that it meets the first operand."""
        return self.add("Unsqueeze", tensor, self.shape(*(axis - 1 for axis in self.places))) if self.places else tensor

    def by_axis(self, sides: Sides) -> dict[int, tuple[int, int]]:
        """Sides of the spatial axes by axis, as `pad` takes them."""
        return dict(zip(self.places, sides, strict=True))

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """An ONNX node; the name of its output. An input that is left out is ''."""
        name = f"{self.path}/{kind}_{len(self.nodes)}"
        given = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **given))
        return name

    def parts(self, x: str, count: int, axis: int) -> list[str]:
        """A tensor in equal parts along an axis."""
        name = f"{self.path}/Split_{len(self.nodes)}"
        names = [f"{name}_{index}" for index in range(count)]
        more: dict[str, Any] = (
            {"num_outputs": count} if self.opset >= 18 else {}
        )  # before, equal parts are what it makes of itself
        self.nodes.append(helper.make_node("Split", [x], names, name, axis=axis, **more))
        return names

    def reduced(self, kind: str, x: str, axes: Sequence[int], *, keepdims: int | None = None) -> str:
        """A tensor reduced over some axes, by `ReduceMean` or its kin: before opset 18 the axes are an attribute.

        Of `ReduceSum` they have been an input since 13.
        """
        if self.opset >= 18 or kind == "ReduceSum":
            return self.add(kind, x, self.shape(*axes), keepdims=keepdims)
        return self.add(kind, x, axes=[*axes], keepdims=keepdims)

    def constant(self, value: Any) -> str:
        """A constant tensor of the layer's dtype."""
        array = np.asarray(value, np.float64)
        tensor = helper.make_tensor("", self.dtype, array.shape, array.ravel().tolist())
        return self.add("Constant", value=tensor)

    def shape(self, *sizes: int) -> str:
        """A constant vector of whole numbers: sizes, places or axes."""
        return self.add("Constant", value=helper.make_tensor("", TensorProto.INT64, [len(sizes)], sizes))

    def number(self, value: int) -> str:
        """A whole number, as a constant without axes."""
        return self.add("Constant", value=helper.make_tensor("", TensorProto.INT64, [], [value]))

    def pad(self, x: str, sides: Mapping[int, tuple[int, int]], value: str, mode: str = "constant") -> str:
        """A tensor with so much before and after by axis.

        All axes have their sides and all are named, for the sake of ONNX Runtime's optimizer. Where only some are
        named it takes their sides for those of all, when it moves a `Pad` past a `Transpose`. Where none are it makes
        one operator of a `Pad` and the pool after it, which a max-pool's zeros do not survive (docs/fuzzing.md).
        """
        axes = range(self.rank + 1)
        each = [sides.get(axis, (0, 0)) for axis in axes]
        if self.opset >= 18:
            return self.add("Pad", x, self._amounts(each), value, self.shape(*axes), mode=mode)
        last = max((axis for axis in axes if any(each[axis])), default=None)
        if mode != "constant" or last is None:
            return self.add("Pad", x, self._amounts(each), *([value] if value else []), mode=mode)
        # No axes can be named before opset 18: what stands between `Pad` and the pool is the cut of a row too many.
        each[last] = (each[last][0], each[last][1] + 1)
        more = self.add("Pad", x, self._amounts(each), value, mode=mode)
        return self.add("Slice", more, self.shape(0), self.shape(-1), self.shape(last))

    def _amounts(self, sides: Sides | list[tuple[int, int]]) -> str:
        """The sides of all axes as an operator takes them."""
        return self.shape(*(side[0] for side in sides), *(side[1] for side in sides))

    def finished(self, last: str | Sequence[str]) -> list[NodeProto]:
        """The nodes, named after the layer: the one that gives the result has the layer's own name.

        ONNX tools take `/` for a step down in a hierarchy, so the nodes are `/layer1/0/conv1` and, where there are
        several, `/layer1/0/conv1/Transpose_0`.
        """
        place = "/" + self.path.replace(".", "/")
        given = dict(zip([last] if isinstance(last, str) else last, self.results, strict=True))
        for node in self.nodes:
            node.name = place if node.output[0] in given else place + node.name.removeprefix(self.path)
            for names in (node.input, node.output):
                for index, name in enumerate(names):
                    names[index] = given.get(name, name)
        return self.nodes


Row: TypeAlias = Callable[[Fragment], str | Sequence[str]]
"""Adds an op's nodes to a fragment and gives the name of the result, or those of several; the last node gives it."""


def float32_row(row: Row) -> Row:
    """The row of an op that models of fewer bits compute in float32, its weights kept in it."""

    @wraps(row)
    def wide(layer: Fragment) -> str | Sequence[str]:
        if not layer.is_low:
            return row(layer)
        layer.operands = [layer.wide(x) for x in layer.operands]
        with layer.in_float32() as narrow:
            last = row(layer)
            layer.before_casts = [last] if isinstance(last, str) else [*last]
            return [narrow(x) for x in layer.before_casts]

    return wide


def onnx_pads(sides: Sides) -> list[int]:
    """Sides (before, after) of each axis in ONNX's order: the beginnings, then the ends."""
    return [side[end] for end in (0, 1) for side in sides]


def unary(kind: str, **attributes: Any) -> Row:
    """The row of an operator of one operand with these attributes."""
    return lambda layer: layer.add(kind, layer.x, **attributes)
