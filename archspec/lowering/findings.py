"""What can turn out to be wrong only while a network is worked out, as diagnostics."""

from __future__ import annotations

from collections.abc import Sequence

from archspec.errors import Diagnostic, Note, Span
from archspec.ir.graph import Node
from archspec.ir.op import ShapeError, shape_text
from archspec.spec import Call


def shape_error(error: ShapeError, call: Call, path: str, given: Sequence[Node], trail: Sequence[Note]) -> Diagnostic:
    """Shapes that an op does not take: which arrived, where they came from, and the calls that led there."""
    notes = [Note(f"{node.path} gives {shape_text(node.shape)}", node.span) for node in given]
    return Diagnostic(error.code, f"{path}: {error}", call.span, notes=(*notes, *reversed(trail)), help=error.help)


def unmarked_tap(name: str, place: Span) -> Diagnostic:
    """A tap that exists, but has not been passed where it is asked for."""
    help = "a tap is seen after it, and not outside the condition or the `repeat` that it stands in"
    return Diagnostic("E0406", f"tap `{name}` has not been reached here", place, help=help)
