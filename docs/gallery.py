"""The page `docs/gallery.md`: every network that ships, with what it costs, where it is from, and its sources."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final

import archspec
from archspec.analysis.number_format import counted
from archspec.spec import find, shipped

ROOT: Final = Path(__file__).resolve().parents[1]
COMPLEXITIES: Final = ROOT / "tests" / "analysis" / "complexities.json"
"""Which has the accuracies, from what specs say under `pretrained`."""
GROUPS: Final = {"specs": "As their authors published them", "specs/examples": "One idea each"}
"""The folders of specs, each with its heading."""
SOURCES: Final = {"torch": "PyTorch", "keras": "Keras"}
"""The backends whose sources are committed, each with its framework's name."""


def page(notice: str) -> Iterator[str]:
    """The lines of the page."""
    networks = {name: archspec.compile(name) for name in shipped()}
    yield from ("# Gallery", "", notice, "")
    yield f"The {len(networks)} networks that ship, with the defaults of their params. A command needs the name alone:"
    yield "`archspec build resnet50 --backend torch`. MACs are multiply-adds ([what is counted](analysis.md#counts))."
    yield "`archspec graph resnet50 -o resnet50.svg` draws a network; on the site each has its picture here."
    for folder, heading in GROUPS.items():
        rows = {name: graph for name, graph in networks.items() if _path(name).parent == ROOT / folder}
        yield from ("", f"## {heading}", "", "| network | input | depth | parameters | MACs |")
        yield "|---|---|---:|---:|---:|"
        for name, graph in rows.items():
            cost = f"{graph.depth and graph.depth.value} | {graph.parameters:,} | {counted(graph.macs)}"
            yield f"| [{name}](#{name})<br>{_text(graph.title)} | {graph.input_text} | {cost} |"
        for name, graph in rows.items():
            yield from _network(name, archspec.load(name), graph)


def _network(name: str, spec: archspec.Spec, graph: archspec.LayerGraph) -> Iterator[str]:
    yield from ("", f"### {name}", "", f"{_text(spec.title)}. {_text(spec.doc)}".rstrip())
    yield from ("", f"<!-- picture: {name} -->", "")
    yield f"- Input {graph.input_text}; {graph.parameters:,} parameters; {graph.macs:,} MACs."
    if spec.params:
        yield "- Params: " + ", ".join(f"`{param}`" for param in spec.params) + "."
    if spec.variants:
        names = ", ".join(f"`{variant}`" for variant in spec.variants)
        yield f"- Variants, chosen by `--set variant={next(iter(spec.variants))}`: {names}."
    if published := _accuracies(name):
        yield f"- Top-1 accuracy on ImageNet, of published weights: {published}."
    if references := [spec.reference] if isinstance(spec.reference, str) else spec.reference:
        yield f"- Reference: {'; '.join(_text(reference).rstrip('.') for reference in references)}."
    where = _path(name).relative_to(ROOT).as_posix()
    links = {"the spec": where, **{title: f"generated/{key}/{name}.py" for key, title in SOURCES.items()}}
    yield "- Source: " + ", ".join(f"[{title}](../{path})" for title, path in links.items()) + "."


def _accuracies(name: str) -> str:
    """The published accuracies of a network's weights, variant by variant, each with whose the weights are."""
    rows = [row for row in json.loads(COMPLEXITIES.read_text(encoding="utf-8")) if row["name"] == name]
    found = [(row["params"].get("variant", archspec.load(name).variant), row["accuracy"]) for row in rows]
    return "; ".join(f"`{variant}` {text}" if variant else text for variant, text in found if text)


def _path(name: str) -> Path:
    return find(name).resolve()


def _text(text: str) -> str:
    """A spec's text within a line of Markdown."""
    return escape(" ".join(text.split()), quote=False).replace("|", "\\|")
