"""What a backend is whose models can be timed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from archspec.codegen.backend import Arrays, RunsModels
from archspec.ir.graph import LayerGraph


@dataclass(frozen=True, slots=True)
class TimedModel:
    """A model on its batch, ready to be run again and again."""

    step: Callable[[], object]
    """Computes the batch once: a forward pass, or a step of training. It returns when all of it is computed."""
    outputs: Callable[[], Arrays]
    """What the model gives for the batch, by the outputs' names, channels first."""


@runtime_checkable
class TimesModels(RunsModels, Protocol):
    """Runs its models as their users do who want them fast: `archspec bench`."""

    def variants(self, engine: str) -> Mapping[str, str]:
        """The ways to run models on an engine, by name, each in a few words; the usual one has an empty name."""
        ...

    def lacks_variant(self, engine: str, variant: str, dtype: str, *, training: bool) -> str:
        """Why a variant cannot be measured here, as people read it; empty if it can."""
        ...

    def timed_environment(self, engine: str) -> Mapping[str, str]:
        """The environment variables of a process in which models are timed: as their users have them, who want speed.

        `environment` may ask for less memory, or for numbers that are the same each time, and take longer for it.
        """
        ...

    def timed(
        self, model: Any, graph: LayerGraph, inputs: Arrays, *, variant: str, targets: Arrays | None = None
    ) -> TimedModel:
        """A model made ready: compiled where the variant says so, its batch where it is.

        Args:
            model: as `build` gave it.
            graph: the network.
            inputs: a batch for each of the graph's inputs by path, channels first.
            variant: one of `variants`.
            targets: by the outputs' names; then a step is one of training, by SGD with momentum.
        """
        ...

    def timed_rival(
        self,
        model: Any,
        graph: LayerGraph,
        inputs: Arrays,
        *,
        weights: Sequence[Arrays],
        targets: Arrays | None,
        dtype: str,
        device: str | None,
    ) -> tuple[TimedModel, bool]:
        """A model of the framework that archspec has not written, made ready as the usual variant is.

        Args:
            model: what the user's function gave; of ONNX, the path of a file.
            graph: the network that it stands beside: its inputs are taken in the model's order.
            inputs, targets: as for `timed`.
            weights: the network's, by canonical name: of its form that is measured, and of the one that is trained
                where that is another. It is given those whose names and shapes it has.
            dtype: of weights and computation.
            device: where it is put.

        Returns:
            The model, and whether it has the network's weights now, so that its outputs can be compared.
        """
        ...
