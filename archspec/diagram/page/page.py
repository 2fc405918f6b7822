"""The page's text: a shell that never varies, and what it shows as JSON."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from html import escape
from importlib import resources
from string import Template
from typing import Any, Final

from archspec.analysis.levels import Level
from archspec.codegen.source_map import source_lines
from archspec.diagram.coordinates import NestedLayout, arrange, place
from archspec.diagram.figure import Figure
from archspec.diagram.figure_builder import figure
from archspec.diagram.page.box_details import BoxDetails
from archspec.diagram.page.geometry import LENGTHS, geometry
from archspec.diagram.picture import Drawn, Picture
from archspec.diagram.scene import Panel, Path, legend_entries, scene
from archspec.diagram.svg import arrow, group_markup
from archspec.diagram.theme import DARK, LIGHT, Theme
from archspec.diagram.u_shape import unfolded
from archspec.errors import ArchspecError
from archspec.ir.scope import Loop, Scope
from archspec.provenance import spec_lines

SMALL: Final = 60
"""A network of no more layers and parts is shown with all of them, where nobody asks for another level."""
_LANGUAGES: Final = {"torch": "PyTorch", "keras": "Keras"}
"""The backends whose source is shown, and what people call them."""

_COARSER: Final[dict[Level, str]] = {
    "unit": "too large for every layer: equal units in a row are drawn once",
    "stage": "too large for every layer: drawn by stage",
}
"""What is said of a network that is not drawn whole."""
SCRIPTS: Final = (
    *(
        "coordinates.js",
        "columns.js",
        "u_shape.js",
        "picture.js",
        "syntax_highlighting.js",
        "side_panels.js",
        "search.js",
    ),
    *("box_details.js", "frame.js", "errors.js", "page.js"),
)
"""In the order in which one needs another."""


def html(drawing: Picture) -> str:
    """The page of a drawing, one self-contained file."""
    return document(payload(drawing))


def document(shown: Mapping[str, Any], *, script: str = "") -> str:
    """The page that shows a payload.

    Args:
        shown: what `payload` gives.
        script: JavaScript of a server that serves the page. It runs after the page's own, and may connect to that
            server; a page without it connects to nothing.
    """
    style = f":root{{{LIGHT.declarations()}color-scheme:light}}\n:root[data-theme=dark]{{{DARK.declarations()}"
    style += f"color-scheme:dark}}\n{_file('page.css')}"
    scripts = [_script(), *([script] if script else [])]
    # Between < and > no text of a spec can end the element; the rest is what JSON itself escapes.
    data = json.dumps(shown, separators=(",", ":")).replace("<", "\\u003c")
    return Template(_file("page.html")).substitute(
        title=escape(shown["title"]),
        policy=content_policy(style, scripts, connects=bool(script)),
        style=style,
        payload=data,
        scripts="\n".join(f"<script>{text}</script>" for text in scripts),
    )


def payload(drawing: Picture) -> dict[str, Any]:
    """What the page shows, for `json.dumps`; `archspecPage.load` takes it.

    The picture is at the level of layers, or at the next coarser one that can be drawn, whatever the drawing's own
    level is: that says what is folded at first.
    """
    networks = [_Network(drawn, drawing) for drawn in drawing.panels]
    panels = [Panel(found.drawn.title, found.drawn.subtitle, found.placed) for found in networks]
    title = ", ".join(dict.fromkeys(panel.title for panel in panels))
    if len(panels) == 1:  # the page itself has the words
        panels = [Panel("", "", panels[0].placed)]
    picture = scene(panels, horizontal=drawing.horizontal, foldable=True)
    theme = Theme.variables()
    markup = [
        '<svg xmlns="http://www.w3.org/2000/svg">',
        f"<defs>{arrow(theme, 'page')}{arrow(replace(theme, line='var(--accent)'), 'chosen')}</defs>",
        *group_markup(picture.root, theme, "page", tooltips=False),
        "</svg>",
    ]
    return {
        "title": title,
        "theme": drawing.theme if drawing.theme == "dark" else None,
        "horizontal": drawing.horizontal,
        "size": [picture.width, picture.height],
        "columns": drawing.columns,
        "lengths": LENGTHS,
        "svg": "".join(markup),
        "legend": [_legend_entry(words, swatch, theme) for words, swatch in legend_entries(panels)],
        "notes": list(drawing.notes),
        "networks": [
            found.payload(origin=(group.x, group.y)) for found, group in zip(networks, picture.root.groups, strict=True)
        ],
    }


def _legend_entry(words: str, swatch: Any, theme: Theme) -> list[str]:
    if isinstance(swatch, Path):
        return [words, "line", ""]
    return [words, theme.color(swatch.fill), theme.color(swatch.stroke)]


class _Network:
    """One network of the page."""

    def __init__(self, drawn: Drawn, drawing: Picture) -> None:
        self.drawn = drawn
        self.part: NestedLayout = drawn.part
        self.note = ""
        if drawn.whole:
            whole, level = figure(drawn.graph, "layer", drawn.details)
            self.part = arrange(whole, horizontal=drawing.horizontal)
            self.note = _COARSER.get(level, "")
        self.bend = drawing.bend(self.part)
        if self.bend:
            self.part = self.bend.part
        self.placed = unfolded(self.bend) if self.bend else place(self.part)
        self.facts = BoxDetails(drawn.graph)

    def payload(self, *, origin: tuple[float, float]) -> dict[str, Any]:
        boxes = list(self.part.figure.walk())
        texts, lines = self._texts()
        shown = {box.path for box in boxes}
        levels = self._levels()
        return {
            "title": self.drawn.title,
            "subtitle": self.drawn.subtitle,
            "note": self.note,
            "origin": origin,
            "part": geometry(self.part, self.bend),
            "boxes": {box.path: self.facts.of(box) for box in boxes},
            "within": {path: box.path for box in boxes for path in box.paths if path not in shown},
            "levels": levels,
            "level": self._first_level(len(boxes), levels),
            "texts": texts,
            "lines": {path: found for path, found in lines.items() if path in shown},
        }

    def _first_level(self, boxes: int, levels: Mapping[Level, object]) -> Level:
        asked = self.drawn.level if self.drawn.whole else "layer"
        if asked not in levels or (asked == "unit" and boxes <= SMALL):
            return "layer"
        return asked

    def _levels(self) -> dict[Level, list[str]]:
        """Which boxes are folded at each level; a level that shows no more than the one before is left out."""
        units = list(self._units(self.part.figure))
        stages = [box.path for box in self.part.figure.boxes if box.inside is not None]
        found: dict[Level, list[str]] = {"layer": []}
        if self.drawn.whole and units:
            found["unit"] = units
        if self.drawn.whole and not set(stages) <= set(units):
            found["stage"] = list(dict.fromkeys((*stages, *units)))
        return found

    def _units(self, drawn: Figure) -> Iterable[str]:
        """Calls of blocks, and the units of stages, the outermost of them."""
        for box in drawn.boxes:
            if box.inside is None:
                continue
            part = self.facts.parts.get(box.path)
            if isinstance(part, Loop) and box.times == 1:
                yield from (inner.path for inner in box.inside.boxes if inner.inside is not None)
            elif isinstance(part, Scope) and part.kind == "sequence":
                yield from self._units(box.inside)
            else:
                yield box.path

    def _texts(self) -> tuple[list[dict[str, str]], dict[str, list[list[int]]]]:
        """The texts beside the picture, and of each path the text's number and the lines in it."""
        texts: list[dict[str, str]] = []
        lines: dict[str, list[list[int]]] = {}
        spec = spec_lines(self.drawn.graph)
        index = {name: position for position, name in enumerate(spec.files)}
        texts += [{"pane": "spec", "title": "Spec", "name": name, "text": text} for name, text in spec.files.items()]
        for path, places in spec.lines.items():
            lines[path] = [[index[place.file], place.first, place.last] for place in places]
        for backend, title in _LANGUAGES.items():
            shown = {"pane": backend, "title": title, "name": f"{self.drawn.graph.name}.py"}
            try:
                source = source_lines(self.drawn.graph, backend)
            except ArchspecError as error:
                texts.append({**shown, "reason": error.diagnostics[0].message})
                continue
            for path, ranges in source.lines.items():
                lines.setdefault(path, []).extend([len(texts), first, last] for first, last in ranges)
            texts.append({**shown, "text": source.text})
        return texts, lines


def content_policy(style: str, scripts: Iterable[str], *, connects: bool) -> str:
    """What a page with these inline texts may do: run them, and connect to where it came from or to nothing."""
    policy = [
        "default-src 'none'",
        f"style-src {_hash(style)}",
        f"script-src {' '.join(map(_hash, scripts))}",
        *(["connect-src 'self'"] if connects else []),
        "base-uri 'none'",
        "form-action 'none'",
    ]
    return "; ".join(policy)


def _script() -> str:
    """The page's files of JavaScript as one script, with names of its own."""
    return "\n".join(('(() => {\n"use strict";', *map(_file, SCRIPTS), "})();"))


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """How a content security policy names an inline script or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
