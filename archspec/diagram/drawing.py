"""Drawing networks: the public way in, and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Final

from archspec.analysis.counting import layers_below
from archspec.analysis.graph_diff import Difference, diff
from archspec.analysis.levels import LEVELS, Level
from archspec.analysis.matching import match
from archspec.analysis.number_format import counted
from archspec.diagram.coordinates import arrange
from archspec.diagram.figure import Figure, Mark
from archspec.diagram.figure_builder import Details, block_figures, figure
from archspec.diagram.files import write
from archspec.diagram.picture import Drawn, Picture
from archspec.diagram.text_width import shortened
from archspec.diagram.theme import THEMES, ThemeName
from archspec.errors import Diagnostic, SpecError, did_you_mean
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Loop, Scope, walk

MOST_FORMS: Final = 4
"""Forms of one block that are drawn side by side."""
HIGHEST_SHOWN: Final = 1400.0
"""Pixels; a network whose units take more is shown in a notebook by its stages."""


class Drawing(Picture):
    """A picture that can be saved. `archspec.draw` makes it; a notebook shows it."""

    def save(self, path: str | PathLike[str], /) -> None:
        """Write the picture; the suffix says in which form: .svg, .png, .pdf, .html, .dot, .mmd, .json, .graphml.

        Raises:
            OutputError: the suffix is none of these, or the file cannot be written.
            BackendError: matplotlib, which draws .png and .pdf, is not installed.
        """
        write(self, Path(path))


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
    return shortened(title, 200), shortened(subtitle, 96)


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
