"""Loops over the rows of a table: `for kernel, filters in rows` where iterations would each look up their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from archspec.codegen.escaping import literal, variable_name
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Bracket, Code
from archspec.codegen.tree import (
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    LoopRows,
    LoopUse,
    Module,
    Run,
    SequenceUse,
    Tree,
    iteration_names,
    row_value,
)
from archspec.codegen.walk import loops
from archspec.expr import (
    Bool,
    Compare,
    Const,
    Expr,
    ExprError,
    IfElse,
    Index,
    Name,
    Value,
    evaluate,
    exactly,
    names,
    replaced,
    source,
)
from archspec.expr.tree import children
from archspec.limits import Budget

_USUAL: Final = "row"
"""What a row is called that is a value of another."""
_COUNT: Final = "depth"
"""What a value is called that says how often a loop runs."""
_SHORT: Final = 40
"""Characters of a table that may stand in the line of a loop."""


Shown: TypeAlias = Callable[[ItemUse], Iterator[Expr]]
"""The expressions that a backend writes of an item."""


def with_rows(module: Module, shown: Shown) -> Module:
    """The module with loops that go through tables in place of those that look values up by their index."""
    for definition in module.definitions:
        definition.tree = _Rewriter(definition, shown).tree(definition.tree, {})
    return module


def through_rows(run: Run, definition: Definition, shown: Shown) -> Run:
    """A run that goes through a table in place of looking values up by its index."""
    return _Rewriter(definition, shown).run(run, {})


def loop_header(
    run: Run, printer: ExpressionPrinter, *, uses_index: bool, unused: Collection[str] = frozenset()
) -> str:
    """What stands between `for` and the colon of a loop.

    `uses_index` says that it is asked for, `unused` which of a row's values are not.
    """
    index = printer.spelled[iteration_names(run.depth)[0]]
    start, stop = run.start, printer.expr(run.stop)
    if run.rows is not None:
        values = ", ".join(printer.spelled[name] if name and name not in unused else "_" for name in run.rows.names)
        if not run.rows.is_flat:
            values = f"({values}{',' if len(run.rows.names) == 1 else ''})"
        table = printer.expr(run.rows.table)
        if not uses_index:
            return f"{values[1:-1] if len(run.rows.names) > 1 else values} in {table}"
        first = "" if start == Const(0) else f", start={printer.expr(start)}"
        return f"{index}, {values} in enumerate({table}{first})"
    if uses_index:
        return f"{index} in range({stop if start == Const(0) else f'{printer.expr(start)}, {stop}'})"
    count = run.count
    if count is None and start != Const(0):
        return f"_ in range({stop} - {printer.expr(start)})"
    return f"_ in range({stop if count is None else count})"


def tables(tree: Tree) -> dict[Const, str]:
    """The tables of loops that are too long to stand in the line of one, each with a name for it."""
    found: dict[Const, LoopUse] = {}
    for loop in loops(tree):
        for run in loop.runs:
            table = None if run.rows is None else run.rows.table
            if isinstance(table, Const) and len(source(table)) > _SHORT:
                found.setdefault(table, loop)
    if len(found) == 1:
        return dict.fromkeys(found, "rows")
    return {table: _rows_of(loop) for table, loop in found.items()}


def _rows_of(loop: LoopUse) -> str:
    """What the table of a loop is called: after the loop, or after what its iterations are called."""
    name = loop.name or loop.pattern.partition("{")[0].strip("_-")
    return f"{variable_name(name)}_rows" if name else "rows"


def table_code(table: Const) -> Code:
    """A table as source, with a line for each row where it is long."""
    assert isinstance(table.value, tuple)
    return Bracket("", tuple(literal(row) for row in table.value))


@dataclass(frozen=True, slots=True)
class _Rewriter:
    definition: Definition
    shown: Shown

    def tree(self, tree: Tree, known: Mapping[str, Sequence[Value]]) -> Tree:
        """A tree with such loops; `known` has what the values of rows around can be."""
        return replace(tree, items=tuple(self.item(item, known) for item in tree.items))

    def item(self, item: ItemUse, known: Mapping[str, Sequence[Value]]) -> ItemUse:
        match item:
            case SequenceUse():
                return replace(item, body=self.tree(item.body, known))
            case ChoiceUse():
                return replace(item, then=self.tree(item.then, known), other=self.tree(item.other, known))
            case LoopUse() if not item.called and not item.marks and not item.columns:
                return replace(item, runs=tuple(self.run(run, known) for run in item.runs))
            case _:
                return item

    def run(self, run: Run, known: Mapping[str, Sequence[Value]]) -> Run:
        """An outer loop first: what an inner one goes through is then a value of its row."""
        if run.count is not None and run.count > 1:
            run, more = self.unpacked(run, known)
            known = {**known, **more}
        item = self.item(run.item, known)
        assert isinstance(item, CallUse | SequenceUse)
        return replace(run, item=item)

    def unpacked(self, run: Run, known: Mapping[str, Sequence[Value]]) -> tuple[Run, Mapping[str, Sequence[Value]]]:
        """The run as it goes through rows, and what their values can be."""
        assert run.count is not None
        budget, index = self.definition.budget, iteration_names(run.depth)[0]
        found = _Lookups(index, range(run.first, run.first + run.count), budget, known)
        written = [*self.shown(run.item), *(() if run.carried_next is None else (run.carried_next,))]
        for expr in written:
            found.count(expr)
        for expr in written:
            found.look(expr)
        columns = found.columns or found.nested(run.first)
        if not columns:
            return run, {}
        wanted = wanted_names(run.item, columns)
        taken = {*self.definition.types}
        names_of: dict[Expr, Expr] = {}
        kept: dict[tuple[Value, ...], Name] = {}
        for column, values in columns.items():
            if found.columns and all(exactly(value, values[0]) for value in values):
                names_of[column] = Const(values[0])
                continue
            alike = next((name for other, name in kept.items() if found.columns and exactly(values, other)), None)
            if alike is not None:
                names_of[column] = alike
                continue
            usual = _USUAL if any(isinstance(value, tuple) for value in values) else wanted.get(column, "value")
            name, number = usual, 2
            while name in taken:
                name, number = f"{usual}_{number}", number + 1
            taken.add(name)
            names_of[column] = kept[values] = row_value(name, run.depth)
        changed = mapped(run, lambda expr: replaced(expr, names_of.get))
        if not kept:
            return changed, {}
        more = {name.id: values for values, name in kept.items()}
        if found.columns:
            rows = [tuple(values[at] for values in kept) for at in range(run.count)]
            table = Const(tuple(rows if len(kept) > 1 else [row[0] for row in rows]))
            return replace(changed, rows=LoopRows(tuple(more), table, is_flat=len(kept) == 1)), more
        places = {_place(column): name.id for column, name in zip(columns, kept.values(), strict=True)}
        given = tuple(places.get(place, "") for place in range(found.width)) if found.width else (places[None],)
        return replace(changed, rows=LoopRows(given, found.table, is_flat=not found.width)), more


class _Lookups:
    """The items of tables that iterations look up by their index alone, each with its value in each iteration."""

    def __init__(self, index: str, span: range, budget: Budget, known: Mapping[str, Sequence[Value]]) -> None:
        self.index = index
        self.span = span
        self.budget = budget
        self.known = known
        self.users: dict[Expr, dict[Expr, None]] = {}
        """The expressions in which each item is looked up."""
        self.columns: dict[Expr, tuple[Value, ...]] = {}
        self.inner: dict[Expr, None] = {}
        """Those of a table that is itself a value of the row of a loop around."""
        self.table: Expr = Const(())
        """That table."""
        self.width = 0
        """How many values each of its rows has; 0 where the rows are values."""

    def count(self, expr: Expr) -> None:
        """Note in which expressions of the index alone each item is looked up."""
        if names(expr, self.budget) == {self.index}:
            for lookup in _lookups(expr):
                self.users.setdefault(lookup, {})[expr] = None
            return
        for part in children(expr):
            self.count(part)

    def _is_one(self, expr: Expr) -> bool:
        """Whether an expression's value is one of the row: none of what it looks up is asked for elsewhere, too."""
        if isinstance(expr, Index) and _is_constant(expr):
            return True
        lookups = [*_lookups(expr)]
        return bool(lookups) and all(len(self.users.get(lookup, ())) < 2 for lookup in lookups)

    def look(self, expr: Expr) -> None:
        """Find those in an expression."""
        if names(expr, self.budget) == {self.index} and self._is_one(expr):
            try:
                values = tuple(evaluate(expr, {self.index: at}, self.budget) for at in self.span)
            except ExprError:
                return
            self.columns.setdefault(expr, values)
            return
        match expr:
            case Index(Index(Name(name), Name(self.index)), Const(int())) | Index(Name(name), Name(self.index)):
                if name in self.known:
                    self.inner.setdefault(expr)
                    return
            case _:
                pass
        for part in children(expr):
            self.look(part)

    def nested(self, first: int) -> dict[Expr, tuple[Value, ...]]:
        """The items of one table that a loop around gives; none where the iterations are not for all of its rows."""
        tables = {_base(expr) for expr in self.inner}
        if len(tables) != 1 or first:
            return {}
        self.table = tables.pop()
        assert isinstance(self.table, Name)
        rows: list[Value] = []
        for table in self.known[self.table.id]:
            if not isinstance(table, tuple) or len(table) != len(self.span):
                return {}
            rows += table
        places = {_place(expr) for expr in self.inner}
        if places == {None}:
            return {expr: tuple(rows) for expr in self.inner}
        widths = {len(row) if isinstance(row, tuple) else 0 for row in rows}
        if None in places or len(widths) != 1:
            return {}
        self.width = widths.pop()
        if not all(place is not None and 0 <= place < self.width for place in places):
            return {}
        return {
            expr: tuple(row[place] for row in rows if isinstance(row, tuple))
            for expr in self.inner
            if (place := _place(expr)) is not None
        }


