"""What a comparison consists of: checks in order, and how far models may be apart in each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from archspec.errors import Diagnostic, ParityError, SpecError
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.norms import BatchNorm
from archspec.ir.tensor_type import shape_text
from archspec.passes import run_passes
from archspec.passes.resize import Resize

Kind: TypeAlias = Literal["inference", "training", "gradients", "run"]
KINDS: Final[tuple[Kind, ...]] = ("inference", "training", "gradients", "run")
DTYPES: Final = ("float32", "float64")
Size: TypeAlias = tuple[int, ...]
"""One number for each spatial axis of the inputs: height and width of images."""
_FIRST_STEPS: Final = 4
"""After so many steps of a run the weights are kept, however large they are."""
_KEPT: Final = 2**30
"""Bytes; so much the weights may take that one participant keeps of a run, if these are more steps than that."""
_SMALL: Final[Mapping[str, int]] = {"length": 4097, "depth": 9, "height": 97, "width": 65}
"""The largest inputs that models are trained on, unless others are asked for."""
_SHARES: Final[Mapping[str, int]] = {"length": 5, "depth": 5, "height": 5, "width": 3}
"""How many eighths of an axis a smaller input has: not all alike, so that no axis is taken for another."""

TOLERANCES: Final[Mapping[str, Mapping[str, float | None]]] = {
    "float32": {"inference": 1e-5, "training": 1e-4, "gradients": None, "run": None},
    "float64": {"inference": 1e-12, "training": 1e-12, "gradients": 1e-11, "run": 1e-9},
}
"""The largest difference that counts as agreement, by dtype and kind; None: it is only reported.

Where a difference is larger, it is held against how far each engine is from itself: see `allowed`. The first step of a
run has no such allowance.

Gradients in float32 are not judged: where the input of a ReLU is zero but for rounding, one framework passes the
gradient on and another does not. docs/parity.md has the reasons for each.
"""

NEIGHBORS: Final = 2
"""So many times each engine is run again from neighboring numbers, to see how far it then is from itself."""
FACTOR: Final = 30.0
"""Two engines may be so many times as far apart as one of them is from itself.

An engine's own rounding is part of its distance from itself, but each of the two rounds in an order of its own, and two
neighbors are few. On ResNet-50 the ratio is at most 2 (docs/parity.md).
"""
MOST_ALLOWED: Final = 1e-3
"""Where more than this would have to be allowed, a comparison proves nothing, and is not judged."""


def allowed(tolerance: float, itself: float) -> float | None:
    """How far two engines may be apart that are so far from themselves; None where no fault would show."""
    found = max(tolerance, FACTOR * itself)
    return found if found <= max(tolerance, MOST_ALLOWED) else None


@dataclass(frozen=True, slots=True)
class ComparisonPlan:
    """The options of a comparison; `compare` documents them."""

    dtypes: Sequence[str]
    kinds: Sequence[Kind]
    batch: int
    seed: int
    passes: int
    steps: int
    learning_rate: float
    momentum: float
    layers: bool
    tolerances: Mapping[str, float]
    kept: int
    """After so many of the first steps of the run the weights are kept, see `kept_steps`."""

    def __post_init__(self) -> None:
        for what, given, known in (("dtype", self.dtypes, DTYPES), ("check", self.kinds, KINDS)):
            unknown = [name for name in given if name not in known]
            if unknown or not given:
                message = f"parity knows no {what} `{unknown[0]}`" if unknown else f"parity needs a {what} at the least"
                raise ParityError(Diagnostic("E0202", message, help=f"choose of {', '.join(known)}"))
        for what, number in (("batch", self.batch), ("passes", self.passes), ("steps", self.steps)):
            if number < 1:
                raise ParityError(Diagnostic("E0202", f"`{what}` of parity must be 1 or more, this is {number}"))
        if not (0 <= self.momentum < 1 and 0 <= self.learning_rate < math.inf):
            found = f"{self.momentum} and {self.learning_rate}"
            message = f"momentum must be less than 1, the learning rate finite, both 0 or more; these are {found}"
            raise ParityError(Diagnostic("E0202", message))

    def tolerance(self, dtype: str, kind: Kind) -> float | None:
        """How far models may be apart; None where that is measured and not judged."""
        given = self.given_tolerance(dtype, kind)
        return TOLERANCES[dtype][kind] if given is None else given

    def given_tolerance(self, dtype: str, kind: Kind) -> float | None:
        """A tolerance that the user gave: it is kept to, however far an engine is from itself."""
        return self.tolerances.get(f"{dtype}.{kind}", self.tolerances.get(dtype))

    def batches(self, *, training: bool) -> int:
        """How many batches are needed, at the size that models are trained at or at another."""
        passes = self.passes if "training" in self.kinds else 1
        return max(passes, self.steps if "run" in self.kinds else 1) if training else 1

    @property
    def snapshots(self) -> tuple[int, ...]:
        """The steps of the run after which the weights are compared, and kept: the first, and the last."""
        return tuple(step for step in range(1, self.steps + 1) if step <= self.kept or step == self.steps)


def kept_steps(graph: LayerGraph) -> int:
    """After how many of the first steps of a run the weights are kept: of a large network after few."""
    size = 8 * sum(math.prod(weight.shape) for weight in graph.all_weights.values())
    return max(_FIRST_STEPS, _KEPT // max(size, 1))


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that every participant does: a kind of pass, in a dtype, on inputs of one of the sizes."""

    kind: Kind
    dtype: str
    size: int


