"""Where everything of a picture stands: the layouts of all its figures, one inside the other, in numbers.

All lengths are pixels of an SVG file. `along` is the way of the data, down the page or to the right; `across` is to its
right, or below. `Placed` has no orientation: `scene` turns it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from archspec.diagram.figure import Box, End, Figure, Words
from archspec.diagram.layout import Anchor, BoxExtent, Layout, Point, layout
from archspec.diagram.text_width import width

FONT: Final = 12.0
SMALL: Final = 10.0
LINE: Final = 15.0
"""From one line of text to the next."""
PAD: Final = 12.0
"""Between a frame and what is in it."""
HEAD: Final = 20.0
"""For the words of a frame."""
GAP: Final = 18.0
"""Between two ranks, where no line goes sideways."""
TRACK: Final = 9.0
"""Between two lines that go sideways."""
SIGN: Final = 22.0
"""The width of a circle with a sign."""
PORT: Final = 14.0
"""Between the outputs of a closed box, and between its inputs."""
_MOST_APART: Final = 20
"""Inputs of a box that are given so much room; the lines of more come closer."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large a box is: along, and across before and after its axis; then what is said of its outputs."""

    along: float
    before: float
    after: float
    tail: float = 0.0
    """Along, of a closed box: for the shapes of its outputs."""
    said: float = 0.0
    """Across, from its axis, for them."""
    least: float = 0.0
    """Along, of an open box: for its words."""
    head: float = 0.0
    """Across, of an open box: where its words begin."""
    margins: tuple[float, float] = (0.0, 0.0)
    """Across, of an open box: how much it is larger than its inside, before and after its axis."""
    words: tuple[float, float] = (0.0, 0.0)
    """Across, of an open box: how far it reaches at least, for its words and what passes beside them."""


@dataclass(frozen=True, slots=True)
class NestedLayout:
    """A figure laid out, with what stands inside its boxes."""

    layout: Layout
    sizes: tuple[Size, ...]
    """Of its boxes; of an open one all but how long it is, and how far it reaches when all in it is open."""
    closed: tuple[Size, ...]
    """Of its boxes, were they closed."""
    inside: tuple[NestedLayout | None, ...]

    @property
    def figure(self) -> Figure:
        """What is drawn."""
        return self.layout.figure


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a box begins along, how long it is, and its axis; from the start and the main line of its figure."""

    along: float
    length: float
    axis: float
    up: bool = False
    """The data in it goes the other way, up the page: along is counted upwards from where it begins."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A part with all its places, and those of what is inside its open boxes."""

    part: NestedLayout
    spots: tuple[Spot, ...]
    routes: tuple[tuple[tuple[float, float], ...], ...]
    """The corners of each line, (along, across)."""
    length: float
    before: float
    """How far it reaches across, before and after the main line."""
    after: float
    inside: tuple[Placed | None, ...]
    frames: tuple[tuple[float, float], ...]
    """How far each box reaches across, before and after its axis; with what is said beside it if it is closed."""
    taps: tuple[tuple[tuple[float, float], ...], ...] = ()
    """The corners of the lines that leave to the side or come from it; see `layout.Layout`."""


def arrange(
    figure: Figure,
    *,
    horizontal: bool = False,
    up: bool = False,
    exits: Sequence[End] = (),
    entrances: Sequence[End] = (),
) -> NestedLayout:
    """Lay out a figure and all figures inside it.

    Args:
        figure: what is drawn.
        horizontal: the data goes to the right, and text still does so, too.
        up: the data goes up.
        exits: where lines leave it to the side.
        entrances: where lines come to it from the side; see `layout.layout`.
    """
    inside = tuple(
        None if box.inside is None else arrange(box.inside, horizontal=horizontal, up=up) for box in figure.boxes
    )
    closed = tuple(
        size if part is None else _spanning(size, part.layout)
        for size, part in zip((_closed(box, horizontal) for box in figure.boxes), inside, strict=True)
    )
    sizes = tuple(
        size if part is None else _open(box, part, horizontal, up)
        for box, size, part in zip(figure.boxes, closed, inside, strict=True)
    )
    extents = [_extent(*found) for found in zip(figure.boxes, sizes, closed, inside, strict=True)]
    return NestedLayout(layout(figure, extents, exits, entrances, up=up), sizes, closed, inside)


