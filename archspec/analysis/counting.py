"""What a network costs: parameters, multiply-adds, activations, bytes; in all, and by stage."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from archspec.display import display
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Choice, Item, Layer, Loop, Scope, walk
from archspec.ir.tensor_type import Shape

DTYPE_BYTES: Final = {"float32": 4, "float64": 8, "bfloat16": 2, "float16": 2}
"""The bytes of one number, by its type."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What some layers cost, for one example.

    `macs` are the multiply-adds of convolutions, dense layers and attention; nothing else is counted as one, neither
    biases, norms, activations nor pools. `activations` are the numbers that all layers compute (see `Op.activations`),
    `weighted_activations` those of convolutions, dense layers and attention alone. `buffers` are numbers that are
    kept but not trained: running statistics.
    """

    layers: int = 0
    parameters: int = 0
    buffers: int = 0
    macs: int = 0
    activations: int = 0
    weighted_activations: int = 0

    def __add__(self, other: Counts) -> Counts:
        """What both cost together."""
        return Counts(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Counts)))

    @property
    def flops(self) -> int:
        """Floating-point operations: 2 x MACs, a multiplication and an addition each."""
        return 2 * self.macs

    def weight_bytes(self, dtype: str = "float32") -> int:
        """The bytes of parameters and buffers, as a weights file holds them.

        Raises:
            ValueError: `dtype` is not one of `DTYPE_BYTES`.
        """
        if dtype not in DTYPE_BYTES:
            raise ValueError(f"no such dtype: {dtype}; there are {', '.join(DTYPE_BYTES)}")
        return (self.parameters + self.buffers) * DTYPE_BYTES[dtype]

    def as_dict(self, dtype: str = "float32") -> dict[str, int]:
        """Every figure by its name, for JSON."""
        return {
            "layers": self.layers,
            "parameters": self.parameters,
            "buffers": self.buffers,
            "macs": self.macs,
            "flops": self.flops,
            "activations": self.activations,
            "weighted_activations": self.weighted_activations,
            "weight_bytes": self.weight_bytes(dtype),
        }


@dataclass(frozen=True, slots=True)
class StageCounts:
    """A top-level scope of a network, or layers that stand side by side outside of any.

    `name` is the scope's path, or the first and last layer: `conv1..max_pool`. `shape` is that of its last layer.
    """

    name: str
    layers: tuple[str, ...]
    shape: Shape
    counts: Counts


@dataclass(frozen=True, slots=True)
class NetworkCounts:
    """What a network costs, in all and by stage. `depth` is the number of weighted layers on its longest path.

    All of it is of the network as it is evaluated. `in_training` is what it costs with the outputs that it gives in
    training alone; None where there are none. `print` shows a table, and so does a notebook.
    """

    name: str
    title: str
    inputs: tuple[Shape, ...]
    depth: int
    total: Counts
    stages: tuple[StageCounts, ...]
    in_training: Counts | None = None

    @property
    def whole(self) -> Counts:
        """All that is there, in training alone or not."""
        return self.in_training or self.total

    def __repr__(self) -> str:
        return f"<NetworkCounts of {self.name}: {self.total.parameters:,} parameters, {self.total.macs:,} MACs>"

    def __str__(self) -> str:
        text: str = display(self, "text")
        return text

    def _repr_markdown_(self) -> str:
        text: str = display(self, "markdown")
        return text

    def as_dict(self, dtype: str = "float32") -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "inputs": [list(shape) for shape in self.inputs],
            "depth": self.depth,
            "dtype": dtype,
            "total": self.total.as_dict(dtype),
            "stages": [
                {"name": stage.name, "output": list(stage.shape), **stage.counts.as_dict(dtype)}
                for stage in self.stages
            ],
            **({"in_training": self.in_training.as_dict(dtype)} if self.in_training is not None else {}),
        }


def count(graph: LayerGraph) -> NetworkCounts:
    """Count a graph. The stages' counts add up to the total's, but for what they share; inputs are no layers."""
    trained, graph = graph, evaluated(graph)
    stages = tuple(
        StageCounts(name, paths, graph.nodes[paths[-1]].shape, counts_of(graph, paths))
        for name, paths in _stages(graph)
        if paths
    )
    return NetworkCounts(
        graph.name,
        graph.title,
        tuple(graph.nodes[path].shape for path in graph.inputs),
        len(graph.weighted_path),
        _in_all(graph),
        stages,
        _in_all(trained) if trained is not graph else None,
    )


def _in_all(graph: LayerGraph) -> Counts:
    return counts_of(graph, [path for path in graph.nodes if path not in graph.inputs])


def is_counted(graph: LayerGraph, path: str) -> bool:
    """The layer has multiply-adds: it is a convolution, a dense layer or attention."""
    node = graph.nodes[path]
    return node.op.macs(graph.input_types(node), node.types) > 0


def items_of(items: Sequence[Item]) -> Iterator[Layer | Scope | Loop]:
    """The items, with those of conditions in the conditions' place."""
    stack = list(reversed(items))
    while stack:
        item = stack.pop()
        if isinstance(item, Choice):
            stack.extend(reversed(item.body.items))
        else:
            yield item


def layers_below(item: Layer | Scope | Loop) -> Iterator[Layer]:
    """All layers of an item, in the order of computation."""
    match item:
        case Layer():
            yield item
        case Scope():
            yield from (inner for inner in walk(item) if isinstance(inner, Layer))
        case Loop(iterations=iterations):
            for scope in iterations:
                yield from layers_below(scope)


def _stages(graph: LayerGraph) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The top-level scopes, and between them the plain layers; each that multiplies begins a row of its own."""
    plain: list[str] = []
    weighted = False

    def row() -> Iterator[tuple[str, tuple[str, ...]]]:
        if plain:
            yield plain[0] if len(plain) == 1 else f"{plain[0]}..{plain[-1]}", tuple(plain)

    for item in items_of(graph.root.body.items):
        if isinstance(item, Layer):
            if is_counted(graph, item.path):
                if weighted:
                    yield from row()
                    plain = []
                weighted = True
            plain.append(item.path)
            continue
        yield from row()
        plain, weighted = [], False
        yield item.path, tuple(layer.path for layer in layers_below(item))
    yield from row()


def counts_of(graph: LayerGraph, paths: Sequence[str]) -> Counts:
    """What these layers cost."""
    parameters = buffers = macs = activations = weighted = 0
    seen: set[str] = set()
    for path in paths:
        node = graph.nodes[path]
        arriving = graph.input_types(node)
        for name, weight in graph.parameters_of(node).items():
            if name in seen:
                continue  # another of these layers has it, too
            seen.add(name)
            if weight.trainable:
                parameters += weight.size
            else:
                buffers += weight.size
        computed = node.op.activations(arriving, node.types)
        products = node.op.macs(arriving, node.types)
        activations += computed
        weighted += computed if products else 0
        macs += products
    return Counts(len(paths), parameters, buffers, macs, activations, weighted)
