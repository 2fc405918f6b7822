"""Values of attributes as people write them: numbers, params, expressions, conditions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from tests.fuzz.specs.places import Owner, Place
from tests.fuzz.specs.values import Yaml, value_of

Draw = Callable[[st.SearchStrategy[Any]], Any]

FORMULAS: Final = (
    *("{a}", "{a} + 1", "{a} * 2", "{a} // 2", "{a} - 1", "max({a}, 2)", "min({a}, 3)", "{a} % 3 + 1"),
    *("2 ** ({a} % 3)", "({a} + {b}) // 2", "{a} if {a} > 2 else 2", "[1, 2, 3, 4][{a} % 4]", "ceil({a} / 2)"),
    *("floor({a} * 0.5)", "round({a} * 0.75)", "int({a} / 2)", "make_divisible({a}, 2)"),
    *("make_divisible({a} + 1, 3)", "sum([{a}, 1])", "len([{a}, {b}])", "-{a} + 9"),
)
CONDITIONS: Final = (
    *("{a} > 2", "{a} % 2 == 0", "{a} != 4", "not {a} == 3", "1 < {a} <= 4", "{a} in [1, 2, 4]", "{a} not in [3, 8]"),
    *("0 < {a} and not {b} > 6", "{a} > 1 and {b} < 5", "{a} >= {b} or {a} == 1", "(True if {a} == 1 else {b} > 3)"),
)


class Expressions:
    """Draws them, and keeps count of the names that are taken."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.taken = 0

    def chance(self, one_in: int) -> bool:
        """True once in so many times; false is the simpler one."""
        return bool(self.draw(st.integers(0, one_in - 1)) == one_in - 1)

    def fresh(self, prefix: str) -> str:
        """A name that nothing has."""
        self.taken += 1
        return f"{prefix}{self.taken}"

    def expressed(self, place: Place, value: Yaml, others: Sequence[Yaml], fits: Callable[[Yaml], bool]) -> Yaml:
        """The value, or sometimes an expression that fits as well: the value's own, or another one's.

        Args:
            place: where it stands.
            value: one that fits.
            others: that fit, too.
            fits: whether a value or an expression does, in all frames of the place.
        """
        if not self.chance(2):
            return value
        if isinstance(value, list):
            at = self.draw(st.integers(0, len(value) - 1))
            before, after = value[:at], value[at + 1 :]
            name = self.param(place.owner, value[at], [value[at]], lambda name: fits([*before, name, *after]))
            return [*before, name, *after]
        if isinstance(value, str):  # a word, or `channels`
            words = [other for other in others if isinstance(other, str)]
            return value if value == "channels" else self.param(place.owner, value, words, fits)
        if isinstance(value, int) and not isinstance(value, bool) and self.chance(2):
            found = self.formula(place)
            return found if fits(found) else value
        return self.param(place.owner, value, [other for other in others if type(other) is type(value)], fits)

    def formula(self, place: Place) -> str:
        """An expression that gives a whole number in all frames."""
        numbers = self._numbers(place)
        pattern = self.draw(st.sampled_from(FORMULAS))
        return str(pattern.format(a=self.draw(st.sampled_from(numbers)), b=self.draw(st.sampled_from(numbers))))

    def condition(self, place: Place) -> tuple[Yaml, list[bool]]:
        """A condition, and what it is in each frame."""
        numbers = self._numbers(place)
        match self.draw(st.sampled_from(("numbers", "flag", "word"))):
            case "flag":
                text = self.param(place.owner, True, [True, False], lambda _: True)
            case "word":
                text = f"{self.param(place.owner, 'pre', ['pre', 'post'], lambda _: True)} == 'pre'"
            case _:
                pattern = self.draw(st.sampled_from(CONDITIONS))
                a, b = self.draw(st.sampled_from(numbers)), self.draw(st.sampled_from(numbers))
                text = pattern.format(a=a, b=b)
        return text, [bool(value_of(text, names)) for names in place.all_names]

    def _numbers(self, place: Place) -> list[str]:
        names = place.all_names
        found = [key for key in names[0] if all(type(seen.get(key)) is int for seen in names)]
        return found[::-1]  # `i` and params before `channels`

    def param(self, owner: Owner, value: Yaml, others: Sequence[Yaml], fits: Callable[[Yaml], bool]) -> str:
        """A new param of the network or block, with this value or another that fits in some of the calls.

        `fits` may look at some of the calls only; in the others the param can be anything of the kind.
        """
        name = self.fresh("p")
        if computed := self._computed(owner, value):
            owner.params[name] = computed
            for values in owner.values:
                values[name] = value_of(computed, values)
            if fits(name):
                return name
        for group in owner.groups:
            self._argue(owner, group_at=owner.groups.index(group), name=name, value=value, others=others)
        if not fits(name):
            for group in owner.groups:
                if any(owner.values[call][name] != value for call in group.calls):  # else it is right as it is written
                    group.fields.pop(name, None)
                    group.arguments[name] = value
            for values in owner.values:
                values[name] = value
        self._declare(owner, name, value, others)
        return name

    def _computed(self, owner: Owner, value: Yaml) -> str | None:
        """A default that is worked out from the params before it."""
        known = [key for key in owner.params if all(type(values.get(key)) is int for values in owner.values)]
        if type(value) is not int or not known or not self.chance(4):
            return None
        a = self.draw(st.sampled_from(known))
        found: str = self.draw(st.sampled_from(("{a} * 2", "{a} + 1", "max({a}, 2)", "{a} // 2 + 1"))).format(a=a)
        return found

    def _argue(self, owner: Owner, *, group_at: int, name: str, value: Yaml, others: Sequence[Yaml]) -> None:
        """What one group of calls gives the param."""
        group = owner.groups[group_at]
        if group.units:
            own = not isinstance(value, str) and self.chance(2)
            units = [self.draw(st.sampled_from([value, *others])) if own else value for _ in range(group.units)]
            if own:
                group.fields[name] = units
            else:
                group.arguments[name] = value
            for at, call in enumerate(group.calls):
                owner.values[call][name] = units[at % group.units]
            return
        given: Yaml = value
        each: list[Any] = [value] * len(group.calls)
        if group.caller is None:
            if self.chance(2):
                given = self.draw(st.sampled_from([value, *others]))
                each = [given] * len(group.calls)
        elif type(value) is int and self.chance(2):
            text = self.formula(group.caller)
            found = [value_of(text, names) for names in group.caller.all_names]
            if all(type(one) is int and one >= 0 for one in found):
                given, each = text, found
        elif not isinstance(value, str) and self.chance(3):
            known = group.caller.owner
            given = self.param(known, value, [value], lambda at: all(values[at] == value for values in known.values))
            each = [names[given] for names in group.caller.all_names]
        group.arguments[name] = given
        for call, one in zip(group.calls, each, strict=True):
            owner.values[call][name] = one

    def _declare(self, owner: Owner, name: str, value: Yaml, others: Sequence[Yaml]) -> None:
        """The param itself: with a default or, in a block, without."""
        worded = isinstance(value, str)
        choices: Yaml = {"choices": list(dict.fromkeys([value, *others]))} if worded else {}
        if not owner.is_block:
            default = owner.values[0][name]
            owner.params[name] = {"default": default, **choices} if worded or self.chance(4) else default
        elif self.chance(2):
            owner.params[name] = {"default": value, **choices} if worded else value
        else:
            owner.params[name] = choices or {}
        if owner.is_block and not (isinstance(owner.params[name], dict) and "default" not in owner.params[name]):
            for group in owner.groups:
                if group.arguments.get(name) == value and type(group.arguments[name]) is type(value) and self.chance(2):
                    del group.arguments[name]  # it is the default
