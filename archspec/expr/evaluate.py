"""What an expression is worth, within bounds: a spec is untrusted, and `9**9**9` must not hang us."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NoReturn

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
    NamedValues,
    Slice,
    Unary,
    Value,
)
from archspec.limits import Budget


class ExprError(Exception):
    """An expression cannot be parsed or evaluated; the message says why.

    `undefined` names the unknown name, where that is the reason; `too_large` is set where a limit was passed.
    """

    def __init__(self, message: str, *, undefined: str | None = None, too_large: bool = False) -> None:
        super().__init__(message)
        self.undefined = undefined
        self.too_large = too_large


MOST: Final = 2**53
"""Past it a float does not hold every whole number, so no limit can raise it."""

_MOST_DIGITS: Final = 20
_SHORT: Final = reprlib.Repr()  # of a long list it shows the beginning, and takes no longer for it
_SHORT.maxtuple, _SHORT.maxlevel, _SHORT.maxstring = 12, 3, 60


def evaluate(expr: Expr, env: Mapping[str, Value], budget: Budget) -> Value:
    """The value of `expr` where names have the values of `env`.

    Raises:
        ExprError: a name is unknown, an operation does not fit its operands, or a limit is passed.
        WorkError: the limit on the work of a whole network is passed.
    """
    # Most are constants and names, for which a call and a `match` take longer than all else.
    if type(expr) is Const:
        value = expr.value
    elif type(expr) is Name and expr.id in env:
        value = env[expr.id]
    else:
        value = _value(expr, env, budget)
    if type(value) is float:
        value = value or 0.0  # there is one zero: adding 0 changes nothing
    # A list may be long: whatever is done with it next takes time for each of its items.
    budget.spend(1 if type(value) is not tuple else 1 + _weight(value, budget) // 8)
    return value


def _value(expr: Expr, env: Mapping[str, Value], budget: Budget) -> Value:
    match expr:
        case Const(value):
            return value
        case Name(name):
            if name not in env:
                raise ExprError(f"`{name}` is not defined here", undefined=name)
            return env[name]
        case Unary(op, operand):
            return apply_unary(op, evaluate(operand, env, budget))
        case Binary(op, left, right):
            return _apply_binary(op, evaluate(left, env, budget), evaluate(right, env, budget), budget)
        case Compare(first, ops, rest):
            left_value = evaluate(first, env, budget)
            for op, item in zip(ops, rest, strict=True):
                right_value = evaluate(item, env, budget)
                if not apply_compare(op, left_value, right_value):
                    return False
                left_value = right_value
            return True
        case Bool("and", operands):
            return all(truth(evaluate(operand, env, budget)) for operand in operands)
        case Bool(_, operands):
            return any(truth(evaluate(operand, env, budget)) for operand in operands)
        case IfElse(test, then, other):
            return evaluate(then if truth(evaluate(test, env, budget)) else other, env, budget)
        case Items(items):
            return joined((evaluate(item, env, budget) for item in items), budget)
        case Index(value, index):
            return apply_index(evaluate(value, env, budget), evaluate(index, env, budget))
        case Slice(value, start, stop):
            ends = [None if end is None else evaluate(end, env, budget) for end in (start, stop)]
            return _apply_slice(evaluate(value, env, budget), *ends)
        case Comprehension():
            return _comprehended(expr, env, budget)
        case FunctionCall(function, args):
            return apply_call(function, tuple(evaluate(arg, env, budget) for arg in args), budget)
        case JoinedText(parts):
            return _joined_text((evaluate(part, env, budget) for part in parts), budget)


def _joined_text(values: Iterable[Value], budget: Budget) -> str:
    """A text of these parts: it is put together where it is within the limit, and parts past it are not worked out."""
    parts, most, length = list[str](), budget.limits.text, 0
    for value in values:
        if not stands_in_names(value):
            raise ExprError(f"{describe(value)} cannot stand in a name: {IN_NAMES}")
        parts.append(str(value))
        length += len(parts[-1])
        if length > most:
            raise ExprError(f"a text of more than {most} characters; that is the limit", too_large=True)
    budget.spend(length // 8)
    return "".join(parts)


def iterations(expr: Comprehension, env: Mapping[str, Value], budget: Budget) -> Iterator[dict[str, Value]]:
    """The variables that each item of a comprehension sees, those it leaves out not among them.

    The mapping is one and the same, changed for each item.
    """
    values = evaluate(expr.values, env, budget)
    if isinstance(values, NamedValues):
        values = values.names
    if not isinstance(values, tuple):
        raise ExprError(f"`for` goes through a list, this is {describe(values)}")
    budget.spend(len(env) // 8)
    inner = {**env}
    for value in values:
        budget.spend(1)
        parts: tuple[Value, ...] = (value,)
        if len(expr.variables) > 1:
            if not isinstance(value, tuple) or len(value) != len(expr.variables):
                raise ExprError(f"{describe(value)} cannot be taken apart into {len(expr.variables)} values")
            parts = value
        inner.update(zip(expr.variables, parts, strict=True))
        if expr.test is None or truth(evaluate(expr.test, inner, budget)):
            yield inner


def _comprehended(expr: Comprehension, env: Mapping[str, Value], budget: Budget) -> Value:
    found, count = list[Value](), 0
    for inner in iterations(expr, env, budget):
        found.append(evaluate(expr.item, inner, budget))
        count += _weight((found[-1],), budget)
        check_items(count, budget)
    return tuple(found)


def truth(value: Value) -> bool:
    """A condition's outcome; only truth values count, so that a forgotten comparison is noticed."""
    if isinstance(value, bool):
        return value
    raise ExprError(f"a condition must be true or false, this is {describe(value)}")


