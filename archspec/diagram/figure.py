"""What a picture shows: boxes and the lines between them. Nothing here has a place or a color yet.

A figure is what stands inside one frame: the network, a stage, a unit. A box in it may have a figure of its own
inside. Lines join boxes of one figure, or the figure's own ports: a tensor that enters a frame ends at its border, and
goes on inside from there. So each frame is laid out by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Mark: TypeAlias = Literal["", "added", "removed", "changed"]
"""What a comparison says of a box."""


def joint(marks: Iterable[Mark]) -> Mark:
    """The mark of what is drawn as one: that of all of it, or `changed` where there are several."""
    found = set(marks) or {""}
    return found.pop() if len(found) == 1 else "changed"


@dataclass(frozen=True, slots=True)
class End:
    """Where a line begins or ends: a port of a box, or of the figure's border where `box` is None."""

    box: int | None
    port: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A tensor on its way, from a box's output or the border's input to a box's input or the border's output."""

    source: End
    target: End
    dashed: bool = False
    """It belongs to a non-identity shortcut: a projection, or another small branch beside a longer one;
    or to what the next says."""
    training: bool = False
    """It is dashed since it leads to what is computed in training alone, or comes from it."""


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text in a box."""

    text: str
    style: Literal["strong", "plain", "quiet"] = "plain"


@dataclass(frozen=True, slots=True)
class Box:
    """A layer, or a part of a network with or without its inside."""

    path: str
    """Of the layer, the scope or the loop; of the first one, where the box stands for several."""
    kind: str
    """The kind of op, which its color says; `part` for what holds layers."""
    words: tuple[Words, ...]
    inputs: int = 1
    shapes: tuple[str, ...] = ("",)
    """For each output the shape, where the picture is to say it: where it is not the one that arrives."""
    sign: str = ""
    """It is drawn as a circle with this sign."""
    inside: Figure | None = None
    paths: tuple[str, ...] = ()
    """All layers and parts that the box stands for."""
    mark: Mark = ""
    inner_mark: Mark = ""
    """Of one with an inside: what is marked there, for where it is folded."""
    times: int = 1
    """How many equal parts in a row it stands for."""
    extents: tuple[tuple[int, ...], ...] = ()
    """The size in space of each output, as (height, width) of an image."""

    @property
    def closed_mark(self) -> Mark:
        """What it is marked with where it is folded."""
        return self.mark or self.inner_mark

    @property
    def title(self) -> str:
        """All its words in one line."""
        return " ".join(words.text for words in self.words)


@dataclass(frozen=True, slots=True)
class Figure:
    """Boxes in an order of computation, and the lines between them."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    inputs: int = 1
    outputs: int = 1

    def walk(self) -> Iterator[Box]:
        """All boxes, those inside others after them."""
        for box in self.boxes:
            yield box
            if box.inside is not None:
                yield from box.inside.walk()
