"""The module tree: a network as definitions that call each other, the way a person would write it.

It is framework-neutral. A `Definition` is one class (PyTorch) or one function (Keras), made from all instances of a
block at once; what differs between the instances is an expression of the definition's parameters. Every expression
here has been evaluated for every instance and compared with the graph before it is trusted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from archspec.codegen.marked_text import inside
from archspec.codegen.symbolic import is_large
from archspec.errors import InternalError
from archspec.expr import Binary, Const, Expr, Name, fold, names
from archspec.ir.op import Op
from archspec.ir.scope import Operand, Ref, Result
from archspec.ir.tensor_type import Axes
from archspec.limits import Budget

CHANNELS: Final = Name("channels")
"""The channels that arrive at the definition."""


def channels_of(operand: str) -> Name:
    """The channels of a block's input of this name. No spec can contain what it is called."""
    return Name(f"{CHANNELS.id}@{operand}")


def is_count(name: str) -> bool:
    """Whether this is a name for channels or an iteration's index, which are whole numbers, and no param's."""
    return name == CHANNELS.id or "@" in name


@dataclass(frozen=True, slots=True)
class LayerUse:
    """One layer of a definition.

    `values` are the attributes that are the same in all instances, `exprs` those that are expressions; an attribute
    is in one of the two. `features` are the channels of each operand, `axes` what its axes are, the batch left
    out. `number` is set for a layer that a named sequence numbers; `name` is then empty. `sizes` are the shapes of the
    operands without their channels, for an op that is `sized`, and empty for all others.
    """

    location: int
    name: str
    named: bool
    number: Expr | None
    op: type[Op]
    values: Mapping[str, Any]
    exprs: Mapping[str, Expr]
    has_weights: bool
    features: tuple[Expr, ...]
    axes: tuple[Axes, ...]
    operands: tuple[Ref, ...]
    paths: tuple[str, ...]
    """The layer's in each instance; the other items have theirs, too."""
    sizes: tuple[tuple[int, ...], ...] = ()
    results: int = 1
    """How many tensors it gives."""
    reuses: str = ""
    """The name of the item of the same scope whose layers it is called with, where it has none of its own."""

    def value(self, name: str) -> Any:
        """An attribute's value.

        Raises:
            InternalError: it is an expression, which may give another value in each instance.
        """
        if name not in self.values:
            raise InternalError(f"{self.op.name}: the value of `{name}` was asked for, which is an expression")
        return self.values[name]

    def fixed(self, *names: str) -> bool:
        """None of these attributes is an expression."""
        return not set(names) & self.exprs.keys()


@dataclass(frozen=True, slots=True)
class CallUse:
    """One call of another definition, with its arguments."""

    location: int
    name: str
    number: Expr | None
    definition: Definition
    arguments: Mapping[str, Expr]
    operands: tuple[Ref, ...]
    paths: tuple[str, ...]
    reuses: str = ""
    """The name of the item of the same scope whose layers it is called with, where it has none of its own."""


@dataclass(frozen=True, slots=True)
class SequenceUse:
    """A named sequence; its body's operands are those given here."""

    location: int
    name: str
    number: Expr | None
    body: Tree
    operands: tuple[Ref, ...]
    paths: tuple[str, ...]
    reuses: str = ""
    """The name of the item of the same scope whose layers it is called with, where it has none of its own."""


@dataclass(frozen=True, slots=True)
class ChoiceUse:
    """Items that some instances have and others do not. References inside are those of the body around."""

    location: int
    condition: Expr
    operand: Ref
    then: Tree
    other: Tree


@dataclass(frozen=True, slots=True)
class Run:
    """Iterations `start` to `stop` of a loop, all with the same item.

    The item's expressions may mention the names that `iteration_names(depth)` gives: the iteration's index, and, if
    `carried` is given, the channels that arrive in it. `carried` is what they are in the first iteration,
    `carried_next` what each iteration leaves for the next.
    """

    start: Expr
    stop: Expr
    item: CallUse | SequenceUse
    depth: int = 1
    carried: Expr | None = None
    carried_next: Expr | None = None
    general: SequenceUse | None = None
    """The sequence that all runs of the loop were made from, still in terms of `iteration_names(depth)`.

    Repeats in it are still one run each, in terms of their own.
    """
    bound: Mapping[str, Expr] = field(default_factory=dict[str, Expr])
    """What those names are in this run."""

    @property
    def first(self) -> int:
        """The first iteration's index, where it is a number."""
        assert isinstance(self.start, Const) and isinstance(self.start.value, int)
        return self.start.value

    @property
    def count(self) -> int | None:
        """How many iterations, if that is a number."""
        if isinstance(self.start, Const) and isinstance(self.stop, Const):
            assert isinstance(self.start.value, int) and isinstance(self.stop.value, int)
            return self.stop.value - self.start.value
        return None


