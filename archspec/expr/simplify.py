"""Folding expression trees: putting one expression into another, and working out what is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import gcd
from typing import Final

from archspec.expr.assumptions import NOTHING_ASSUMED, TURNED, Assumptions
from archspec.expr.evaluate import ExprError, evaluate
from archspec.expr.normal_forms import ONE, ZERO, collected, fold_bool, joined_text
from archspec.expr.queries import names, negated
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
from archspec.expr.whole_numbers import Whole, gives_number, gives_whole, no_name
from archspec.limits import Budget
from archspec.records import record


def fold(
    expr: Expr,
    budget: Budget,
    values: Mapping[str, Expr] | None = None,
    *,
    whole: Whole = no_name,
    is_whole: bool = False,
    assumed: Assumptions = NOTHING_ASSUMED,
    quantities: Mapping[str, Expr] | None = None,
) -> Expr:
    """Replace names by `values` and work out what is then known: `4 * w // 4` with `w = 16` gives `16`.

    What is left gives the same value of the same type, wherever the expression given has one and what is assumed
    holds: `n + 0` is `n`, but `n + 0.0` stays, and so does `n // 1` unless `n` is known to be a whole number. What
    cannot be worked out stays as it is, an error included: folding never fails.

    Args:
        expr: The expression.
        budget: What folding may take.
        values: What stands for a name.
        whole: Which of the names that are left stand for whole numbers.
        is_whole: The expression itself is known to give one, such as a number of channels.
        assumed: What is known where the expression is worked out, in terms of the names that are left.
        quantities: What names that stay are called for, which helps to see that two expressions are equal.
    """
    if type(expr) is Const and type(expr.value) is not float:  # as most are
        budget.spend(2)
        return expr
    return _Folding(values or {}, whole, budget, assumed, quantities or {}).fold(expr, is_whole)


@record
class _Folding:
    values: Mapping[str, Expr]
    whole: Whole
    budget: Budget
    assumed: Assumptions
    quantities: Mapping[str, Expr]

    def fold(self, expr: Expr, is_whole: bool = False) -> Expr:
        """A part, folded; `is_whole` says that its value is a whole number, which nothing below it need show."""
        self.budget.spend(2)  # a part is made anew, and kept
        match expr:
            case Const(value):
                return _known(value) if type(value) is float else expr
            case Name(name):
                return self._named(self.values.get(name, expr), is_whole)
            case Unary(op, operand):
                inner = self.fold(operand, is_whole)
                return self._decided(self._worked_out(Unary(op, inner), inner))
            case Binary(op, left, right):
                # Only whole numbers give a whole number, but for lists, and for `**`.
                down = is_whole and op in ("+", "-", "*", "//", "%")
                return self._binary(op, self.fold(left, down), self.fold(right, down), is_whole)
            case Compare():
                return self._compare(expr)
            case Bool(op, operands):
                return self._decided(fold_bool(op, self._operands(op, operands)))
            case IfElse(test, then, other):
                condition = self.fold(test)
                if isinstance(condition, Const) and isinstance(condition.value, bool):
                    return self.fold(then if condition.value else other, is_whole)
                sides = self._assuming(condition, True), self._assuming(condition, False)
                return self._either(condition, sides[0].fold(then, is_whole), sides[1].fold(other, is_whole), is_whole)
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
                inside = self if kept is None else self._assuming(kept, True)
                found = Comprehension(inside.fold(item), variables, through, kept)
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

    def _named(self, found: Expr, is_whole: bool) -> Expr:
        """What stands for a name, with what is known here."""
        if not self.assumed or isinstance(found, Const):
            return found
        if isinstance(found, Name):
            return self._decided(found)
        return _Folding({}, self.whole, self.budget, self.assumed, self.quantities).fold(found, is_whole)

    def _decided(self, condition: Expr) -> Expr:
        """A condition, or its outcome where that is known."""
        known = self.assumed.decided(condition)
        return condition if known is None else Const(known)

    def _operands(self, op: str, operands: Iterable[Expr]) -> Iterator[Expr]:
        """The operands of `and` or `or`, each where those before it have not settled it."""
        here = self
        for operand in operands:
            found = here.fold(operand)
            yield found
            here = here._assuming(found, op == "and")

    def _assuming(self, condition: Expr, outcome: bool) -> _Folding:
        """The same where a condition has this outcome."""
        if isinstance(condition, Const):
            return self
        known = self.assumed.with_outcome(condition, outcome, self.whole)
        if (meant := self._meant(condition)) is not condition:
            known = known.with_outcome(meant, outcome, self.whole)
        return _Folding(self.values, self.whole, self.budget, known, self.quantities)

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
        for outcome, here, elsewhere in ((True, then, other), (False, other, then)):
            # `w * n if n != 1 else w`: what it is otherwise is that for 1, too.
            known = self._assuming(test, outcome)._settled(test)
            if known is not None and known.fold(self._meant(elsewhere), is_whole) == known.fold(here, is_whole):
                return elsewhere
        if (apart := self._apart(test, then, other)) is not None:
            return apart
        match self._meant(test):
            case Compare(first, ("==" | "!=" as link,), (second,)):
                unequal, equal = (other, then) if link == "==" else (then, other)
                if {unequal, equal} == {first, second} and (is_whole or all(map(self.is_whole, (first, second)))):
                    return unequal  # `a if a == b else b` is `b`
            case _:
                pass
        return IfElse(test, then, other)

    def _settled(self, test: Expr) -> _Folding | None:
        """The same with numbers for the names of which a condition leaves no more than one; None where it does not."""
        found: dict[str, Expr] = {}
        for name in names(self._meant(test), self.budget):
            if (number := self.assumed.only(name)) is not None:
                found |= {**(self.assumed.starts.get(name, {}) if number == 0 else {}), name: Const(number)}
        return _Folding(found, self.whole, self.budget, NOTHING_ASSUMED, {}) if found else None

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
        if len(parts) == 2 and parts[0] == parts[1] and expr.ops[0] in ("==", "!=", "<=", ">="):
            return Const(expr.ops[0] != "!=")
        match parts, expr.ops:
            case [[IfElse(test, Const() as then, Const() as other), Const() as number], (link,)]:
                sides = [self._worked_out(Compare(side, (link,), (number,)), side, number) for side in (then, other)]
                if sides == [Const(True), Const(False)]:
                    return self._decided(test)
                if sides == [Const(False), Const(True)]:
                    return self._decided(self._opposite(test))
                if sides[0] == sides[1] and isinstance(sides[0], Const):
                    return sides[0]
            case [[Const() as number, Name() | Binary() | FunctionCall() | Index() as asked], (link,)] if (
                link in TURNED
            ):
                return self._decided(Compare(*self._moved(asked, number, TURNED[link])))
            case [[Binary() as asked, Const() as number], (link,)]:
                return self._decided(Compare(*self._moved(asked, number, link)))
            case _:
                pass
        return self._decided(Compare(parts[0], expr.ops, tuple(parts[1:])))

    def _opposite(self, test: Expr) -> Expr:
        """What is true where a condition is false; of numbers that may be none, `not x < y` is not `x >= y`."""
        match test:
            case Compare(first, (link,), (second,)) if link in ("==", "!=") or (
                self.is_whole(first) and self.is_whole(second)
            ):
                return negated(test)
            case Unary("not", operand):
                return operand
            case _:
                return Unary("not", test)

    def _moved(self, asked: Expr, number: Const, link: str) -> tuple[Expr, tuple[str], tuple[Expr]]:
        """The parts of `n == 1` for those of `n - 1 == 0`, of whole numbers."""
        match asked, number:
            case Binary("+" | "-" as op, whole, Const(int() as more)), Const(int() as value) if (
                link in TURNED and self.is_whole(whole) and type(more) is type(value) is int
            ):
                return whole, (link,), (Const(value - more if op == "+" else value + more),)
            case _:
                return asked, (link,), (number,)

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
        """A product of whole numbers with its constant factors put together, and nothing times a number.

        None where there is nothing to do.
        """
        is_whole = is_whole or (self.is_whole(left) and self.is_whole(right))
        if ZERO in (left, right) and (is_whole or (gives_number(left) and gives_number(right))):
            return ZERO
        if not is_whole:
            return None
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
                less = Const(times // both)
                pair = (less, factor) if isinstance(left.left, Const) else (factor, less)  # in the order that was given
                kept = factor if times == both else Binary("*", *pair)
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
        return gives_whole(expr, self.whole)


_ROUNDING: Final = frozenset({"int", "round", "ceil", "floor", "make_divisible"})
"""Functions to which a whole number and the float that is equal to it are the same."""


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
