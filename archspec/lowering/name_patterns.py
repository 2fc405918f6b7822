"""The check of names with expressions in braces: which items may have them, and what these know."""

from __future__ import annotations

from collections.abc import Iterable

from archspec.expr import Expr, ExprError, names, parse, split_pattern
from archspec.limits import Budget
from archspec.lowering.body_check import BodyCheck
from archspec.spec import Call, Item, Refused, Repeat, Reuse, Stage, Tap
from archspec.spec import Sequence as Seq


def check_name_patterns(items: Iterable[Item], body: BodyCheck, counted: frozenset[str] = frozenset()) -> None:
    """Note what names ask for that they do not know.

    They know the indices of the repeats around that are in the item's own scope, `counted`: in each instance of a
    block, and in each iteration that is a scope, the items have the same names.
    """
    for item in items:
        if isinstance(item, Tap | Refused):
            continue
        for expr in _expressions(item.label or "", body.found.budget):
            for name in sorted(names(expr, body.found.budget) - counted):
                help = "such a name stands in a `repeat` with `inline: true` and without `names`, and knows its index"
                if counted:
                    help = f"such a name knows indices: {', '.join(sorted(counted))}"
                body.found.error("E0302", f"`{name}` is not defined in a name", item.place("label"), help=help)
                body.leave(item)
        inside = frozenset[str]()
        if isinstance(item, Repeat) and item.inline and item.names is None:
            inside = counted | {item.index}
        elif isinstance(item, Call) or (isinstance(item, Seq) and item.label is None):
            inside = counted
        if not isinstance(item, Reuse):
            check_name_patterns((item.branches or ()) if isinstance(item, Call) else item.layers, body, inside)
        if not isinstance(item, Stage):
            check_name_patterns(item.otherwise or (), body, counted)


def _expressions(pattern: str, budget: Budget) -> list[Expr]:
    """The expressions in braces; none of a pattern that is refused."""
    try:
        return [parse(text, budget) for text, is_expression in split_pattern(pattern) if is_expression]
    except (ExprError, ValueError):
        return []
