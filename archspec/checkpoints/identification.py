"""What a weights file holds, and of which networks that ship it most likely is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from archspec.api import compile, load, loaded
from archspec.checkpoints.sketches import likely
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import Shape
from archspec.weights.files import open_weights
from archspec.weights.loading import found_in
from archspec.weights.shards import Part, part
from archspec.weights.state_dicts import COUNTER, state_dicts
from archspec.weights.tensors import LazyTensor

_MOST: Final = 100_000
"""Weights of the largest network that a file may be of, before it is known which it is."""
_SHOWN: Final = 3
"""Networks that are named where the file is of none wholly."""
_LIKELY: Final = 0.5
"""The part of a network's weights that a file has by name and shape, at least, to be taken for its."""


@dataclass(frozen=True, slots=True)
class FileContents:
    """What a weights file holds."""

    path: Path
    format: str
    library: str
    mappings: Mapping[str, Mapping[str, LazyTensor]]
    """The tensors by name, for each key of the file; those of the file itself under an empty key."""
    part: Part | None
    """Of which files it is one, where its name says that there are others."""

    def numbers(self, key: str) -> int:
        """How many numbers the weights of a mapping have together; counters of steps are none."""
        return sum(math.prod(tensor.shape) for tensor in self.weights(key).values())

    def weights(self, key: str) -> dict[str, LazyTensor]:
        """The tensors of a mapping that can be weights."""
        return _weights(self.mappings[key])

    def kinds(self, key: str) -> Counter[str]:
        """How many tensors of a mapping have each type."""
        return Counter(tensor.kind for tensor in self.weights(key).values())


@dataclass(frozen=True, slots=True)
class LikelyNetwork:
    """A network whose weights a file may hold."""

    name: str
    found: int
    """Weights of the network that the file has, by name and shape."""
    wanted: int
    left: int
    """Tensors of the file that the network has not."""
    notes: tuple[str, ...]
    """How they were found: under which key, without which prefix, by whose names."""
    reshaped: tuple[str, ...]
    """Weights that the file has in another shape, as people read it."""

    @property
    def complete(self) -> bool:
        """All weights of the network are there, and nothing else is."""
        return self.found == self.wanted and not self.left


def contents(path: Path) -> FileContents:
    """What a weights file holds. Its numbers are not read, and no framework is imported.

    Raises:
        WeightsError: it cannot be read, or is no weights file.
    """
    file = open_weights(path, _MOST)
    return FileContents(path, file.format, file.library, state_dicts(file.tree), part(path))


def candidates(path: Path) -> list[LikelyNetwork]:
    """The networks that ship whose weights a file may hold, the likeliest first.

    Raises:
        WeightsError: it cannot be read, or is no weights file.
    """
    file = open_weights(path, _MOST)
    found: list[LikelyNetwork] = []
    shapes = [tensor.shape for mapping in state_dicts(file.tree).values() for tensor in _weights(mapping).values()]
    for name, graph in _shipped(shapes):
        choice, report = found_in(path, file, graph)
        if len(report.loaded) < _LIKELY * len(graph.all_weights):
            continue
        others = tuple(report.lists().get("of another shape", ()))
        wanted, left = len(graph.all_weights), len(report.unused)
        found.append(LikelyNetwork(name, len(report.loaded), wanted, left, choice.notes, others))
    ranked = sorted(found, key=lambda each: (-each.found / each.wanted, each.left, -each.wanted))
    return [each for each in ranked if each.complete] or ranked[:_SHOWN]


def _weights(mapping: Mapping[str, LazyTensor]) -> dict[str, LazyTensor]:
    return {name: tensor for name, tensor in mapping.items() if not name.endswith(COUNTER)}


@cache
def _graph(name: str, variant: str) -> LayerGraph:
    return compile(loaded(name, {"variant": variant} if variant else {}))


def _shipped(shapes: Sequence[Shape]) -> Iterator[tuple[str, LayerGraph]]:
    """The networks that tensors of these shapes may be of, with what calls them on the command line."""
    for name, variant in likely(shapes):
        graph = _graph(name, variant)
        if graph.all_weights:
            own = variant and variant != load(name).variant
            yield f"{name} --set variant={variant}" if own else graph.name, graph
