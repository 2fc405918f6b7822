"""What is known of a tensor before any number is: it spares padding and permuting."""

from __future__ import annotations

from archspec.ir.attributes import Padding
from archspec.ir.graph import LayerGraph
from archspec.ir.ops import (
    Add,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    GlobalAvgPool,
    Identity,
    Multiply,
    Relu,
    Sigmoid,
    Softmax,
)


def never_negative(graph: LayerGraph) -> frozenset[str]:
    """The nodes that cannot give a negative number."""
    found: set[str] = set()
    for path, node in graph.nodes.items():
        match node.op.name:
            case "relu" | "sigmoid" | "softmax":
                found.add(path)
            case "identity" | "dropout" | "max_pool" | "avg_pool" | "global_avg_pool" | "flatten":
                found.update([path] if node.inputs[0] in found else [])
            case "add" | "multiply" | "concat":
                found.update([path] if found.issuperset(node.inputs) else [])
            case _:
                pass
    return frozenset(found)


def single_pixel(graph: LayerGraph) -> frozenset[str]:
    """The nodes that give images of 1x1 whatever the size of the input."""
    found: set[str] = set()
    for path, node in graph.nodes.items():
        match node.op:
            case GlobalAvgPool(keep_axes=True):
                found.add(path)
            case Conv(kernel=(1, 1), padding=Padding(sides=(0, 0, 0, 0))):
                found.update([path] if node.inputs[0] in found else [])
            case BatchNorm() | Identity() | Relu() | Sigmoid() | Softmax() | Dropout() | Add() | Multiply() | Concat():
                found.update([path] if found.issuperset(node.inputs) else [])
            case _:
                pass
    return frozenset(found)
