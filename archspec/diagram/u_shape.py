"""An encoder-decoder as a U: what lowers the resolution goes down on the left, what raises it goes up on the right.

The figure is cut where its main line has the least resolution. Both halves are laid out by themselves; the second goes
up the page. What passes from one to the other, but for the main line, are skips: they leave the first half sideways and
enter the second one so. Where both ends of a skip have the same resolution, gaps are made longer until its ends are on
one level, so that it is drawn straight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Final

from archspec.diagram.coordinates import NestedLayout, Placed, Spot, arrange, place
from archspec.diagram.ear_decomposition import EarDecomposition
from archspec.diagram.figure import End, Figure, Line
from archspec.diagram.layout import SPACE

BETWEEN: Final = 72.0
"""Between the two halves."""
TURN: Final = 18.0
"""From where the halves end to where the main line turns."""
_LIKE: Final = 0.6
"""Without padding, what a skip joins has not quite the same size; that of a level above is half of it at most."""


@dataclass(frozen=True, slots=True)
class Skip:
    """A line from the first half to the second, beside the main one."""

    line: int
    """Its number in the figure."""
    leaves: int
    """The number of its beginning among the first half's taps, and of its end among the second's."""
    enters: int
    ranks: tuple[int, int]
    """Those of its two ends, each in its half."""
    level: bool
    """It is drawn on one level."""


@dataclass(frozen=True, slots=True)
class Half:
    """One side of a U."""

    part: NestedLayout
    boxes: tuple[int, ...]
    """The numbers in the whole figure of its boxes, and of its lines."""
    lines: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UShape:
    """A figure in two halves."""

    part: NestedLayout
    """The whole, its boxes as they are in their halves."""
    halves: tuple[Half, Half]
    turn: int
    """The number of the line that goes from the end of the first to the start of the second."""
    skips: tuple[Skip, ...]
    """Those on one level first, from the outermost."""


def u_shaped(whole: NestedLayout) -> UShape | None:
    """An encoder-decoder's figure in two halves; None if it is none, or if a U is no shorter."""
    figure = whole.figure
    found = _cut(figure)
    if found is None:
        return None
    turn, first = found
    before = set(first)
    second = [box for box in range(len(figure.boxes)) if box not in before]
    crossing = [
        index
        for index, line in enumerate(figure.lines)
        if line.source.box in before and line.target.box is not None and line.target.box not in before and index != turn
    ]
    if not crossing:
        return None
    exits = list(dict.fromkeys(figure.lines[index].source for index in crossing))
    left = _half(figure, first, turn, exits=exits)
    right = _half(figure, second, turn, entrances=[figure.lines[index].target for index in crossing])
    skips = _leveled(figure, crossing, exits, left, right)
    if not skips or 2 * sum(skip.level for skip in skips) < len(skips):
        return None
    part = _merged(whole, left, right)
    made = UShape(part, (left, right), turn, skips)
    return made if unfolded(made).length < place(whole).length else None


def _cut(figure: Figure) -> tuple[int, list[int]] | None:
    """The line of the main way where resolution begins to rise, and the boxes before it."""
    ways = EarDecomposition(figure)
    main = ways.main.boxes
    sizes = [prod(figure.boxes[box].extents[0]) for box in main if figure.boxes[box].extents]
    if len(sizes) != len(main) or len(main) < 3:
        return None
    lowest = min(sizes)
    at = max(index for index, size in enumerate(sizes) if size == lowest)
    if at in (0, len(main) - 1) or max(sizes[:at]) <= lowest:
        return None
    turn = next(
        i for i, line in enumerate(figure.lines) if (line.source.box, line.target.box) == (main[at], main[at + 1])
    )
    second = set(main[at + 1 :])
    for box in range(len(figure.boxes)):  # in an order of computation
        if any(line.source.box in second for line in ways.into[box]):
            second.add(box)
    kept = {*main[: at + 1], *(box for box, lines in enumerate(ways.into) if not lines)}
    for box in reversed(range(len(figure.boxes))):  # what stands on skips goes with what they lead to
        users = [line.target.box for line in ways.out_of[box]]
        if box not in second and box not in kept and users and all(user in second for user in users):
            second.add(box)
    return turn, [box for box in range(len(figure.boxes)) if box not in second]


