"""Which layers are a residual unit's projection shortcut: a small branch of an addition, beside a longer one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from archspec.analysis.counting import is_counted
from archspec.ir.def_use import producer
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.activations import Relu
from archspec.ir.ops.linear import Conv
from archspec.ir.ops.merges import Add
from archspec.ir.ops.norms import BatchNorm
from archspec.ir.ops.pools import AvgPool, MaxPool
from archspec.ir.ops.regularizers import Dropout
from archspec.ir.ops.resizing import Pad, PadChannels
from archspec.ir.ops.scaling import Scale
from archspec.ir.ops.shapes import Identity
from archspec.ir.scope import Loop, Scope, walk

_PLAIN: Final = (Conv, BatchNorm, MaxPool, AvgPool, Pad, PadChannels, Dropout, Identity, Relu, Scale)
"""All that a shortcut is made of. What has a gate, or is more than one 1x1 convolution, is no mere projection."""


def shortcuts(graph: LayerGraph, *, calls: bool = False) -> set[str]:
    """The paths of the layers of all projection shortcuts, in the units of loops; with `calls` in all blocks' calls."""
    units = [unit for item in walk(graph.root) if isinstance(item, Loop) for unit in item.iterations]
    if calls:
        units += [item for item in walk(graph.root) if isinstance(item, Scope) and item.kind == "block"]
    return {path for unit in units for path in _of_unit(graph, unit)}


def _of_unit(graph: LayerGraph, unit: Scope) -> Iterator[str]:
    prefix = f"{unit.path}."
    paths = [item.path for item in walk(unit) if not isinstance(item, Loop | Scope) and hasattr(item, "path")]
    if any(isinstance(item, Loop) for item in walk(unit)):
        return  # the loops inside have units of their own
    for path in paths:
        node = graph.nodes[path]
        if not isinstance(node.op, Add) or len(node.inputs) != 2:
            continue
        first, second = (_above(graph, source, prefix) for source in node.inputs)
        for branch, other in ((first - second, second - first), (second - first, first - second)):
            ours = [path for path in branch if is_counted(graph, path)]
            theirs = sum(is_counted(graph, path) for path in other)
            if not len(ours) <= 1 < theirs or not all(_is_projection(graph, path) for path in branch):
                continue
            # In a cell of several sums, what others take, too, is no way around them: NASNet's.
            taken = {taker for inner in branch for name in graph.nodes[inner].values for taker in graph.takers[name]}
            if taken <= branch | {path}:
                yield from branch


def _is_projection(graph: LayerGraph, path: str) -> bool:
    op = graph.nodes[path].op
    return isinstance(op, _PLAIN) and (not isinstance(op, Conv) or (set(op.kernel) == {1} and op.groups == 1))


def _above(graph: LayerGraph, path: str, prefix: str) -> set[str]:
    """The layers of the unit that a tensor is computed from, its own among them."""
    found: set[str] = set()
    stack = [producer(path)]
    while stack:
        at = stack.pop()
        if at.startswith(prefix) and at not in found:
            found.add(at)
            stack.extend(map(producer, graph.nodes[at].inputs))
    return found