def place(
    part: NestedLayout, folded: frozenset[str] = frozenset(), stretched: Mapping[int, float] | None = None
) -> Placed:
    """Give everything its place, with the open boxes of these paths closed.

    `stretched` makes the gaps after some ranks longer, by so many pixels. The HTML page does the same in JavaScript
    when a box is folded; a test holds the two together.
    """
    layout, boxes = part.layout, part.figure.boxes
    inside: list[Placed | None] = []
    lengths: list[float] = []
    for box, inner, closed, size in zip(boxes, part.inside, part.closed, part.sizes, strict=True):
        placed = None if inner is None or box.path in folded else place(inner, folded)
        inside.append(placed)
        lengths.append(closed.along if placed is None else max(placed.length + size.along, size.least))
    needs = [
        length + (closed.tail if open_ is None else 0.0)
        for length, closed, open_ in zip(lengths, part.closed, inside, strict=True)
    ]
    bands = [0.0] * (layout.ranks + 2)
    for rank, need in zip(layout.rank, needs, strict=True):
        if rank:
            bands[rank] = max(bands[rank], need)
    gaps = [
        GAP * (rank > 0 or part.figure.inputs > 0) + TRACK * (layout.leaving[rank] + layout.entering[rank + 1])
        for rank in range(layout.ranks + 1)
    ]
    for rank, more in (stretched or {}).items():
        gaps[rank] += more
    starts, ends = _stacked(bands, gaps)
    for ear in layout.free:
        need = sum(needs[box] for box in ear.boxes) + GAP * (len(ear.boxes) + 1)
        room = starts[ear.last] - ends[ear.first] - TRACK * (layout.entering[ear.last] + layout.leaving[ear.first])
        if need > room:
            for rank in range(ear.first, ear.last):
                gaps[rank] += (need - room) / (ear.last - ear.first)
            starts, ends = _stacked(bands, gaps)
    alongs = [
        starts[rank] + (bands[rank] - need) / 2 if rank else 0.0 for rank, need in zip(layout.rank, needs, strict=True)
    ]
    for ear in layout.free:
        at = ends[ear.first] + TRACK * layout.leaving[ear.first]
        room = starts[ear.last] - TRACK * layout.entering[ear.last] - at - sum(needs[box] for box in ear.boxes)
        for index in ear.boxes:
            at += room / (len(ear.boxes) + 1)
            alongs[index] = at
            at += needs[index]

    def along(anchor: Anchor) -> float:
        kind, at, track = anchor
        match kind:
            case "start":
                return 0.0
            case "end":
                return ends[-1]
            case "leave":
                return ends[at] + TRACK * (track + 1)
            case "enter":
                return starts[at] - TRACK * (track + 1)
            case "in" | "above":
                return alongs[at] - (TRACK if kind == "above" else 0.0)
            case "out":
                return alongs[at] + lengths[at]
            case "middle":
                return alongs[at] + lengths[at] / 2

    def corners(routes: Sequence[Sequence[Point]]) -> tuple[tuple[tuple[float, float], ...], ...]:
        return tuple(tuple((along(point.anchor), point.across) for point in route) for route in routes)

    frames = tuple(map(_frame, part.sizes, part.closed, inside))
    routes = corners(layout.routes)
    before, after = reach(layout.across, frames, routes)
    spots = tuple(Spot(*found) for found in zip(alongs, lengths, layout.across, strict=True))
    return Placed(part, spots, routes, ends[-1], before, after, tuple(inside), frames, corners(layout.taps))


def _frame(size: Size, closed: Size, inside: Placed | None) -> tuple[float, float]:
    """How far a box reaches across; a frame is as wide as what is shown in it."""
    if inside is None:
        return closed.before, max(closed.after, closed.said)
    reached = (inside.before, inside.after)
    before, after = (max(sum(found[:2]), found[2]) for found in zip(reached, size.margins, size.words, strict=True))
    return before, after