def _half(
    figure: Figure, boxes: Sequence[int], turn: int, *, exits: Sequence[End] = (), entrances: Sequence[End] = ()
) -> Half:
    """The boxes and the lines between them; the line that turns leaves the first half, and enters the second."""
    number = {box: index for index, box in enumerate(boxes)}
    second = bool(entrances)
    lines: list[Line] = []
    numbers: list[int] = []
    outputs = 0 if second else 1
    for index, line in enumerate(figure.lines):
        source, target = line.source, line.target
        if index == turn:
            source = End(None) if second else End(number[source.box or 0], source.port)
            target = End(number[target.box or 0], target.port) if second else End(None)
        elif source.box not in number or not (target.box is None or target.box in number):
            continue
        else:
            source = End(number[source.box], source.port)
            if target.box is None:
                target = End(None, outputs)
                outputs += 1
            else:
                target = End(number[target.box], target.port)
        lines.append(replace(line, source=source, target=target))
        numbers.append(index)
    made = Figure(tuple(figure.boxes[box] for box in boxes), tuple(lines), int(second), outputs)

    def inner(ends: Sequence[End]) -> list[End]:
        return [End(number[end.box], end.port) for end in ends if end.box is not None]

    part = arrange(made, up=second, exits=inner(exits), entrances=inner(entrances))
    return Half(part, tuple(boxes), tuple(numbers))


def _leveled(
    figure: Figure, crossing: Sequence[int], exits: Sequence[End], left: Half, right: Half
) -> tuple[Skip, ...]:
    """The skips; as many as can be on one level are, one inside the other."""
    ranks = left.part.layout.tapped, right.part.layout.tapped
    found = []
    for enters, index in enumerate(crossing):
        line = figure.lines[index]
        leaves = exits.index(line.source)
        found.append(Skip(index, leaves, enters, (ranks[0][leaves], ranks[1][enters]), _alike(figure, line)))
    best: dict[int, list[Skip]] = {}
    ordered = sorted((skip for skip in found if skip.level), key=lambda skip: (skip.ranks[0], -skip.ranks[1]))
    for at, skip in enumerate(ordered):
        inside = [
            best[other]
            for other in range(at)
            if ordered[other].ranks[0] < skip.ranks[0] and ordered[other].ranks[1] > skip.ranks[1]
        ]
        best[at] = [*max(inside, key=_worth, default=[]), skip]
    level = max(best.values(), key=_worth, default=[])
    return (*level, *(replace(skip, level=False) for skip in found if skip not in level))


def _worth(skips: Sequence[Skip]) -> tuple[int, int]:
    """The more of them are level the better; among equals, those that leave late, as from the main line."""
    return len(skips), sum(skip.ranks[0] for skip in skips)


def _alike(figure: Figure, line: Line) -> bool:
    source, target = line.source.box, line.target.box
    if source is None or target is None:
        return False
    one, other = figure.boxes[source].extents[line.source.port], figure.boxes[target].extents[0]
    if not one or len(one) != len(other):
        return False
    return all(_LIKE <= ours / theirs <= 1 / _LIKE for ours, theirs in zip(one, other, strict=True))


def _merged(whole: NestedLayout, left: Half, right: Half) -> NestedLayout:
    sizes, closed, inside = list(whole.sizes), list(whole.closed), list(whole.inside)
    for half in (left, right):
        for index, box in enumerate(half.boxes):
            sizes[box], closed[box], inside[box] = (
                half.part.sizes[index],
                half.part.closed[index],
                half.part.inside[index],
            )
    return NestedLayout(whole.layout, tuple(sizes), tuple(closed), tuple(inside))


