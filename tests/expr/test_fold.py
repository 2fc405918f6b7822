"""Folding, printing and parsing keep an expression's value."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archspec.expr import (
    Binary,
    Bool,
    Compare,
    Comprehension,
    Const,
    Expr,
    ExprError,
    FunctionCall,
    IfElse,
    Index,
    Items,
    Name,
    Slice,
    Unary,
    Value,
    evaluate,
    exactly,
    fold,
    names,
    parse,
    source,
)
from archspec.expr.tree import bound_name
from archspec.limits import Budget

NAMES = ("a", "b", "c")
WHOLE = st.integers(-9, 9)
FLOATS = st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -2.5, 0.1, 3.7, 1e-3, 7.0])
LISTS = st.lists(st.one_of(WHOLE, FLOATS), max_size=3).map(tuple)
VALUES: st.SearchStrategy[Value] = st.one_of(
    WHOLE, FLOATS, st.booleans(), LISTS, st.sampled_from(["x", "y"]), st.none(), st.sampled_from([2**53, -(2**53)])
)
ENVIRONMENTS = st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES))
WHOLE_ENVIRONMENTS = st.fixed_dictionaries(dict.fromkeys(NAMES, WHOLE))


def _comprehension(item: Expr, values: Expr, test: Expr | None) -> Expr:
    """One whose variable has the place of `a` in the item: `a` of what is around is not meant there."""
    bound = bound_name("a", 1)
    return Comprehension(
        fold(item, Budget(), {"a": Name(bound)}),
        (bound,),
        values,
        None if test is None else fold(test, Budget(), {"a": Name(bound)}),
    )


def _larger(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    comparisons = st.sampled_from(["<", "<=", ">", ">=", "==", "!=", "in", "not in"])
    condition = st.builds(lambda x, op, y: Compare(x, (op,), (y,)), inner, comparisons, inner)
    chain = st.builds(lambda x, op, y, other, z: Compare(x, (op, other), (y, z)), inner, *[comparisons, inner] * 2)
    both = st.builds(
        lambda op, parts: Bool(op, tuple(parts)), st.sampled_from(["and", "or"]), st.lists(inner, min_size=2)
    )
    test = st.one_of(condition, chain, both)
    one, two = (st.lists(inner, min_size=count, max_size=count).map(tuple) for count in (1, 2))
    return st.one_of(
        st.builds(Binary, st.sampled_from(["+", "-", "*", "/", "//", "%", "**"]), inner, inner),
        st.builds(lambda x, y: Binary("+", Binary("+", x, y), x), inner, inner),
        st.builds(lambda x, y, count: Binary("//", Binary("*", count, Binary("//", x, y)), count), inner, inner, inner),
        st.builds(Unary, st.sampled_from(["-", "+", "not"]), inner),
        test,
        st.builds(IfElse, test, inner, inner),
        st.builds(FunctionCall, st.sampled_from(["int", "ceil", "floor", "round", "len", "sum"]), one),
        st.builds(FunctionCall, st.sampled_from(["abs", "sqrt", "log", "sorted", "enumerate", "any", "all"]), one),
        st.builds(lambda x: FunctionCall("range", (Binary("%", x, Const(7)),)), inner),
        st.builds(FunctionCall, st.just("zip"), two),
        st.builds(Slice, inner, st.one_of(st.none(), inner), st.one_of(st.none(), inner)),
        st.builds(_comprehension, inner, inner, st.one_of(st.none(), test)),
        st.builds(FunctionCall, st.sampled_from(["min", "max", "round", "make_divisible"]), two),
        st.builds(lambda items: Items(tuple(items)), st.lists(inner, max_size=3)),
        st.builds(Index, inner, inner),
    )


NEUTRAL = st.sampled_from([0, 1, -1, 0.0, -0.0, 1.0, -1.0, True, False])
LEAVES = st.one_of(st.one_of(NEUTRAL, VALUES).map(Const), *[st.sampled_from(NAMES).map(Name)] * 3)
EXPRESSIONS = st.recursive(LEAVES, _larger, max_leaves=12)
SUMS = st.recursive(
    st.one_of(st.one_of(WHOLE, NEUTRAL).map(Const), st.sampled_from(NAMES).map(Name)),
    lambda inner: st.builds(Binary, st.sampled_from(["+", "+", "-", "*", "//", "%"]), inner, inner),
    max_leaves=12,
)


def _value(expr: Expr, env: Mapping[str, Value]) -> tuple[Value] | None:
    try:
        return (evaluate(expr, env, Budget()),)
    except ExprError:
        return None  # division by zero, say: folding leaves such an expression alone


def _keeps(expr: Expr, env: Mapping[str, Value], folded: Expr) -> None:
    """Where there is a value, the folded expression has it, too, in the same type."""
    wanted = _value(expr, env)
    if wanted is not None:
        found = _value(folded, env)
        assert found is not None, source(folded)
        assert exactly(found[0], wanted[0]), (source(expr), source(folded), wanted, found)


@given(EXPRESSIONS, ENVIRONMENTS)
def test_folding_keeps_value_and_type(expr: Expr, env: dict[str, Value]) -> None:
    _keeps(expr, env, fold(expr, Budget()))
    _keeps(expr, env, fold(expr, Budget(), whole=lambda name: type(env.get(name)) is int))


@given(st.one_of(EXPRESSIONS, SUMS), st.one_of(ENVIRONMENTS, WHOLE_ENVIRONMENTS))
def test_folding_what_gives_a_whole_number(expr: Expr, env: dict[str, Value]) -> None:
    wanted = _value(expr, env)
    if wanted is not None and type(wanted[0]) is int:
        _keeps(expr, env, fold(expr, Budget(), is_whole=True))


@given(SUMS, WHOLE_ENVIRONMENTS)
def test_folding_sums_of_whole_numbers(expr: Expr, env: dict[str, Value]) -> None:
    _keeps(expr, env, fold(expr, Budget()))
    _keeps(expr, env, fold(expr, Budget(), whole=lambda name: True))


@given(EXPRESSIONS, ENVIRONMENTS, st.sets(st.sampled_from(NAMES)))
def test_putting_values_in(expr: Expr, env: dict[str, Value], known: set[str]) -> None:
    """Some names have values, and others stay."""
    folded = fold(expr, Budget(), {name: Const(env[name]) for name in known})
    _keeps(expr, env, folded)
    assert not names(folded, Budget()) & known


@given(EXPRESSIONS, ENVIRONMENTS)
def test_what_is_known_is_worked_out(expr: Expr, env: dict[str, Value]) -> None:
    wanted = _value(expr, env)
    if wanted is not None:
        found = fold(expr, Budget(), {name: Const(value) for name, value in env.items()})
        assert isinstance(found, Const)
        assert exactly(evaluate(found, {}, Budget()), wanted[0])


@pytest.mark.parametrize(
    "text",
    [
        "0.0 + n",
        "-0.0 + n",
        "n + 0.0",
        "n - 0.0",
        "1.0 * n",
        "n * 1.0",
        "n / 1",
        "n // 1.0",
        "0 * n",
        "n // 1",
        "n + n + 1",
    ],
)
def test_what_is_left_as_it_is(text: str) -> None:
    """Of a name of which nothing is known: a float makes floats of whole numbers, and a list may stand for it."""
    assert names(fold(parse(text, Budget()), Budget()), Budget()) == {"n"}
    assert fold(parse(text, Budget()), Budget()) != Name("n")


def test_one_and_one_point_zero_are_two_constants() -> None:
    assert len({Const(1), Const(1.0), Const(True)}) == 3
    assert Const(0.0) != Const(-0.0)
    assert Const((1, 2)) != Const((1, 2.0))
    assert Const((1, (2.5,))) == Const((1, (2.5,)))


@given(SUMS, ENVIRONMENTS)
def test_printing_and_parsing_keep_the_value(expr: Expr, env: dict[str, Value]) -> None:
    assert _value(parse(source(expr), Budget()), env) == _value(expr, env)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("24 + growth + growth + 2*growth", "24 + 4 * growth"),
        ("2*growth + growth*4", "6 * growth"),
        ("x // 2 + x // 2 + y", "2 * (x // 2) + y"),
        ("channels + growth * i", "channels + growth * i"),
        ("a - b + a", "a - b + a"),
        ("x + 1.0 + 2 + 1.0", "x + 1.0 + 2 + 1.0"),
        ("2 * round(n / 2) // 2", "round(n / 2)"),
        ("width * 2 // 2", "width"),
        ("planes * 4 // 64 * 32", "planes // 16 * 32"),
        ("x * 6 // 4", "x * 3 // 2"),
        ("x // 2 // 4", "x // 8"),
        ("x * 2.0 // 2", "x * 2.0 // 2"),
        ("[[1, 2], [3, 4]][i][0] * 4 // 4", "((1, 2), (3, 4))[i][0]"),
        ("[1.5, 2][i] * 4 // 4", "(1.5, 2)[i] * 4 // 4"),
        ("1 * width // 1 + 0", "width"),
        ("1 + 0 * alpha ** 2", "1"),
        ("width * (alpha / 3 * 0)", "0"),
        ("16 * width // 2", "8 * width"),
        ("width * 16 // 2", "width * 8"),
        ("groups == groups and stride != 1", "stride != 1"),
        ("2 * n + m if c else 2 * n", "2 * n + (m if c else 0)"),
        ("n if c else n + m", "n + (0 if c else m)"),
    ],
)
def test_what_is_folded(text: str, wanted: str) -> None:
    assert source(fold(parse(text, Budget()), Budget(), whole=lambda name: True)) == wanted
