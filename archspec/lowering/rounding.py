"""Sizes that do not meet because a stride has rounded them: which sizes of the input would not be rounded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from archspec.ir.op import Op, ShapeError
from archspec.ir.tensor_type import TensorType
from archspec.ir.wiring import Node, producer, result_index

_Strides: TypeAlias = tuple[Fraction, ...]
"""By how many of the input's pixels two neighbours in a tensor are apart, vertically and horizontally."""


def unrounded_input(op: Op, given: Sequence[str], nodes: Mapping[str, Node]) -> str:
    """What the input's size must be a multiple of for branches to meet.

    Args:
        op: what the branches meet at.
        given: the nodes that give its inputs, by path.
        nodes: all nodes so far, in order of computation.

    Returns:
        A help text; empty where the branches have different strides, or such a size would not make them meet.
    """
    way = _before(given, nodes)
    sources = [path for path in way if not nodes[path].inputs]
    if len(sources) != 1 or not nodes[sources[0]].type.is_image:
        return ""
    strides = _strides(way, nodes)
    if strides is None or len({strides.get(producer(path)) for path in given}) > 1:
        return ""
    before = nodes[sources[0]].type
    height, width = before.places
    down, across = (math.lcm(*(found[axis].numerator for found in strides.values())) for axis in (0, 1))
    size = (-(-height // down) * down, -(-width // across) * across)
    if size == (height, width) or not _meet(op, given, way, nodes, before.with_places(size)):
        return ""
    multiples = (
        f"a height and a width that are multiples of {down}"
        if down == across
        else f"a height that is a multiple of {down} and a width that is one of {across}"
    )
    return (
        f"a stride rounds the sizes on the way: give the input {multiples}, such as {size[0]}x{size[1]} in place of "
        f"{height}x{width}"
    )


def _before(ends: Iterable[str], nodes: Mapping[str, Node]) -> list[str]:
    """These nodes and all that they are computed from, in order of computation."""
    found: set[str] = set()
    waiting = list(map(producer, ends))
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(map(producer, nodes[path].inputs))
    return [path for path in nodes if path in found]


def _strides(way: Iterable[str], nodes: Mapping[str, Node]) -> dict[str, _Strides] | None:
    """The strides of all nodes whose places move over the input; None where two that join have different ones."""
    found: dict[str, _Strides] = {}
    for path in way:
        node = nodes[path]
        if not node.inputs:
            found[path] = (Fraction(1), Fraction(1))
            continue
        types = [nodes[producer(source)].types[result_index(source)] for source in node.inputs]
        arriving: set[_Strides] = set()
        for source, reach in zip(node.inputs, node.op.resolved(types).reach(types), strict=True):
            before = found.get(producer(source))
            if before is None or reach == "everywhere" or (reach != "place" and len(reach) != len(before)):
                continue
            steps = [Fraction(1)] * 2 if reach == "place" else [Fraction(one.step, len(one.taps)) for one in reach]
            if all(steps):  # else all places see the same, as after a global pool
                arriving.add(tuple(stride * step for stride, step in zip(before, steps, strict=True)))
        if len(arriving) > 1:
            return None
        if arriving:
            found[path] = arriving.pop()
    return found


def _meet(op: Op, given: Sequence[str], way: Iterable[str], nodes: Mapping[str, Node], image: TensorType) -> bool:
    """Whether the branches meet where the input is such an image."""
    types: dict[str, TensorType] = {}
    try:
        for path in way:
            node = nodes[path]
            arriving = [types[source] for source in node.inputs]
            made = node.op.output_types(arriving) if node.inputs else (image,)
            types |= dict(zip(node.values, made, strict=True))
        op.output_types([types[path] for path in given])
    except ShapeError:
        return False
    return True