@dataclass(frozen=True, slots=True)
class LoopUse:
    """A chain of iterations: a stage's units, or a `repeat`."""

    location: int
    name: str
    number: Expr | None
    pattern: str
    runs: tuple[Run, ...]
    operands: tuple[Ref, ...]
    paths: tuple[str, ...]
    iterations: tuple[tuple[str, ...], ...]
    """The paths of each iteration in all instances.

    What a run's item says of its own paths may be those of all iterations.
    """
    marks: tuple[int, ...] = ()
    """Iterations that give further results of the loop, 1, 2 ..., each what there is after it."""
    reuses: str = ""
    """The name of the item of the same scope whose layers it is called with, where it has none of its own."""

    @property
    def called(self) -> str:
        """The name of the item that all iterations call again; empty where they have layers of their own."""
        names = {run.item.reuses for run in self.runs}
        return names.pop() if len(names) == 1 else ""

    def iterations_of(self, run: Run, scopes: Collection[str] | None = None) -> list[str]:
        """The paths of the iterations of a run; where the loop stands in iterations itself, `scopes` has those that
        count.
        """
        stop = None if run.count is None else run.first + run.count
        return [path for paths in self.iterations[run.first : stop] for path in inside(paths, scopes)]


ItemUse: TypeAlias = LayerUse | CallUse | SequenceUse | ChoiceUse | LoopUse


@dataclass(frozen=True, slots=True)
class Tree:
    """Items in order of computation, what they give, and what the spec calls some of the tensors."""

    items: tuple[ItemUse, ...]
    results: tuple[Ref, ...]
    labels: Mapping[Ref, str] = field(default_factory=dict[Ref, str])


@dataclass(frozen=True, slots=True)
class Parameter:
    """A definition's parameter. `type` is Python's name for it; without a default it is required."""

    name: str
    type: str
    default: Expr | None
    doc: str = ""
    derived: Expr | None = None
    """What it is computed from: then it is no parameter of the source, and stands for this wherever it is used."""


@dataclass(eq=False, slots=True)
class Definition:
    """One class or function of the generated source."""

    name: str
    class_name: str
    doc: str
    parameters: tuple[Parameter, ...]
    tree: Tree
    operands: int
    features: tuple[Expr, ...]
    """The channels of each result, in the definition's own terms."""
    paths: tuple[str, ...]
    """Those of all its instances; the network's own is empty."""
    inputs: tuple[str, ...] = ()
    """What the spec calls the operands; where it has no name for one, it is empty."""
    is_network: bool = False
    budget: Budget = field(kw_only=True)
    """What is left for writing it: one for all definitions of a network."""

    def whole(self, name: str) -> bool:
        """Whether a name in it stands for a whole number in all calls."""
        return is_count(name) or any(given.name == name and given.type == "int" for given in self.parameters)


@dataclass(frozen=True, slots=True)
class Module:
    """All definitions of a network, each after those it calls; the network itself stands last."""

    definitions: tuple[Definition, ...]

    @property
    def network(self) -> Definition:
        """The definition of the network itself."""
        return self.definitions[-1]


def is_reuse(item: ItemUse) -> bool:
    """Whether an item has no layers of its own, but those of another."""
    return not isinstance(item, ChoiceUse) and bool(item.reuses or (isinstance(item, LoopUse) and item.called))


def with_owners(tree: Tree) -> Tree:
    """The tree of a scope in which each layer has an item that makes it: the first of those that are called with it.

    The item that a spec names may be gone, since nothing needs what it gives.
    """
    return _with_owners(tree, set(_own_names(tree)))


def _own_names(tree: Tree) -> Iterator[str]:
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            yield from _own_names(item.then)
            yield from _own_names(item.other)
        elif not item.reuses:
            yield item.name


def _with_owners(tree: Tree, known: set[str]) -> Tree:
    items: list[ItemUse] = []
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            item = replace(item, then=_with_owners(item.then, known), other=_with_owners(item.other, known))
        elif item.reuses and item.reuses not in known:
            known.add(item.reuses)
            item = replace(item, name=item.reuses, reuses="")
        items.append(item)
    return replace(tree, items=tuple(items))


def layers(tree: Tree) -> Iterator[LayerUse]:
    """All layers written in a tree, those of called definitions left out."""
    for item in tree.items:
        match item:
            case LayerUse():
                yield item
            case SequenceUse(body=body):
                yield from layers(body)
            case ChoiceUse(then=then, other=other):
                yield from layers(then)
                yield from layers(other)
            case LoopUse(runs=runs):
                for run in runs:
                    if isinstance(run.item, SequenceUse):
                        yield from layers(run.item.body)
            case CallUse():
                pass


