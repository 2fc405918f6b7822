"""What can turn out to be wrong only while a network is worked out, as diagnostics."""

from __future__ import annotations

import math
from collections.abc import Sequence

from archspec.errors import Diagnostic, Note, Span
from archspec.ir.attributes import Padding
from archspec.ir.graph import Node
from archspec.ir.limits import LIMITS
from archspec.ir.op import Op, Shape, ShapeError, shape_text
from archspec.spec import Call


def shape_error(error: ShapeError, call: Call, path: str, given: Sequence[Node], trail: Sequence[Note]) -> Diagnostic:
    """Shapes that an op does not take: which arrived, where they came from, and the calls that led there."""
    notes = [Note(f"{node.path} gives {shape_text(node.shape)}", node.span) for node in given]
    return Diagnostic(error.code, f"{path}: {error}", call.span, notes=(*notes, *reversed(trail)), help=error.help)


def unmarked_tap(name: str, place: Span | None) -> Diagnostic:
    """A tap that exists, but has not been passed where it is asked for."""
    help = "a tap is seen after it, and not outside the condition or the `repeat` that it stands in"
    return Diagnostic("E0406", f"tap `{name}` has not been reached here", place, help=help)


def too_large(shape: Sequence[int]) -> str | None:
    """What is too large about a tensor's shape, if anything is."""
    if (most := max(shape, default=0)) > LIMITS.size:
        return f"a size of {most:,}, where at most {LIMITS.size:,} are allowed"
    if (numbers := math.prod(shape)) > LIMITS.tensor:
        return f"{numbers:,} numbers in one tensor, where at most {LIMITS.tensor:,} are allowed"
    return None


def layer_too_large(op: Op, inputs: Sequence[Shape], shape: Shape) -> str | None:
    """What is too large about a layer, if anything is: its output, its padded input, or its weights."""
    reason = too_large(shape)
    padding = getattr(op.resolved(inputs), "padding", None)
    if reason is None and isinstance(padding, Padding) and padding.sides is not None:
        channels, height, width = inputs[0]
        top, bottom, left, right = padding.sides
        reason = too_large((channels, height + top + bottom, width + left + right))
    for weight in op.weights(inputs) if reason is None else ():
        reason = reason or too_large(weight.shape)
    return reason


def too_many_items(place: Span | None) -> Diagnostic:
    """The network, written out, is past the limit."""
    message = f"the network has more than {LIMITS.items:,} items, with all rounds and calls written out"
    return Diagnostic("E0304", message, place)
