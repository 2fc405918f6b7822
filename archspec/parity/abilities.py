"""What a backend has to have for a comparison. A third party's may lack some of it."""

from __future__ import annotations

from inspect import signature
from typing import Final

from archspec.codegen.backend import Backend, Task
from archspec.errors import BackendError, Diagnostic
from archspec.parity.plan import Kind

_NEEDED: Final = (
    "title",
    "engines",
    "environment",
    "lacks",
    "require",
    "versions",
    "build",
    "load_weights",
    "export_weights",
    "run",
)
_TASKS: Final[dict[Kind, Task]] = {
    "inference": "inference",
    "training": "training",
    "gradients": "gradients",
    "run": "gradients",
}
_METHODS: Final[dict[Kind, str]] = {"gradients": "gradients", "run": "train"}


def check_able(name: str, target: Backend) -> None:
    """See that a backend can take part in comparisons at all.

    Raises:
        BackendError: it lacks members of the protocol that every comparison needs.
    """
    missing = [f"`{member}`" for member in _NEEDED if not hasattr(target, member)]
    if not missing:
        for method, parameter in (("require", "engine"), ("run", "nodes")):
            if parameter not in signature(getattr(target, method)).parameters:
                missing.append(f"the parameter `{parameter}` of `{method}`")
    if missing:
        message = f"the backend `{name}` cannot be compared: it lacks {', '.join(missing)}"
        help = "the protocol `Backend` of archspec/codegen/backend.py says what each of them does"
        raise BackendError(Diagnostic("E0601", message, help=help))


def lacking(target: Backend, kind: Kind, dtype: str) -> str:
    """Why a backend cannot do a check on the engine of this process, as people read it; empty if it can."""
    method = _METHODS.get(kind, "")
    if method and not hasattr(target, method):
        return f"the backend has no `{method}`"
    return target.lacks(_TASKS[kind], dtype)
