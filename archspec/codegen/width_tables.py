"""Expressions that differ in one number alone as a dict of them: `dims = {c: round(c * width) for c in (16, 24)}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Bracket, Code, Infix, Keyword
from archspec.codegen.shared_expressions import family
from archspec.expr import Expr


class WidthTable(NamedTuple):
    """The local that has them, what makes it, and the expressions."""

    name: str
    code: Code
    members: tuple[Expr, ...]


def width_table(
    shared: Sequence[Expr], written: Sequence[Expr], printer: ExpressionPrinter, reserved: frozenset[str]
) -> WidthTable | None:
    """The table of the most of some expressions, from which the printer takes them from now on; None for a few."""
    number = next(name for name in ("c", "count", "number") if name not in printer.spelled.values())
    found = family(shared, written, number, printer.budget)
    if found is None:
        return None
    name = printer.local(found.pattern, "dims", reserved)
    del printer.locals[found.pattern]
    span = Bracket("", tuple(map(str, sorted(found.numbers))))
    entry = Keyword(number, printer.code(found.pattern), ": ")
    made = Bracket("", (Infix(f"for {number} in", (entry, span)),), "{", "}")
    for value, expr in zip(found.numbers, found.members, strict=True):
        printer.locals[expr] = item = f"{name}[{value}]@local"
        printer.spelled[item] = f"{name}[{value}]"
    return WidthTable(name, made, found.members)