def deepest(tree: Tree) -> int:
    """How many loops stand inside each other at most, those of called definitions left out."""
    found = 0
    for item in tree.items:
        match item:
            case SequenceUse(body=body):
                found = max(found, deepest(body))
            case ChoiceUse(then=then, other=other):
                found = max(found, deepest(then), deepest(other))
            case LoopUse(runs=runs):
                inner = (deepest(run.item.body) for run in runs if isinstance(run.item, SequenceUse))
                found = max(found, *(run.depth for run in runs), *inner, 0)
            case LayerUse() | CallUse():
                pass
    return found


def held(*items: ItemUse, scopes: Collection[str] | None = None) -> list[str]:
    """The paths of items and of all that is in them, what called definitions hold left out.

    `scopes` are the iterations that count, where the items stand in iterations of a loop.
    """
    found: list[str] = []
    for item in items:
        match item:
            case ChoiceUse(then=then, other=other):
                found += held(*then.items, *other.items, scopes=scopes)
                continue
            case SequenceUse(body=body):
                found += held(*body.items, scopes=scopes)
            case LoopUse():
                for run in item.runs:
                    iterations = item.iterations_of(run, scopes)
                    found += iterations
                    found += held(run.item, scopes={*iterations})
            case LayerUse() | CallUse():
                pass
        found += inside(item.paths, scopes)
    return found


_FIRST: Final = Operand(0)


def is_chain(tree: Tree, start: Ref = _FIRST) -> bool:
    """Each item takes what the one before gives, the first `start`, so that `nn.Sequential` can hold it."""
    last = start
    for item in tree.items:
        match item:
            case ChoiceUse():
                if item.operand != last or not (is_chain(item.then, last) and is_chain(item.other, last)):
                    return False
            case _:
                if item.operands != (last,) or (isinstance(item, LayerUse) and item.results > 1):
                    return False
        last = Result(item.location)
    return tree.results == (last,)


def stops(tree: Tree) -> tuple[int, ...] | None:
    """How many items of a chain give each of its results, in their order; None if it is no chain of numbered parts.

    A chain gives what its last item gives, and, where tensors are taken out of its middle, what stands there.
    """
    last: Ref = _FIRST
    for item in tree.items:
        if isinstance(item, ChoiceUse) or item.operands != (last,) or (isinstance(item, LayerUse) and item.results > 1):
            return None
        last = Result(item.location)
    places: dict[Ref, int] = {Result(item.location): place for place, item in enumerate(tree.items, start=1)}
    found = tuple(places[ref] for ref in tree.results if ref in places)
    return found if len(found) == len(tree.results) and len(tree.items) in found else None


def iteration_names(depth: int) -> tuple[str, str]:
    """The names of an iteration's index and of the channels that arrive in it, for a loop inside `depth - 1` others.

    No spec can contain these names, so they never meet a param.
    """
    return f"i@{depth}", f"channels@{depth}"


MOST_UNROLLED: Final = 16


def channels_after(run: Run, budget: Budget) -> Expr | None:
    """The channels after all iterations of a repeat, if they can be written down."""
    assert run.carried is not None and run.carried_next is not None
    index, channels = iteration_names(run.depth)
    if run.count == 0:
        return run.carried
    found = after_iterations(run, run.stop, budget)
    if found is not None:
        return found
    if run.count is not None and channels not in names(run.carried_next, budget):
        return fold(run.carried_next, budget, {index: Const(run.count - 1)}, is_whole=True)
    if run.count is not None and run.count <= MOST_UNROLLED:
        arriving = run.carried
        for number in range(run.count):
            arriving = fold(run.carried_next, budget, {index: Const(number), channels: arriving}, is_whole=True)
            if is_large(arriving):
                return None
        return arriving
    return None


def after_iterations(run: Run, count: Expr, budget: Budget) -> Expr | None:
    """The channels after `count` iterations, if there is a formula for them."""
    assert run.carried is not None and run.carried_next is not None
    index, channels = iteration_names(run.depth)
    match run.carried_next:
        case after if not names(after, budget) & {channels, index}:
            return after
        case after if (
            index not in names(after, budget)
            and fold(after, budget, {channels: run.carried}, is_whole=True) == run.carried
        ):
            return run.carried  # the first iteration leaves what it got, and so does every other
        case Name(name) if name == channels:
            return run.carried
        case Binary("+", Name(name), step) if name == channels and not names(step, budget) & {channels, index}:
            return fold(Binary("+", run.carried, Binary("*", step, count)), budget, is_whole=True)
        case _:
            return None
