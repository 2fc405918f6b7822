"""Ops that make one number of all channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from archspec.ir.op import Example, OpKind, Sign
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Placewise
from archspec.ir.tensor_type import FEATURED, Accepted, TensorType


class _ChannelPool(Placewise):
    """One number for all channels of a place, or all features of a token."""

    __slots__ = ()
    takes: ClassVar[Accepted] = FEATURED

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        return inputs[0].with_channels(1)


@register
class ChannelAvgPool(_ChannelPool):
    """The mean over channels or features: (C, H, W) to (1, H, W). ONNX ReduceMean; Woo et al. 2018."""

    __slots__ = ()
    name: ClassVar[str] = "channel_avg_pool"
    kind: ClassVar[OpKind] = "pool"
    example: ClassVar[Example] = Example((16, 8, 8), "multiply: [[], [channel_avg_pool, sigmoid]]")
    sign: ClassVar[Sign] = "kept"


@register
class ChannelMaxPool(_ChannelPool):
    """The largest over channels or features: (C, H, W) to (1, H, W). ONNX ReduceMax; Woo et al. 2018."""

    __slots__ = ()
    name: ClassVar[str] = "channel_max_pool"
    kind: ClassVar[OpKind] = "pool"
    example: ClassVar[Example] = Example((16, 8, 8), "concat: [channel_avg_pool, channel_max_pool]")
    sign: ClassVar[Sign] = "kept"
