"""The tree of scopes: all that a graph keeps of its layers.

It says what is computed and how a person wrote it: which block a layer belongs to, what the block's params were bound
to, which condition held, what was repeated. Code generation prints the scopes. The nodes of the graph, their order and
their inputs are made from them (`archspec.ir.def_use`).

Every item of a body has a `location`: its place in the YAML body, the same in all instances of a block whichever
conditions hold. Two instances of a block are aligned by their locations, never by guessing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Final, Literal, TypeAlias

from archspec.errors import Span
from archspec.expr import Expr, Name, Value
from archspec.ir.op import Op
from archspec.ir.tensor_type import TensorType
from archspec.records import record


@record
class Operand:
    """The `index`-th tensor that enters the scope."""

    index: int


@record
class Result:
    """The `index`-th tensor that the item at `location` gives."""

    location: int
    index: int = 0


Ref: TypeAlias = Operand | Result

ITERATION: Final = 2**32
"""How far apart the locations are of what stands in an iteration of a repeat that is `inline` and in the next one.

It is more than any file has items, or a repeat iterations.
"""


def how_often(path: str) -> str:
    """What the count of a repeat decides."""
    return f"how often {path} runs"


def how_often_inline(path: str) -> str:
    """What the count of a repeat decides that has no scope of its own; `path` is that of the scope around it."""
    return f"how often the repeat in {path or 'the network'} runs"


def iteration_at(location: int) -> int:
    """Which iteration of repeats that are `inline` an item at a location is of; 0 for one of none."""
    return location // ITERATION


def channels_at(level: int, ref: Ref) -> Name:
    """The channels of a tensor, in an expression of a layer at which others arrive: where a block is called inline.

    `level` is how many scopes and loops are around the tensor's own, up to the block or network whose frame it is.
    No spec can contain what it is called.
    """
    place = f"o{ref.index}" if isinstance(ref, Operand) else f"r{ref.location}.{ref.index}"
    return Name(f"channels@{level}:{place}")


def tensor_named(name: str) -> tuple[int, Ref] | None:
    """The level and the tensor of such a name; None for any other."""
    _, found, place = name.partition(":")
    if not found:
        return None
    level, numbers = int(name.partition("@")[2].partition(":")[0]), [int(part) for part in place[1:].split(".")]
    return level, Operand(*numbers) if place[0] == "o" else Result(*numbers)


def item_label(name: str, index: int) -> str:
    """The label of a tensor that is one of a list: `outputs[0]`."""
    return f"{name}[{index}]"


def listed(label: str) -> tuple[str, int] | None:
    """The list and the place of a tensor with such a label; None for any other."""
    name, _, index = label.partition("[")
    return (name, int(index[:-1])) if index else None


@record
class Binding:
    """What a block's param stands for in one call: its value, and the caller's expression for it."""

    value: Value
    expr: Expr


@record
class Layer:
    """An op with concrete attributes.

    `types` are those of its results, one unless the op has several. `exprs` are the expressions behind attributes that
    the spec did not give as plain values; their names are those of the frame of the nearest block, plus `channels`
    (those that arrive here).
    """

    location: int
    name: str
    named: bool
    """The spec gave the name; otherwise it comes from the op."""
    path: str
    operands: tuple[Ref, ...]
    op: Op
    types: tuple[TensorType, ...]
    exprs: Mapping[str, Expr]
    span: Span | None
    shared: Mapping[str, str] = field(default_factory=dict[str, str])
    """The parameters that are not its own, by what the op calls them: their canonical names, as `first.weight`."""
    flat_name: Binding | None = None
    """Its name where names are flat, as in Keras, and the expression for it; its path joined by `_` unless given."""


def owners_of(shared: Mapping[str, str]) -> list[str]:
    """The paths of the layers that have the parameters which a layer shares: one, unless it has those of several.

    Args:
        shared: as `Layer.shared`. A parameter that its owner calls otherwise is taken to have a name without a dot.
    """
    paths = (
        name.removesuffix(f".{weight}") if name.endswith(f".{weight}") or not weight else name.rpartition(".")[0]
        for weight, name in shared.items()
    )
    return list(dict.fromkeys(paths))


@record
class Body:
    """Items in the order they are computed, and what they give in the end."""

    items: tuple[Item, ...]
    results: tuple[Ref, ...]


@record
class Scope:
    """A named part of a network: the network itself, a block's instance, or a named sequence.

    A block opens a frame of variables of its own; a sequence sees those around it.
    """

    location: int
    name: str
    path: str
    kind: Literal["network", "block", "sequence"]
    block: str | None
    bindings: Mapping[str, Binding]
    operands: tuple[Ref, ...]
    body: Body
    span: Span | None
    labels: Mapping[Ref, str] = field(default_factory=dict[Ref, str])
    """What the spec calls tensors of the body: its taps."""
    shares: str = ""
    """The path of the scope that is computed here once more, with its parameters."""
    lets: Mapping[str, Binding] = field(default_factory=dict[str, Binding])
    """The quantities of its frame, each an expression of its params and of those before it."""
    index: tuple[str, int] | None = None
    """Of an iteration that stands among the items around the repeat: what expressions call its number, and that."""


@record
class Repetition:
    """What items of a body are the iterations of, without a scope around all of them."""

    times: Expr
    """How many there are."""
    pattern: str | None
    """Gives the iterations' names, an expression of `i` in each pair of braces; None where they are no scopes, or none
    gives them.
    """
    index: str
    """What expressions inside call the iteration's number."""
    is_alike: bool
    """Whether nothing in them but names asks for that."""


