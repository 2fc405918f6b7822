"""The errors that backends have in common."""

from __future__ import annotations

from typing import Final

from archspec.errors import BackendError, Diagnostic, did_you_mean

DTYPES: Final = ("float16", "bfloat16", "float32", "float64")
"""What a model may be built in; all of archspec's own backends know these."""


def check_dtype(name: str) -> None:
    """See that models can be built in this dtype.

    Raises:
        BackendError: they cannot.
    """
    if name not in DTYPES:
        help = did_you_mean(name, DTYPES) or f"choose one of {', '.join(DTYPES)}"
        raise BackendError(Diagnostic("E0411", f"no model can be built in the dtype `{name}`", help=help))


def not_importable(title: str, error: Exception) -> BackendError:
    """The error for a framework that is installed, and raises when it is imported."""
    said = " ".join(str(error).split())
    message = f"{title} is installed, and cannot be imported: {type(error).__name__}{f': {said}' if said else ''}"
    help = "its installation is damaged, or does not fit the rest of the environment; install it again"
    return BackendError(Diagnostic("E0602", message, help=help))


def no_device(name: str, reason: Exception, help: str) -> BackendError:
    """The error for a device that a framework does not know or does not find."""
    found = str(reason).strip().partition("\n")[0]
    return BackendError(Diagnostic("E0411", f"there is no device `{name}` here: {found}", help=help))
