"""Conditions of the network's that values of arguments have to keep: for others it would have other layers."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from archspec.codegen.body_context import LAYERS
from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import INDENT, call, lay_out
from archspec.codegen.tree import Definition
from archspec.expr import Bool, Compare, Const, Expr, ExprError, Name, Unary, Value, evaluate, negated
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
    """Whether a condition compares one param of the network with a number, so that other values hold, too."""
    match expr:
        case Compare(Name(name), ("<" | "<=" | ">" | ">=" | "!=",), (Const(int() | float() as value),)):
            return name in params and not isinstance(value, bool)
        case _:
            return False


def bounds(definition: Definition, printer: ExpressionPrinter, depth: int) -> list[str]:
    """The lines that refuse other values, so many levels in."""
    lines: list[str] = []
    for bound in definition.bounds:
        message = literal(f"the layers here are those for {printer.expr(bound)}")
        lines.append(f"{INDENT * depth}if {printer.expr(negated(bound))}:")
        lines += lay_out(call("ValueError", message), depth + 1, "raise ")
    return lines
