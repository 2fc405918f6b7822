"""Lists in expressions: comprehensions, parts of lists, functions of lists, and what they may take."""

from __future__ import annotations

import math

import pytest

from archspec.expr import Const, ExprError, Name, Value, evaluate, fold, names, parse, source
from archspec.expr.evaluate import MATH
from archspec.limits import Budget, Limits, WorkError

ENV: dict[str, Value] = {"widths": (8, 8, 16), "depths": (1, 2, 3), "n": 2, "j": 5}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[w * n for w in widths]", (16, 16, 32)),
        ("[j for j in range(3)]", (0, 1, 2)),
        ("[j + k for k in range(j)]", (5, 6, 7, 8, 9)),
        ("[w for j, w in enumerate(widths) if j == 0 or w != widths[j - 1]]", (8, 16)),
        ("[[a * b for b in widths[:n]] for a in depths if a > 1]", ((16, 16), (24, 24))),
        ("[[w for w in range(w)] for w in depths]", ((0,), (0, 1), (0, 1, 2))),
        ("sum(w * d for w, d in zip(widths, depths))", 72),
        ("sum(depths[:n]), sum(depths[n:]), depths[-2:], depths[:]", (3, 3, (2, 3), (1, 2, 3))),
        (
            "sorted([3, 1, 2]), range(1, 7, 3), abs(-n), sqrt(16), log2(8), exp(0)",
            ((1, 2, 3), (1, 4), 2, 4.0, 3.0, 1.0),
        ),
        ("all([w > 0 for w in widths]), any([w > 8 for w in widths])", (True, True)),
        ("round(log(1000) / log(10)), log(8, 2)", (3, 3.0)),
    ],
)
def test_values(text: str, value: Value) -> None:
    expr = parse(text, Budget())
    assert evaluate(expr, ENV, Budget()) == value
    assert names(expr, Budget()) <= ENV.keys()
    allowed = {"tuple": tuple, "range": range, "enumerate": enumerate, "zip": zip, "sum": sum, "sorted": sorted}
    allowed |= {"abs": abs, "all": all, "any": any, "round": round}
    functions = {name: getattr(math, name) for name in MATH}
    assert eval(source(expr), {"__builtins__": {}, **allowed, **functions, **ENV}) == value
    assert fold(expr, Budget(), {name: Const(given) for name, given in ENV.items()}) == Const(value)


def test_what_is_put_in_is_not_taken_for_the_variable() -> None:
    """`[k * w for w in ...]` with `k` for which `w + 1` of the caller stands."""
    expr = fold(parse("[k * w for w in [1, 2]]", Budget()), Budget(), {"k": parse("w + 1", Budget())})
    assert names(expr, Budget()) == {"w"}
    assert evaluate(expr, {"w": 10}, Budget()) == (11, 22)
    assert eval(source(expr), {"w": 10, "tuple": tuple}) == (11, 22)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[w for w in n]", "goes through a list"),
        ("[a for a, b in widths]", "cannot be taken apart into 2 values"),
        ("[w for w in widths if w]", "must be true or false"),
        ("[missing for w in widths]", "`missing` is not defined"),
        ("n[1:]", "has no part"),
        ("widths[:1.5]", "a whole number"),
        ("range(0, 5, 0)", "cannot be worked out"),
        ("range(1.5)", "cannot be worked out"),
        ("sorted([1, 'a'])", "cannot be worked out"),
        ("all([1, 2])", "must be true or false"),
        ("log(0)", "cannot be worked out"),
        ("range(10 ** 9)", "items; at most"),
        ("[widths * 1000 for w in range(1000)]", "items; at most"),
        ("exp(10000)", "cannot be worked out"),
    ],
)
def test_what_cannot_be_worked_out(text: str, reason: str) -> None:
    with pytest.raises(ExprError, match=reason):
        evaluate(parse(text, Budget()), ENV, Budget())


@pytest.mark.parametrize(
    "text",
    [
        "{w for w in widths}",
        "{w: 1 for w in widths}",
        "[a + b for a in widths for b in depths]",
        "[w for w in widths if w > 1 if w < 9]",
        "[w for (w, (a, b)) in widths]",
        "[w for widths[0] in depths]",
        "[w for w, w in widths]",
        "[*w for w in widths]",
        "widths[::2]",
        "widths[0:1, 2]",
        "[(w := 3) for v in widths]",
        "lambda w: w",
        "sorted(widths, reverse=True)",
    ],
)
def test_what_is_not_in_the_language(text: str) -> None:
    with pytest.raises(ExprError):
        parse(text, Budget())


def test_they_are_bounded() -> None:
    nested = parse("[[[a + b + c for a in range(300)] for b in range(300)] for c in range(300)]", Budget())
    with pytest.raises((ExprError, WorkError)):
        evaluate(nested, {}, Budget())
    counted = parse("sum([sum([1 for a in range(1000)]) for b in range(1000)])", Budget())
    with pytest.raises(WorkError):
        evaluate(counted, {}, Budget(Limits(work=100_000)))
    assert evaluate(parse("len(range(100000))", Budget()), {}, Budget()) == 100_000


def test_a_name_that_is_free_stays_one() -> None:
    assert source(parse("[w * k for w in widths]", Budget()), {"k": "w"}) == "tuple(w_ * w for w_ in widths)"
    assert Name("w") != parse("[w for w in widths]", Budget())
