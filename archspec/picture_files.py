"""Pictures as files: which names they may have, and plots that matplotlib draws."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archspec.atomic_files import write_bytes
from archspec.digests import with_digest
from archspec.errors import BackendError, Diagnostic, OutputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOTS: Final = (".svg", ".png", ".pdf")
"""The suffixes of plots."""


def check_picture(path: Path, suffixes: Sequence[str] = PLOTS, by_matplotlib: Sequence[str] = PLOTS) -> None:
    """See that a picture can be drawn into a file of this name, before anything is done for it.

    Args:
        path: the file.
        suffixes: those that it may have.
        by_matplotlib: those of them that matplotlib draws.

    Raises:
        OutputError: it has another suffix.
        BackendError: matplotlib is needed, and is not installed.
    """
    if path.suffix not in suffixes:
        message = f"a picture cannot be drawn into {path}"
        raise OutputError(Diagnostic("E0605", message, help=f"its suffix must be one of {', '.join(suffixes)}"))
    if path.suffix in by_matplotlib and find_spec("matplotlib") is None:
        message = f"matplotlib, which would draw {path}, is not installed"
        help = "install it with `pip install matplotlib`"
        others = [suffix for suffix in suffixes if suffix not in by_matplotlib]
        help += f", or write a {others[0]}, which needs nothing" if others else ""
        raise BackendError(Diagnostic("E0602", message, help=help))


@contextmanager
def plot(path: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure of matplotlib's, in inches, to be drawn on: written whole when the block ends without an error.

    What is drawn alike has the same bytes every time.

    Raises:
        OutputError, BackendError: see `check_picture`; or the file cannot be written.
    """
    check_picture(path)
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "archspec", "svg.fonttype": "none"}):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix)
        file = io.BytesIO()
        figure.savefig(file, format=path.suffix[1:], dpi=150, metadata=metadata)
    write_bytes(path, with_digest(file.getvalue(), path.suffix))