def unfolded(bend: UShape, folded: frozenset[str] = frozenset()) -> Placed:
    """Everything's place in the U, with the open boxes of these paths closed; the HTML page does the same."""
    left, right = _stretched(bend, folded)
    level = [skip for skip in bend.skips if skip.level]
    bottom = left.length
    top = min(0.0, bottom - right.length)
    jogs = [skip for skip in bend.skips if not skip.level]
    aside = left.after + BETWEEN + SPACE * len(jogs) + right.before
    spots: list[Spot] = [Spot(0.0, 0.0, 0.0)] * len(bend.part.figure.boxes)
    inside: list[Placed | None] = [None] * len(spots)
    frames: list[tuple[float, float]] = [(0.0, 0.0)] * len(spots)
    routes: list[tuple[tuple[float, float], ...]] = [()] * len(bend.part.figure.lines)

    def risen(along: float, across: float) -> tuple[float, float]:
        return bottom - along - top, across + aside

    for index, box in enumerate(bend.halves[0].boxes):
        spot = left.spots[index]
        spots[box], inside[box] = replace(spot, along=spot.along - top), left.inside[index]
        frames[box] = left.frames[index]
    for index, box in enumerate(bend.halves[1].boxes):
        spot = right.spots[index]
        along, axis = risen(spot.along, spot.axis)
        spots[box], inside[box] = Spot(along, spot.length, axis, up=True), right.inside[index]
        frames[box] = right.frames[index]
    for index, line in enumerate(bend.halves[0].lines):
        routes[line] = tuple((along - top, across) for along, across in left.routes[index])
    for index, line in enumerate(bend.halves[1].lines):
        route = tuple(risen(*corner) for corner in right.routes[index])
        if line == bend.turn:
            below = bottom - top + TURN
            route = (*routes[line][:-1], (below, routes[line][-1][1]), (below, route[0][1]), *route[1:])
        routes[line] = route
    for number, skip in enumerate((*level, *jogs)):
        leaving = [(along - top, across) for along, across in left.taps[skip.leaves]]
        entering = [risen(*corner) for corner in right.taps[skip.enters]]
        if skip.level:
            entering[0] = leaving[-1][0], entering[0][1]  # the same to the last digit
        else:
            between = left.after + BETWEEN / 2 + SPACE * (number - len(level))
            leaving += [(leaving[-1][0], between), (entering[0][0], between)]
        routes[skip.line] = (*leaving, *entering)
    length = bottom - top + TURN
    across = left.before, aside + right.after
    return Placed(bend.part, tuple(spots), tuple(routes), length, *across, tuple(inside), tuple(frames))


def _stretched(bend: UShape, folded: frozenset[str]) -> tuple[Placed, Placed]:
    """Both halves, with gaps so long that skips are level and that both end at the bottom."""
    first, second = bend.halves
    left, right = place(first.part, folded), place(second.part, folded)
    more: tuple[dict[int, float], dict[int, float]] = {}, {}
    below = left.length, 0.0  # from where to the next skip outwards
    ranks = first.part.layout.ranks + 1, 0
    for skip in sorted((skip for skip in bend.skips if skip.level), key=lambda skip: -skip.ranks[0]):
        at = left.taps[skip.leaves][-1][0], right.taps[skip.enters][0][0]
        lack = (at[1] - below[1]) - (below[0] - at[0])
        side, gaps = (0, range(skip.ranks[0], ranks[0])) if lack > 0 else (1, range(ranks[1], skip.ranks[1]))
        if not ranks[1]:  # before the second half, where nothing stands beside
            gaps = gaps[:1] if side else gaps
        for gap in gaps:
            more[side][gap] = abs(lack) / len(gaps)
        below, ranks = at, skip.ranks
    return place(first.part, folded, more[0]), place(second.part, folded, more[1])
