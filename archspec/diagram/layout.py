"""Where boxes and lines of a figure stand across, and in which order along: a main line with ears.

The longest way through a figure is its main line, which is drawn straight. What is left falls into ears: ways that
leave something placed and come back to something placed, with boxes on them or none, as a shortcut has none. Each ear
has a line of its own beside the main one, short ears nearest. Networks are nearly all series and parallel, so this is
what the papers draw by hand. A layered method for any graph (Sugiyama et al. 1981) does not know which of two ways
is the main one: it bends a residual unit's layers around its shortcut, and needs a step that finds crossings to avoid.

Boxes of the main line stand in ranks, one below the other. Lines go sideways in the gaps between ranks alone, on tracks
of their own, so that no line crosses a box. An ear's boxes stand free in its span where no such track passes, else in
ranks, too.

All that is across is decided here; nothing of it depends on whether a box is open. What is along is left to
`coordinates`, which the HTML page does again when a box is folded: so points of lines have anchors in place of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from archspec.diagram.channel_routing import RoutingChannel
from archspec.diagram.ear_decomposition import Chain, EarDecomposition
from archspec.diagram.figure import End, Figure, Line

SPACE: Final = 16.0
"""Between two lines side by side, and between a line and a box."""


class Anchor(NamedTuple):
    """Where a point is along: at a box (`in` its top, `out` its bottom, `middle`, `above` it), on the `track`-th track
    below a rank (`leave`) or above it (`enter`), or at the figure's `start` or `end`."""

    kind: Literal["in", "out", "middle", "above", "leave", "enter", "start", "end"]
    at: int = 0
    """The box, or the rank."""
    track: int = 0


class Point(NamedTuple):
    """A corner of a line."""

    across: float
    anchor: Anchor


@dataclass(frozen=True, slots=True)
class BoxExtent:
    """How far a box reaches across, before and after its axis, and where its ports are; see `coordinates.Size`."""

    before: float
    after: float
    inputs: tuple[float, ...] | None
    """Where lines enter it, from its axis; None if anywhere, as into a box without an inside."""
    outputs: tuple[float, ...]
    rim: float = 0.0
    """Of a sign: how far its circle reaches. What is said of it reaches farther, and lines come to the circle."""


@dataclass(frozen=True, slots=True)
class Ear:
    """Boxes beside the main line that stand free between two ranks."""

    boxes: tuple[int, ...]
    first: int
    """The rank that it leaves."""
    last: int
    """The rank that it comes back to."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What `layout` found. Ranks are 1, 2 ...; 0 is the figure's start and `ranks + 1` its end."""

    figure: Figure
    ranks: int
    rank: tuple[int, ...]
    """Of each box; 0 if it stands free in an ear."""
    across: tuple[float, ...]
    """The axis of each box."""
    free: tuple[Ear, ...]
    """In the order in which they are given room: the shortest first."""
    leaving: tuple[int, ...]
    """How many tracks there are below each rank, from the start's."""
    entering: tuple[int, ...]
    """How many tracks there are above each rank, to the end's."""
    routes: tuple[tuple[Point, ...], ...]
    """The corners of each line."""
    taps: tuple[tuple[Point, ...], ...]
    """The corners of lines that leave at the side of the figure, up to where they go there; then of those that come
    from its side, from where they do."""
    tapped: tuple[int, ...]
    """The ranks of their boxes."""
    inputs: tuple[float, ...]
    outputs: tuple[float, ...]
    before: float
    after: float
    """How far the whole reaches across, from the main line."""


_FAR: Final = 1e5
"""Across, beyond everything."""


def layout(
    figure: Figure,
    extents: Sequence[BoxExtent],
    exits: Sequence[End] = (),
    entrances: Sequence[End] = (),
    *,
    up: bool = False,
) -> Layout:
    """Lay out one figure, whose boxes have these extents.

    Args:
        figure: what is drawn.
        extents: of each box.
        exits: outputs of boxes that lines leave from to the side after the main line, besides the figure's own lines.
        entrances: inputs of boxes that lines come to from the side before it.
        up: the data goes up.
    """
    fed, tapped = ({end.box for end in ends if end.box is not None} for ends in (entrances, exits))
    ways = EarDecomposition(figure, frozenset(fed), frozenset(tapped), up=up)
    return _Layouter(ways, extents, exits, entrances).done()


