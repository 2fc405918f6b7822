"""A record is what the standard library's frozen dataclass with slots is, method by method."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field
from functools import partial
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archspec.records import record

standard: Callable[[type], type] = partial(dataclass, frozen=True, slots=True)


def pair(make: Callable[[Callable[[type], type]], type]) -> tuple[Any, Any]:
    """The same class as a record and as a dataclass of the standard library."""
    return make(record), make(standard)


def three_fields(how: Callable[[type], type]) -> type:
    class Point:
        """Of three fields, with a class variable that is none."""

        kind: ClassVar[str] = "point"
        x: object
        y: object = 0
        seen: list[int] = field(default_factory=list, compare=False)

    return how(Point)


def one_field(how: Callable[[type], type]) -> type:
    class One:
        """Of one."""

        x: object

    return how(One)


def no_field(how: Callable[[type], type]) -> type:
    class Empty:
        """Of none."""

    return how(Empty)


@record
class Stored:
    """Where pickle finds it."""

    x: object
    y: object = 0


@record
class StoredMore(Stored):
    """Inherits two fields, gives one of them another value, and adds one."""

    y: object = 5
    z: object = ()


VALUES = st.one_of(
    st.integers(-2, 2), st.floats(), st.booleans(), st.none(), st.text(max_size=2), st.tuples(st.integers(0, 1))
)


@given(st.lists(VALUES, min_size=1, max_size=2), st.lists(VALUES, min_size=1, max_size=2))
def test_equality_hash_and_text_are_the_standards(left: list[object], right: list[object]) -> None:
    for ours, theirs in (pair(three_fields), pair(one_field)):
        a, b = (left, right) if ours.__name__ == "Point" else (left[:1], right[:1])
        assert (ours(*a) == ours(*b)) == (theirs(*a) == theirs(*b))
        assert (ours(*a) != ours(*b)) == (theirs(*a) != theirs(*b))
        assert hash(ours(*a)) == hash(theirs(*a))
        assert repr(ours(*a)) == repr(theirs(*a))
        assert ours(*a) != theirs(*a)  # of another class
        assert ours(*a) == ours(*a)


def test_what_is_not_equal_to_itself_is_the_same() -> None:
    for kind in (*pair(one_field), *pair(three_fields)):
        assert kind(math.nan) == kind(math.nan)  # one object


def test_a_record_without_fields() -> None:
    ours, theirs = pair(no_field)
    assert ours() == ours()
    assert (hash(ours()), repr(ours())) == (hash(theirs()), repr(theirs()))
    with pytest.raises(TypeError):
        ours(1)


def test_defaults_and_factories() -> None:
    for kind in pair(three_fields):
        assert (kind(1).y, kind(1).seen, kind(y=2, x=1).y, kind(1, seen=[3]).seen) == (0, [], 2, [3])
        assert kind(1).seen is not kind(1).seen
        assert kind(1, seen=[1]) == kind(1, seen=[2])
        assert kind.__match_args__ == ("x", "y", "seen")
        assert dataclasses.replace(kind(1), y=4) == kind(1, 4)
        assert dataclasses.asdict(kind(1)) == {"x": 1, "y": 0, "seen": []}
        assert not hasattr(kind(1), "__dict__")


@pytest.mark.parametrize(("values", "named"), [((), {}), ((1, 2, [], 4), {}), ((1,), {"x": 1}), ((1,), {"w": 1})])
def test_wrong_arguments_are_refused_in_the_standards_words(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    said = []
    for kind in pair(three_fields):
        with pytest.raises(TypeError) as raised:
            kind(*values, **named)
        said.append(str(raised.value))
    assert said[0] == said[1]


def test_nothing_can_be_assigned_or_deleted() -> None:
    said = []
    for kind in pair(three_fields):
        found = kind(1)
        with pytest.raises(FrozenInstanceError) as assigned:
            found.x = 2
        with pytest.raises(FrozenInstanceError) as deleted:
            del found.x
        said.append((str(assigned.value), str(deleted.value)))
        assert found == kind(1)
    assert said[0] == said[1]
    with pytest.raises(FrozenInstanceError):
        Stored(1).w = 1  # type: ignore[attr-defined]


def test_methods_of_its_own_stay() -> None:
    class Own:
        """Equal to all."""

        x: int

        def __post_init__(self) -> None:
            if self.x < 0:
                raise ValueError("less than 0")

        def __eq__(self, other: object) -> bool:
            return True

        def __repr__(self) -> str:
            return "own"

    kind: Any = record(Own)
    assert kind(1) == 5
    assert repr(kind(1)) == "own"
    assert hash(kind(3)) == hash((3,))
    with pytest.raises(ValueError, match="less than 0"):
        kind(-1)


def test_they_are_copied_and_pickled() -> None:
    for found in (Stored(1, [2]), StoredMore(1)):
        for other in (copy.copy(found), copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
            assert other == found
            assert other is not found


def test_records_and_dataclasses_inherit_from_records() -> None:
    assert repr(StoredMore(1)) == "StoredMore(x=1, y=5, z=())"
    assert StoredMore(1, 0) != Stored(1, 0)

    @dataclass(frozen=True, slots=True)
    class Plain(StoredMore):
        """Of another package, say."""

        w: int = 7

    class Bare(Stored):
        """Without fields of its own."""

        __slots__ = ()

    assert (Plain(1).w, Plain(1, z=2).z, Plain(1) == Plain(1), hash(Plain(1)) == hash(Plain(1))) == (7, 2, True, True)
    assert (Bare(1), Bare(1).y) == (Bare(1), 0)
    assert Bare(1) != Stored(1)
    with pytest.raises(FrozenInstanceError):
        Bare(1).x = 2  # type: ignore[misc]
    assert Stored.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_a_first_record_of_a_subclass_makes_that_of_its_base() -> None:
    @record
    class Base:
        """Never made itself."""

        x: int

    class Inheriting(Base):
        """The first that is made."""

        __slots__ = ()

    assert (Inheriting(1).x, Base(2).x, Inheriting(x=3).x) == (1, 2, 3)


def test_a_class_that_is_not_frozen_is_not_made_one_by_its_records() -> None:
    @dataclass
    class Open:
        """May be assigned to."""

        x: int = 0

    with pytest.raises(TypeError, match="frozen"):
        record(type("Closed", (Open,), {"__doc__": "Cannot be.", "__annotations__": {"y": "int"}, "y": 0}))
