"""Folding, printing and parsing keep an expression's value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archspec.expr import (
    Binary,
    Bool,
    Compare,
    Const,
    Expr,
    ExprError,
    IfElse,
    Name,
    Unary,
    Value,
    evaluate,
    fold,
    parse,
    source,
)

NAMES = ("a", "b", "c")
ENVIRONMENTS = st.fixed_dictionaries({name: st.integers(-9, 9) for name in NAMES})


def _larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    condition = st.builds(lambda x, op, y: Compare(x, (op,), (y,)), inner, st.sampled_from(["<", "==", "!="]), inner)
    both = st.builds(lambda op, x, y: Bool(op, (x, y)), st.sampled_from(["and", "or"]), condition, condition)
    return st.one_of(
        st.builds(Binary, st.sampled_from(["+", "-", "*", "//", "%"]), inner, inner),
        st.builds(Unary, st.just("-"), inner),
        st.builds(IfElse, st.one_of(condition, both), inner, inner),
    )


EXPRESSIONS = st.recursive(
    st.one_of(st.integers(-9, 9).map(Const), st.sampled_from(NAMES).map(Name)), _larger, max_leaves=12
)


def _value(expr: Expr, env: dict[str, Value]) -> Value | None:
    try:
        return evaluate(expr, env)
    except ExprError:
        return None  # division by zero, say: folding leaves such an expression alone


@given(EXPRESSIONS, ENVIRONMENTS)
def test_folding_keeps_the_value(expr: Expr, env: dict[str, Value]) -> None:
    wanted = _value(expr, env)
    if wanted is not None:
        assert _value(fold(expr), env) == wanted
        assert fold(expr, {name: Const(value) for name, value in env.items()}) == Const(wanted)


@given(EXPRESSIONS, ENVIRONMENTS)
def test_printing_and_parsing_keep_the_value(expr: Expr, env: dict[str, Value]) -> None:
    assert _value(parse(source(expr)), env) == _value(expr, env)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("24 + growth + growth + 2*growth", "24 + 4 * growth"),
        ("2*growth + growth*4", "6 * growth"),
        ("x // 2 + x // 2 + y", "2 * (x // 2) + y"),
        ("channels + growth * i", "channels + growth * i"),
        ("a - b + a", "a - b + a"),
        ("x + 1.0 + 2 + 1.0", "x + 1.0 + 2 + 1.0"),
        ("1 * width // 1 + 0", "width"),
        ("groups == groups and stride != 1", "stride != 1"),
    ],
)
def test_what_is_folded(text: str, wanted: str) -> None:
    assert source(fold(parse(text))) == wanted
