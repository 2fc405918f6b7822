"""What an argument is to a quantity, by the expression that makes the quantity of it: a factor, a divisor, a choice."""

from __future__ import annotations

from typing import Final

from archspec.codegen.tree import CHANNELS
from archspec.expr import Binary, Const, Expr, FunctionCall, IfElse, Index, Name, names, source
from archspec.limits import Budget

_ITSELF: Final = "{}"
_OTHER: Final = "determines the {}"
"""What is said where the expression is none of those that have a word."""
_WHOLE: Final = "{} and those that arrive"
"""What is said where a number is what comes to those that arrive: of channels of zeros, how many there are then."""
_ZEROS: Final = "channels of zeros"
_DIVISOR: Final = "divisor of the {}"
_SHARES: Final = {"groups": "channels in each group", "attention heads": "channels of each attention head"}
"""What a divisor is where channels are divided into so many parts."""
_ROUNDING: Final = frozenset({"make_divisible", "round", "floor", "ceil", "int"})


def part_in(expr: Expr, name: str, budget: Budget) -> str:
    """What a name is to what an expression gives, `{}` in it: `factor of the {}`."""
    inside = [part for part in _operands(expr) if name in names(part, budget)]
    inner = part_in(inside[0], name, budget) if len(inside) == 1 else _OTHER
    match expr:
        case Name():
            return _ITSELF if expr.id == name else _OTHER
        case Binary("-", Name(id=whole), Name(id=CHANNELS.id)) if whole == name:
            return _WHOLE
        case Index(Name(id=table), Const()) if table == name:
            return "list of the {}"
        case Index(Name(id=table), _) if table == name:
            return "{}, one for each stage"
        case IfElse(Name(id=asked), Const(one), Const(two)) if asked == name:
            return f"whether the {{}} is {_quoted(one)} instead of {_quoted(two)}"
        case FunctionCall(function) if function in _ROUNDING:
            return "{}, before it is rounded" if inner == _ITSELF else inner
        case Binary("*"):
            return "factor of the {}" if inner == _ITSELF else inner
        case Binary("/" | "//", _, right):
            if inside == [right]:
                return _DIVISOR if inner == _ITSELF else _OTHER
            if not isinstance(right, Const):
                return _OTHER
            times = "twice" if right.value == 2 else f"{source(right)} times"
            return f"{times} the {{}}" if inner == _ITSELF else inner
        case _:
            return _OTHER


def said(part: str, word: str) -> str:
    """What is said of an argument: `factor of the output channels`."""
    subject, _, _ = word.partition(": ")
    if part == _WHOLE and word.startswith(_ZEROS):
        return f"output channels{word.removeprefix(_ZEROS)}"
    for many, share in _SHARES.items():
        if part == _DIVISOR and subject.startswith(many):
            return f"{share}{subject.removeprefix(many)}"
    if part == _OTHER and subject.startswith(("which ", "whether ", "applies ", "adds ")):
        return f"determines {subject}" if subject.startswith("wh") else word
    if part == _OTHER and subject.startswith("determines "):
        return word
    return part.format(word if part == _ITSELF else subject)


def _operands(expr: Expr) -> list[Expr]:
    match expr:
        case Binary(_, left, right):
            return [left, right]
        case FunctionCall(_, args):
            return [*args]
        case _:
            return []


def _quoted(value: object) -> str:
    return f"`{value}`" if isinstance(value, str) else str(value)