class _Layouter:
    def __init__(
        self, ways: EarDecomposition, extents: Sequence[BoxExtent], exits: Sequence[End], entrances: Sequence[End]
    ) -> None:
        self.ways = ways
        self.figure = ways.figure
        self.extents = extents
        self.exits = exits
        self.entrances = entrances
        self.axis: dict[int, float] = dict.fromkeys(self.ways.main.boxes, 0.0)

    def done(self) -> Layout:
        """All of it, in the order in which one thing needs another."""
        self._place_across()
        self._choose_sides()
        self._choose_entries()
        self._assign_tracks()
        while crossed := self._crossed():  # what no longer stands free needs tracks, which may cross others
            for way in crossed:
                way.free = False
            self._assign_tracks()
        routes = tuple(self._route(line) for line in self.figure.lines)
        free = sorted((way for way in self.ways.ears if way.free), key=lambda way: way.last - way.first)
        floating = {box for way in free for box in way.boxes}
        number = range(len(self.figure.boxes))
        reach = [point.across for route in routes for point in route]
        return Layout(
            self.figure,
            self.ways.ranks,
            tuple(0 if box in floating else self.ways.rank[box] for box in number),
            tuple(self.axis[box] for box in number),
            tuple(Ear(tuple(way.boxes), way.first, way.last) for way in free),
            tuple(tracks.count for tracks in self.leaving),
            tuple(tracks.count for tracks in self.entering),
            routes,
            (*map(self._exit, self.exits), *map(self._entrance, range(len(self.entrances)))),
            tuple(self.ways.rank_of(end) for end in (*self.exits, *self.entrances)),
            tuple(self.starts),
            tuple(self.finishes),
            -min((*reach, *(self.axis[box] - self.extents[box].before for box in number)), default=0.0),
            max((*reach, *(self.axis[box] + self.extents[box].after for box in number)), default=0.0),
        )

    def _place_across(self) -> None:
        """Ears as near to the main line as what stands there lets them.

        Cell 2r is the band of rank r, cell 2r + 1 the gap after it; of each is known how far it is taken.
        """
        cells = 2 * self.ways.ranks + 3
        reach = {1: [0.0] * cells, -1: [0.0] * cells}
        for box in self.ways.main.boxes:
            cell = 2 * self.ways.rank[box]
            reach[1][cell] = max(reach[1][cell], self.extents[box].after)
            reach[-1][cell] = max(reach[-1][cell], self.extents[box].before)
        for way in sorted(self.ways.ears, key=_nearness):
            before = max((self.extents[box].before for box in way.boxes), default=0.0)
            after = max((self.extents[box].after for box in way.boxes), default=0.0)
            inner, outer = (before, after) if way.side > 0 else (after, before)
            taken = range(max(2 * way.first + 1, 0), min(2 * way.last + way.beside, cells))
            # Past what it leaves and comes back to, too: there stand the ports of other lines.
            passed = range(max(2 * way.first, 0), min(2 * way.last + 1, cells))
            x = max((reach[way.side][cell] for cell in passed), default=0.0) + SPACE + inner
            for cell in taken:
                reach[way.side][cell] = x + outer
            way.x = x * way.side
            self.axis.update(dict.fromkeys(way.boxes, way.x))

    def _choose_sides(self) -> None:
        """A sign is entered from its side where no box stands between."""
        for way in self.ways.ears:
            if not way.beside or way.target is None or way.target.box is None:
                continue
            target = way.target.box
            low, high = sorted((way.x, self.axis[target]))
            others = [box for box, rank in enumerate(self.ways.rank) if rank == way.last and box != target]
            others += [
                box
                for other in self.ways.ears
                if other is not way and other.first < way.last < other.last
                for box in other.boxes
            ]
            way.beside = not any(self._meets(box, low, high) for box in others)
        self.straight = {number for number, end in enumerate(self.entrances) if self._enters_straight(end)}
        """Entrances that go into the side of a sign."""

    def _enters_straight(self, end: End) -> bool:
        if end.box is None or not self.figure.boxes[end.box].sign:
            return False
        if sum(other.box == end.box for other in self.entrances) > 1:
            return False
        rank = self.ways.rank[end.box]
        others = [box for box, at in enumerate(self.ways.rank) if at == rank and box != end.box]
        others += [box for way in self.ways.ears if way.first < rank < way.last for box in way.boxes]
        rim = self.axis[end.box] - self.extents[end.box].before
        beside = any(way.beside and way.side < 0 and way.target and way.target.box == end.box for way in self.ways.ears)
        return not beside and not any(self._meets(box, -_FAR, rim) for box in others)

    def _meets(self, box: int, low: float, high: float) -> bool:
        extent = self.extents[box]
        return self.axis[box] - extent.before < high and low < self.axis[box] + extent.after

    def _choose_entries(self) -> None:
        """Where lines enter each box: those of its own way in the middle, those from beside next to it, in order."""
        self.entry: dict[Line | int, float] = {}
        """Of each line, and of each entrance by its number."""
        for box, lines in enumerate(self.ways.into):
            extent = self.extents[box]
            aside: dict[int, list[Line | int]] = {-1: [], 1: []}
            entrances = [number for number, end in enumerate(self.entrances) if end.box == box]
            for number in entrances:
                if extent.inputs is not None:
                    self.entry[number] = extent.inputs[self.entrances[number].port]
                elif len(entrances) + len(lines) == 1:
                    self.entry[number] = 0.0
                elif number not in self.straight:
                    aside[-1].append(number)
            for line in lines:
                if extent.inputs is not None:
                    self.entry[line] = extent.inputs[line.target.port]
                elif not self.ways.comes_back(line) or len(lines) == 1 or self.ways.way_of[line].beside:
                    self.entry[line] = 0.0
                else:
                    aside[1 if self._vertical(line) > self.axis[box] else -1].append(line)
            for side, found in aside.items():
                room = (extent.after if side > 0 else extent.before) - 4
                step = min(12.0, room / (len(found) + 1)) if found else 0.0
                found.sort(key=lambda entering: self._distance(entering, box))
                for number, entering in enumerate(found):
                    self.entry[entering] = side * step * (number + 1)
        self.starts = [8.0 * port for port in range(self.figure.inputs)]
        self.finishes = [8.0 * port for port in range(self.figure.outputs)]
        for way in (*reversed(self.ways.ears), self.ways.main):
            if way.source is not None and way.source.box is None and way.lines:
                self.starts[way.source.port] = self._vertical(way.lines[0])
            if way.target is not None and way.target.box is None:
                self.finishes[way.target.port] = self._vertical(way.lines[-1])

    def _distance(self, line: Line | int, box: int) -> float:
        """How far from the axis of its target a line comes along."""
        return _FAR + line if isinstance(line, int) else abs(self._vertical(line) - self.axis[box])

    def _source(self, line: Line) -> float:
        end = line.source
        return self.starts[end.port] if end.box is None else self._out(end)

    def _target(self, line: Line) -> float:
        end = line.target
        return self.finishes[end.port] if end.box is None else self.axis[end.box] + self.entry[line]

    def _vertical(self, line: Line) -> float:
        """Where a line goes along beside the main line."""
        way = self.ways.way_of[line]
        if line.target.box is not None and self.ways.home[line.target.box] is way:
            return self._target(line)
        if line.source.box is not None and self.ways.home[line.source.box] is way:
            return self._source(line)
        return way.x

    def _assign_tracks(self) -> None:
        self.leaving = [RoutingChannel() for _ in range(self.ways.ranks + 1)]
        self.entering = [RoutingChannel() for _ in range(self.ways.ranks + 2)]
        for line in self.figure.lines:
            source, vertical, target = self._source(line), self._vertical(line), self._target(line)
            if _differ(source, vertical):
                self.leaving[self.ways.rank_of(line.source)].add(source, vertical, line.source)
            if _differ(vertical, target) and not self._sideways(line) and not self._is_free(line.target.box):
                self.entering[self._last(line)].add(target, vertical, line)
        for end in self.exits:
            self.leaving[self.ways.rank_of(end)].add(self._out(end), _FAR, end)
        for number, end in enumerate(self.entrances):
            if end.box is not None and number not in self.straight:
                at = self.axis[end.box] + self.entry[number]
                self.entering[self.ways.rank[end.box]].add(at, -_FAR, number)
        for tracks in (*self.leaving, *self.entering):
            tracks.assign()

    def _out(self, end: End) -> float:
        """Where an output of a box leaves it."""
        assert end.box is not None
        return self.axis[end.box] + self.extents[end.box].outputs[end.port]

    def _exit(self, end: End) -> tuple[Point, ...]:
        assert end.box is not None
        rank, at = self.ways.rank[end.box], self._out(end)
        track = Anchor("leave", rank, self.leaving[rank].track[end])
        return Point(at, Anchor("out", end.box)), Point(at, track)

    def _entrance(self, number: int) -> tuple[Point, ...]:
        box = self.entrances[number].box
        assert box is not None
        if number in self.straight:
            return (Point(self.axis[box] - self.extents[box].before, Anchor("middle", box)),)
        rank, at = self.ways.rank[box], self.axis[box] + self.entry[number]
        track = Anchor("enter", rank, self.entering[rank].track[number])
        return Point(at, track), Point(at, Anchor("in", box))

    def _sideways(self, line: Line) -> bool:
        return self.ways.comes_back(line) and self.ways.way_of[line].beside

    def _last(self, line: Line) -> int:
        return self.ways.ranks + 1 if line.target.box is None else self.ways.rank[line.target.box]

    def _is_free(self, box: int | None) -> bool:
        return box is not None and self.ways.home[box].free

    def _crossed(self) -> list[Chain]:
        """The ears whose boxes cannot stand free, since lines go sideways through them."""
        pieces = [
            (rank, low, high)
            for gaps in (self.leaving, self.entering)
            for rank, tracks in enumerate(gaps)
            for low, high in ((net.low, net.high) for net in tracks.nets.values())
        ]
        for line in self.figure.lines:
            if self._sideways(line):
                low, high = sorted((self._vertical(line), self._target(line)))
                pieces.append((self._last(line), low, high))
        return [
            way
            for way in self.ways.ears
            if way.free
            and any(
                way.first < rank < way.last and any(self._meets(box, low, high) for box in way.boxes)
                for rank, low, high in pieces
            )
        ]

    def _route(self, line: Line) -> tuple[Point, ...]:
        source, vertical, target = self._source(line), self._vertical(line), self._target(line)
        start = Anchor("start") if line.source.box is None else Anchor("out", line.source.box)
        points = [Point(source, start)]
        if _differ(source, vertical):
            rank = self.ways.rank_of(line.source)
            track = Anchor("leave", rank, self.leaving[rank].track[line.source])
            points += [Point(source, track), Point(vertical, track)]
        box = line.target.box
        if box is None:
            return (*points, Point(target, Anchor("end")))
        if self._sideways(line):
            middle = Anchor("middle", box)
            rim = target + self.extents[box].rim * (1 if vertical > target else -1)
            return (*points, Point(vertical, middle), Point(rim, middle))
        if _differ(vertical, target):
            if self._is_free(box):
                track = Anchor("above", box)
            else:
                track = Anchor("enter", self._last(line), self.entering[self._last(line)].track[line])
            points += [Point(vertical, track), Point(target, track)]
        return (*points, Point(target, Anchor("in", box)))


def _nearness(way: Chain) -> tuple[int, int]:
    """Short ways stand nearest; among equals, in the order of what they come back to."""
    return way.last - way.first, 0 if way.target is None else way.target.port * way.side


def _differ(one: float, other: float) -> bool:
    return abs(one - other) > 0.5
