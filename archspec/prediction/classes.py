"""The outputs of a classifier as classes with their names and probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archspec.errors import Diagnostic, SpecError
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph

if TYPE_CHECKING:
    import numpy as np


class PredictionError(ValueError):
    """What a network gives for an image is no probabilities."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A class, and how probable the network takes it to be."""

    index: int
    name: str
    """Empty where the spec has none."""
    probability: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """How a network's output gives classes."""

    output: str
    """Of its outputs, the first."""
    probabilities: bool
    """The output holds probabilities already; else logits, which a softmax is taken of."""
    names: tuple[str, ...]
    """One for each class, or none."""
    doubt: str = ""
    """Why the spec's names are not those of the classes, as people read it."""

    @classmethod
    def of(cls, graph: LayerGraph, names: Sequence[str] | None) -> Ranking:
        """The ranking of a network's classes.

        Raises:
            SpecError: its output is no row of classes.
        """
        graph = evaluated(graph)
        output = graph.output_names[0]
        path = graph.outputs[output]
        sizes = graph.types[path].sizes
        if len(sizes) != 1:
            message = f"{graph.name} gives {graph.types[path].text}, and no row of numbers for classes"
            raise SpecError(Diagnostic("E0704", message, help="predict with a network that ends in a classifier"))
        node = graph.nodes[path]
        ends = node.op.name in ("softmax", "sigmoid")
        if names and len(names) != sizes[0]:
            doubt = f"the spec names {len(names)} classes, and the network has {sizes[0]}: they are shown by number"
            return cls(output, ends, (), doubt)
        return cls(output, ends, tuple(names or ()))

    def top(self, outputs: np.ndarray[Any, Any], count: int) -> list[Prediction]:
        """The most probable classes of one example, (classes,), the first of equal ones first.

        Raises:
            PredictionError: there are none, as the numbers are NaN or infinite.
        """
        import numpy as np

        numbers = outputs.astype(np.float64)
        if not self.probabilities:
            with np.errstate(invalid="ignore"):  # what is infinite is looked for below
                numbers = np.exp(numbers - numbers.max())
            numbers /= numbers.sum()
        if not np.isfinite(numbers).all():
            odd = int(np.count_nonzero(~np.isfinite(outputs)))
            raise PredictionError(f"{odd:,} of the network's {outputs.size:,} outputs are NaN or infinite")
        order = np.argsort(-numbers, kind="stable")[:count]
        return [
            Prediction(int(index), self.names[index] if self.names else "", float(numbers[index])) for index in order
        ]
