"""Conditions of the network's that values of arguments have to keep: for others it would have other layers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from archspec.codegen.body_context import LAYERS
from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import INDENT, call, lay_out
from archspec.codegen.tree import Definition
from archspec.expr import Binary, Bool, Compare, Const, Expr, ExprError, Name, Unary, Value, evaluate, negated
from archspec.limits import Budget


def held(expr: Expr, what: str, given: Mapping[str, Value], budget: Budget) -> Iterator[Expr]:
    """The parts of a condition that have to stay as they are; another expression as it is."""
    try:
        outcome = evaluate(expr, given, budget) if what == LAYERS else None
    except ExprError:
        outcome = None
    match expr, outcome:
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


def is_bound(expr: Expr, params: Collection[str]) -> bool:
    """Whether a condition compares one param of the network with a value, so that other values hold, too."""
    match expr:
        case Compare(Name(name), ("<" | "<=" | ">" | ">=" | "!=",), (Const(int() | float() as value),)):
            return name in params and not isinstance(value, bool)
        case Compare(Name(name), ("!=",), (Const(str()),)) | Compare(Name(name), ("in" | "not in",), (Const(tuple()),)):
            return name in params
        case _:
            return False


def narrowed(
    found: Sequence[Expr], choices: Mapping[str, tuple[Value, ...]], budget: Budget
) -> tuple[tuple[Expr, ...], list[str]]:
    """The bounds of each param as one of each side, or as the choices that are within them.

    Returns:
        The bounds, and the params of which a single choice is left: they are no arguments.
    """
    by_name: dict[str, dict[str, Compare]] = {name: {} for name in choices}
    for bound in found:
        assert isinstance(bound, Compare) and isinstance(bound.first, Name)
        sides = by_name.setdefault(bound.first.id, {})
        [link], [limit] = bound.ops, bound.rest
        assert isinstance(limit, Const)
        side = link[0] if link in _SIDES else f"{link} {limit.value}"
        sides[side] = min(sides[side], bound, key=_room) if side in sides and link in _SIDES else bound
    kept: list[Expr] = []
    settled: list[str] = []
    for name, sides in by_name.items():
        if name not in choices:
            kept += sides.values()
            continue
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
            case _:
                said = f"the layers here are those for {printer.expr(bound)}"
        message = literal(said)
        lines.append(f"{INDENT * depth}if {printer.expr(negated(bound))}:")
        lines += lay_out(call("ValueError", message), depth + 1, "raise ")
    return lines