@record
class Choice:
    """Items under a `when`: the side that was taken. Its items name outer ones directly; it is no scope.

    It gives one tensor, and further ones where outputs of a network, or taps that repeats carry along, come out of it.
    """

    location: int
    condition: Expr
    taken: bool
    operand: Ref
    """The tensor that arrives: what `channels` in the condition speaks of, and what a missing side passes on."""
    body: Body
    has_other: bool = True
    """Whether there may be items on the side that was not taken; without any it passes on what arrives."""
    repetition: Repetition | None = None
    """What its items are the iterations of, where the condition says how many of them there are."""


@record
class Loop:
    """Scopes in a chain, named 0, 1, 2 ... or by a pattern: a stage of units, or a `repeat`.

    The first operand goes through all of them in turn; further operands are the same for each. `times` is the
    count's expression for a `repeat`, None for a stage, whose units are listed one by one. `pattern` gives the
    names, an expression of `i` in each pair of braces. `structure` holds the expressions that decided how many units a
    stage has. `marks` are iterations, by their index, whose tensors are used outside as well: results 1, 2 ... of the
    loop.
    """

    location: int
    name: str
    path: str
    times: Expr | None
    pattern: str
    operands: tuple[Ref, ...]
    iterations: tuple[Scope, ...]
    span: Span | None
    structure: tuple[Expr, ...] = ()
    marks: tuple[int, ...] = ()
    shares: str = ""
    """The path of the loop that is computed here once more, with its parameters."""
    index: str = "i"
    """What expressions inside call the iteration's number."""
    before: int | None = None
    """Of a stage of the network: how many units the stages before it have."""
    total: int | None = None
    """How many units all stages of the network have, where this one asks for it."""


Item: TypeAlias = Layer | Scope | Choice | Loop


def walk_layers(item: Item) -> Iterator[Layer]:
    """Every layer of an item, in the order of computation."""
    return (found for found in walk(item) if isinstance(found, Layer))


def walk(item: Item) -> Iterator[Item]:
    """An item and every one below it, the item itself first, in the order of computation."""
    stack: list[Item] = [item]
    while stack:
        item = stack.pop()
        yield item
        match item:
            case Layer():
                pass
            case Scope(body=body) | Choice(body=body):
                stack.extend(reversed(body.items))
            case Loop(iterations=iterations):
                stack.extend(reversed(iterations))
