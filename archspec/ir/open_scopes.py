"""Scopes while a graph is built: growing bodies, and tensors that cross from one scope into another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from archspec.errors import InternalError, Span
from archspec.expr import Expr
from archspec.ir.scope import Binding, Body, Choice, Item, Layer, Loop, Operand, Ref, Repetition, Result, Scope
from archspec.ir.tensor_type import TensorType
from archspec.records import record
from archspec.reserved_names import in_sequence


@record
class Tensor:
    """A tensor of a graph that is built: the node that computes it, and its name within the scope that holds it."""

    scope: OpenScope
    ref: Ref
    path: str
    type: TensorType


@dataclass(slots=True, eq=False)
class OpenScope:
    """A scope that still takes items, operands (tensors from around it) and results (tensors used outside)."""

    parent: OpenScope | OpenLoop | None
    location: int
    name: str
    path: str
    kind: Literal["network", "block", "sequence"]
    block: str | None = None
    bindings: Mapping[str, Binding] = field(default_factory=dict[str, Binding])
    lets: Mapping[str, Binding] = field(default_factory=dict[str, Binding])
    index: tuple[str, int] | None = None
    span: Span | None = None
    operands: list[Ref] = field(default_factory=list[Ref])
    """The tensors from around it."""
    results: dict[Ref, int] = field(default_factory=dict[Ref, int])
    """The tensors used outside, and their positions."""
    items: list[OpenItem] = field(default_factory=list["OpenItem"])
    names: dict[str, Span | None] = field(default_factory=dict[str, Span | None])
    """The names that are taken, and where."""
    sequences: dict[str, Span | None] = field(default_factory=dict[str, Span | None])
    """The sequences in which items stand that are called so, `convs.0`, and where the first of them is."""
    labels: dict[Ref, str] = field(default_factory=dict[Ref, str])
    lent: set[Ref] = field(default_factory=set[Ref])
    """Tensors that have their labels from a scope inside of it: what they are called here stands over that."""
    count: int = 0
    """How many numbered items it has so far."""
    counted: dict[str, int] = field(default_factory=dict[str, int])
    """How often a name has been given to items of iterations that have none of their own."""
    entered: list[Tensor] = field(default_factory=list["Tensor"])
    """The operands as tensors of the scope around."""
    _taken: dict[Ref, int] = field(default_factory=dict[Ref, int])

    def claim(self, name: str, span: Span | None) -> tuple[str, Span | None] | None:
        """Take a name for an item; where another has it, or has that of its sequence: which name that is, and where.

        Then nothing is taken.
        """
        sequence, _ = in_sequence(name)
        for taken, places in ((name, self.names), (sequence, self.names), (name, self.sequences)):
            if taken in places:
                return taken, places[taken]
        self.names[name] = span
        if sequence:
            self.sequences.setdefault(sequence, span)
        return None

    def label(self, ref: Ref, name: str) -> None:
        """Note what a tensor is called here; the first such name stands."""
        if ref in self.lent or ref not in self.labels:
            self.labels[ref] = name
            self.lent.discard(ref)

    def lend(self, ref: Ref, name: str) -> None:
        """Note what a tensor is called in the scope inside that gives it."""
        if ref not in self.labels:
            self.labels[ref] = name
            self.lent.add(ref)

    def take(self, tensor: Tensor) -> Operand:
        """Let a tensor of the parent's enter; the same one enters once."""
        if isinstance(self.parent, OpenLoop):
            return self.parent.take(tensor)
        if tensor.ref not in self._taken:
            self._taken[tensor.ref] = len(self.operands)
            self._enter(tensor)
        return Operand(self._taken[tensor.ref])

    @property
    def others(self) -> list[Tensor]:
        """What enters after the first tensor."""
        return self.entered[1:]

    def _enter(self, tensor: Tensor) -> None:
        self.operands.append(tensor.ref)
        self.entered.append(tensor)

    def feed(self, tensor: Tensor) -> Tensor:
        """Let a tensor enter as an operand of its own, whatever else has entered: it is one of a block's inputs."""
        if isinstance(self.parent, OpenScope):
            outside = bring(tensor, self.parent)
            self._enter(outside)
            return Tensor(self, Operand(len(self.operands) - 1), tensor.path, tensor.type)
        return bring(tensor, self)

    def give(self, ref: Ref) -> Result:
        """Let a tensor of this scope be used outside."""
        return Result(self.location, self.results.setdefault(ref, len(self.results)))

    def freeze(self, *, iterations: tuple[Operand, ...] | None = None, results: tuple[Ref, ...] | None = None) -> Scope:
        """The finished scope; `iterations` are the operands of a loop's iterations, `results` the network's outputs."""
        return Scope(
            self.location,
            self.name,
            self.path,
            self.kind,
            self.block,
            self.bindings,
            tuple(self.operands) if iterations is None else iterations,
            Body(_freeze(self.items), tuple(self.results) if results is None else results),
            self.span,
            self.labels,
            lets=self.lets,
            index=self.index,
        )


