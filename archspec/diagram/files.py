"""Pictures as files: the suffix says which form, and each form is a module that is imported when it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from archspec.atomic_files import write_bytes
from archspec.digests import with_digest
from archspec.errors import Diagnostic, OutputError
from archspec.picture_files import check_picture

if TYPE_CHECKING:
    from archspec.diagram.picture import Picture
    from archspec.ir.graph import LayerGraph


def write(picture: Picture, path: Path) -> None:
    """Write a picture, whole or not at all; see `Drawing.save`."""
    check(path)
    write_bytes(path, with_digest(WRITERS[path.suffix](picture), path.suffix))


def check(path: Path) -> None:
    """See that a picture can be written into a file of this name, before it is drawn.

    Raises:
        OutputError: the suffix is none of a picture.
        BackendError: matplotlib is not installed.
    """
    check_picture(path, SUFFIXES, (".png", ".pdf"))


def _svg(picture: Picture) -> bytes:
    return picture.svg().encode()


def _dot(picture: Picture) -> bytes:
    from archspec.diagram.text_forms.dot import dot

    return dot(picture).encode()


def _mermaid(picture: Picture) -> bytes:
    from archspec.diagram.text_forms.mermaid import mermaid

    return mermaid(picture).encode()


def _node_link(picture: Picture) -> bytes:
    from archspec.diagram.text_forms.layer_graph import node_link

    return node_link(_single(picture, ".json")).encode()


def _graphml(picture: Picture) -> bytes:
    from archspec.diagram.text_forms.layer_graph import graphml

    return graphml(_single(picture, ".graphml")).encode()


def _single(picture: Picture, suffix: str) -> LayerGraph:
    """The graph that is drawn, whichever parts of it at whatever level.

    Raises:
        OutputError: there are several.
    """
    first, *others = (drawn.graph for drawn in picture.panels)
    if any(graph is not first for graph in others):
        message = f"a {suffix} file holds one network's graph, and there are several"
        raise OutputError(Diagnostic("E0605", message, help="write a file for each, or a .svg, .dot or .mmd of all"))
    return first


def _raster(kind: Literal["png", "pdf"]) -> Callable[[Picture], bytes]:
    def paint(picture: Picture) -> bytes:
        from archspec.diagram.raster import paint

        return paint(picture.scene, picture.theme, kind)

    return paint


def _html(picture: Picture) -> bytes:
    from archspec.diagram.page.page import html

    return html(picture).encode()


WRITERS: Final[Mapping[str, Callable[[Picture], bytes]]] = {
    ".svg": _svg,
    ".png": _raster("png"),
    ".pdf": _raster("pdf"),
    ".html": _html,
    ".dot": _dot,
    ".mmd": _mermaid,
    ".json": _node_link,
    ".graphml": _graphml,
}
"""What writes a picture, by its suffix."""
SUFFIXES: Final = tuple(WRITERS)
