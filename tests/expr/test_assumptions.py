"""What is known where an expression stands leaves out what cannot be otherwise, and changes no value."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archspec.expr import (
    ENDLESS,
    NOTHING_ASSUMED,
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
    exactly,
    fold,
    parse,
    source,
)
from archspec.limits import Budget

NUMBERS = ("a", "b", "i")
FLAGS = ("p", "q")
ENVIRONMENTS = st.fixed_dictionaries(
    {**dict.fromkeys(NUMBERS, st.integers(-4, 4)), **dict.fromkeys(FLAGS, st.booleans()), "x": st.floats()}
)


def whole(name: str) -> bool:
    """Which names stand for whole numbers."""
    return name in NUMBERS


_NUMBER = st.recursive(
    st.one_of(st.sampled_from([Name(name) for name in NUMBERS]), st.integers(-4, 4).map(Const)),
    lambda inner: st.builds(Binary, st.sampled_from(["+", "-", "*", "//"]), inner, inner),
    max_leaves=3,
)
_ANY_NUMBER = st.one_of(_NUMBER, st.just(Name("x")), st.just(Const(0.5)))
_LINKS = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
_CONDITIONS = st.recursive(
    st.one_of(
        st.sampled_from([Name(name) for name in FLAGS]),
        st.builds(lambda one, link, two: Compare(one, (link,), (two,)), _NUMBER, _LINKS, _NUMBER),
        st.builds(lambda one, link, two: Compare(one, (link,), (two,)), _ANY_NUMBER, _LINKS, _ANY_NUMBER),
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda op, parts: Bool(op, tuple(parts)), st.sampled_from(["and", "or"]), st.lists(inner, min_size=2)
        ),
        st.builds(lambda one: Unary("not", one), inner),
    ),
    max_leaves=4,
)
_VALUES = st.recursive(
    st.one_of(_ANY_NUMBER, _CONDITIONS),
    lambda inner: st.one_of(
        st.builds(IfElse, _CONDITIONS, inner, inner), st.builds(Binary, st.sampled_from(["+", "*"]), inner, inner)
    ),
    max_leaves=5,
)


def _value(expr: Expr, env: Mapping[str, Value]) -> tuple[Value] | None:
    try:
        return (evaluate(expr, env, Budget()),)
    except ExprError:
        return None


@given(st.lists(_CONDITIONS, max_size=3), _VALUES, ENVIRONMENTS)
def test_what_is_assumed_keeps_every_value(conditions: list[Expr], expr: Expr, env: dict[str, Value]) -> None:
    assumed = NOTHING_ASSUMED
    for condition in conditions:
        outcome = _value(condition, env)
        assume(outcome is not None)
        assert outcome is not None
        assumed = assumed.with_outcome(fold(condition, Budget(), whole=whole), outcome == (True,), whole)
    before = _value(expr, env)
    assume(before is not None)
    assert before is not None
    after = _value(fold(expr, Budget(), whole=whole, assumed=assumed), env)
    assert after is not None
    assert exactly(before[0], after[0]) or before[0] != before[0]  # NaN


@given(_VALUES, ENVIRONMENTS, st.integers(-4, 4), st.one_of(st.integers(0, 9), st.just(None)), st.data())
def test_the_range_of_an_index_keeps_every_value(
    expr: Expr, env: dict[str, Value], first: int, count: int | None, data: st.DataObject
) -> None:
    stop = ENDLESS if count is None else first + count + 1
    env["i"] = data.draw(st.integers(first, min(stop - 1, first + 12)))
    start: dict[str, Expr] = {"b": parse("a + 1", Budget())}
    if env["i"] == 0:  # what stands for `b` in the first iteration
        a = env["a"]
        assert isinstance(a, int)
        env["b"] = a + 1
    assumed = NOTHING_ASSUMED.with_index("i", first, stop, start)
    before = _value(expr, env)
    assume(before is not None)
    assert before is not None
    after = _value(fold(expr, Budget(), whole=whole, assumed=assumed), env)
    assert after is not None
    assert exactly(before[0], after[0]) or before[0] != before[0]


@pytest.mark.parametrize(
    ("condition", "outcome", "text", "wanted"),
    [
        ("p", True, "8 * a if p else 8", "8 * a"),
        ("p", False, "8 * a if p else 8", "8"),
        ("not p", False, "1 if p and q else 2", "1 if q else 2"),
        ("p and a > 2", True, "a >= 3", "True"),
        ("p or a > 2", False, "a > 4", "False"),
        ("a == 2", False, "b if a != 2 else a", "b"),
        ("x == 'same'", True, "1 if x == 'valid' else 2", "2"),
        ("x == 'same'", True, "x != 'same'", "False"),
        ("x == 'same'", False, "x == 'valid'", 'x == "valid"'),
        ("a != b", True, "b == a", "False"),
        ("a < b", True, "b >= a", "True"),
        ("a < b", True, "a == b", "False"),
        ("a <= b", True, "a < b", "a < b"),
        ("a >= 1", True, "a - 1 < 0", "False"),
        ("x > 0", False, "x <= 0", "x <= 0"),  # it may be no number at all
        ("x == 1", False, "x != 1", "True"),
        ("a > 2", True, "a > 3", "a > 3"),
    ],
)
def test_what_is_left_where_a_condition_is_known(condition: str, outcome: bool, text: str, wanted: str) -> None:
    known = NOTHING_ASSUMED.with_outcome(parse(condition, Budget()), outcome, whole)
    assert source(fold(parse(text, Budget()), Budget(), whole=whole, assumed=known)) == wanted


@pytest.mark.parametrize(
    ("first", "stop", "text", "wanted"),
    [
        (1, ENDLESS, "i > 0", "True"),
        (0, ENDLESS, "a * i if i > 0 else 0", "a * i"),
        (0, ENDLESS, "a + i if i != 0 else a", "a + i"),
        (0, ENDLESS, "a * i if i > 1 else 0", "a * i if i > 1 else 0"),
        (0, 2, "b + a if i == 0 else a", "a + b if i == 0 else a"),
        (0, 4, "i + 1 > 4", "False"),
        (0, ENDLESS, "2 * a + i if i > 0 else b", "2 * a + i"),
        (1, 3, "1 if i - 1 == 0 else 2", "1 if i == 1 else 2"),
    ],
)
def test_what_is_left_in_a_loop(first: int, stop: int, text: str, wanted: str) -> None:
    known = NOTHING_ASSUMED.with_index("i", first, stop, {"b": parse("2 * a", Budget())})
    found = fold(parse(text, Budget()), Budget(), whole=whole, assumed=known)
    assert source(found) in (wanted, source(parse(wanted, Budget())), wanted.replace("a + b", "b + a"))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("(1 if a % 2 == 0 else 3) != 1", "a % 2 != 0"),
        ("(1 if p else 3) == 1", "p"),
        ("(1 if p else 3) > 2", "not p"),
        ("(1 if x > 0 else 3) > 2", "not x > 0"),  # which is no `x <= 0` of what is no number
        ("(1 if a > 0 else 3) > 2", "a <= 0"),
        ("(4 if p else 3) > 2", "True"),
        ("(a if p else 3) > 2", "(a if p else 3) > 2"),
    ],
)
def test_a_comparison_of_a_choice_of_numbers_is_its_condition(text: str, wanted: str) -> None:
    assert source(fold(parse(text, Budget()), Budget(), whole=whole)) == wanted


def test_an_arm_knows_its_own_condition() -> None:
    found = fold(parse("(a if p else b) if p else (3 if p or q else 4)", Budget()), Budget())
    assert source(found) == "a if p else 3 if q else 4"
