"""How backends are found, and held against what a caller needs of them.

A backend is registered under the entry-point group `archspec.backends`; those that come with archspec are registered
exactly as anyone else's.
"""

from __future__ import annotations

from contextlib import suppress
from inspect import get_annotations
from typing import Final, TypeVar, overload

from archspec.codegen.backend import Backend
from archspec.entry_points import EntryPointGroup
from archspec.errors import BackendError, Diagnostic, Note, did_you_mean

_BACKENDS: Final = EntryPointGroup("archspec.backends", BackendError)
_MEANT: Final = {"pytorch": "torch", "tensorflow": "keras", "tf": "keras", "jax": "keras", "onnxruntime": "onnx"}
"""Names of frameworks, each with the backend for it: Keras runs on TensorFlow and on JAX."""
_WITHOUT: Final = {
    "Backend": "writes no source",
    "BuildsModels": "builds no models",
    "ExchangesWeights": "neither loads nor exports weights",
    "RunsModels": "runs no models",
    "TrainsModels": "computes no gradients",
    "SavesWeights": "writes no weights files",
    "PacksModels": "writes no model files",
    "QuantizesModels": "quantizes no models",
    "TimesModels": "times no models",
    "WritesTraining": "writes no training programs",
}
"""What is said of a backend without a contract, by its name: not all of them stand in this package."""

Contract = TypeVar("Contract", bound=Backend)


def backends() -> list[str]:
    """The names of all installed backends."""
    return sorted(_BACKENDS.points)


@overload
def backend(name: str) -> Backend: ...
@overload
def backend(name: str, contract: type[Contract]) -> Contract: ...
def backend(name: str, contract: type[Backend] = Backend) -> Backend:
    """The backend of this name, which satisfies a contract: what the caller needs of it.

    Args:
        name: as it is registered.
        contract: one of the protocols of `archspec.codegen.backend`, or `archspec.training.backend.WritesTraining`.

    Raises:
        BackendError: there is none, it cannot be imported, or it lacks members of the contract; it is said which, and
            who has them.
    """
    found = _loaded(name)
    if isinstance(found, contract):
        return found
    lacking = [member for member in _members(contract) if getattr(found, member, None) is None]
    note = Note(f"`{contract.__name__}` of {contract.__module__} also has {', '.join(f'`{it}`' for it in lacking)}")
    others = [other for other in backends() if _satisfies(other, contract)]
    help = f"choose one of {', '.join(f'`{other}`' for other in others)}" if others else "no installed backend does"
    raise BackendError(Diagnostic("E0607", without(name, contract), notes=(note,), help=help))


def without(name: str, contract: type[Backend]) -> str:
    """What the backend of this name does not do, as it does not satisfy a contract."""
    return f"the backend `{name}` {_WITHOUT[contract.__name__]}"


def _loaded(name: str) -> object:
    """What is registered under this name.

    Raises:
        BackendError: nothing is, several packages have it, or it raises when it is imported.
    """
    if name in _BACKENDS.points:
        return _BACKENDS.load(name, f"the backend `{name}`", lambda found: found)
    meant = _MEANT.get(name.lower())
    help = f"write `{meant}`" if meant is not None else did_you_mean(name, backends())
    raise BackendError(Diagnostic("E0603", f"there is no backend `{name}`", help=help))


def _satisfies(name: str, contract: type[Backend]) -> bool:
    with suppress(BackendError):  # one that cannot be imported
        return isinstance(_loaded(name), contract)
    return False


def _members(contract: type[Backend]) -> list[str]:
    """The members of a protocol, those that it inherits first."""
    found = [name for base in reversed(contract.__mro__) for name in (*get_annotations(base), *vars(base))]
    return [name for name in dict.fromkeys(found) if not name.startswith("_")]
