"""Ops that make one number of all channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from archspec.ir.op import FEATURED, Ranks, Shape, channel_axis
from archspec.ir.ops.base import Placewise


@dataclass(frozen=True, slots=True)
class _ChannelPool(Placewise):
    """One number for all channels of a pixel, or all features of a token."""

    ranks: ClassVar[Ranks] = FEATURED

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        axis = channel_axis(inputs[0])
        return (*inputs[0][:axis], 1, *inputs[0][axis + 1 :])


@dataclass(frozen=True, slots=True)
class ChannelAvgPool(_ChannelPool):
    """The mean over channels or features: (C, H, W) to (1, H, W). ONNX ReduceMean; Woo et al. 2018."""

    name: ClassVar[str] = "channel_avg_pool"


@dataclass(frozen=True, slots=True)
class ChannelMaxPool(_ChannelPool):
    """The largest over channels or features: (C, H, W) to (1, H, W). ONNX ReduceMax; Woo et al. 2018."""

    name: ClassVar[str] = "channel_max_pool"