def checks(plan: ComparisonPlan, graphs: Sequence[LayerGraph]) -> Iterator[Check]:
    """All checks, by dtype: each participant then makes its model once for a dtype.

    Inference runs at all sizes; what is in training mode at the smallest.
    """
    for dtype in plan.dtypes:
        for kind in KINDS:
            if kind in plan.kinds:
                for size in range(len(graphs)) if kind == "inference" else [smallest(graphs)]:
                    yield Check(kind, dtype, size)


def smallest(graphs: Sequence[LayerGraph]) -> int:
    """The index of the network with the smallest inputs; the first of several."""
    return min(range(len(graphs)), key=lambda index: sum(map(math.prod, graphs[index].spatial_sizes.values())))


def sized(graph: LayerGraph, sizes: Sequence[Size] | None) -> tuple[list[LayerGraph], str]:
    """The network at each of the sizes; without any at the spec's own, and at another one if it takes another.

    Returns:
        The graphs, and why the network was not given another size, where none was asked for and it takes none.

    Raises:
        SpecError: it does not take a size that was asked for.
    """
    if sizes is not None:
        if not sizes:
            raise ParityError(Diagnostic("E0202", "parity needs a size at the least", help="leave `sizes` out"))
        return [_resized(graph, size) for size in sizes], ""
    reason = ""
    for size in _others(graph):
        try:
            return [graph, _resized(graph, size)], ""
        except SpecError as error:
            reason = reason or error.diagnostics[0].message
    return [graph], reason


def _resized(graph: LayerGraph, size: Size) -> LayerGraph:
    """The network for inputs of this size."""
    sizes = graph.spatial_sizes
    if len(set(sizes.values())) != 1:
        found = "inputs of several sizes" if sizes else "no inputs with spatial axes"
        raise SpecError(Diagnostic("E0502", f"{graph.name} has {found}: it cannot be resized"))
    own = next(iter(sizes.values()))
    if len(size) != len(own):
        message = f"{graph.name} takes inputs of {shape_text(own)}, and {shape_text(size)} has another number of axes"
        raise SpecError(Diagnostic("E0502", message))
    return run_passes(graph, [Resize(dict.fromkeys(sizes, size))]).graph


def _others(graph: LayerGraph) -> Iterator[Size]:
    """Sizes to try, each smaller along some axes and larger along none: odd ones first, which show the most.

    Of networks that halve and double again, an axis must be a multiple of what one number of the least map stands for.
    """
    type = next((node.type for node in graph.input_nodes if node.type.is_spatial), None)
    if type is None:
        return
    axes = dict(zip(type.place_names, type.places, strict=True))
    found = {tuple(min(size * _SHARES[axis] // 8, _SMALL[axis]) | 1 for axis, size in axes.items()): None}
    for step in (2, 4, 8, 16, 32):
        shares = [(size, size * (_SHARES[axis] + 1) // 8 // step * step) for axis, size in axes.items()]
        found[tuple(share or min(size, step) for size, share in shares)] = None
    yield from (size for size in found if size != type.places)


def unfit(graph: LayerGraph, check: Check, batch: int) -> str:
    """Why nobody can do a check, as people read it; empty if it can be done."""
    if check.kind == "inference":
        return ""
    for path, node in graph.nodes.items():
        if isinstance(node.op, BatchNorm) and batch * math.prod(node.shape) == node.type.channels:
            return f"{path} has one number a channel to normalize by in training; compare with a larger --batch"
    return ""
