"""The findings of the checks, and what can turn out to be wrong only while a network is worked out, as diagnostics."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from archspec.errors import ArchspecError, Diagnostic, Diagnostics, Note, Span
from archspec.ir.attributes import Padding
from archspec.ir.captions import extents
from archspec.ir.def_use import Node, producer
from archspec.ir.op import Op, ShapeError
from archspec.ir.open_scopes import OpenLoop, OpenScope
from archspec.ir.scope import Layer
from archspec.ir.tensor_type import TensorType, shape_text
from archspec.limits import Budget, Limits
from archspec.lowering.rounding import unrounded_input
from archspec.spec import Call, Item, Reuse

_LAYERS_SHOWN: Final = 4


@dataclass(slots=True, eq=False)
class CheckDiagnostics(Diagnostics):
    """Findings of the static checks, up to a limit, and what the checks may take."""

    budget: Budget = field(kw_only=True)
    outside: set[str] = field(default_factory=set[str])
    """Params of the network that a block mentions, which sees only its own."""
    refused: set[int] = field(default_factory=set[int])
    """The items that something is wrong with, by `id`: what they give is not known."""
    uncertain: set[str] = field(default_factory=set[str])
    """The ops that have a default which is wrong."""
    listed: bool = False
    """Whether all ops have been listed in a help text."""

    def __post_init__(self) -> None:
        """Past the most errors nothing more is learned."""
        self.most = self.budget.limits.errors

    @property
    def full(self) -> bool:
        """Whether there are so many that nothing more is learned."""
        return len(self.found) >= self.budget.limits.errors

    def add_new(self, error: ArchspecError) -> None:
        """Add what the computation says, but for what has been said: of one place, or of a name that is not known."""
        for new in error.diagnostics:
            if new.code == "E0302" and "`i`" not in new.message:
                continue  # the static checks say of all names which they are
            if new.code == "E0402" and any(old.code == "E0403" and old.span == new.span for old in self.found):
                continue  # nothing needs the value
            if all((old.code, old.span) != (new.code, new.span) for old in self.found):
                self.error(new.code, new.message, new.span, label=new.label, notes=new.notes, help=new.help)


def shape_error(
    error: ShapeError,
    op: Op,
    call: Call,
    path: str,
    given: Sequence[str],
    arrived: str,
    nodes: Mapping[str, Node],
    trail: Sequence[Note],
) -> Diagnostic:
    """Shapes that an op does not take: which they are, the layers they came through, and the calls that led there.

    Args:
        error: what the op says.
        op: the op.
        call: where the op is written.
        path: the op's.
        given: the nodes that give its inputs, by path.
        arrived: the node whose tensor arrives at the op, and at each of its branches.
        nodes: all nodes so far.
        trail: the calls around it, outermost first.
    """
    notes: list[Note] = []
    arrived = producer(arrived)
    for index, source in enumerate(given, start=1):
        node, source = nodes[producer(source)], producer(source)
        shape, way = node.type.text, _way(source, "" if source == arrived else arrived, nodes)
        if call.branches is None:
            notes.append(Note(f"{source} gives {shape}" + (f": {way}" if way else ""), node.span))
        elif source == arrived:
            notes.append(Note(f"branch {index} is what arrives, {shape}: {way or source}", node.span))
        else:
            notes.append(Note(f"branch {index} gives {shape}: {way or source}", node.span))
    help = error.help
    if not help and error.code == "E0502":
        help = unrounded_input(op, given, nodes) or _meeting(op, [nodes[producer(source)].type for source in given])
    blamed = call.attributes.get(error.attribute)
    span = call.span if blamed is None else blamed.span
    return Diagnostic(error.code, f"{_subject(path, op)} {error}", span, notes=(*notes, *reversed(trail)), help=help)


def _subject(path: str, op: Op) -> str:
    """A layer's path, and its op where its name does not say that already."""
    named = re.fullmatch(rf"{op.name}(_?\d+)?", path.rpartition(".")[2])
    return path if named else f"{path} ({op.name})"


def _way(end: str, start: str, nodes: Mapping[str, Node]) -> str:
    """The last layers that lead to a node, each with its shape, from `start` if that is among them."""
    way = [producer(end)]
    while way[-1] != start and len(way) <= _LAYERS_SHOWN and nodes[way[-1]].inputs:
        way.append(producer(nodes[way[-1]].inputs[0]))
    more = "... → " if nodes[way[-1]].inputs and way[-1] != start else ""
    steps = " → ".join(f"{path} {nodes[path].type.text}" for path in reversed(way))
    return more + steps if len(way) > 1 else ""


