"""Folding expression trees: putting one expression into another, and working out what is known."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from math import gcd
from typing import Final

from archspec.expr.evaluate import ExprError, evaluate
from archspec.expr.normal_forms import ONE, ZERO, collected, fold_bool, joined_text
from archspec.expr.parts import reached
from archspec.expr.queries import names
from archspec.expr.tree import (
    Binary,
    Bool,
    Compare,
    Comprehension,
    Const,
    Expr,
    FunctionCall,
    IfElse,
    Index,
    Items,
    JoinedText,
    Name,
    Slice,
    Unary,
    Value,
)
from archspec.limits import Budget
from archspec.records import record

ENDLESS: Final = sys.maxsize
"""Where numbers end of which it is not known how many there are."""
_TURNED: Final = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
"""What stands between two sides that change places."""

Whole = Callable[[str], bool]
"""Says of a name whether it stands for a whole number (of type `int`) wherever the expression is worked out."""


def no_name(name: str) -> bool:
    """Nothing is known of any name."""
    return False


def fold(
    expr: Expr,
    budget: Budget,
    values: Mapping[str, Expr] | None = None,
    *,
    whole: Whole = no_name,
    is_whole: bool = False,
    ranges: Mapping[str, tuple[int, int]] | None = None,
    quantities: Mapping[str, Expr] | None = None,
) -> Expr:
    """Replace names by `values` and work out what is then known: `4 * w // 4` with `w = 16` gives `16`.

    What is left gives the same value of the same type, wherever the expression given has one: `n + 0` is `n`, but
    `n + 0.0` stays, and so does `n // 1` unless `n` is known to be a whole number. What cannot be worked out stays as
    it is, an error included: folding never fails.

    Args:
        expr: The expression.
        budget: What folding may take.
        values: What stands for a name.
        whole: Which of the names that are left stand for whole numbers.
        is_whole: The expression itself is known to give one, such as a number of channels.
        ranges: The whole numbers that a name stands for, from the first up to before the second; `ENDLESS` for
            the second where that is not known.
        quantities: What names that stay are called for, which helps to see that two expressions are equal.
    """
    if type(expr) is Const and type(expr.value) is not float:  # as most are
        budget.spend(2)
        return expr
    return _Folding(values or {}, whole, budget, ranges or {}, quantities or {}).fold(expr, is_whole)


@record
class _Folding:
    values: Mapping[str, Expr]
    whole: Whole
    budget: Budget
    ranges: Mapping[str, tuple[int, int]]
    quantities: Mapping[str, Expr]

    def fold(self, expr: Expr, is_whole: bool = False) -> Expr:
        """A part, folded; `is_whole` says that its value is a whole number, which nothing below it need show."""
        self.budget.spend(2)  # a part is made anew, and kept
        match expr:
            case Const(value):
                return _known(value) if type(value) is float else expr
            case Name(name):
                return self.values.get(name, expr)
            case Unary(op, operand):
                inner = self.fold(operand, is_whole)
                return self._worked_out(Unary(op, inner), inner)
            case Binary(op, left, right):
                # Only whole numbers give a whole number, but for lists, and for `**`.
                down = is_whole and op in ("+", "-", "*", "//", "%")
                return self._binary(op, self.fold(left, down), self.fold(right, down), is_whole)
            case Compare():
                return self._compare(expr)
            case Bool(op, operands):
                return fold_bool(op, (self.fold(operand) for operand in operands))
            case IfElse(test, then, other):
                condition = self.fold(test)
                if isinstance(condition, Const) and isinstance(condition.value, bool):
                    return self.fold(then if condition.value else other, is_whole)
                return self._either(condition, self.fold(then, is_whole), self.fold(other, is_whole), is_whole)
            case Items(items):
                parts = tuple(self.fold(item) for item in items)
                return self._worked_out(Items(parts), *parts)
            case Index(value, index):
                base, at = self.fold(value), self.fold(index)
                return self._worked_out(Index(base, at), base, at)
            case Slice(value, start, stop):
                base = self.fold(value)
                ends = [None if end is None else self.fold(end) for end in (start, stop)]
                return self._worked_out(Slice(base, *ends), base, *(end for end in ends if end is not None))
            case Comprehension(item, variables, values, test):
                through = self.fold(values)
                if isinstance(values, FunctionCall) and values.function == "range":  # shorter than what it gives
                    through = FunctionCall("range", tuple(map(self.fold, values.args)))
                kept = None if test is None else self.fold(test)
                found = Comprehension(self.fold(item), variables, through, kept)
                return found if names(found, self.budget) else self._worked_out(found)
            case FunctionCall(function, args):
                given = tuple(self.fold(arg) for arg in args)
                if function in _ROUNDING and given and (whole := self._times_one(given[0])) is not None:
                    given = (whole, *given[1:])
                    if function != "make_divisible" and len(given) == 1:
                        return whole
                return self._worked_out(FunctionCall(function, given), *given)
            case JoinedText(parts):
                return joined_text(map(self.fold, parts), self._worked_out)

    def _times_one(self, expr: Expr) -> Expr | None:
        """The whole number that an expression has the value of, where it is that, 1.0 times that or `n * 54 / 54`."""
        match expr:
            case Binary("*", whole, Const(1.0)) | Binary("*", Const(1.0), whole):
                return whole if self.is_whole(whole) else None
            case Binary("/", Binary("*", whole, Const(int() as times)), Const(int() as parts)) if times == parts > 0:
                return whole if self.is_whole(whole) else None
            case Binary("+" | "-" as op, left, right) if not self.is_whole(expr):
                sides = [side if self.is_whole(side) else self._times_one(side) for side in (left, right)]
                return None if sides[0] is None or sides[1] is None else self._binary(op, sides[0], sides[1], True)
            case _:
                return expr if self.is_whole(expr) and not isinstance(expr, Const) else None

    def _either(self, test: Expr, then: Expr, other: Expr, is_whole: bool) -> Expr:
        """`then if test else other`, or one of the two where it serves for both."""
        if isinstance(then, IfElse) and then.test == test:
            then = then.then
        if isinstance(other, IfElse) and other.test == test:
            other = other.other
        if then == other:
            return then
        if (apart := self._apart(test, then, other)) is not None:
            return apart
        match self._meant(test):
            case Compare(first, ("==" | "!=" as link,), (second,)):
                unequal, equal = (other, then) if link == "==" else (then, other)
                if {unequal, equal} == {first, second} and (is_whole or all(map(self.is_whole, (first, second)))):
                    return unequal  # `a if a == b else b` is `b`
                if isinstance(first, Name) and isinstance(second, Const) and self.whole(first.id):
                    # `w * n if n != 1 else w`: what it is otherwise is that for 1, too.
                    known = _Folding({first.id: second}, self.whole, self.budget, self.ranges, {})
                    if known.fold(self._meant(unequal), is_whole) == equal:
                        return unequal
            case _:
                pass
        return IfElse(test, then, other)

    def _meant(self, expr: Expr) -> Expr:
        """What a quantity is that an expression consists of."""
        return self.quantities.get(expr.id, expr) if isinstance(expr, Name) else expr

    def _apart(self, test: Expr, then: Expr, other: Expr) -> Expr | None:
        """`n + (2 if c else 1)` for `n + 2 if c else n + 1`, where both sides are something and a whole number."""
        (first, more), (second, less) = _with_number(then), _with_number(other)
        if first == second and first is not None and self.is_whole(first):
            return Binary("+", first, IfElse(test, Const(more), Const(less)))
        match then, other:  # `n + (m if c else 0)` for `n + m if c else n`
            case Binary("+", base, added), _ if base == other and self.is_whole(base) and self.is_whole(added):
                return Binary("+", base, IfElse(test, added, ZERO))
            case _, Binary("+", base, added) if base == then and self.is_whole(base) and self.is_whole(added):
                return Binary("+", base, IfElse(test, ZERO, added))
            case (
                IfElse(inner, Const(int() as a), Const(int() as b)),
                IfElse(same, Const(int() as c), Const(int() as d)),
            ) if inner == same and a - c == b - d and all(map(self.is_whole, (then, other))):
                return Binary("+", other, IfElse(test, Const(a - c), Const(0)))
            case _:
                return None

    def _compare(self, expr: Compare) -> Expr:
        parts = [self.fold(expr.first)]
        for link, item in zip(expr.ops, expr.rest, strict=True):
            parts.append(self.fold(item))
            outcome = self._worked_out(Compare(parts[-2], (link,), (parts[-1],)), *parts[-2:])
            if outcome == Const(False):
                return outcome  # and what comes after it is not looked at, as in Python
            if not isinstance(outcome, Const):
                parts += [self.fold(item) for item in expr.rest[len(parts) - 1 :]]
                break
        else:
            return Const(True)
        if len(parts) == 2 and (decided := self._in_range(parts[0], expr.ops[0], parts[1])) is not None:
            return Const(decided)
        if len(parts) == 2 and parts[0] == parts[1] and expr.ops[0] in ("==", "!=", "<=", ">="):
            return Const(expr.ops[0] != "!=")
        match parts, expr.ops:
            case [[Const() as number, Name() | Binary() | FunctionCall() | Index() as asked], (link,)] if (
                link in _TURNED
            ):
                return Compare(*self._moved(asked, number, _TURNED[link]))
            case [[Binary() as asked, Const() as number], (link,)]:
                return Compare(*self._moved(asked, number, link))
            case _:
                pass
        return Compare(parts[0], expr.ops, tuple(parts[1:]))

    def _moved(self, asked: Expr, number: Const, link: str) -> tuple[Expr, tuple[str], tuple[Expr]]:
        """The parts of `n == 1` for those of `n - 1 == 0`, of whole numbers."""
        match asked, number:
            case Binary("+" | "-" as op, whole, Const(int() as more)), Const(int() as value) if (
                link in _OUTCOMES and self.is_whole(whole) and type(more) is type(value) is int
            ):
                return whole, (link,), (Const(value - more if op == "+" else value + more),)
            case _:
                return asked, (link,), (number,)

    def _in_range(self, left: Expr, op: str, right: Expr) -> bool | None:
        """What a comparison of an index with a number gives in all iterations; None where it differs."""
        match left, right:
            case Name(name), Const(int() as value) if name in self.ranges and op in _OUTCOMES and value is not True:
                start, stop = self.ranges[name]
                outcomes = _OUTCOMES[op](value, start, stop - 1)
                return outcomes[0] if outcomes[0] == outcomes[1] else None
            case _:
                return None

    def _binary(self, op: str, left: Expr, right: Expr, is_whole: bool) -> Expr:
        sum = Binary(op, left, right)
        if isinstance(left, Const) and isinstance(right, Const):
            return self._worked_out(sum, left, right)
        match left, right:
            case IfElse(test, Const() as then, Const() as other), Const():
                return IfElse(
                    test,
                    self._worked_out(Binary(op, then, right), then, right),
                    self._worked_out(Binary(op, other, right), other, right),
                )
            case Const(), IfElse(test, Const() as then, Const() as other):
                return IfElse(
                    test,
                    self._worked_out(Binary(op, left, then), left, then),
                    self._worked_out(Binary(op, left, other), left, other),
                )
            case Binary("+", first, IfElse(_, Const(), Const()) as last), Const(int()) if (
                op == "+" and self.is_whole(first) and self.is_whole(last)
            ):
                return Binary("+", first, self._binary("+", last, right, is_whole))
            case _:
                pass
        # The neutral elements, which are whole: 0.0 and 1.0 would make a float of a whole number.
        if (op == "+" and left == ZERO) or (op == "*" and left == ONE):
            return right
        if (op in ("+", "-") and right == ZERO) or (op == "*" and right == ONE):
            return left
        if op == "/" and isinstance(left, Binary) and left.op == "*" and ZERO in (left.left, left.right):
            return Const(0.0)
        if op == "*" and (product := self._product(left, right, is_whole)) is not None:
            return product
        if op == "//":
            if right == ONE and (is_whole or self.is_whole(left)):
                return left  # which has no fraction
            match left:
                case Binary("*", Const(int()) as factor, Binary("//") as inner) if factor == right != ZERO:
                    return inner  # a number of parts, put together and divided again
                case _:
                    pass
            if (quotient := self._quotient(left, right, is_whole)) is not None:
                return quotient
        return collected(sum) if op == "+" and (is_whole or self.is_whole(sum)) else sum

    def _product(self, left: Expr, right: Expr, is_whole: bool) -> Expr | None:
        """A product of whole numbers with its constant factors put together; None where there is nothing to do."""
        if not (is_whole or (self.is_whole(left) and self.is_whole(right))):
            return None
        if ZERO in (left, right):
            return ZERO
        match left, right:
            case (
                (Const(int() as first), Binary("*", Const(int() as second), other))
                | (Const(int() as first), Binary("*", other, Const(int() as second)))
                | (Binary("*", Const(int() as second), other), Const(int() as first))
                | (Binary("*", other, Const(int() as second)), Const(int() as first))
            ):
                return Binary("*", Const(first * second), other)
            case _:
                return None

    def _quotient(self, left: Expr, right: Expr, is_whole: bool) -> Expr | None:
        """A whole number's quotient in lowest terms: `n * 2` for `n * 4 // 2`; None where there is nothing to do."""
        if not isinstance(right, Const) or type(right.value) is not int or right.value < 1:
            return None
        match left:
            case Binary("*", factor, Const(int() as times)) | Binary("*", Const(int() as times), factor) if (
                times > 0 and times is not True and (is_whole or self.is_whole(factor))
            ):
                if (both := gcd(times, right.value)) == 1:
                    return None
                kept = factor if times == both else Binary("*", factor, Const(times // both))
                return kept if both == right.value else Binary("//", kept, Const(right.value // both))
            case Binary("//", inner, Const(int() as parts)) if (
                parts > 0 and parts is not True and (is_whole or self.is_whole(inner))
            ):
                return Binary("//", inner, Const(parts * right.value))
            case _:
                return None

    def _worked_out(self, expr: Expr, *parts: Expr) -> Expr:
        """The value of an expression whose parts are known; else the expression, an error included."""
        if not all(isinstance(part, Const) for part in parts):
            return expr
        try:
            return _known(evaluate(expr, {}, self.budget))
        except ExprError:
            return expr

    def is_whole(self, expr: Expr) -> bool:
        """Whether an expression is certain to give a whole number, of the type `int`."""
        match expr:
            case Const(value):
                return type(value) is int
            case Name(name):
                return self.whole(name)
            case Unary("-" | "+", operand):
                return self.is_whole(operand)
            case Binary("+" | "-" | "*" | "//" | "%", left, right):
                return self.is_whole(left) and self.is_whole(right)
            case IfElse(_, then, other):
                return self.is_whole(then) and self.is_whole(other)
            case FunctionCall("int" | "ceil" | "floor" | "len" | "make_divisible"):
                return True
            case FunctionCall("round", args):
                return len(args) == 1
            case FunctionCall("min" | "max", args) if len(args) > 1:
                return all(map(self.is_whole, args))
            case Index():
                return all(type(value) is int for value in reached(expr))
            case _:
                return False


_ROUNDING: Final = frozenset({"int", "round", "ceil", "floor", "make_divisible"})
"""Functions to which a whole number and the float that is equal to it are the same."""
_OUTCOMES: Final[Mapping[str, Callable[[int, int, int], tuple[bool, bool]]]] = {
    "==": lambda value, first, last: (first <= value <= last, first == value == last),
    "!=": lambda value, first, last: (not first == value == last, not first <= value <= last),
    "<": lambda value, first, last: (first < value, last < value),
    "<=": lambda value, first, last: (first <= value, last <= value),
    ">": lambda value, first, last: (first > value, last > value),
    ">=": lambda value, first, last: (first >= value, last >= value),
}
"""Whether a comparison holds for one, and for all, of the numbers from `first` to `last`; both alike decide it."""


def _with_number(expr: Expr) -> tuple[Expr | None, int]:
    """An expression as something and a whole number that is added to it."""
    match expr:
        case Binary("+", other, Const(int() as number)) if not isinstance(number, bool):
            return other, number
        case Const():
            return None, 0
        case _:
            return expr, 0


def _known(value: Value) -> Const:
    """What was worked out, as evaluating gives it: zero has no sign."""
    return Const(value or 0.0 if type(value) is float else value)
