"""A figure taken apart: its main line, the longest way through it, and ears, which leave something and come back to it.

This is an open ear decomposition (Whitney 1932) that begins with the longest path; of a series-parallel graph the ears
nest as its branches do.
"""

from __future__ import annotations

from dataclasses import dataclass

from archspec.diagram.figure import End, Figure, Line


@dataclass(slots=True)
class Chain:
    """The main line, or an ear: boxes one after the other, and the lines that lead from each to the next."""

    boxes: list[int]
    lines: list[Line]
    """From its source to its target; without the first where it begins with an input."""
    source: End | None
    target: End | None
    first: int = 0
    last: int = 0
    """The ranks that it leaves, and comes back to."""
    side: int = 1
    """Of the main line: -1 before it, 1 after it."""
    x: float = 0.0
    free: bool = False
    """Nothing else leads to its boxes or from them, so that they need no ranks."""
    beside: bool = False
    """It enters its target, a sign, from the side."""


class EarDecomposition:
    """The main line and the ears of a figure, with the ranks of its boxes."""

    def __init__(
        self,
        figure: Figure,
        fed: frozenset[int] = frozenset(),
        tapped: frozenset[int] = frozenset(),
        *,
        up: bool = False,
    ) -> None:
        """Take a figure apart.

        Args:
            figure: what is drawn.
            fed: boxes that lines enter which are not the figure's own, from before it.
            tapped: boxes that such lines leave.
            up: the data goes up, and what comes from outside beside the main line comes from before it, too.
        """
        self.figure = figure
        self.fed = fed
        self.tapped = tapped
        self.up = up
        self.into: list[list[Line]] = [[] for _ in figure.boxes]
        self.out_of: list[list[Line]] = [[] for _ in figure.boxes]
        self.ends: list[Line] = []
        for line in figure.lines:
            (self.ends if line.target.box is None else self.into[line.target.box]).append(line)
            if line.source.box is not None:
                self.out_of[line.source.box].append(line)
        self.rank: list[int] = []
        for lines in self.into:
            self.rank.append(1 + max((self.rank_of(line.source) for line in lines), default=0))
        self.ranks = max(self.rank, default=0)
        self.floating = self._float()
        self.main = self._main()
        self.ears = self._ears()
        self.way_of = {line: way for way in (self.main, *self.ears) for line in way.lines}
        self.home = {box: way for way in (self.main, *self.ears) for box in way.boxes}
        """The way that each box is on."""
        for ear in self.ears:
            self._span(ear)

    def _float(self) -> set[int]:
        """Boxes that only lines from outside lead to: they stand just before what they lead to."""
        floating: set[int] = set()
        for box, lines in enumerate(self.into):
            if all(line.source.box in floating for line in lines) and (lines or box in self.fed):
                floating.add(box)
        for box in sorted(floating, reverse=True):
            targets = [line.target.box for line in self.out_of[box] if line.target.box is not None]
            if targets:
                self.rank[box] = min(self.rank[target] for target in targets) - 1
        return floating

    def rank_of(self, end: End) -> int:
        """The rank of a box; 0 of the figure's own inputs."""
        return 0 if end.box is None else self.rank[end.box]

    def _back(self, box: int) -> Line | None:
        """The line that the longest way to a box ends with; among equals that with the most layers, then the first."""
        boxes = self.figure.boxes
        best: Line | None = None
        best_key = (False, -1, -1, 0)
        for line in self.into[box]:
            source = line.source.box
            paths = 0 if source is None else len(boxes[source].paths)
            key = (source not in self.floating, self.rank_of(line.source), paths, -line.source.port)
            if key > best_key:
                best, best_key = line, key
        return best

    def _main(self) -> Chain:
        ends = [line for line in self.ends if line.source.box is not None]
        if not ends:
            return Chain([], [], None, None)
        end = max(ends, key=lambda line: self.rank_of(line.source))  # the first of equals
        way = Chain([], [end], None, end.target)
        self._extend(way, end.source, set())
        return way

    def _extend(self, way: Chain, at: End, placed: set[int]) -> None:
        """Follow a way back to where it begins, at something placed or at nothing."""
        while at.box is not None and at.box not in placed:
            placed.add(at.box)
            way.boxes.append(at.box)
            line = self._back(at.box)
            if line is None:
                break
            way.lines.append(line)
            at = line.source
        else:
            way.source = at
        way.boxes.reverse()
        way.lines.reverse()

    def _ears(self) -> list[Chain]:
        placed = set(self.main.boxes)
        done = set(self.main.lines)
        found: list[Chain] = []

        def take(way: Chain, at: End) -> None:
            self._extend(way, at, placed)
            done.update(way.lines)
            found.append(way)
            waiting.extend(reversed(way.boxes))

        waiting: list[int] = []
        for line in self.ends:
            if line not in done:
                take(Chain([], [line], None, line.target), line.source)
        waiting = [*reversed(self.main.boxes), *waiting]
        left = iter(range(len(self.figure.boxes) - 1, -1, -1))
        while True:
            for box in waiting:  # grows meanwhile
                for line in self.into[box]:
                    if line not in done:
                        take(Chain([], [line], None, line.target), line.source)
            waiting = []
            end = next((box for box in left if box not in placed), None)
            if end is None:
                break
            take(Chain([], [], None, None), End(end))  # what nothing uses
        return found

    def _span(self, way: Chain) -> None:
        """Between which ranks a way goes, and on which side of the main line."""
        way.first = self.rank[way.boxes[0]] - 1 if way.source is None else self.rank_of(way.source)
        if way.target is None:
            way.last = self.rank[way.boxes[-1]] + 1
        else:
            way.last = self.ranks + 1 if way.target.box is None else self.rank[way.target.box]
        target = None if way.target is None else way.target.box
        if target is not None and self.home[target] is self.main:
            assert way.target is not None
            middle = next((line.target.port for line in self.into[target] if not self.comes_back(line)), 0)
            way.side = -1 if way.target.port < middle else 1
        else:  # on the side of what it comes to, or else comes from
            near = target if target is not None or way.source is None else way.source.box
            way.side = 1 if near is None or self.home[near] is way else self.home[near].side
        skips = self.up and way.source is not None and way.source.box is None
        if skips or not self.fed.isdisjoint(way.boxes):
            way.side = -1  # where those lines come from
        way.beside = target is not None and bool(self.figure.boxes[target].sign)
        private = self.fed.isdisjoint(way.boxes) and self.tapped.isdisjoint(way.boxes)
        private &= all(self.way_of[line] is way for box in way.boxes for line in (*self.into[box], *self.out_of[box]))
        way.free = bool(way.boxes) and private and way.source is not None and way.target is not None

    def comes_back(self, line: Line) -> bool:
        """It leads from beside the main line to a box of another way."""
        way = self.way_of[line]
        return way is not self.main and line.target.box is not None and self.home[line.target.box] is not way
