"""The module tree: a network as definitions that call each other, the way a person would write it.

It is framework-neutral. A `Definition` is one class (PyTorch) or one function (Keras), made from all instances of a
block at once; what differs between the instances is an expression of the definition's parameters. Every expression
here has been evaluated for every instance and compared with the graph before it is trusted.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from archspec.codegen.marked_text import inside
from archspec.errors import InternalError
from archspec.expr import Const, Expr, Name, Value, items_of
from archspec.ir.op import Op
from archspec.ir.scope import Ref
from archspec.ir.tensor_type import Axes
from archspec.limits import Budget

_WHOLE_LIST: Final = re.compile(r"tuple\[int(, int)*(, \.\.\.)?\]")
"""The type of a list of whole numbers."""

CHANNELS: Final = Name("channels")
"""The channels that arrive at the definition."""


def channels_of(operand: str) -> Name:
    """The channels of a block's input of this name. No spec can contain what it is called."""
    return Name(f"{CHANNELS.id}@{operand}")


def is_count(name: str) -> bool:
    """Whether this is a name for channels or an iteration's index, which are whole numbers, and no param's."""
    return name == CHANNELS.id or ("@" in name and not is_row_value(name))


def row_value(name: str, depth: int) -> Name:
    """A value of the row that an iteration is for, in a loop inside `depth - 1` others."""
    return Name(f"{name}@row{depth}")


def is_row_value(name: str) -> bool:
    """Whether this is a name for a value of a row."""
    return name.partition("@")[2].startswith("row")


def iteration_names(depth: int) -> tuple[str, str]:
    """The names of an iteration's index and of the channels that arrive in it, for a loop inside `depth - 1` others.

    No spec can contain these names, so they never meet a param.
    """
    return f"i@{depth}", f"channels@{depth}"


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
    draws: Mapping[str, Expr] = field(default_factory=dict[str, Expr])
    """What the numbers of initializers among its values follow from, where that is arguments of the network's."""
    flat_name: Expr | None = None
    """What gives its name where names are flat, in source that has such names."""

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
class LoopRows:
    """The table that a loop goes through: `for kernel, filters in ((3, 16), (5, 24))`."""

    names: tuple[str, ...]
    """What a row's values are called in expressions; empty for one that nothing takes."""
    table: Expr
    """The rows, or values in place of rows of one."""
    is_flat: bool
    """Whether it has values in place of rows."""


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
    rows: LoopRows | None = None
    """The table whose rows the iterations are for, where one is gone through."""

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
    columns: int = 0
    """How many of the tensors that an iteration takes are its own: the last operands are those of the first iteration,
    of the second, and so on."""
    is_chain: bool = True
    """Whether an iteration takes what the one before gives; else none of the operands goes through them."""
    is_listed: bool = False
    """Whether what the iterations give is a list in source, however many there are."""
    reuses: str = ""
    """The name of the item of the same scope whose layers it is called with, where it has none of its own."""

    @property
    def called(self) -> str:
        """The name of the item that all iterations call again; empty where they have layers of their own."""
        names = {run.item.reuses for run in self.runs}
        return names.pop() if len(names) == 1 else ""

    @property
    def is_sequential(self) -> bool:
        """Whether each iteration is called on what the one before gives, and on nothing else."""
        return self.is_chain and len(self.operands) == 1

    @property
    def common(self) -> tuple[Ref, ...]:
        """What every iteration takes besides what the one before gives, in the order of its item's operands."""
        return self.operands[self.is_chain : len(self.operands) - self.columns * len(self.iterations)]

    @property
    def own(self) -> tuple[tuple[Ref, ...], ...]:
        """For each iteration what it alone takes, which its item has after what all take."""
        start, count = len(self.operands) - self.columns * len(self.iterations), self.columns
        return tuple(self.operands[start + count * k : start + count * (k + 1)] for k in range(len(self.iterations)))

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
    counts: Mapping[int, Expr] = field(default_factory=dict[int, Expr])
    """How many rounds there are, by the location of the first item of all, where any other count would be right too."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A definition's parameter. `type` is Python's name for it; without a default it is required."""

    name: str
    type: str
    default: Expr | None
    doc: str = ""
    derived: Expr | None = None
    """What it is computed from: then it is no parameter of the source, and stands for this wherever it is used."""
    is_width: bool = False
    """Whether it is a number of channels."""
    is_obvious: bool = False
    """Whether a call says no name for it."""
    is_single: bool = False
    """Whether it is taken for what is 1 unless it is given: a stride, a dilation, groups."""
    choices: tuple[Value, ...] = ()
    """The values that it may have, where the spec lists them."""
    owner: str = ""
    """What `doc` ends with where that is not the spec's: the layers that it is of, by names of the definition's own."""


@dataclass(frozen=True, slots=True)
class Local:
    """A quantity of a definition: its expression, of the parameters and of those before it. `type` is Python's name."""

    name: str
    type: str
    expr: Expr


@dataclass(eq=False, slots=True, weakref_slot=True)
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
    outputs: tuple[str, ...] = ()
    """What the spec calls the results, in the order in which it declares them, where it does."""
    is_network: bool = False
    is_part: bool = False
    """Whether it is made of a named sequence, which declares nothing."""
    locals: tuple[Local, ...] = ()
    required: Mapping[str, Expr] = field(default_factory=dict[str, Expr])
    """What some of its parameters have to be, whatever is given: they need not be given."""
    bounds: tuple[Expr, ...] = ()
    """What holds of its parameters: for other values it would be another network."""
    variant: str = ""
    """What tells it from others that are made of the same block, in a word; empty where none does."""
    told: str = ""
    """The same in a sentence, for its docstring."""
    in_order: bool = False
    """Whether a backend writes it as no more than its items, one called after the other."""
    budget: Budget = field(kw_only=True)
    """What is left for writing it: one for all definitions of a network."""

    @property
    def documentation(self) -> str:
        """What its docstring says of it; empty where nothing is known."""
        return f"{self.doc.rstrip('. ')}. {self.told}" if self.told else self.doc

    @property
    def types(self) -> dict[str, str]:
        """The types of its parameters and its quantities, by name."""
        found = {given.name: given.type for given in self.parameters}
        return found | {local.name: local.type for local in self.locals}

    def whole(self, name: str) -> bool:
        """Whether a name in it stands for a whole number in all calls; by `items_of`, for a list of such."""
        listed = name.removesuffix(items_of(""))
        if listed != name:
            return _WHOLE_LIST.fullmatch(self.types.get(listed, "")) is not None
        return is_count(name) or self.types.get(name) == "int"


@dataclass(frozen=True, slots=True)
class Module:
    """All definitions of a network, each after those it calls; the network itself stands last."""

    definitions: tuple[Definition, ...]

    @property
    def network(self) -> Definition:
        """The definition of the network itself."""
        return self.definitions[-1]
