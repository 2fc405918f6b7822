"""What the engine of a process can do of a comparison."""

from __future__ import annotations

from typing import Final

from archspec.codegen.backend import PacksModels, RunsModels, Task, TrainsModels
from archspec.codegen.registry import without
from archspec.ir.graph import LayerGraph
from archspec.parity.plan import Kind

_TASKS: Final[dict[Kind, Task]] = {
    "inference": "inference",
    "training": "training",
    "gradients": "gradients",
    "run": "gradients",
}


def missing_capability(target: RunsModels, kind: Kind, dtype: str, graph: LayerGraph) -> str:
    """Why a backend cannot do a check on the engine of this process, as people read it; empty if it can."""
    task = _TASKS[kind]
    if task == "gradients" and not isinstance(target, TrainsModels):
        return without(target.name, TrainsModels)
    if task != "inference" and graph.training_outputs and isinstance(target, PacksModels):
        return f"a model of {target.title} gives no outputs of training alone"
    return target.lacks(task, dtype)
