"""Sizes that do not meet because a stride has rounded them: which sizes of the input would not be rounded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

from archspec.ir.captions import extents
from archspec.ir.def_use import Node, producer, result_index
from archspec.ir.op import Op, ShapeError
from archspec.ir.tensor_type import TensorType

_Strides: TypeAlias = tuple[Fraction, ...]
"""By how many of the input's elements two neighbors in a tensor are apart, along each spatial axis."""


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
    if len(sources) != 1 or not nodes[sources[0]].type.is_spatial:
        return ""
    strides = _strides(way, nodes)
    if strides is None or len({strides.get(producer(path)) for path in given}) > 1:
        return ""
    before = nodes[sources[0]].type
    steps = [math.lcm(*(found[axis].numerator for found in strides.values())) for axis in range(len(before.places))]
    size = tuple(-(-extent // step) * step for extent, step in zip(before.places, steps, strict=True))
    if size == before.places or not _meet(op, given, way, nodes, before.with_places(size)):
        return ""
    return (
        f"a stride rounds the sizes on the way: give the input {_multiples(before.place_names, steps)}, such as "
        f"{extents(size)} in place of {extents(before.places)}"
    )


def _multiples(names: Sequence[str], steps: Sequence[int]) -> str:
    """Which multiples sizes must be: `a height and a width that are multiples of 32`."""
    if len(names) > 1 and len(set(steps)) == 1:
        *first, last = (f"a {name}" for name in names)
        return f"{', '.join(first)} and {last} that are multiples of {steps[0]}"
    words = ["one" if index else "a multiple" for index in range(len(names))]
    parts = [f"a {name} that is {word} of {step}" for name, word, step in zip(names, words, steps, strict=True)]
    *before, last = parts
    return f"{', '.join(before)} and {last}" if before else last


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
            found[path] = (Fraction(1),) * len(node.type.places)
            continue
        types = [nodes[producer(source)].types[result_index(source)] for source in node.inputs]
        arriving: set[_Strides] = set()
        for source, footprint in zip(node.inputs, node.op.resolved(types).footprint(types), strict=True):
            before = found.get(producer(source))
            if before is None or footprint == "everywhere" or footprint == "nowhere":
                continue
            if footprint != "place" and len(footprint) != len(before):
                continue
            steps = (
                [Fraction(1)] * len(before)
                if footprint == "place"
                else [Fraction(one.step, len(one.taps)) for one in footprint]
            )
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