@dataclass(slots=True, eq=False)
class OpenChoice:
    """The side of a condition that was taken; it shares the scope's references."""

    location: int
    condition: Expr
    taken: bool
    operand: Ref
    items: list[OpenItem]
    results: list[Ref]
    """What it gives, and then the tensors in it that are outputs of the network."""
    has_other: bool = True
    """Whether there may be items on the other side."""
    repetition: Repetition | None = None

    def freeze(self) -> Choice:
        """The finished choice."""
        body = Body(_freeze(self.items), tuple(self.results))
        return Choice(
            self.location,
            self.condition,
            self.taken,
            self.operand,
            body,
            self.has_other,
            self.repetition,
        )


@dataclass(slots=True, eq=False)
class OpenLoop:
    """A chain of scopes that still grows. Operand 0 is what goes through the chain."""

    parent: OpenScope
    location: int
    name: str
    path: str
    times: Expr | None
    pattern: str
    operands: list[Ref]
    """The tensor that goes through, then those from around the loop."""
    span: Span | None
    structure: tuple[Expr, ...] = ()
    index: str = "i"
    before: int | None = None
    total: int | None = None
    iterations: list[OpenScope | Scope] = field(default_factory=list["OpenScope | Scope"])
    collects: bool = False
    """Whether what each iteration but the last gives is a further result; the last gives the loop's first."""
    others: list[Tensor] = field(default_factory=list["Tensor"])
    """What enters after the first tensor, as the scope around knows it."""
    _taken: dict[Ref, int] = field(default_factory=dict[Ref, int])

    def take(self, tensor: Tensor) -> Operand:
        """Let a tensor from around the loop enter, for every iteration; it is one of the parent's."""
        if tensor.ref not in self._taken:
            self._taken[tensor.ref] = len(self.operands)
            self.operands.append(tensor.ref)
            self.others.append(tensor)
        return Operand(self._taken[tensor.ref])

    def whole_indices(self, index: int) -> dict[str, int]:
        """What `unit_index` and `unit_count` are in an iteration, where they are known."""
        found = {} if self.before is None else {"unit_index": self.before + index}
        return found if self.total is None else {**found, "unit_count": self.total}

    def freeze(self) -> Loop:
        """The finished loop."""
        operands = tuple(Operand(index) for index in range(len(self.operands)))
        return Loop(
            self.location,
            self.name,
            self.path,
            self.times,
            self.pattern,
            tuple(self.operands),
            tuple(
                scope if isinstance(scope, Scope) else scope.freeze(iterations=operands) for scope in self.iterations
            ),
            self.span,
            self.structure,
            tuple(range(len(self.iterations) - 1)) if self.collects else (),
            index=self.index,
            before=self.before,
            total=self.total,
        )


OpenItem: TypeAlias = Layer | Scope | Loop | OpenScope | OpenChoice | OpenLoop
"""An item of an open scope; what is computed once more (`archspec.ir.reuse`) does not grow any more."""


def _freeze(items: list[OpenItem]) -> tuple[Item, ...]:
    return tuple(item if isinstance(item, Layer | Scope | Loop) else item.freeze() for item in items)


def enter(
    parent: OpenScope | OpenLoop, location: int, name: str, path: str, x: Tensor, span: Span | None = None
) -> OpenScope:
    """A new scope inside another, or a loop's next iteration; `x` is what it is given first."""
    scope = OpenScope(parent, location, name, path, "sequence", span=span)
    if isinstance(parent, OpenScope):
        scope.take(x)
        parent.items.append(scope)
    else:
        parent.iterations.append(scope)
    return scope


def leave(scope: OpenScope, y: Tensor) -> Tensor:
    """The scope's own result, which stands before those that taps have taken from it."""
    y = bring(y, scope)
    others = [ref for ref in scope.results if ref != y.ref]  # nothing outside has named them yet
    scope.results = {ref: index for index, ref in enumerate((y.ref, *others))}
    assert scope.parent is not None
    parent = scope.parent.parent if isinstance(scope.parent, OpenLoop) else scope.parent
    return Tensor(parent, Result(scope.location, 0), y.path, y.type)


def bring(tensor: Tensor, scope: OpenScope) -> Tensor:
    """The same tensor as `scope` knows it: carried out of scopes it stands in, and into those it does not."""
    if tensor.scope is scope:
        return tensor
    around = list(_around(scope))
    while tensor.scope not in around:
        parent = tensor.scope.parent
        if not isinstance(parent, OpenScope):
            raise InternalError(f"{tensor.path} cannot be carried out of {tensor.scope.path}")
        given, label = tensor.scope.give(tensor.ref), tensor.scope.labels.get(tensor.ref)
        if label is not None:
            parent.lend(given, label)
        tensor = Tensor(parent, given, tensor.path, tensor.type)
    for inner in reversed(around[: around.index(tensor.scope)]):
        tensor = Tensor(inner, inner.take(tensor), tensor.path, tensor.type)
    return tensor


def _around(scope: OpenScope) -> list[OpenScope]:
    """The scope and those around it, innermost first."""
    found = [scope]
    while (parent := found[-1].parent) is not None:
        found.append(parent.parent if isinstance(parent, OpenLoop) else parent)
    return found