def _base(expr: Expr) -> Expr:
    return _base(expr.value) if isinstance(expr, Index) else expr


def _place(expr: Expr) -> int | None:
    """Which value of its row a lookup is; None where it is the row itself."""
    match expr:
        case Index(Index(), Const(int() as place)):
            return place
        case _:
            return None


def _lookups(expr: Expr) -> Iterator[Expr]:
    """The items of constant tables that are looked up in an expression."""
    if isinstance(expr, Index) and _is_constant(expr):
        yield expr
        return
    for part in children(expr):
        yield from _lookups(part)


def _is_constant(expr: Expr) -> bool:
    """Whether a table whose item is looked up is a constant."""
    return isinstance(expr, Const) or (isinstance(expr, Index) and _is_constant(expr.value))


def wanted_names(item: ItemUse, columns: Collection[Expr]) -> dict[Expr, str]:
    """What values of rows are called after: what takes one as it is, or how often a loop runs, or what it is a part of.

    What a condition compares a value with says nothing of it.
    """
    named = sorted(_named(item), key=lambda pair: pair[0] == _COUNT)  # what has a name of its own first
    found: dict[Expr, str] = {}
    for argument, expr in named:
        if expr in columns:
            found.setdefault(expr, argument)
    for argument, expr in named:
        for column in columns:
            if argument != _COUNT and _is_part(expr, column):
                found.setdefault(column, argument)
    return found


