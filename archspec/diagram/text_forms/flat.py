"""A figure as programs with a layout of their own take it: boxes in boxes, and edges from layer to layer.

In a figure a tensor ends at the border of each frame that it passes, and goes on from there. Here it is one edge, from
the box that gives it to the box that takes it, however many borders lie between them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from archspec.diagram.figure import Box, End, Figure, Line
from archspec.diagram.picture import Drawn, Picture


@dataclass(frozen=True, slots=True)
class Place:
    """A box with a name of ours, which no text of a spec is in, and the boxes in it."""

    id: str
    box: Box
    inner: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a tensor enters the picture, or leaves it."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor on its way, by the names of its ends. `text` is its shape, once for each tensor that says it."""

    source: str
    target: str
    text: str
    dashed: bool


@dataclass(frozen=True, slots=True)
class Flat:
    """One panel of a picture."""

    id: str
    title: str
    subtitle: str
    places: tuple[Place, ...]
    terminals: tuple[Terminal, ...]
    edges: tuple[Edge, ...]


def flattened(picture: Picture) -> tuple[Flat, ...]:
    """All panels of a picture; no two of their names are the same."""
    return tuple(_flat(f"p{number}", drawn) for number, drawn in enumerate(picture.panels))


def _flat(id: str, drawn: Drawn) -> Flat:
    numbers = count()
    whole = _framed(drawn.part.figure, None, 0, lambda: f"{id}n{next(numbers)}")
    wires = _Wires(id)
    wires.connect(whole)
    terminals, edges = tuple(wires.terminals.values()), tuple(wires.edges)
    return Flat(id, drawn.title, drawn.subtitle, tuple(whole.places), terminals, edges)


@dataclass(slots=True)
class _Frame:
    """A figure with its boxes named; it stands in the box of that index of the figure around it."""

    figure: Figure
    around: _Frame | None
    index: int
    arriving: dict[End, Line]
    """The line that ends there."""
    places: list[Place] = field(default_factory=list[Place])
    inside: dict[int, _Frame] = field(default_factory=dict[int, "_Frame"])


def _framed(figure: Figure, around: _Frame | None, index: int, name: Callable[[], str]) -> _Frame:
    frame = _Frame(figure, around, index, {line.target: line for line in figure.lines})
    for number, box in enumerate(figure.boxes):
        id = name()
        inner: tuple[Place, ...] = ()
        if box.inside is not None:
            frame.inside[number] = _framed(box.inside, frame, number, name)
            inner = tuple(frame.inside[number].places)
        frame.places.append(Place(id, box, inner))
    return frame


@dataclass(frozen=True, slots=True)
class _Tensor:
    """Where a line comes from in the end, and what is met on the way there."""

    id: str
    port: int
    text: str
    dashed: bool


@dataclass(slots=True)
class _Wires:
    """The edges of a panel, and the ends that they have outside of it."""

    id: str
    terminals: dict[str, Terminal] = field(default_factory=dict[str, Terminal])
    edges: list[Edge] = field(default_factory=list[Edge])
    said: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    """The tensors whose shapes are told."""

    def connect(self, frame: _Frame) -> None:
        """All edges that end in boxes of a frame, or of frames in it, or leave the picture."""
        for line in frame.figure.lines:
            box = line.target.box
            if box is None and frame.around is None:
                tensor = self._followed(frame, line)
                id = f"{self.id}out{line.target.port}"
                self.terminals[id] = Terminal(id, _told(frame, line.source) or "output")
                self.edges.append(Edge(tensor.id, id, "", tensor.dashed))
            elif box is not None and box not in frame.inside:
                tensor = self._followed(frame, line)
                known = (tensor.id, tensor.port) in self.said
                self.said.add((tensor.id, tensor.port))
                self.edges.append(Edge(tensor.id, frame.places[box].id, "" if known else tensor.text, tensor.dashed))
        for inner in frame.inside.values():
            self.connect(inner)

    def _followed(self, frame: _Frame, line: Line) -> _Tensor:
        """Back along a line, out of frames and into others, to the box that gives the tensor."""
        dashed = line.dashed
        while True:
            end = line.source
            if end.box is not None:
                if end.box not in frame.inside:
                    return _Tensor(frame.places[end.box].id, end.port, _told(frame, end), dashed)
                frame, end = frame.inside[end.box], End(None, end.port)
            elif frame.around is not None:
                frame, end = frame.around, End(frame.index, end.port)
            else:
                id = f"{self.id}in{end.port}"
                self.terminals[id] = Terminal(id, "input")
                return _Tensor(id, 0, "", dashed)
            line = frame.arriving[end]
            dashed = dashed or line.dashed


def _told(frame: _Frame, end: End) -> str:
    """What is said of a tensor where it leaves a box of the frame."""
    return "" if end.box is None else frame.figure.boxes[end.box].shapes[end.port]
