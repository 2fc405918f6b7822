"""How a table names a layer: `3x3, 64`, as the papers do."""

from __future__ import annotations

from typing import Final

from archspec.analysis.labels import number, pair
from archspec.ir.attributes import Pair
from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op
from archspec.ir.ops import (
    AdaptiveAvgPool,
    Attention,
    AvgPool,
    Conv,
    ConvTranspose,
    Dense,
    DepthToSpace,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool,
    Softmax,
    SpaceToDepth,
    Upsample,
)

_POOLS: Final = (MaxPool, AvgPool, GlobalAvgPool, GlobalMaxPool, AdaptiveAvgPool, Upsample, DepthToSpace, SpaceToDepth)


def is_pool(graph: LayerGraph, path: str) -> bool:
    """The layer changes height and width, and multiplies with nothing learned."""
    return isinstance(graph.nodes[path].op, _POOLS)


def words(graph: LayerGraph, path: str, *, strides: bool, inner: bool = False) -> str:
    """A line about a layer; empty for those that such tables leave out: norms, activations, merges.

    Args:
        graph: the network.
        path: the layer's.
        strides: say the stride of a convolution or a pool.
        inner: the layer stands in a block, where global pools and softmax are details.
    """
    node = graph.nodes[path]
    match node.op:
        case Conv() as op:
            arriving = graph.input_types(node)[0].channels
            parts = [f"{pair(op.kernel)} dw" if op.groups == arriving > 1 else pair(op.kernel), str(op.filters)]
            if 1 < op.groups < arriving:
                parts.append(f"C={op.groups}")
            if op.dilation != (1, 1):
                parts.append(f"dilation {number(op.dilation)}")
            return ", ".join([*parts, *_stride(op.stride, strides)])
        case ConvTranspose() as op:
            grouped = [f"C={op.groups}"] if op.groups > 1 else []
            parts = [f"{pair(op.kernel)} transposed", str(op.filters), *grouped]
            return ", ".join([*parts, *_stride(op.stride, True)])
        case Dense() as op:
            return f"{op.units}-d fc"
        case Attention() as op:
            return f"attention, {op.heads} heads"
        case MaxPool() | AvgPool() as op:
            if inner and op.kernel == (1, 1):
                return ""  # it only takes every other pixel, for a shortcut
            kind = "max pool" if isinstance(op, MaxPool) else "average pool"
            return ", ".join([f"{pair(op.kernel)} {kind}", *_stride(op.stride or op.kernel, strides)])
        case other:
            return _other(other, inner)


def _other(op: Op, inner: bool) -> str:
    match op:
        case GlobalAvgPool() | GlobalMaxPool() | Softmax() if inner:
            return ""
        case GlobalAvgPool():
            return "global average pool"
        case GlobalMaxPool():
            return "global max pool"
        case Softmax():
            return "softmax"
        case AdaptiveAvgPool():
            return f"adaptive average pool to {pair(op.size)}"
        case Upsample():
            return f"{pair(op.factor)} upsample"
        case DepthToSpace():
            return f"depth to space, {op.block}"
        case SpaceToDepth():
            return f"space to depth, {op.block}"
        case _:
            return ""


def _stride(stride: Pair, shown: bool) -> list[str]:
    return [f"stride {number(stride)}"] if shown and stride != (1, 1) else []
