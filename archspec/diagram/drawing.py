"""Drawing networks: the public way in, and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Final
from zlib import crc32

from archspec.analysis.comparing import Difference, diff
from archspec.analysis.counting import layers_below
from archspec.analysis.levels import LEVELS, Level
from archspec.analysis.matching import match
from archspec.analysis.numbers import counted
from archspec.diagram.bending import Bend, bent, unfolded
from archspec.diagram.columns import wrapped
from archspec.diagram.figure import Figure, Mark
from archspec.diagram.placing import Part, Placed, arrange, place
from archspec.diagram.reading import Details, block_figures, figure
from archspec.diagram.scene import Panel, Scene, scene
from archspec.diagram.svg import svg
from archspec.diagram.text import shortened
from archspec.diagram.theme import THEMES, ThemeName
from archspec.errors import Diagnostic, SpecError, did_you_mean
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Loop, Scope, walk

MOST_FORMS: Final = 4
"""Forms of one block that are drawn side by side."""
HIGHEST_SHOWN: Final = 1400.0
"""Pixels; a network whose units take more is shown in a notebook by its stages."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One network, or one of its blocks, laid out."""

    graph: LayerGraph
    title: str
    subtitle: str
    level: Level
    """At which it is drawn: a coarser one than was asked for where that would be too many boxes."""
    part: Part
    details: Details
    whole: bool
    """It is the network, not one of its blocks."""


@dataclass(frozen=True)
class Drawing:
    """A picture of one network, or of several side by side. `archspec.draw` makes it; a notebook shows it."""

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

    def bend(self, part: Part) -> Bend | None:
        """How a network's picture is drawn as a U: None where it is not, or is set in columns."""
        return bent(part) if self.columns is None and len(self.panels) == 1 and not self.horizontal else None

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

    def save(self, path: str | PathLike[str], /) -> None:
        """Write the picture; the suffix says in which form: .svg, .png, .pdf, .html, .dot, .mmd, .json, .graphml.

        Raises:
            OutputError: the suffix is none of these, or the file cannot be written.
            BackendError: matplotlib, which draws .png and .pdf, is not installed.
        """
        from archspec.diagram.files import write

        write(self, Path(path))

    def __repr__(self) -> str:
        return f"<Drawing of {', '.join(drawn.title for drawn in self.panels)}>"

    def _repr_svg_(self) -> str:
        return self.svg()


def shown(graph: LayerGraph) -> Drawing:
    """What a notebook shows of a network: its units, or its stages if the units would fill more than a window."""
    units = drawing([graph])
    if units.bend(units.panels[0].part) is None:
        units = replace(units, columns=1)
    return units if units.scene.height <= HIGHEST_SHOWN else drawing([graph], level="stage")


def drawing(
    graphs: Sequence[LayerGraph],
    *,
    level: Level = "unit",
    block: str | None = None,
    horizontal: bool = False,
    theme: ThemeName = "light",
    parameters: bool = False,
    macs: bool = False,
    titles: Sequence[str] = (),
    columns: int | None = None,
) -> Drawing:
    """Draw networks, or one of their blocks; `archspec.draw` documents the options.

    Raises:
        SpecError: no network has such a block.
        ValueError: there is no such level or theme, no column, or there are titles for some of the networks only.
    """
    if level not in LEVELS:
        raise ValueError(f"no such level: {level}; there are {', '.join(LEVELS)}")
    if theme not in THEMES:
        raise ValueError(f"no such theme: {theme}; there are {', '.join(THEMES)}")
    if columns is not None and columns < 1:
        raise ValueError(f"there is no picture in {columns} columns")
    if titles and len(titles) != len(graphs):
        raise ValueError(f"each network has a title or none has: {len(graphs)} networks, {len(titles)} titles")
    found = diff(*graphs) if len(graphs) == 2 else None
    marks = [{}, {}] if found is None else _marks(found, graphs)
    panels: list[Drawn] = []
    for index, graph in enumerate(graphs):
        details = Details(parameters, macs, marks[index] if found else {})
        title = titles[index] if titles else _title(graph, alone=len(graphs) == 1)
        if block is None:
            drawn, drawn_at = figure(graph, level, details)
            part = arrange(drawn, horizontal=horizontal)
            panels.append(Drawn(graph, *_heading(title, _facts(graph)), drawn_at, part, details, whole=True))
        else:
            forms = _forms(graph, block, details)
            for scopes, drawn in forms[: MOST_FORMS if len(graphs) == 1 else 1]:
                where = scopes[0].path if len(scopes) == 1 else f"{scopes[0].path}, and {len(scopes) - 1} more"
                words = (block, where) if len(graphs) == 1 else (title, f"{block}: {where}")
                part = arrange(drawn, horizontal=horizontal)
                panels.append(Drawn(graph, *_heading(*words), "unit", part, details, whole=False))
    return Drawing(tuple(panels), horizontal, theme, () if found is None else tuple(_notes(found)), columns)


def _title(graph: LayerGraph, *, alone: bool) -> str:
    """Above one network its title; above several their names: a title would make its panel as wide as itself."""
    return graph.title if alone and graph.title else graph.name


def _heading(title: str, subtitle: str) -> tuple[str, str]:
    return shortened(title, 64), shortened(subtitle, 96)


def _facts(graph: LayerGraph) -> str:
    return f"{graph.input_text}, {graph.parameters:,} parameters, {counted(graph.macs)} MACs"


def _forms(graph: LayerGraph, block: str, details: Details) -> list[tuple[tuple[Scope, ...], Figure]]:
    forms = [(scopes, drawn) for scopes, drawn in block_figures(graph, block, details) if drawn.boxes]
    if not forms:
        called = dict.fromkeys(
            item.block for item in walk(graph.root) if isinstance(item, Scope) and item.block is not None
        )
        message = f"{graph.name} calls no block `{block}`"
        raise SpecError(Diagnostic("E0408", message, help=did_you_mean(block, called) if called else "it calls none"))
    return forms


def _marks(found: Difference, graphs: Sequence[LayerGraph]) -> list[dict[str, Mark]]:
    """What differs, by path, in the first network and in the second; what only has another name does not.

    Where one has something more, the part of the other that has it not is changed.
    """
    marks: list[dict[str, Mark]] = [{}, {}]
    parts = [{item.path: item for item in walk(graph.root) if isinstance(item, Scope | Loop)} for graph in graphs]
    theirs = match(*graphs).scopes
    ours = {after: before for before, after in theirs.items()}
    for change in found.layers:
        if change.kind == "changed" and not (change.changes or change.shape or change.inputs):
            continue
        for side, path in enumerate((change.before, change.after)):
            if not path:
                around = (change.before or change.after).rpartition(".")[0]
                if counterpart := (ours if side == 0 else theirs).get(around):
                    marks[side].setdefault(counterpart, "changed")
            else:
                marks[side][path] = change.kind
                if part := parts[side].get(path):
                    marks[side].update({layer.path: change.kind for layer in layers_below(part)})
    return marks


def _notes(found: Difference) -> list[str]:
    if found.equal:
        return ["no differences"]
    notes = [f"every {op}: {change.name} {change.before} → {change.after}" for op, _, change in found.everywhere]
    return [shortened(note, 96) for note in notes]
