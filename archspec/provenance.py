"""Which lines of a spec are which layer's."""

from __future__ import annotations

import os.path
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import NamedTuple

from archspec.errors import Source, Span
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Choice, Item, Layer, Loop, Scope, owners_of, walk
from archspec.spec.shipped_specs import shipped_folder


class LineRange(NamedTuple):
    """Lines of a spec: the file as `MappedSpec.files` has it, and the first and last line, counted from 1."""

    file: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class MappedSpec:
    """The texts of a spec, and which of their lines are which layer's."""

    files: Mapping[str, str]
    """The spec's own text first, then those of its parents and of the libraries that were read, by names to show.

    A name is a path from the spec's own folder or from that of the specs that ship, or else the file's name alone. It
    is never absolute.
    """
    lines: Mapping[str, tuple[LineRange, ...]]
    """What is written for each node, scope and loop, by path. The path of the network itself is empty.

    First comes its own item: the layer, the sequence, the stage, the call, or the unit of a stage. For a block's call
    the definition of the block is next. The calls and units that it stands in follow, the innermost first: what a
    block's layer is depends on them.
    """


def spec_lines(graph: LayerGraph) -> MappedSpec:
    """The texts that a graph was compiled from, and which of their lines are which layer's."""
    names = dict(zip(graph.texts, _names([source.name for source in graph.texts]), strict=True))
    inputs = {path: _lines([graph.nodes[path].span], names) for path in graph.inputs}
    owners = {item.path: item.span for item in walk(graph.root) if isinstance(item, Layer | Scope | Loop)}
    lines = inputs | {path: _lines(spans, names) for path, spans in _spans(graph.root, graph, (), owners)}
    return MappedSpec({name: source.text for source, name in names.items()}, lines)


def _spans(
    item: Item, graph: LayerGraph, around: tuple[Span | None, ...], owners: Mapping[str, Span | None]
) -> Iterator[tuple[str, Sequence[Span | None]]]:
    """The places of an item and of all that is in it, by their paths; `around` has the calls that it stands in.

    What is used again is written at its `reuse`, and at the item that it names: `owners` has the places of all items.
    """
    match item:
        case Layer():
            yield item.path, (item.span, *(owners.get(path) for path in sorted(owners_of(item.shared))), *around)
        case Choice():
            for inner in item.body.items:
                yield from _spans(inner, graph, around, owners)
        case Loop():
            yield item.path, (item.span, *_owner(item, owners), *around)
            within = (item.span, *around) if item.shares else around
            for scope in item.iterations:
                yield from _spans(scope, graph, within, owners)
        case Scope():
            definition = graph.blocks[item.block].span if item.block is not None else None
            yield item.path, (item.span, *_owner(item, owners), definition, *around)
            within = around if item.block is None and not item.shares else (item.span, *_owner(item, owners), *around)
            for inner in item.body.items:
                yield from _spans(inner, graph, within, owners)


def _owner(item: Scope | Loop, owners: Mapping[str, Span | None]) -> tuple[Span | None, ...]:
    """The place of the item that this one computes once more."""
    return (owners.get(item.shares),) if item.shares else ()


def _lines(spans: Sequence[Span | None], names: Mapping[Source, str]) -> tuple[LineRange, ...]:
    """The lines of places in known texts, each once."""
    known = (span for span in spans if span is not None and span.source in names)
    return tuple(dict.fromkeys(LineRange(names[span.source], span.line, span.end_line) for span in known))


def _names(paths: Sequence[str]) -> Iterator[str]:
    """Names to show for files, no two alike; the first file is the spec's own."""
    taken: set[str] = set()
    known = (*(Path(path).parent for path in paths[:1]), shipped_folder())
    folders = [Path(os.path.abspath(folder)) for folder in known if folder is not None]
    for path in paths:
        whole = Path(os.path.abspath(path))
        near = (whole.relative_to(folder).as_posix() for folder in folders if whole.is_relative_to(folder))
        name = next(near, whole.name)
        numbered = (f"{name} ({number})" for number in count(2))
        found = next(text for text in chain((name,), numbered) if text not in taken)
        taken.add(found)
        yield found
