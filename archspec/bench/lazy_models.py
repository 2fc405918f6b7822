"""The part of a backend that makes its models ready to be timed, imported when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archspec.bench.backend import TimedModel
from archspec.codegen.backend import Arrays
from archspec.codegen.lazy_models import LazyModels
from archspec.ir.graph import LayerGraph


class LazyTimedModels(LazyModels):
    """What `TimesModels` asks for beside its variants, by functions of the module `models`."""

    def timed_environment(self, engine: str) -> Mapping[str, str]:
        """See `TimesModels`."""
        return self.environment(engine)

    def timed(
        self, model: Any, graph: LayerGraph, inputs: Arrays, *, variant: str, targets: Arrays | None = None
    ) -> TimedModel:
        """See `TimesModels`."""
        found: TimedModel = self._models().timed(model, graph, inputs, variant=variant, targets=targets)
        return found

    def timed_rival(
        self,
        model: Any,
        graph: LayerGraph,
        inputs: Arrays,
        *,
        weights: Arrays,
        targets: Arrays | None,
        dtype: str,
        device: str | None,
    ) -> tuple[TimedModel, bool]:
        """See `TimesModels`."""
        found: tuple[TimedModel, bool] = self._models().timed_rival(
            model, graph, inputs, weights=weights, targets=targets, dtype=dtype, device=device
        )
        return found
