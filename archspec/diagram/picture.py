"""A picture of networks that are laid out, before it has a form."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from zlib import crc32

from archspec.analysis.levels import Level
from archspec.diagram.columns import wrapped
from archspec.diagram.coordinates import NestedLayout, Placed, place
from archspec.diagram.figure_builder import Details
from archspec.diagram.scene import Panel, Scene, scene
from archspec.diagram.svg import svg
from archspec.diagram.theme import THEMES, ThemeName
from archspec.diagram.u_shape import UShape, u_shaped, unfolded
from archspec.ir.graph import LayerGraph


@dataclass(frozen=True, slots=True)
class Drawn:
    """One network, or one of its blocks, laid out."""

    graph: LayerGraph
    title: str
    subtitle: str
    level: Level
    """At which it is drawn: a coarser one than was asked for where that would be too many boxes."""
    part: NestedLayout
    details: Details
    whole: bool
    """It is the network, not one of its blocks."""


@dataclass(frozen=True)
class Picture:
    """A picture of one network, or of several side by side: what each form of file is made from."""

    panels: tuple[Drawn, ...]
    horizontal: bool = False
    theme: ThemeName = "light"
    notes: tuple[str, ...] = field(default=())
    """What a comparison says of the networks as a whole."""
    columns: int | None = None
    """How many columns a long picture is set in at most; None: as fits, and one where there are several networks."""

    @cached_property
    def scene(self) -> Scene:
        """All shapes with their places."""
        panels = [Panel(drawn.title, drawn.subtitle, self.set_out(drawn)) for drawn in self.panels]
        return scene(panels, horizontal=self.horizontal, notes=self.notes)

    def bend(self, part: NestedLayout) -> UShape | None:
        """How a network's picture is drawn as a U: None where it is not, or is set in columns."""
        return u_shaped(part) if self.columns is None and len(self.panels) == 1 and not self.horizontal else None

    def set_out(self, drawn: Drawn) -> Placed:
        """Everything of a panel in its place: as a U, in columns or as a strip."""
        if found := self.bend(drawn.part):
            return unfolded(found)
        return wrapped(place(drawn.part), 1 if self.columns is None and len(self.panels) > 1 else self.columns)

    def svg(self) -> str:
        """The picture as the text of an SVG file, or of an element of a page that may have others."""
        shown = self.scene
        about = f"{shown.title} {shown.width} {shown.height}"
        return svg(shown, THEMES[self.theme], name=f"{self.theme}-{crc32(about.encode()):08x}")

    def __repr__(self) -> str:
        return f"<Drawing of {', '.join(drawn.title for drawn in self.panels)}>"

    def _repr_svg_(self) -> str:
        return self.svg()
