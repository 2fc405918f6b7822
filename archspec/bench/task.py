"""What all contenders compute."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archspec.ir.graph import LayerGraph

TOLERANCES: Final = {"float64": 1e-10, "float32": 1e-4, "bfloat16": 5e-2, "float16": 1e-2}
"""How far outputs may be from the first contender's, as a share of their largest number, to be ranked."""


@dataclass(frozen=True, slots=True)
class Task:
    """A network on a batch, in inference or as a step of training."""

    graph: LayerGraph
    batch: int
    dtype: str = "float32"
    training: bool = False
    device: str | None = None

    @property
    def tolerance(self) -> float:
        """How far outputs may be apart."""
        return TOLERANCES[self.dtype]
