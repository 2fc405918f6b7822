"""A picture as a Mermaid flowchart, which GitHub, GitLab and many documentation tools show."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from archspec.diagram.picture import Picture
from archspec.diagram.text_forms.flat import FlatPanel, NamedBox, flattened
from archspec.diagram.theme import THEMES, Theme

_SPECIAL: Final = re.compile(r"[^\w ,/+×…–:.-]|^[+-]|(?<![^\W_])[_-]|[_-](?![^\W_])|:(?! )|\.(?!\w)|(?i:(?<=www))\.")
"""What a label spells by number: whatever Mermaid, Markdown or HTML may take for more than text where it stands."""


def mermaid(picture: Picture) -> str:
    """The whole file, in Mermaid's language."""
    theme = THEMES[picture.theme]
    direction = "LR" if picture.horizontal else "TB"
    settings = {
        "theme": "base",
        "themeVariables": {"lineColor": theme.line, "textColor": theme.ink, "edgeLabelBackground": theme.paper},
        "flowchart": {"subGraphTitleMargin": {"top": 2, "bottom": 10}},
    }
    lines = [f"%%{{init: {json.dumps(settings)}}}%%", f"flowchart {direction}"]
    flats = flattened(picture)
    for flat in flats:
        lines += _panel(flat, direction, theme)
    if picture.notes:
        lines.append(f"  notes[{quoted(*picture.notes)}]:::terminal")
    lines += _classes(theme)
    return "\n".join(lines) + "\n"


def quoted(*lines: str) -> str:
    """Lines of text as one quoted label."""
    return '"' + "<br/>".join(_SPECIAL.sub(lambda found: f"#{ord(found[0])};", line) for line in lines) + '"'


def _panel(flat: FlatPanel, direction: str, theme: Theme) -> Iterator[str]:
    yield f"  subgraph {flat.id}[{quoted(f'{flat.title}: {flat.subtitle}')}]"
    yield f"    direction {direction}"
    for terminal in flat.terminals:
        yield f"    {terminal.id}[{quoted(terminal.text)}]:::terminal"
    styles: list[str] = []
    for place in flat.places:
        yield from _place(place, 0, styles)
    for edge in flat.edges:
        arrow = "-.->" if edge.dashed else "-->"
        said = f"|{quoted(edge.text)}|" if edge.text else ""
        yield f"    {edge.source} {arrow}{said} {edge.target}"
    yield "  end"
    yield f"  class {flat.id} panel"
    yield from styles


def _place(place: NamedBox, depth: int, styles: list[str]) -> Iterator[str]:
    box, pad = place.box, "  " * (depth + 2)
    kind = f"depth{depth % 2}" if place.inner else box.kind
    styles.append(f"  class {place.id} {kind}")
    if box.mark:
        styles.append(f"  class {place.id} {box.mark}")
    if place.inner:
        yield f"{pad}subgraph {place.id}[{quoted(box.title)}]"
        for inner in place.inner:
            yield from _place(inner, depth + 1, styles)
        yield f"{pad}end"
    elif box.sign:
        yield f"{pad}{place.id}(({quoted(box.sign)}))"
    else:
        yield f"{pad}{place.id}[{quoted(*(words.text for words in box.words))}]"


def _classes(theme: Theme) -> Iterator[str]:
    fills = {f"depth{depth}": color for depth, color in enumerate(theme.depths)} | dict(theme.kinds)
    for name, fill in fills.items():
        yield f"  classDef {name} fill:{fill},stroke:{theme.frame},color:{theme.ink}"
    yield f"  classDef panel fill:{theme.paper},stroke:{theme.paper},color:{theme.ink}"
    yield f"  classDef terminal fill:{theme.paper},stroke:{theme.paper},color:{theme.quiet}"
    for mark, color in theme.marks.items():
        yield f"  classDef {mark} stroke:{color},stroke-width:3px"
