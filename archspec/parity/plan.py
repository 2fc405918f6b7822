"""What a comparison consists of: checks in order, and how far models may be apart in each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from archspec.errors import SpecError
from archspec.ir.graph import LayerGraph
from archspec.ir.op import shape_text
from archspec.passes import run
from archspec.passes.resize import Resize

Kind: TypeAlias = Literal["inference", "training", "gradients", "run"]
KINDS: Final[tuple[Kind, ...]] = ("inference", "training", "gradients", "run")
DTYPES: Final = ("float32", "float64")
Size: TypeAlias = tuple[int, int]
"""Height and width of the input images."""

TOLERANCES: Final[Mapping[str, Mapping[str, float | None]]] = {
    "float32": {"inference": 1e-5, "training": 1e-5, "gradients": 1e-4, "run": None},
    "float64": {"inference": 1e-12, "training": 1e-12, "gradients": 1e-11, "run": 1e-9},
}
"""The largest difference that counts as agreement, by dtype and kind; None: it is only reported.

docs/parity.md has the reasons.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """The options of a comparison; `compare` documents them."""

    dtypes: Sequence[str] = DTYPES
    kinds: Sequence[Kind] = KINDS
    batch: int = 2
    seed: int = 0
    passes: int = 3
    steps: int = 5
    learning_rate: float = 0.1
    momentum: float = 0.9
    layers: bool = True
    tolerances: Mapping[str, float] = field(default_factory=dict[str, float])

    def tolerance(self, dtype: str, kind: Kind) -> float | None:
        """How far models may be apart; None if no more than a report is asked for."""
        return self.tolerances.get(dtype, TOLERANCES[dtype][kind])


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that every participant does: a kind of pass, in a dtype, on inputs of one of the sizes."""

    kind: Kind
    dtype: str
    size: int


def checks(plan: Plan, sizes: int) -> Iterator[Check]:
    """All checks, by dtype: each participant then makes its model once for a dtype.

    Forward passes run at all sizes; gradients and training at the first.
    """
    for dtype in plan.dtypes:
        for kind in KINDS:
            if kind in plan.kinds:
                for size in range(sizes if kind in ("inference", "training") else 1):
                    yield Check(kind, dtype, size)


def sized(graph: LayerGraph, sizes: Sequence[Size] | None) -> tuple[list[LayerGraph], str]:
    """The network at each of the sizes; without any at the spec's own, and at another one if it takes another.

    Returns:
        The graphs, and why the network was not given another size, where none was asked for and it takes none.

    Raises:
        SpecError: it does not take a size that was asked for.
    """
    if sizes is not None:
        return [run(graph, [Resize(*size)]) for size in sizes], ""
    reason = ""
    for size in _others(graph):
        try:
            return [graph, run(graph, [Resize(*size)])], ""
        except SpecError as error:
            reason = reason or error.diagnostics[0].message
    return [graph], reason


def _others(graph: LayerGraph) -> Iterator[Size]:
    """Sizes to try: smaller, not square, odd if possible."""
    images = [graph.nodes[path].shape for path in graph.inputs if len(graph.nodes[path].shape) == 3]
    if images:
        _, height, width = images[0]
        yield height * 5 // 8 | 1, width * 3 // 8 | 1
        # Of networks that halve and double again, each size is a multiple of what their least map stands for.
        yield max(height * 3 // 4 // 32 * 32, 32), max(width // 2 // 32 * 32, 32)


def size_text(graph: LayerGraph) -> str:
    """The shapes of the inputs: 3x224x224."""
    return ", ".join(shape_text(graph.nodes[path].shape) for path in graph.inputs)