def describe(value: Value) -> str:
    """A value in a few words, for messages."""
    text = _SHORT.repr(value)
    return f"`{text if len(text) <= 40 else text[:37] + '...'}`"


def apply_unary(op: str, value: Value) -> Value:
    """`-x`, `+x`, `not x`."""
    if op == "not":
        return not truth(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ExprError(f"`{op}` needs a number, this is {describe(value)}")
    return (-value if op == "-" else value) or abs(value)


def _apply_binary(op: str, left: Value, right: Value, budget: Budget) -> Value:
    """Arithmetic, joining and repeating, within the limits."""
    if isinstance(left, tuple) and isinstance(right, tuple) and op == "+":
        check_items(_weight(left, budget) + _weight(right, budget), budget)
        return left + right
    if op == "*" and isinstance(left, tuple) and isinstance(right, int):
        check_items(_weight(left, budget) * max(0, right), budget)
        return left * right
    if op == "*" and isinstance(right, tuple) and isinstance(left, int):
        return _apply_binary("*", right, left, budget)
    if not _is_number(left) or not _is_number(right):
        refuse(op, left, right)
    try:
        return check_number(_arithmetic(op, left, right))
    except ZeroDivisionError:
        raise ExprError(f"division by zero: `{left} {op} {right}`") from None
    except OverflowError:
        raise ExprError(f"`{left} {op} {right}` is too large", too_large=True) from None


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _arithmetic(op: str, left: Value, right: Value) -> int | float:
    assert isinstance(left, int | float) and isinstance(right, int | float)
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "//":
            return left // right
        case "%":
            return left % right
        case _:
            if abs(right) > 64 and abs(left) > 1:
                raise ExprError(f"the exponent {right} is too large", too_large=True)
            power: int | float | complex = left**right
            if isinstance(power, complex):
                raise ExprError(f"`{left} ** {right}` is not a real number")
            return power


def check_number(value: int | float) -> int | float:
    """The number itself, zero without a sign.

    Raises:
        ExprError: it is past the limit, or not finite.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise ExprError("the result is not a finite number", too_large=True)
    if abs(value) > MOST:
        raise ExprError(f"the result is past {MOST}", too_large=True)
    return value or (value if isinstance(value, bool) else abs(value))


def _sum(values: tuple[int | float, ...], start: int | float = 0) -> int | float:
    if not all(isinstance(value, int | float) for value in (*values, start)):
        raise TypeError("only numbers are added up")  # lists of lists would grow without a bound
    return sum(values, start)


def _round(value: int | float, digits: int | None = None) -> int | float:
    if digits is not None and abs(digits) > _MOST_DIGITS:
        raise ValueError("too many digits")  # Python would work out ten to their power
    return round(value, digits)


def check_items(count: int, budget: Budget) -> None:
    """Refuse a list of so many items, where that is past the limit."""
    if count > (most := budget.limits.list_items):
        raise ExprError(f"a list of {count} items; at most {most} are allowed", too_large=True)


def joined(items: Iterable[Value], budget: Budget) -> tuple[Value, ...]:
    """A list of these items, within the limits.

    Raises:
        ExprError: they are too many, those of inner lists counted too.
    """
    whole = tuple(items)
    check_items(_weight(whole, budget), budget)
    return whole


def _weight(value: tuple[Value, ...], budget: Budget) -> int:
    """The items of a list, those of inner lists counted too; it counts no further than the limit."""
    count, most = len(value), budget.limits.list_items
    inner = list(value) if tuple in set(map(type, value)) else []
    while inner and count <= most:
        item = inner.pop()
        if isinstance(item, tuple):
            count += len(item)
            if tuple in set(map(type, item)):
                inner += item
    return count


IN_NAMES: Final = "names take whole numbers, 0 or more, and text"


def stands_in_names(value: Value) -> bool:
    """Whether a value can be a part of a name."""
    return isinstance(value, str) or (type(value) is int and value >= 0)


def refuse(op: str, left: Value, right: Value) -> NoReturn:
    """Say that an operation does not fit its operands."""
    raise ExprError(f"`{op}` does not fit {describe(left)} and {describe(right)}")


def apply_compare(op: str, left: Value, right: Value) -> bool:
    """One comparison of a chain."""
    if op == "==":
        return left == right
    if op == "!=":
        return left != right
    if op in ("in", "not in"):
        if isinstance(right, NamedValues):
            right = right.names
        if not isinstance(right, tuple):
            raise ExprError(f"`{op}` needs a list on its right, this is {describe(right)}")
        return (left in right) == (op == "in")
    if not _is_number(left) or not _is_number(right):
        refuse(op, left, right)
    assert isinstance(left, int | float) and isinstance(right, int | float)
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]


def apply_index(value: Value, index: Value) -> Value:
    """`values[index]`; negative indices count from the end. Of values by name the one of this name."""
    if isinstance(value, NamedValues) and isinstance(index, str):
        if not (found := value.get(index)):
            raise ExprError(f"there is no {describe(index)} in it; it has {', '.join(value.names[:20])}")
        return found[0]
    if not isinstance(value, tuple) or isinstance(index, bool) or not isinstance(index, int):
        raise ExprError(f"{describe(value)} cannot be indexed with {describe(index)}")
    if not -len(value) <= index < len(value):
        raise ExprError(f"index {index} is outside a list of {len(value)}")
    return value[index]


def _apply_slice(value: Value, start: Value, stop: Value) -> Value:
    """`values[start:stop]`, as in Python."""
    if not isinstance(value, tuple):
        raise ExprError(f"{describe(value)} is no list, and has no part")
    ends: list[int | None] = []
    for end in (start, stop):
        if end is not None and (isinstance(end, bool) or not isinstance(end, int)):
            raise ExprError(f"the end of a part is a whole number, this is {describe(end)}")
        ends.append(end)
    return value[ends[0] : ends[1]]


def apply_call(function: str, args: tuple[Value, ...], budget: Budget) -> Value:
    """A call of one of the language's functions."""
    try:
        if function == "range":
            check_items(len(range(*args)), budget)  # type: ignore[arg-type]  # what it does not take is said below
        result = FUNCTIONS[function](*args)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        shown = ", ".join(describe(arg)[1:-1] for arg in args)
        raise ExprError(f"`{function}({shown})` cannot be worked out") from None
    if isinstance(result, tuple):
        check_items(_weight(result, budget), budget)
    return check_number(result) if isinstance(result, int | float) else result


def make_divisible(value: float, divisor: int = 8) -> int:
    """Round to a multiple of `divisor`, never below it nor more than a tenth down (MobileNetV2's rule)."""
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def _enumerate(values: tuple[Value, ...]) -> Value:
    return tuple(enumerate(values))


def _log(value: float, base: float | None = None) -> float:
    return math.log(value) if base is None else math.log(value, base)


FUNCTIONS: Final[dict[str, Callable[..., Value]]] = {
    "abs": abs,
    "all": lambda values: all(map(truth, values)),
    "any": lambda values: any(map(truth, values)),
    "ceil": math.ceil,
    "enumerate": _enumerate,
    "exp": math.exp,
    "floor": math.floor,
    "int": int,
    "len": len,
    "log": _log,
    "log2": math.log2,
    "make_divisible": make_divisible,
    "max": max,
    "min": min,
    "range": lambda *ends: tuple(range(*ends)),
    "round": _round,
    "sorted": lambda values: tuple(sorted(values)),
    "sqrt": math.sqrt,
    "sum": _sum,
    "zip": lambda *lists: tuple(zip(*lists, strict=False)),
}
LISTS: Final = frozenset({"enumerate", "range", "sorted", "zip"})
"""Those that give a list, which in Python is none, or not a tuple."""
MATH: Final = frozenset({"ceil", "exp", "floor", "log", "log2", "sqrt"})
"""Those of Python's module `math`."""
