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
from archspec.checkpoints.other_params import guesses
from archspec.checkpoints.sketches import alike, likely
from archspec.errors import SpecError
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import Shape
from archspec.weights.files import WeightsFile, open_weights
from archspec.weights.loading import found_in
from archspec.weights.report import WeightsReport
from archspec.weights.shards import Shard, shard
from archspec.weights.state_dicts import COUNTER, FoundWeights, state_dicts
from archspec.weights.tensors import LazyTensor

_MOST: Final = 100_000
"""Weights of the largest network that a file may be of, before it is known which it is."""
_MAPPINGS: Final = 4
"""Mappings of a file that are looked at, those that hold most."""
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
    shard: Shard | None
    """Of which files it is one, where its name says that there are others."""
    form: str
    """The form of a network, `inference`, whose weights archspec has folded into it; else empty."""

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
    translated: bool
    """The file's names are another library's than the network's."""

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
    return FileContents(path, file.format, file.library, state_dicts(file.tree), shard(path), file.form)


def candidates(path: Path) -> list[LikelyNetwork]:
    """The networks that ship whose weights a file may hold, the likeliest first.

    Raises:
        WeightsError: it cannot be read, or is no weights file.
    """
    file = open_weights(path, _MOST)
    found: list[LikelyNetwork] = []
    shapes = _of_each_mapping(file)
    for name, graph in _shipped(shapes):
        each = _likely_network(name, graph, *_found(path, file, graph))
        if each.found >= _LIKELY * each.wanted:
            found.append(each)
    ranked = sorted(found, key=lambda each: (-each.found / each.wanted, each.left, each.translated, -each.wanted))
    if complete := [each for each in ranked if each.complete]:
        return complete
    return [*_of_other_params(path, file, shapes)] or ranked[:_SHOWN]


def _of_each_mapping(file: WeightsFile) -> list[list[Shape]]:
    """The shapes of the weights of each mapping in a file; once where several are of one network, as of averages."""
    found: dict[tuple[Shape, ...], list[Shape]] = {}
    for mapping in state_dicts(file.tree).values():
        shapes = [tensor.shape for tensor in _weights(mapping).values()]
        found.setdefault(tuple(sorted(shapes)), shapes)
    return sorted(found.values(), key=len, reverse=True)[:_MAPPINGS]


def _found(path: Path, file: WeightsFile, graph: LayerGraph) -> tuple[FoundWeights, WeightsReport]:
    """What of a file would be a network's weights, also under a prefix beside other names."""
    choice, report = found_in(path, file, graph)
    if not report.loaded and choice.offered_prefix:
        return found_in(path, file, graph, prefix=choice.offered_prefix)
    return choice, report


def _likely_network(name: str, graph: LayerGraph, choice: FoundWeights, report: WeightsReport) -> LikelyNetwork:
    others = tuple(report.lists().get("of another shape", ()))
    counts = len(report.loaded), len(graph.all_weights), len(report.unused)
    return LikelyNetwork(name, *counts, choice.notes, others, bool(choice.whose))


def _of_other_params(path: Path, file: WeightsFile, shapes: Sequence[Sequence[Shape]]) -> Iterator[LikelyNetwork]:
    """The networks whose names the weights have, with the params under which all fit: another width, other classes."""
    named: set[str] = set()
    for network, variant in dict.fromkeys(pair for each in shapes for pair in alike(each)):
        if network in named:
            continue
        graph = _graph(network, variant)
        _, report = found_in(path, file, graph)
        if report.missing or report.unused:
            continue
        for params in guesses(graph, report.reshaped):
            try:
                fitting = compile(loaded(network, {**({"variant": variant} if variant else {}), **params}))
            except SpecError:
                continue  # these params are none of the network's
            name = " ".join(
                (_called(network, variant, graph), *(f"--set {key}={value}" for key, value in params.items()))
            )
            each = _likely_network(name, fitting, *found_in(path, file, fitting))
            if each.complete:
                named.add(network)
                yield each
                break


def _weights(mapping: Mapping[str, LazyTensor]) -> dict[str, LazyTensor]:
    return {name: tensor for name, tensor in mapping.items() if not name.endswith(COUNTER)}


@cache
def _graph(name: str, variant: str) -> LayerGraph:
    return compile(loaded(name, {"variant": variant} if variant else {}))


def _shipped(shapes: Sequence[Sequence[Shape]]) -> Iterator[tuple[str, LayerGraph]]:
    """The networks that tensors of these shapes may be of, with what calls them on the command line."""
    for name, variant in dict.fromkeys(pair for each in shapes for pair in likely(each)):
        graph = _graph(name, variant)
        if graph.all_weights:
            yield _called(name, variant, graph), graph


def _called(name: str, variant: str, graph: LayerGraph) -> str:
    """A network as the command line has it."""
    return f"{name} --set variant={variant}" if variant and variant != load(name).variant else graph.name
