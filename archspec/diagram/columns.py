"""A long picture in columns, as text is set: cut where a single line passes, which then leads to the next column.

Of a network that goes to the right, the columns are rows; `along` and `across` are as in `coordinates`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from archspec.diagram.coordinates import Placed

LONG: Final = 1500.0
"""Pixels; a shorter picture stays in one piece unless it is asked otherwise."""
MOST: Final = 12
_SHAPE: Final = 1.5
"""How many times as long as wide a picture in columns is at most, where that can be had."""
_WORTH: Final = 0.9
"""Another column makes the picture no longer than this share of what it was."""
BETWEEN: Final = 56.0
"""Between two columns; the line that joins them goes there."""
LEAD: Final = 26.0
"""Above a column that a line leads to."""
TURN: Final = 10.0
"""From where a column ends to where its line turns."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """A place where the figure can be cut: after a rank, where one line passes."""

    rank: int
    end: float
    """Along, of what stands before it."""
    start: float
    """Along, of what stands after it."""


@dataclass(frozen=True, slots=True)
class _Column:
    """What stands between two cuts."""

    start: float
    end: float
    before: float
    """How far it reaches across, from the main line."""
    after: float


def wrapped(placed: Placed, columns: int | None) -> Placed:
    """The same in so many columns at most; None: as many as give it the shape of a page, if it is long.

    More columns are taken only where they make the picture shorter, and without a number only where by a tenth.
    """
    if columns == 1 or (columns is None and placed.length <= LONG):
        return placed
    cuts = list(_cuts(placed))
    if columns is not None:
        found = _set(placed, _chosen(placed, cuts, columns))
        return found if found.length < placed.length else placed
    best = placed
    for number in range(2, min(MOST, len(cuts) + 1) + 1):
        found = _set(placed, _chosen(placed, cuts, number))
        if found.length < _WORTH * best.length:
            best = found
        if best.length <= _SHAPE * (best.before + best.after):
            break
    return best


def cut(placed: Placed, ranks: Collection[int]) -> Placed:
    """The same cut after these ranks, where it can be; the HTML page does so when a box is folded."""
    return _set(placed, [found for found in _cuts(placed) if found.rank in ranks])


def _cuts(placed: Placed) -> Iterator[_Cut]:
    layout, boxes = placed.part.layout, range(len(placed.spots))
    passing: list[list[int]] = [[] for _ in range(layout.ranks + 1)]
    free = {box: ear for ear in layout.free for box in ear.boxes}
    last = {box: ear.last - 1 if (ear := free.get(box)) else layout.rank[box] for box in boxes}
    first = {box: ear.first + 1 if (ear := free.get(box)) else layout.rank[box] for box in boxes}
    for index, line in enumerate(placed.part.figure.lines):
        source, target = line.source.box, line.target.box
        begins = 0 if source is None else free[source].first if source in free else layout.rank[source]
        ends = layout.ranks + 1 if target is None else free[target].last if target in free else layout.rank[target]
        for rank in range(begins, ends):
            passing[rank].append(index)
    for rank in range(1, layout.ranks):
        if len(passing[rank]) != 1:
            continue
        end = max(_end(placed, box) for box in boxes if last[box] <= rank)
        start = min(placed.spots[box].along for box in boxes if first[box] > rank)
        if not any(end < along < start for along, _ in placed.routes[passing[rank][0]]):
            yield _Cut(rank, end, start)


def _end(placed: Placed, box: int) -> float:
    spot = placed.spots[box]
    return spot.along + spot.length + (0.0 if placed.inside[box] is not None else placed.part.closed[box].tail)


def _chosen(placed: Placed, cuts: Sequence[_Cut], number: int) -> list[_Cut]:
    """Where to cut into at most so many columns, the longest as short as can be."""

    def fitting(most: float) -> list[_Cut] | None:
        found: list[_Cut] = []
        start = 0.0
        for index, cut in enumerate(cuts):
            after = cuts[index + 1].end if index + 1 < len(cuts) else placed.length
            if after - start > most:
                found.append(cut)
                start = cut.start
        return found if len(found) < number else None

    low, high = placed.length / number, placed.length
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (low, middle) if fitting(middle) is not None else (middle, high)
    return fitting(high) or []


def _set(placed: Placed, cuts: Sequence[_Cut]) -> Placed:
    """Everything in its column."""
    if not cuts:
        return placed
    columns = _columns(placed, cuts)
    shifts: list[tuple[float, float]] = []
    at = 0.0
    for index, column in enumerate(columns):
        across = at + column.before if index else 0.0
        shifts.append((LEAD - column.start if index else 0.0, across))
        at = across + column.after + BETWEEN
    of = [sum(cut.end < spot.along + 0.5 for cut in cuts) for spot in placed.spots]
    spots = tuple(
        replace(spot, along=spot.along + shifts[column][0], axis=spot.axis + shifts[column][1])
        for spot, column in zip(placed.spots, of, strict=True)
    )
    routes = tuple(_route(route, cuts, columns, shifts) for route in placed.routes)
    length = max(column.end + shift for column, (shift, _) in zip(columns, shifts, strict=True))
    joined = max(TURN + column.end + shift for column, (shift, _) in zip(columns[:-1], shifts[:-1], strict=True))
    return replace(
        placed,
        spots=spots,
        routes=routes,
        length=max(length, joined),
        before=columns[0].before,
        after=shifts[-1][1] + columns[-1].after,
    )


def _columns(placed: Placed, cuts: Sequence[_Cut]) -> list[_Column]:
    edges = [(0.0, 0.0), *((cut.end, cut.start) for cut in cuts), (placed.length, placed.length)]
    found = []
    for (_, start), (end, _) in pairwise(edges):
        low = high = 0.0
        for index, spot in enumerate(placed.spots):
            if start - 0.5 <= spot.along < end:
                before, after = placed.frames[index]
                low, high = min(low, spot.axis - before), max(high, spot.axis + after)
        for route in placed.routes:
            inside = [across for along, across in route if start - 0.5 <= along <= end + 0.5]
            low, high = min([low, *inside]), max([high, *inside])
        found.append(_Column(start, end, -low, high))
    return found


def _route(
    route: Sequence[tuple[float, float]],
    cuts: Sequence[_Cut],
    columns: Sequence[_Column],
    shifts: Sequence[tuple[float, float]],
) -> tuple[tuple[float, float], ...]:
    """A line's corners; where it is cut, it goes below its column, up between the two, and down into the next."""
    found: list[tuple[float, float]] = []
    column = sum(cut.end < route[0][0] - 0.5 for cut in cuts)
    for along, across in route:
        while column < len(cuts) and along > cuts[column].end + 0.5:
            if not found:  # it begins after the cut
                column += 1
                continue
            below = columns[column].end + shifts[column][0] + TURN
            between = shifts[column][1] + columns[column].after + BETWEEN / 2
            column += 1
            above = LEAD - 2 * TURN
            onward = across + shifts[column][1]
            found += [(below, found[-1][1]), (below, between), (above, between), (above, onward)]
        found.append((along + shifts[column][0], across + shifts[column][1]))
    return tuple(found)
