"""What the iterations of a loop look up by their index, as parameters: of a class that is made of an iteration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from archspec.codegen.escaping import annotation, variable_name
from archspec.codegen.table_rows import mapped, wanted_names
from archspec.codegen.tree import ChoiceUse, Definition, Run, SequenceUse, Tree, iteration_names
from archspec.codegen.walk import layers
from archspec.expr import Const, Expr, ExprError, FunctionCall, IfElse, Name, Slice, Value, evaluate, names, replaced
from archspec.limits import Budget

_TYPES: Final = (bool, int, float, str)
_WIDTH: Final = "out_channels"
"""What the channels are called that an iteration leaves."""
_BEFORE: Final = "before"
"""What the sum is called of a table's values before the iteration's own."""


@dataclass(frozen=True, slots=True)
class Lifted:
    """An iteration that knows no index: each value that follows from that is a parameter."""

    item: SequenceUse
    given: Mapping[str, Expr]
    """What each parameter is, in terms of the loop."""
    types: Mapping[str, str]


def is_stage(general: SequenceUse) -> bool:
    """Whether an iteration is a row whose parts are there under conditions: as an expression, it would not be read."""
    items = general.body.items
    return len(items) > 1 and any(isinstance(item, ChoiceUse) for item in items)


def lifted(run: Run, general: SequenceUse, definition: Definition) -> Lifted | None:
    """The iterations of a run without their index; None where the values are none that can be given."""
    index, channels = iteration_names(run.depth)
    budget, width = definition.budget, run.carried_next
    if isinstance(width, Name | Const):
        width = None
    if isinstance(width, IfElse) and width.other == Name(channels):
        general = _with_width(general, width)
    iteration = replace(run, item=general, carried_next=None)
    found = _IterationValues(index, {index, *definition.types}, width, budget)
    mapped(iteration, found.note)
    values = found.apart()
    types = {expr: "int" if expr == width else _type(expr, run, definition) for expr in values}
    if None in types.values():
        return None
    wanted = wanted_names(general, values) | _conditions(general.body)
    taken, called = {*found.kept}, dict[Expr, str]()
    for expr in sorted(values, key=lambda expr: (expr != width, types[expr] == "bool")):
        usual = _WIDTH if expr == width else _BEFORE if _is_sum_before(expr) else wanted.get(expr, "value")
        if str(types[expr]).startswith("tuple[tuple"):  # what its items are for says nothing of it
            usual = "rows"
        name, number = usual, 2
        while name in taken:
            name, number = f"{usual}_{number}", number + 1
        taken.add(name)
        called[expr] = name
    made = mapped(iteration, lambda expr: _by_names(expr, called)).item
    assert isinstance(made, SequenceUse)
    given = {name: expr for expr, name in called.items()}
    return Lifted(made, given, {name: str(types[expr]) for name, expr in given.items()})


@dataclass(slots=True)
class _IterationValues:
    """The values in an iteration that follow from its index alone."""

    index: str
    around: set[str]
    """What they may speak of: the index, and the parameters of the definition around."""
    width: Expr | None
    """The channels that the iteration leaves, a value as well."""
    budget: Budget
    found: dict[Expr, None] = field(default_factory=dict[Expr, None])
    kept: set[str] = field(default_factory=set[str])
    """The names that the iteration speaks of beside them."""

    def note(self, expr: Expr) -> Expr:
        """Find them in an expression, which stays as it is."""
        return replaced(expr, self._value)

    def _value(self, expr: Expr) -> Expr | None:
        mentioned = names(expr, self.budget)
        if expr == self.width or (self.index in mentioned and mentioned <= self.around):
            self.found.setdefault(expr)
            return expr
        self.kept |= {expr.id} if isinstance(expr, Name) else set[str]()
        return None

    def apart(self) -> list[Expr]:
        """Those that do not follow from others: of `depth` and `depth - 1` the first."""
        return [expr for expr in self.found if expr == self.width or not self._follows(expr)]

    def _follows(self, expr: Expr) -> bool:
        others = {other: "other" for other in self.found if other != expr}
        return self.index not in names(_by_names(expr, others), self.budget)


def _by_names(expr: Expr, called: Mapping[Expr, str]) -> Expr:
    return replaced(expr, lambda part: Name(called[part]) if part in called else None)


def _with_width(general: SequenceUse, width: IfElse) -> SequenceUse:
    """Where the condition holds that changes the channels, those that it asks for are those that are left."""

    def side(tree: Tree) -> Tree:
        part = Run(Const(0), Const(1), replace(general, body=tree))
        changed = mapped(part, lambda expr: replaced(expr, lambda inner: width if inner == width.then else None)).item
        assert isinstance(changed, SequenceUse)
        return changed.body

    items = tuple(
        replace(item, then=side(item.then)) if isinstance(item, ChoiceUse) and item.condition == width.test else item
        for item in general.body.items
    )
    return replace(general, body=replace(general.body, items=items))


def _type(expr: Expr, run: Run, definition: Definition) -> str | None:
    """Python's name for the type of an expression's values; None where it has none that can be said."""
    env: dict[str, Value] = {iteration_names(run.depth)[0]: run.first}
    try:
        for given in definition.parameters:
            if given.default is not None:
                env[given.name] = evaluate(given.default, env, definition.budget)
        for local in definition.locals:
            env[local.name] = evaluate(local.expr, env, definition.budget)
        value = evaluate(expr, env, definition.budget)
    except ExprError:
        return None
    if isinstance(value, tuple):
        return _type_of_rows(expr, run, env, definition)
    return type(value).__name__ if isinstance(value, _TYPES) else None


def _type_of_rows(expr: Expr, run: Run, env: Mapping[str, Value], definition: Definition) -> str | None:
    """Python's name for the type of rows that are not all alike; None where it is not known how many there are."""
    if run.count is None:
        return None
    index = iteration_names(run.depth)[0]
    numbers = range(run.first, run.first + run.count)
    rows = [evaluate(expr, {**env, index: number}, definition.budget) for number in numbers]
    found = [row for row in rows if isinstance(row, tuple)]
    if len(found) < len(rows):
        return None
    if len({*map(len, found)}) > 1:
        return f"tuple[{annotation([item for row in found for item in row])}, ...]"
    return annotation(found)


def _conditions(tree: Tree) -> dict[Expr, str]:
    """What conditions are called after: what they let in."""
    found: dict[Expr, str] = {}
    for item in tree.items:
        if isinstance(item, ChoiceUse) and item.then.items:
            first = item.then.items[0]
            name = next((layer.op.name for layer in layers(item.then)), "it")
            own = "" if isinstance(first, ChoiceUse) else first.name
            found.setdefault(item.condition, f"has_{variable_name(own or name)}")
    return found


def _is_sum_before(expr: Expr) -> bool:
    """Whether an expression is the sum of what stands in a table before the iteration's own, as of units."""
    match expr:
        case FunctionCall("sum", (Slice(_, None, stop),)):
            return stop is not None
        case _:
            return False
