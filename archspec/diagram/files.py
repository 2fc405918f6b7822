"""Pictures as files: the suffix says which form, and each form is a module that is imported when it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from archspec.errors import BackendError, Diagnostic, OutputError
from archspec.storage import write_bytes

if TYPE_CHECKING:
    from archspec.diagram.drawing import Drawing


def write(drawing: Drawing, path: Path) -> None:
    """Write a picture, whole or not at all; see `Drawing.save`."""
    check(path)
    write_bytes(path, WRITERS[path.suffix](drawing))


def check(path: Path) -> None:
    """See that a picture can be written into a file of this name, before it is drawn.

    Raises:
        OutputError: the suffix is none of a picture.
        BackendError: matplotlib is not installed.
    """
    if path.suffix not in WRITERS:
        message = f"a picture cannot be drawn into {path}"
        raise OutputError(Diagnostic("E0605", message, help=f"its suffix must be one of {', '.join(WRITERS)}"))
    if path.suffix in (".png", ".pdf") and find_spec("matplotlib") is None:
        help = "install it with `pip install 'archspec-nn[plot]'`, or write a .svg, which needs nothing"
        message = f"matplotlib, which draws {path.suffix} files, is not installed"
        raise BackendError(Diagnostic("E0602", message, help=help))


def _svg(drawing: Drawing) -> bytes:
    return drawing.svg().encode()


def _raster(kind: Literal["png", "pdf"]) -> Callable[[Drawing], bytes]:
    def paint(drawing: Drawing) -> bytes:
        from archspec.diagram.raster import paint

        return paint(drawing.scene, drawing.theme, kind)

    return paint


WRITERS: Final[Mapping[str, Callable[[Drawing], bytes]]] = {
    ".svg": _svg,
    ".png": _raster("png"),
    ".pdf": _raster("pdf"),
}
"""What writes a picture, by its suffix."""
SUFFIXES: Final = tuple(WRITERS)