def _is_part(expr: Expr, part: Expr) -> bool:
    """Whether a value is worked out of another."""
    if expr == part:
        return True
    inner = (expr.then, expr.other) if isinstance(expr, IfElse) else children(expr)
    return not isinstance(expr, Compare | Bool) and any(_is_part(child, part) for child in inner)


def _named(item: ItemUse) -> Iterator[tuple[str, Expr]]:
    """The attributes of layers and the arguments of calls, by name."""
    match item:
        case LayerUse():
            yield from item.exprs.items()
            yield from (("flat_name", expr) for expr in (item.flat_name,) if expr is not None)
        case CallUse():
            yield from ((parameter.name, item.arguments[parameter.name]) for parameter in item.definition.parameters)
        case SequenceUse():
            for inner in item.body.items:
                yield from _named(inner)
        case ChoiceUse():
            for inner in (*item.then.items, *item.other.items):
                yield from _named(inner)
        case LoopUse():
            for run in item.runs:
                yield _COUNT, run.stop
                yield from _named(run.item)


def mapped(run: Run, change: Callable[[Expr], Expr]) -> Run:
    """A run with other expressions in its iterations."""
    item = _mapped_item(run.item, change)
    assert isinstance(item, CallUse | SequenceUse)
    after = None if run.carried_next is None else change(run.carried_next)
    return replace(run, item=item, carried_next=after)


def _mapped_item(item: ItemUse, change: Callable[[Expr], Expr]) -> ItemUse:
    match item:
        case LayerUse():
            exprs = {name: change(expr) for name, expr in item.exprs.items()}
            flat_name = None if item.flat_name is None else change(item.flat_name)
            return replace(item, exprs=exprs, features=tuple(map(change, item.features)), flat_name=flat_name)
        case CallUse():
            return replace(item, arguments={name: change(expr) for name, expr in item.arguments.items()})
        case SequenceUse():
            return replace(item, body=_mapped_tree(item.body, change))
        case ChoiceUse():
            then, other = _mapped_tree(item.then, change), _mapped_tree(item.other, change)
            return replace(item, condition=change(item.condition), then=then, other=other)
        case LoopUse():
            runs = [
                replace(
                    mapped(run, change),
                    start=change(run.start),
                    stop=change(run.stop),
                    carried=None if run.carried is None else change(run.carried),
                )
                for run in item.runs
            ]
            return replace(item, runs=tuple(runs))


def _mapped_tree(tree: Tree, change: Callable[[Expr], Expr]) -> Tree:
    return replace(tree, items=tuple(_mapped_item(item, change) for item in tree.items))