def _meeting(op: Op, types: Sequence[TensorType]) -> str:
    """What makes branches of these types meet."""
    if len({type.axes for type in types}) > 1:
        return "`to_image` and `to_tokens` make an image of tokens and tokens of an image, `reshape` any shape"
    if not types[0].is_spatial:
        return ""
    shapes = [type.sizes for type in types]
    full = max(shapes, key=math.prod)
    counts = {shape[0] for shape in shapes}
    is_factor = op.name in ("multiply", "divide")
    if is_factor:
        counts.discard(1)
    ones = (1,) * len(full[1:])
    scales = [shape for shape in shapes if shape[1:] == ones != full[1:]]
    if len(counts) > 1 and op.name != "concat":
        few = min(shapes, key=lambda shape: (shape[0] == full[0], math.prod(shape)))
        if all(shape[1:] == full[1:] for shape in shapes) or (scales and is_factor):
            size = f"{extents(ones)} " if len(ones) > 1 else ""
            return (
                f"give the branches equally many channels ({full[0]} where one gives {few[0]}); a {size}convolution, "
                f"`conv: {{filters: {full[0]}, kernel: 1}}`, changes those of a branch"
            )
    if scales and not is_factor:
        return (
            f"{op.name} does not broadcast: put `upsample: {{factor: {list(full[1:])}}}` at the end of the "
            f"branch that gives {shape_text(scales[0])}"
        )
    return "give the branches the same strides, and padding that keeps the size (`padding: same`)"


def two_layers(path: str, item: Item, notes: Sequence[Note]) -> Diagnostic:
    """Two layers of one path, which is the name of their weights."""
    help = "give one of them another name"
    if (label := getattr(item, "label", None)) is not None and "{" in label:
        help = "let the index in its name decide it, as in `convs.{i}`, or give one of them another name"
    elif label is not None:
        help += f"; to compute `{label}` once more with the same weights, write `- reuse: {label}` in place of this"
    return Diagnostic("E0405", f"two layers are called `{path}`", item.span, notes=tuple(notes), help=help)


def layer_and_sequence(path: str, item: Item, notes: Sequence[Note]) -> Diagnostic:
    """A name that is an item's and a sequence's, whose layers are called `path.0` and so on."""
    message = f"`{path}` is both an item and the sequence of those that are called `{path}.0` and the like"
    return Diagnostic("E0405", message, item.span, notes=tuple(notes), help="give one of the two another name")


def misfit(error: ShapeError, item: Reuse, first: Layer | OpenScope | OpenLoop, trail: Sequence[Note]) -> Diagnostic:
    """What is used again does not take what arrives, or its weights do not fit."""
    notes = (Note(f"`{item.item}` is here", first.span), *reversed(trail))
    return Diagnostic("E0505", str(error), item.span, notes=notes, help=error.help)


def results_named(call: Call, op: Op, path: str, count: int, names: Collection[str]) -> Diagnostic:
    """An op's results, and the names that a call lists for them, are not equally many."""
    place = call.attributes["outputs"].span if "outputs" in call.attributes else call.span
    if count == 1:
        message = f"{_subject(path, op)} gives one tensor, which goes on"
        return Diagnostic("E0410", message, place, help="leave `outputs` out")
    shown = ", ".join(f"part_{index}" for index in range(1, min(count, 4) + 1)) + (", ..." if count > 4 else "")
    message = f"{_subject(path, op)} gives {count} tensors, and {len(names) or 'none'} of them has a name"
    if names:
        message = f"{_subject(path, op)} gives {count} tensors, and `outputs` has {len(names)} names"
    help = f"list a name for each, `outputs: [{shown}]`; the first goes on, the others are started `from`"
    return Diagnostic("E0410", message, place, help=help)


def tap_marked_twice(name: str, place: Span | None) -> Diagnostic:
    """A tap, or an input, whose name marks another tensor already."""
    help = "give it another name; a tap in a `repeat` is new in each iteration, and carries nothing to the next"
    return Diagnostic("E0405", f"`{name}` marks another tensor here already", place, help=help)


def unmarked_tap(name: str, place: Span | None, what: str = "tap") -> Diagnostic:
    """A tap, or a list, that exists, but has not been passed where it is asked for."""
    help = f"a {what} is seen after it, and not outside the condition or the `repeat` that it stands in"
    return Diagnostic("E0406", f"{what} `{name}` has not been reached here", place, help=help)


def too_large(shape: Sequence[int], limits: Limits) -> str | None:
    """What is too large about a tensor's shape, if anything is."""
    numbers = math.prod(shape)
    if 0 < numbers <= min(limits.size, limits.tensor):  # as nearly all have; then no size is larger either
        return None
    if (most := max(shape, default=0)) > limits.size:
        return f"a size of {most:,}, where at most {limits.size:,} are allowed"
    if numbers > limits.tensor:
        return f"{numbers:,} numbers in one tensor, where at most {limits.tensor:,} are allowed"
    return None


def layer_too_large(op: Op, inputs: Sequence[TensorType], outputs: Sequence[TensorType], limits: Limits) -> str | None:
    """What is too large about a layer, if anything is: its outputs, its padded input, or its weights."""
    shapes = [type.sizes for type in outputs]
    padding = getattr(op.resolved(inputs), "padding", None)
    if isinstance(padding, Padding) and padding.sides is not None:
        places = zip(inputs[0].places, padding.sides, strict=True)
        shapes.append((inputs[0].channels, *[size + before + after for size, (before, after) in places]))
    if reason := next(filter(None, [too_large(shape, limits) for shape in shapes]), None):
        return reason
    return next(filter(None, [too_large(weight.shape, limits) for weight in op.weights(inputs)]), None)


def too_many_items(place: Span | None, most: int) -> Diagnostic:
    """The network, written out, is past the limit."""
    message = f"the network has more than {most:,} items, with all iterations and calls written out"
    return Diagnostic("E0304", message, place)
