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
class NamedBox:
    """A box with a name of ours, which no text of a spec is in, and the boxes in it."""

    id: str
    box: Box
    inner: tuple[NamedBox, ...]


@dataclass(frozen=True, slots=True)
class EndPoint:
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
class FlatPanel:
    """One panel of a picture."""

    id: str
    title: str
    subtitle: str
    places: tuple[NamedBox, ...]
    terminals: tuple[EndPoint, ...]
    edges: tuple[Edge, ...]


def flattened(picture: Picture) -> tuple[FlatPanel, ...]:
    """All panels of a picture; no two of their names are the same."""
    return tuple(_flat(f"p{number}", drawn) for number, drawn in enumerate(picture.panels))


def _flat(id: str, drawn: Drawn) -> FlatPanel:
    numbers = count()
    whole = _framed(drawn.part.figure, None, 0, lambda: f"{id}n{next(numbers)}")
    wires = _EdgeBuilder(id)
    wires.connect(whole)
    terminals, edges = tuple(wires.terminals.values()), tuple(wires.edges)
    return FlatPanel(id, drawn.title, drawn.subtitle, tuple(whole.places), terminals, edges)


@dataclass(slots=True)
class _NamedFigure:
    """A figure with its boxes named; it stands in the box of that index of the figure around it."""

    figure: Figure
    around: _NamedFigure | None
    index: int
    arriving: dict[End, Line]
    """The line that ends there."""
    places: list[NamedBox] = field(default_factory=list[NamedBox])
    inside: dict[int, _NamedFigure] = field(default_factory=dict[int, "_NamedFigure"])


def _framed(figure: Figure, around: _NamedFigure | None, index: int, name: Callable[[], str]) -> _NamedFigure:
    frame = _NamedFigure(figure, around, index, {line.target: line for line in figure.lines})
    for number, box in enumerate(figure.boxes):
        id = name()
        inner: tuple[NamedBox, ...] = ()
        if box.inside is not None:
            frame.inside[number] = _framed(box.inside, frame, number, name)
            inner = tuple(frame.inside[number].places)
        frame.places.append(NamedBox(id, box, inner))
    return frame


@dataclass(frozen=True, slots=True)
class _TensorOrigin:
    """Where a line comes from in the end, and what is met on the way there."""

    id: str
    port: int
    text: str
    dashed: bool


@dataclass(slots=True)
class _EdgeBuilder:
    """The edges of a panel, and the ends that they have outside of it."""

    id: str
    terminals: dict[str, EndPoint] = field(default_factory=dict[str, EndPoint])
    edges: list[Edge] = field(default_factory=list[Edge])
    said: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    """The tensors whose shapes are shown."""

    def connect(self, frame: _NamedFigure) -> None:
        """All edges that end in boxes of a frame, or of frames in it, or leave the picture."""
        for line in frame.figure.lines:
            box = line.target.box
            if box is None and frame.around is None:
                tensor = self._followed(frame, line)
                id = f"{self.id}out{line.target.port}"
                self.terminals[id] = EndPoint(id, _shape_texts(frame, line.source) or "output")
                self.edges.append(Edge(tensor.id, id, "", tensor.dashed))
            elif box is not None and box not in frame.inside:
                tensor = self._followed(frame, line)
                known = (tensor.id, tensor.port) in self.said
                self.said.add((tensor.id, tensor.port))
                self.edges.append(Edge(tensor.id, frame.places[box].id, "" if known else tensor.text, tensor.dashed))
        for inner in frame.inside.values():
            self.connect(inner)

    def _followed(self, frame: _NamedFigure, line: Line) -> _TensorOrigin:
        """Back along a line, out of frames and into others, to the box that gives the tensor."""
        dashed = line.dashed
        left = ""  # what is said where it leaves a run of parts: inside of it stands what each of them gives
        while True:
            end = line.source
            if end.box is not None:
                if end.box not in frame.inside:
                    return _TensorOrigin(frame.places[end.box].id, end.port, left or _shape_texts(frame, end), dashed)
                left = left or (_shape_texts(frame, end) if frame.figure.boxes[end.box].times > 1 else "")
                frame, end = frame.inside[end.box], End(None, end.port)
            elif frame.around is not None:
                frame, end = frame.around, End(frame.index, end.port)
            else:
                id = f"{self.id}in{end.port}"
                self.terminals[id] = EndPoint(id, "input")
                return _TensorOrigin(id, 0, "", dashed)
            line = frame.arriving[end]
            dashed = dashed or line.dashed


def _shape_texts(frame: _NamedFigure, end: End) -> str:
    """What is said of a tensor where it leaves a box of the frame."""
    return "" if end.box is None else frame.figure.boxes[end.box].shapes[end.port]
