"""How Keras's tensors lie: channels last, all other axes in archspec's order; ids are whole numbers."""

from __future__ import annotations

from typing import Final

from archspec.ir.tensor_type import Shape, TensorType


def axis_order(type: TensorType) -> tuple[int, ...]:
    """For each axis of a Keras tensor, the batch left out, which of archspec's it is."""
    if type.channel_axis is None:
        return tuple(range(type.rank))
    return (*(axis for axis in range(type.rank) if axis != type.channel_axis), type.channel_axis)


IDS_DTYPE: Final = "int32"
"""Keras's own for whole numbers; JAX has no other unless it is asked."""


def keras_sizes(type: TensorType) -> Shape:
    """The sizes in the order that Keras's tensors have."""
    return tuple(type.sizes[axis] for axis in axis_order(type))
