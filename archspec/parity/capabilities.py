"""What the engine of a process can do of a comparison."""

from __future__ import annotations

from typing import Final

from archspec.codegen.backend import RunsModels, Task, TrainsModels
from archspec.codegen.registry import without
from archspec.parity.plan import Kind

_TASKS: Final[dict[Kind, Task]] = {
    "inference": "inference",
    "training": "training",
    "gradients": "gradients",
    "run": "gradients",
}


def missing_capability(target: RunsModels, kind: Kind, dtype: str) -> str:
    """Why a backend cannot do a check on the engine of this process, as people read it; empty if it can."""
    task = _TASKS[kind]
    if task == "gradients" and not isinstance(target, TrainsModels):
        return without(target.name, TrainsModels)
    return target.lacks(task, dtype)
