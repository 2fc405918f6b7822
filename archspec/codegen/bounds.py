"""Conditions of the network's that values of arguments have to keep: for others it would have other layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from archspec.codegen.body_context import LAYERS
from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import INDENT, call, lay_out
from archspec.codegen.tree import Definition
from archspec.expr import (
    Binary,
    Bool,
    Compare,
    Comprehension,
    Const,
    Expr,
    ExprError,
    FunctionCall,
    Index,
    Name,
    Unary,
    Value,
    evaluate,
    names,
    negated,
    replaced,
)
from archspec.limits import Budget


def held(expr: Expr, what: str, given: Mapping[str, Value], budget: Budget) -> Iterator[Expr]:
    """The parts of a condition that have to stay as they are; another expression as it is."""
    try:
        outcome = evaluate(expr, given, budget) if what == LAYERS else None
    except ExprError:
        outcome = None
    match expr, outcome:
        case (Bool("and", operands), False) | (Bool("or", operands), True):  # the first that settles it is enough
            yield from held(_settling(operands, outcome is True, given, budget), what, given, budget)
        case Bool("and", operands), True:
            for operand in operands:
                yield from held(operand, what, given, budget)
        case Bool("or", operands), False:
            for operand in operands:
                yield from held(negated(operand), what, given, budget)
        case Compare() | Unary("not", _), False:
            yield negated(expr)
        case _:
            yield expr


def _settling(operands: Sequence[Expr], outcome: bool, given: Mapping[str, Value], budget: Budget) -> Expr:
    """The first of several conditions that has this outcome: what comes after it is not asked, as in Python."""
    return next(operand for operand in operands if evaluate(operand, given, budget) is outcome)


def bound_of(expr: Expr, given: Mapping[str, Value], budget: Budget) -> Compare | None:
    """A condition that compares one param of the network with a value, so that other values hold, too; else None.

    What is said of one item of a list is asked of all of them, where all that are given keep it.
    """
    match expr:
        case Compare(Name(name), ("<" | "<=" | ">" | ">=" | "!=",), (Const(int() | float() as value),)):
            return expr if name in given and not isinstance(value, bool) else None
        case Compare(Name(name), ("!=",), (Const(str()),)) | Compare(Name(name), ("in" | "not in",), (Const(tuple()),)):
            return expr if name in given else None
        case Compare(FunctionCall("len", (Name(name),)), ("<" | "<=" | ">" | ">=",), (Const(int()),)):
            return expr if name in given else None
        case Compare(Index(Name(name) as items, _), ("<" | "<=" | ">" | ">=" as link,), (Const(int() | float()),)):
            outermost = "max" if link.startswith("<") else "min"
            found = replace(expr, first=FunctionCall(outermost, (items,)))
            try:
                return found if name in given and evaluate(found, given, budget) is True else None
            except ExprError:
                return None
        case _:
            return None


def lengths_of(expr: Expr, given: Mapping[str, Value], budget: Budget) -> list[Compare] | None:
    """What an expression asks of params that are lists, where that is their lengths alone: these stay; else None."""
    found: dict[str, Compare] = {}

    def length(part: Expr) -> Expr | None:
        match part:
            case FunctionCall("len", (Name(name),)) if isinstance(value := given.get(name), tuple):
                found[name] = Compare(part, ("==",), (Const(len(value)),))
                return Const(len(value))
            case _:
                return None

    left = replaced(expr, length)
    return [*found.values()] if found and names(left, budget).isdisjoint(given) else None


def narrowed(
    found: Sequence[Compare], choices: Mapping[str, tuple[Value, ...]], budget: Budget
) -> tuple[tuple[Expr, ...], list[str]]:
    """The bounds of each param as one of each side, or as the choices that are within them.

    Returns:
        The bounds, and the params of which a single choice is left: they are no arguments.
    """
    by_first: dict[Expr, dict[str, Compare]] = {Name(name): {} for name in choices}
    for bound in found:
        sides = by_first.setdefault(bound.first, {})
        [link], [limit] = bound.ops, bound.rest
        assert isinstance(limit, Const)
        side = link[0] if link in _SIDES else f"{link} {limit.value}"
        sides[side] = min(sides[side], bound, key=_room) if side in sides and link in _SIDES else bound
    kept: list[Expr] = []
    settled: list[str] = []
    for first, sides in by_first.items():
        if not isinstance(first, Name) or first.id not in choices:
            kept += sides.values()
            continue
        name = first.id
        allowed = tuple(
            value for value in choices[name] if all(evaluate(bound, {name: value}, budget) for bound in sides.values())
        )
        if len(allowed) < 2:
            settled.append(name)
        elif {*map(type, allowed)} != {bool}:
            kept.append(Compare(Name(name), ("in",), (Const(allowed),)))
    return tuple(kept), settled


_SIDES: Final = ("<", "<=", ">", ">=")


def _room(bound: Compare) -> tuple[float, bool]:
    """How much a bound lets through: least first, of bounds of one side."""
    [limit] = bound.rest
    assert isinstance(limit, Const) and isinstance(limit.value, int | float)
    return (limit.value if bound.ops[0][0] == "<" else -limit.value), bound.ops[0] in ("<=", ">=")


def bounds(definition: Definition, printer: ExpressionPrinter, depth: int) -> list[str]:
    """The lines that refuse other values, so many levels in."""
    lines: list[str] = []
    for bound in definition.bounds:
        match bound:
            case Compare(Name(), ("in",), (Const(tuple() as allowed),)):
                [*others, last] = map(literal, allowed)
                said = f"{printer.expr(bound.first)} has to be {', '.join(others)} or {last}"
            case Compare(Binary("%", number, Const(2)), (link,), (Const(0),)):
                said = f"{printer.expr(number)} has to be {'odd' if link == '!=' else 'even'}"
            case FunctionCall("all", (Comprehension(Compare(Binary("%", _, Const(2)), (link,), _), _, listed, _),)):
                said = f"all of {printer.expr(listed)} have to be {'odd' if link == '!=' else 'even'}"
            case _:
                said = f"the layers here are those for {printer.expr(bound)}"
        message = literal(said)
        lines.append(f"{INDENT * depth}if {printer.expr(negated(bound))}:")
        lines += lay_out(call("ValueError", message), depth + 1, "raise ")
    return lines
