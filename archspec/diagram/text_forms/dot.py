"""A picture as a file for Graphviz, which lays it out in its own way."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from archspec.diagram.picture import Picture
from archspec.diagram.text_forms.flat import FlatPanel, NamedBox, flattened
from archspec.diagram.text_width import shortened
from archspec.diagram.theme import THEMES, Theme


def dot(picture: Picture) -> str:
    """The whole file, in the DOT language."""
    theme = THEMES[picture.theme]
    lines = ["digraph archspec {"]
    lines.append(f"  graph [rankdir={'LR' if picture.horizontal else 'TB'}, fontname=Helvetica, fontsize=12,")
    lines.append(f"    bgcolor={quoted(theme.paper)}, fontcolor={quoted(theme.ink)}, color={quoted(theme.frame)}]")
    lines.append("  node [shape=box, style=filled, fontname=Helvetica, fontsize=11, height=0.3,")
    lines.append(f"    color={quoted(theme.frame)}, fontcolor={quoted(theme.ink)}]")
    lines.append("  edge [fontname=Helvetica, fontsize=10, arrowsize=0.7,")
    lines.append(f"    color={quoted(theme.line)}, fontcolor={quoted(theme.quiet)}]")
    if picture.notes:
        lines.append(f"  graph [labelloc=b, label={quoted(*picture.notes)}]")
    for flat in flattened(picture):
        lines += _panel(flat, theme)
    lines.append("}")
    return "\n".join(lines) + "\n"


def quoted(*lines: str) -> str:
    """Lines of text as one quoted string, with nothing left in them that Graphviz reads as an escape or an entity."""
    return '"' + "\\n".join(escape(line, quote=False).replace("\\", "\\\\").replace('"', '\\"') for line in lines) + '"'


def _panel(flat: FlatPanel, theme: Theme) -> Iterator[str]:
    yield f"  subgraph cluster_{flat.id} {{"
    yield f"    graph [penwidth=0, labelloc=t, label={quoted(flat.title, flat.subtitle)}]"
    for terminal in flat.terminals:
        yield f"    {terminal.id} [shape=plaintext, style=solid, label={quoted(terminal.text)}]"
    for place in flat.places:
        yield from _place(place, theme, 0)
    for edge in flat.edges:
        said = [f"label={quoted(edge.text)}"] if edge.text else []
        said += ["style=dashed"] if edge.dashed else []
        yield f"    {edge.source} -> {edge.target}" + (f" [{', '.join(said)}]" if said else "")
    yield "  }"


def _place(place: NamedBox, theme: Theme, depth: int) -> Iterator[str]:
    box, pad = place.box, "  " * (depth + 2)
    color, thick = (theme.marks[box.mark], 2.5) if box.mark else (theme.frame, 1)
    border = f"color={quoted(color)}, penwidth={thick}"  # said of each: what is in a cluster has the cluster's else
    tooltip = f"tooltip={quoted(shortened(f'{box.path}: {box.title}', 200))}"
    label = quoted(*(words.text for words in box.words))
    if place.inner:
        fill = quoted(theme.depths[depth % 2])
        yield f"{pad}subgraph cluster_{place.id} {{"
        yield f"{pad}  graph [label={label}, style=filled, fillcolor={fill}, {border}, {tooltip}]"
        for inner in place.inner:
            yield from _place(inner, theme, depth + 1)
        yield f"{pad}}}"
        return
    fill = quoted(theme.kinds[box.kind])
    if box.sign:
        words = f"shape=circle, width=0.3, fixedsize=true, label={quoted(box.sign)}"
    else:
        words = f"label={label}"
    yield f"{pad}{place.id} [{words}, fillcolor={fill}, {border}, {tooltip}]"