def reach(
    axes: Iterable[float], frames: Iterable[tuple[float, float]], routes: Iterable[Iterable[tuple[float, float]]]
) -> tuple[float, float]:
    """How far boxes and lines reach across, before and after the main line."""
    found = [across for route in routes for _, across in route]
    for axis, (before, after) in zip(axes, frames, strict=True):
        found += (axis - before, axis + after)
    return -min(found, default=0.0), max(found, default=0.0)


def _stacked(bands: Sequence[float], gaps: Sequence[float]) -> tuple[list[float], list[float]]:
    """Where each rank begins and ends along, with the gaps between them."""
    starts, ends, at = [], [], 0.0
    for rank, band in enumerate(bands):
        starts.append(at)
        ends.append(at + band)
        at += band + (gaps[rank] if rank < len(gaps) else 0.0)
    return starts, ends


def _closed(box: Box, horizontal: bool) -> Size:
    said = [text for text in box.shapes if text]
    widest = max((width(text, SMALL) for text in said), default=0.0)
    if box.sign:
        wide = high = SIGN
    else:
        wide = max(words_width(word) for word in box.words) + 18
        high = LINE * len(box.words) + (9 if box.kind == "part" else 7)
    more = PORT * (len(box.shapes) - 1) + 6
    if box.inputs > 1 and not box.sign:  # that the heads of lines stand apart
        room = PORT * min(box.inputs + 1, _MOST_APART)
        wide, high = (wide, max(high, room)) if horizontal else (max(wide, room), high)
    if horizontal:
        above = max(high / 2, LINE * len(said) + 2) if said else high / 2
        return Size(wide, above, max(high / 2, more), widest + 10 if said else 0.0)
    return Size(high, wide / 2, max(wide / 2, more), 13.0 * len(said), widest + 8 + more - 6 if said else 0.0)


def _spanning(size: Size, inner: Layout) -> Size:
    """A closed box as wide as its ports are apart: lines end where they do when it is open."""
    ports = (*inner.inputs, *inner.outputs)
    before, after = PAD - min(ports, default=0.0), PAD + max(ports, default=0.0)
    return replace(size, before=max(size.before, before), after=max(size.after, after))


def _open(box: Box, part: NestedLayout, horizontal: bool, up: bool) -> Size:
    """The size of a frame; `along` is what it adds to its inside. Its words stand where lines pass, beside them."""
    inner = part.layout
    wide = sum(words_width(word) + 6 for word in box.words)
    last = max((*inner.inputs, *inner.outputs), default=0.0)
    if horizontal:
        before, after = inner.before + PAD + HEAD, inner.after + PAD
        return Size(2 * PAD, before, after, least=wide + 12, margins=(PAD + HEAD, PAD))
    passing = inner.outputs if up else inner.inputs
    right, left = max(passing, default=0.0) + 8, min(passing, default=0.0) - 8
    before, after = inner.before + PAD, max(inner.after + PAD, last + 8)
    if wide - left - before < right + wide - after and right + wide > after:  # there is more room to the left
        head, words = left - wide, (wide + 8 - left, last + 8)
    else:
        head, words = right, (0.0, max(last + 8, right + wide + 6))
    before, after = max(inner.before + PAD, words[0]), max(inner.after + PAD, words[1])
    return Size(HEAD + PAD, before, after, head=head, margins=(PAD, PAD), words=words)


def words_width(words: Words) -> float:
    """The width of words as they are drawn."""
    size = SMALL if words.style == "quiet" else FONT
    return width(words.text, size, bold=words.style == "strong")


def _extent(box: Box, size: Size, closed: Size, part: NestedLayout | None) -> BoxExtent:
    before, after = max(size.before, closed.before), max(size.after, closed.after, closed.said)
    if part is not None:
        return BoxExtent(before, after, part.layout.inputs, part.layout.outputs)
    outputs = tuple(PORT * port for port in range(len(box.shapes)))
    return BoxExtent(before, after, None, outputs, rim=SIGN / 2 if box.sign else 0.0)
