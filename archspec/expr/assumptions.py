"""What is known where an expression is worked out: conditions that hold, and what whole numbers are between."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final, TypeAlias

from archspec.expr.queries import negated
from archspec.expr.tree import Binary, Bool, Compare, Const, Expr, Name, Unary
from archspec.expr.whole_numbers import Whole, gives_whole
from archspec.records import record

ENDLESS: Final = sys.maxsize
"""Where numbers end of which it is not known how many there are."""
_ANYTHING: Final = (-sys.maxsize, sys.maxsize)

Interval: TypeAlias = tuple[int, int]
"""The first and the last of some whole numbers; `ENDLESS` and its opposite where there is no end."""

TURNED: Final = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
"""What stands between two sides that change places."""
_RELATIONS: Final = {"==": "=", "!=": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
"""How one of two numbers may lie to the other, where a comparison of them holds."""


@record
class Assumptions:
    """Conditions whose outcomes are known, and what whole numbers lie between."""

    outcomes: Mapping[Expr, bool]
    """What conditions give. One that is a name gives a truth value."""
    intervals: Mapping[Expr, Interval]
    """What whole numbers are between, the last of them included."""
    relations: Mapping[tuple[Expr, Expr], str]
    """How one whole number may lie to another: some of `<`, `=` and `>`."""
    starts: Mapping[str, Mapping[str, Expr]]
    """What names stand for where a loop's index, by its name, is 0."""

    def __bool__(self) -> bool:
        return bool(self.outcomes or self.intervals)

    def with_index(self, name: str, first: int, stop: int, start: Mapping[str, Expr] | None = None) -> Assumptions:
        """The same where a loop's index goes from `first` up to before `stop`, which may be `ENDLESS`.

        Args:
            name: what the index is called.
            first: the first of its numbers.
            stop: the first that it does not reach.
            start: what names stand for where it is 0.
        """
        last = ENDLESS if stop == ENDLESS else stop - 1
        return Assumptions(
            self.outcomes,
            {**self.intervals, Name(name): (first, last)},
            self.relations,
            {**self.starts, name: start} if start else self.starts,
        )

    def with_outcome(self, condition: Expr, outcome: bool, whole: Whole) -> Assumptions:
        """The same where a condition has this outcome, with what follows from it."""
        match condition:
            case Unary("not", operand):
                return self.with_outcome(operand, not outcome, whole)
            case Bool(op, operands) if (op == "and") is outcome:
                found = self._noted(condition, outcome)
                for operand in operands:
                    found = found.with_outcome(operand, outcome, whole)
                return found
            case Compare(first, (link,), (second,)):
                return self._noted(condition, outcome)._with_comparison(
                    first, link if outcome else _OPPOSITES.get(link, ""), second, whole
                )
            case Const():
                return self
            case _:
                return self._noted(condition, outcome)

    def decided(self, condition: Expr) -> bool | None:
        """The outcome of a condition whose parts are folded; None where it may have either."""
        if not self:
            return None
        if (known := self.outcomes.get(condition)) is not None:
            return known
        match condition:
            case Compare(first, (link,), (second,)):
                turned = Compare(second, (TURNED[link],), (first,)) if link in TURNED else condition
                known = self.outcomes.get(turned)
                return self._compared(first, link, second) if known is None else known
            case Bool(op, operands):
                found = [self.decided(operand) for operand in operands]
                decisive = op == "or"
                if found[0] is decisive:  # those after it are not looked at
                    return decisive
                return not decisive if all(outcome is (not decisive) for outcome in found) else None
            case Unary("not", operand):
                inner = self.decided(operand)
                return None if inner is None else not inner
            case _:
                return None

    def only(self, name: str) -> int | None:
        """The one number that a name can stand for; None where there are several."""
        first, last = self.intervals.get(Name(name), _ANYTHING)
        return first if first == last else None

    def _noted(self, condition: Expr, outcome: bool) -> Assumptions:
        more = {condition: outcome}
        match condition:
            case Compare(_, (link,), _) if link in ("==", "!=", "in", "not in"):  # of all else, NaN may be neither
                more[negated(condition)] = not outcome
            case _:
                pass
        return Assumptions({**self.outcomes, **more}, self.intervals, self.relations, self.starts)

    def _with_comparison(self, first: Expr, link: str, second: Expr, whole: Whole) -> Assumptions:
        if link not in _RELATIONS or not (gives_whole(first, whole) and gives_whole(second, whole)):
            return self
        if isinstance(first, Const):
            first, link, second = second, TURNED[link], first
        match second:
            case Const(int() as value):
                interval = _narrowed(self.intervals.get(first, _ANYTHING), link, value)
                return Assumptions(self.outcomes, {**self.intervals, first: interval}, self.relations, self.starts)
            case _:
                allowed = _RELATIONS[link]
                known = self.relations.get((first, second), "<=>")
                here = "".join(way for way in known if way in allowed)
                turned = here.translate(str.maketrans("<>", "><"))
                relations = {**self.relations, (first, second): here, (second, first): turned}
                return Assumptions(self.outcomes, self.intervals, relations, self.starts)

    def _compared(self, first: Expr, link: str, second: Expr) -> bool | None:
        """What a comparison of two numbers gives."""
        if link not in _RELATIONS:
            return None
        if isinstance(first, Const):
            first, link, second = second, TURNED[link], first
        match second:
            case Const(int() as value) if type(value) is int:
                return _outcome(self._interval(first), link, value)
            case Const(str() as word) if link in ("==", "!=") and (known := self._word(first)) is not None:
                return (known == word) is (link == "==")
            case Const():
                return None
            case _:
                known = self.relations.get((first, second))
                if known is None:
                    return None
                inside = [way in _RELATIONS[link] for way in known]
                return None if not inside or any(inside) != all(inside) else inside[0]

    def _word(self, expr: Expr) -> str | None:
        """The word that something is known to be."""
        for condition, outcome in self.outcomes.items():
            match condition:
                case Compare(first, ("==",), (Const(str() as word),)) if outcome and first == expr:
                    return word
                case _:
                    pass
        return None

    def _interval(self, expr: Expr) -> Interval:
        """What a whole number is between."""
        if (known := self.intervals.get(expr)) is not None:
            return known
        match expr:
            case Binary("+" | "-" as op, inner, Const(int() as value)) if type(value) is int:
                first, last = self._interval(inner)
                more = value if op == "+" else -value
                return (
                    first if first == -ENDLESS else first + more,
                    last if last == ENDLESS else last + more,
                )
            case _:
                return _ANYTHING


NOTHING_ASSUMED: Final = Assumptions({}, {}, {}, {})
_OPPOSITES: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def _narrowed(interval: Interval, link: str, value: int) -> Interval:
    """What is left of an interval where a comparison with a number holds."""
    first, last = interval
    match link:
        case "==":
            return value, value
        case "<" | "<=":
            return first, min(last, value - (link == "<"))
        case ">" | ">=":
            return max(first, value + (link == ">")), last
        case _:  # at an end it takes that away, in between it says nothing of the ends
            return first + (first == value), last - (last == value)


def _outcome(interval: Interval, link: str, value: int) -> bool | None:
    """What a comparison with a number gives for all of an interval; None where that differs, or there are none."""
    first, last = interval
    if first > last:
        return None
    is_low, is_high = first == -ENDLESS, last == ENDLESS
    inside = (is_low or first <= value) and (is_high or value <= last)
    may = {"<": is_low or first < value, "=": inside, ">": is_high or last > value}
    holds = [way in _RELATIONS[link] for way, there in may.items() if there]
    return None if any(holds) != all(holds) else holds[0]
