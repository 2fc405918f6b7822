"""Iterations whose arguments grow by a step become one run: `DenseLayer(3 + growth * i, growth) for i in range(8)`."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from archspec.codegen.merging import with_items
from archspec.codegen.tree import CallUse, Run, iteration_names
from archspec.expr import (
    Binary,
    Compare,
    Const,
    Expr,
    FunctionCall,
    IfElse,
    Index,
    Items,
    Name,
    Value,
    Whole,
    exactly,
    fold,
)
from archspec.expr.tree import children
from archspec.limits import Budget

_SHORTEST: Final = 3
"""Fewer iterations are written one by one: they are read sooner than a formula."""
_ALTERNATING: Final = 4
"""As many values at least have to take turns: three may do so by chance."""


def gathered(runs: Sequence[Run], most: int, whole: Whole, budget: Budget) -> tuple[Run, ...]:
    """The runs of a loop, neighbors that follow a formula as one, where there are more than `most`."""
    if len(runs) <= most:
        return tuple(runs)
    found: list[Run] = []
    left = list(runs)
    while left:
        run = _longest(left, whole, budget)
        if run is None:
            found.append(left.pop(0))
            continue
        found.append(run)
        assert run.count is not None
        del left[: run.count]
    return tuple(found)


def _longest(runs: Sequence[Run], whole: Whole, budget: Budget) -> Run | None:
    """The first runs as one, as many as follow one formula; None where too few do."""
    items: list[CallUse] = []
    for run in runs:
        if run.count != 1 or not isinstance(run.item, CallUse) or run.item.reuses:
            break
        if items and (run.item.definition is not items[0].definition or run.item.operands != items[0].operands):
            break
        items.append(run.item)
    arguments: dict[str, Expr] | None = None
    count = 0
    for length in range(_SHORTEST, len(items) + 1):
        longer = _arguments(items[:length], runs[0], whole, budget)
        if longer is not None:
            arguments, count = longer, length
        elif length >= _ALTERNATING:
            break
    if arguments is None:
        return None
    first = dataclasses.replace(runs[0], item=dataclasses.replace(items[0], arguments=arguments))
    return dataclasses.replace(with_items(first, items[1:count]), stop=runs[count - 1].stop)


def _arguments(items: Sequence[CallUse], first: Run, whole: Whole, budget: Budget) -> dict[str, Expr] | None:
    index = Name(iteration_names(first.depth)[0])
    found: dict[str, Expr] = {}
    for name in items[0].arguments:
        values = [item.arguments[name] for item in items]
        formula = progression(values, index, first.first, whole, budget)
        if formula is None:
            return None
        found[name] = formula
    return found


def progression(values: Sequence[Expr], index: Name, start: int, whole: Whole, budget: Budget) -> Expr | None:
    """An expression of the index that gives these in turn, the first for `start`; None if there is none."""
    formula = _formula(values, index, start, whole, budget)
    if formula is None and len(values) > _SHORTEST:  # the last may be in lowest terms: `width * 54 / 54`
        formula = _formula(values[:-1], index, start, whole, budget)
    if formula is None or all(value == values[0] for value in values):
        return formula

    def knows(name: str) -> bool:
        return name == index.id or whole(name)

    formula = fold(formula, budget, whole=knows)
    for number, value in enumerate(values, start=start):
        found = fold(formula, budget, {index.id: Const(number)}, whole=whole)
        if _counted(found, budget) != _counted(value, budget):
            return None
    return formula


def _formula(values: Sequence[Expr], index: Name, start: int, whole: Whole, budget: Budget) -> Expr | None:
    first, second = values[0], values[1]
    budget.spend(len(values))
    if all(value == first for value in values):
        return first
    numbers = [value.value for value in values if isinstance(value, Const)]
    if len(numbers) == len(values):
        return _linear_number(numbers, index, start) or _alternating(numbers, index, start)
    if (shares := _shares(values, index, start)) is not None:
        return shares
    step = _counted(second, budget)
    step.subtract(_counted(first, budget))
    step = Counter({atom: count for atom, count in step.items() if count})
    if step and all(count > 0 for count in step.values()) and _is_sum(first, whole) and _is_sum(second, whole):
        base = _counted(first, budget)
        for atom, count in step.items():
            base[atom] -= start * count
        if all(count >= 0 for count in base.values()):
            grown = Binary("*", _sum(step), index) if len(step) > 1 else _grown(*next(iter(step.items())), index)
            return Binary("+", _sum(base), grown) if any(base.values()) else grown
    return by_parts(values, lambda column: _formula(column, index, start, whole, budget))


def by_parts(values: Sequence[Expr], one: Callable[[Sequence[Expr]], Expr | None]) -> Expr | None:
    """One expression for several of one form, `one` for those that stand in the same place; None where it has none."""
    first = values[0]
    if any(type(value) is not type(first) for value in values):
        return None
    parts = [children(value) for value in values]
    if len({(len(part), _head(value)) for part, value in zip(parts, values, strict=True)}) > 1 or not parts[0]:
        return None
    made = [one(column) for column in zip(*parts, strict=True)]
    if any(part is None for part in made):
        return None
    return _rebuilt(first, [part for part in made if part is not None])


def _alternating(values: Sequence[Value], index: Name, start: int) -> Expr | None:
    """An expression of two values that take turns: `i % 2 * 3`, `i % 2 == 0`, or a condition."""
    even, odd = values[start % 2], values[1 - start % 2]
    turns = [odd if place % 2 else even for place in range(start, start + len(values))]
    if len(values) < _ALTERNATING or not all(map(exactly, values, turns)):
        return None
    turn = Binary("%", index, Const(2))
    if type(even) is int and type(odd) is int and 0 <= even < odd:
        more = turn if odd - even == 1 else Binary("*", turn, Const(odd - even))
        return Binary("+", Const(even), more) if even else more
    if type(even) is bool and type(odd) is bool:
        return Compare(turn, ("==",), (Const(0 if even else 1),))
    return IfElse(Compare(turn, ("==",), (_ZERO,)), Const(even), Const(odd))


def _shares(values: Sequence[Expr], index: Name, start: int) -> Expr | None:
    """An expression of quotients whose dividends are multiples of one quantity: `rate * i / 11`, from 0.0 on."""
    found = [None if value == Const(0.0) else _share(value) for value in values]
    known = [share for share in found if share is not None]
    if found[1:] != known[-len(found) + 1 :] or len({(share.whole, share.parts) for share in known}) != 1:
        return None
    times = _linear_number([0 if share is None else share.times for share in found], index, start)
    return None if times is None else Binary("/", Binary("*", known[0].whole, times), Const(known[0].parts))


class _Portion(NamedTuple):
    """So many of as many parts of a quantity."""

    whole: Expr
    times: int
    parts: int


def _share(value: Expr) -> _Portion | None:
    match value:
        case Binary("/", Binary("*", whole, Const(int() as times)), Const(int() as parts)):
            return _Portion(whole, times, parts)
        case Binary("/", whole, Const(int() as parts)):
            return _Portion(whole, 1, parts)
        case _:
            return None


def _linear_number(numbers: Sequence[Value], index: Name, start: int) -> Expr | None:
    if not all(type(number) is int for number in numbers):
        return None
    whole = [number for number in numbers if isinstance(number, int)]
    step = whole[1] - whole[0]
    base = whole[0] - start * step
    if any(number != base + step * place for place, number in enumerate(whole, start=start)) or step <= 0 or base < 0:
        return None
    if step == 1:
        return Binary("+", index, Const(base)) if base else index
    grown = Binary("*", Const(step), index)
    return Binary("+", Const(base), grown) if base else grown


def _grown(atom: Expr, count: int, index: Name) -> Expr:
    if atom == _ONE:
        return index if count == 1 else Binary("*", Const(count), index)
    return Binary("*", atom if count == 1 else Binary("*", Const(count), atom), index)


_ZERO: Final = Const(0)
_ONE: Final = Const(1)


def _counted(expr: Expr, budget: Budget) -> Counter[Expr]:
    """The terms of a sum, each with how often it counts."""
    budget.spend(2)
    match expr:
        case Binary("+", left, right):
            found = _counted(left, budget)
            found.update(_counted(right, budget))
            return found
        case Const(int() as value) if not isinstance(value, bool) and value >= 0:
            return Counter({_ONE: value})
        case Binary("*", Const(int() as count), atom) | Binary("*", atom, Const(int() as count)) if (
            not isinstance(count, bool) and count > 0
        ):
            return Counter({atom: count})
        case _:
            return Counter({expr: 1})


def difference(after: Expr, before: Expr, whole: Whole, budget: Budget) -> Expr | None:
    """What one sum of whole numbers is more than another; None where it is not more, term by term."""
    if not (_is_sum(after, whole) and _is_sum(before, whole)):
        return None
    terms = _counted(after, budget)
    terms.subtract(_counted(before, budget))
    return _sum(terms) if any(terms.values()) and all(count >= 0 for count in terms.values()) else None


def _sum(terms: Counter[Expr]) -> Expr:
    total: Expr | None = None
    for atom, count in terms.items():
        if not count:
            continue
        term = Const(count) if atom == _ONE else atom if count == 1 else Binary("*", Const(count), atom)
        total = term if total is None else Binary("+", total, term)
    return total or Const(0)


def _is_sum(expr: Expr, whole: Whole) -> bool:
    """Whether an expression is a sum of whole numbers: of fractions another order of terms would give other bits."""
    match expr:
        case Const(value):
            return type(value) is int
        case Name(name):
            return whole(name)
        case Binary("+" | "*" | "//", left, right):
            return _is_sum(left, whole) and _is_sum(right, whole)
        case _:
            return False


def _head(expr: Expr) -> object:
    """What an expression is besides its parts."""
    match expr:
        case Binary(op):
            return op
        case FunctionCall(function):
            return function
        case Items() | Index() | Name() | Const():
            return type(expr)
        case _:
            return expr


def _rebuilt(expr: Expr, parts: Sequence[Expr]) -> Expr | None:
    match expr:
        case Binary(op):
            return Binary(op, *parts)
        case FunctionCall(function):
            return FunctionCall(function, tuple(parts))
        case Items():
            return Items(tuple(parts))
        case Index():
            return Index(*parts)
        case _:
            return None
