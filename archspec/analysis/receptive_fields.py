"""Receptive fields: which part of the input each place of a layer's output is computed from.

Every op says which places of its inputs it looks at (`Op.footprint`), and the fields follow from that by the arithmetic
of intervals: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019,
https://doi.org/10.23915/distill.00021. For a chain of windows this gives the numbers of their recurrences; it is exact
after enlargements, and where branches join, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Final, TypeAlias

from archspec.ir.def_use import Node, producer
from archspec.ir.footprint import AxisFootprint, Seen, everything
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import TOKENS


@dataclass(frozen=True, slots=True)
class Extent:
    """A receptive field along one axis of an input.

    `size` is the number of pixels (or tokens) from the first to the last that a place is computed from, the most where
    places differ. It is that of a place far from all borders: padding counts as if there were pixels, so it may exceed
    the input. `stride` is by how many pixels it moves from one place to the next, also called jump: a fraction after
    an enlargement. `start` is where that of the first place begins, negative in padding.

    Some fields do not move with the place: after a global pool, `flatten` or attention all places see the same, which
    has no stride. Where such a tensor joins an image, as the gate of squeeze and excitation does, or where branches of
    different strides join, `size` is the most that a place there is sees of the input there is, and there is no
    `start`; the stride is None if the branches that move have several.
    """

    size: int
    stride: Fraction | None
    start: int | None


Field: TypeAlias = tuple[Extent, ...]
"""Along each spatial axis of an image, signal or volume, or along the tokens of a sequence."""


def receptive_fields(graph: LayerGraph) -> dict[str, dict[str, Field]]:
    """The receptive field of each node in each input of the network that it depends on, by their paths.

    It is that of inference: `batch_norm` looks at one place, while `group_norm` and `instance_norm` look at the whole
    image. Channels are not distinguished: a place sees what any channel of it sees, and `reshape` looks everywhere.
    Inputs that are vectors have no places, so there are no fields in them.
    """
    seen: dict[str, Mapping[str, _Sight]] = {}
    for path, node in graph.nodes.items():
        if path in graph.inputs:
            places = node.type.places
            axes = tuple(_Axis(size, (_PhasePattern(1, ((0, 0),)),), (0, size - 1)) for size in places)
            seen[path] = {path: _Sight(axes)} if axes else {}
        else:
            seen[path] = _seen(graph, node, seen)
    fields = {path: {source: sight.field for source, sight in found.items()} for path, found in seen.items()}
    return {
        path: {source: field for source, field in found.items() if all(extent.size for extent in field)}
        for path, found in fields.items()
    }


def _seen(graph: LayerGraph, node: Node, seen: Mapping[str, Mapping[str, _Sight]]) -> dict[str, _Sight]:
    """What a node sees of each input, by what its own inputs see."""
    places, arriving = node.type.places, graph.input_types(node)
    found: dict[str, list[_Sight]] = {}
    for path, type, footprint in zip(node.inputs, arriving, node.op.footprint(arriving), strict=True):
        if footprint == "nowhere":
            continue
        for source, sight in seen[producer(path)].items():
            found.setdefault(source, []).append(sight.through(footprint, places, tokens=type.axes == TOKENS))
    return {source: reduce(_Sight.joined, sights) for source, sights in found.items()}


_Interval: TypeAlias = tuple[int, int] | None
"""The first and the last pixel; None where there is none."""


def _hull(intervals: Iterable[_Interval]) -> _Interval:
    known = [interval for interval in intervals if interval is not None]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None


def _cut(interval: _Interval, to: _Interval) -> _Interval:
    if interval is None or to is None:
        return None
    first, last = max(interval[0], to[0]), min(interval[1], to[1])
    return (first, last) if first <= last else None


def _width(interval: _Interval) -> int:
    return interval[1] - interval[0] + 1 if interval else 0


_LONGEST: Final = 256
"""Up to here a period may be longer than the axis. No bound would let unlike enlargements multiply it without end."""


@dataclass(frozen=True, slots=True)
class _PhasePattern:
    """What the elements of an axis see, by their index, along one axis of the input.

    Element `len(phases) * k + r` sees `phases[r]` moved by `shift * k`. Where `listed`, there are the phases and no
    other elements: so it is with tokens, and where the period would be longer than the axis.
    """

    shift: int
    phases: tuple[_Interval, ...]
    listed: bool = False

    def __call__(self, index: int) -> _Interval:
        if self.listed:
            return self.phases[index] if 0 <= index < len(self.phases) else None
        times, phase = divmod(index, len(self.phases))
        interval = self.phases[phase]
        return interval and (interval[0] + self.shift * times, interval[1] + self.shift * times)

    @property
    def stride(self) -> Fraction | None:
        return None if self.listed else Fraction(self.shift, len(self.phases))

    @property
    def moves(self) -> bool:
        return self.listed or self.shift != 0

    def through(self, window: AxisFootprint, size: int) -> _PhasePattern:
        """What `size` elements see through a window."""
        if not self.moves:
            return self
        rounds = len(self.phases) // math.gcd(len(self.phases), window.step)
        period = rounds * len(window.taps)
        listed = self.listed or period > max(size, _LONGEST)
        phases = tuple(_hull(map(self, _indices(window, index))) for index in range(size if listed else period))
        return _PhasePattern(0 if listed else self.shift * window.step * rounds // len(self.phases), phases, listed)

    def joined(self, other: _PhasePattern, size: int) -> _PhasePattern | None:
        """Both in one, if one can say it; `size` is how many elements there are."""
        if self.stride != other.stride or self.listed != other.listed:
            return None
        period = math.lcm(len(self.phases), len(other.phases))
        listed = self.listed or period > max(size, _LONGEST)
        phases = tuple(_hull((self(index), other(index))) for index in range(size if listed else period))
        return _PhasePattern(0 if listed else self.shift * period // len(self.phases), phases, listed)


def _indices(window: AxisFootprint, index: int) -> Iterable[int]:
    """The elements that an element of the output looks at."""
    times, phase = divmod(index, len(window.taps))
    return (window.step * times + tap for tap in window.taps[phase])


@dataclass(frozen=True, slots=True)
class _Axis:
    """What `size` elements of an axis see: each what all parts say. None of them sees anything outside of `within`."""

    size: int
    parts: tuple[_PhasePattern, ...]
    within: _Interval

    def at(self, index: int) -> _Interval:
        return _hull(part(index) for part in self.parts)

    @property
    def moves(self) -> bool:
        return any(part.moves for part in self.parts)

    def through(self, window: AxisFootprint, size: int) -> _Axis:
        """What `size` elements see through a window."""
        if window.step == 0:
            found = _cut(_hull(self.at(index) for index in window.taps[0] if index < self.size), self.within)
            return _Axis(1, (_PhasePattern(0, (found,)),), found)
        parts = tuple(part.through(window, size) for part in self.parts)
        return _Axis(size, parts, self._looked_at(window, size))

    def _looked_at(self, window: AxisFootprint, size: int) -> _Interval:
        """The part of the input that is still seen: windows may leave out elements at the ends."""
        last = self.size - 1
        ends = {*range(min(size, len(window.taps))), *range(max(size - len(window.taps), 0), size)}
        if {0, last} <= {index for end in ends for index in _indices(window, end)}:
            return self.within
        known = [index for at in range(size) for index in _indices(window, at) if 0 <= index <= last]
        seen = range(min(known, default=0), max(known, default=-1) + 1)
        return _cut(_hull(map(self.at, seen)), self.within)

    def joined(self, other: _Axis) -> _Axis:
        """What the elements see through either."""
        size = max(self.size, other.size)
        parts = list(self.parts)
        for part in other.parts:
            for number, known in enumerate(parts):
                if (both := known.joined(part, size)) is not None:
                    parts[number] = both
                    break
            else:
                parts.append(part)
        return _Axis(size, tuple(parts), _hull((self.within, other.within)))

    @property
    def extent(self) -> Extent:
        strides = {part.stride for part in self.parts}
        moving = strides - {0}
        stride = moving.pop() if len(moving) == 1 else None
        if len(strides) == 1 and stride is not None:
            period = min(math.lcm(*(len(part.phases) for part in self.parts)), self.size)
            first = self.at(0)
            return Extent(max(_width(self.at(index)) for index in range(period)), stride, first and first[0])
        if any(part.phases == (self.within,) for part in self.parts):  # as a gate does; nothing sees more
            return Extent(_width(self.within), stride, None)
        places = range(self.size if self.moves else 1)
        return Extent(max(_width(_cut(self.at(index), self.within)) for index in places), stride, None)


@dataclass(frozen=True, slots=True)
class _Sight:
    """What the places of a tensor see of one input, along each of the input's axes.

    The axes of an image lie along those of the input, and so do the tokens that `to_tokens` made of one, row by row.
    Where `tokens`, each axis says what each token sees: they need not lie on the grid that they were made from. If an
    image is made of such tokens and a window slides over it, it counts as looking everywhere.
    """

    axes: tuple[_Axis, ...]
    tokens: bool = False

    def through(self, footprint: Seen, places: tuple[int, ...], *, tokens: bool) -> _Sight:
        """What an op's output with these places sees, for what the op looks at; `tokens` if it takes tokens."""
        if not any(axis.moves for axis in self.axes):
            return self
        if footprint == "place":
            reordered = len(places) > 1 and places != tuple(axis.size for axis in self.axes)
            return self.by_token if reordered else self
        in_a_row = tokens or (len(footprint) == 1 and (self.tokens or len(self.axes) > 1))  # or a signal of tokens
        if footprint == "everywhere" or (self.tokens and not in_a_row):
            return _Sight(tuple(axis.through(everything(axis.size), 1) for axis in self.axes))
        if in_a_row:
            size = places[0] if places else 1
            return _Sight(tuple(axis.through(footprint[0], size) for axis in self.by_token.axes), tokens=True)
        axes = zip(self.axes, footprint, places, strict=True)
        return _Sight(tuple(axis.through(window, size) for axis, window, size in axes))

    @property
    def by_token(self) -> _Sight:
        """The same, said for each token by itself."""
        if self.tokens or not any(axis.moves for axis in self.axes):
            return self
        count = math.prod(axis.size for axis in self.axes)
        axes: list[_Axis] = []
        below = count
        for axis in self.axes:
            below //= axis.size
            phases = tuple(axis.at(index // below % axis.size) for index in range(count))
            axes.append(_Axis(count, (_PhasePattern(0, phases, listed=True),), axis.within))
        return _Sight(tuple(axes), tokens=True)

    def joined(self, other: _Sight) -> _Sight:
        """What the places see through either."""
        if self.tokens != other.tokens:
            ours, theirs = self.by_token, other.by_token
        else:
            ours, theirs = self, other
        axes = zip(ours.axes, theirs.axes, strict=True)
        return _Sight(tuple(one.joined(another) for one, another in axes), ours.tokens or theirs.tokens)

    @property
    def field(self) -> Field:
        return tuple(axis.extent for axis in self.axes)


def stride_number(stride: Fraction) -> int | str:
    """A stride for JSON: a whole number, or `1/2` after an up-sampling."""
    return int(stride) if stride.denominator == 1 else str(stride)
