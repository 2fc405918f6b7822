"""Which expressions are certain to give whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from archspec.expr.parts import reached
from archspec.expr.tree import Binary, Const, Expr, FunctionCall, IfElse, Index, Name, Unary

Whole: TypeAlias = Callable[[str], bool]
"""Says of a name whether it stands for a whole number (of type `int`) wherever the expression is worked out.

It is asked by `items_of` of a name whether that stands for a list of such.
"""


def items_of(name: str) -> str:
    """What says of the items of a list what a name says of a number; no name is so."""
    return f"{name}[]"


def no_name(name: str) -> bool:
    """Nothing is known of any name."""
    return False


def gives_number(expr: Expr) -> bool:
    """Whether an expression is certain to give a number: a power, a quotient, a difference, what is made of these."""
    match expr:
        case Const(value):
            return type(value) in (int, float)
        case Binary("**" | "/" | "//" | "-"):
            return True
        case Binary("+" | "*", left, right):
            return gives_number(left) and gives_number(right)
        case Unary("-" | "+"):
            return True
        case _:
            return False


def gives_whole(expr: Expr, whole: Whole) -> bool:
    """Whether an expression is certain to give a whole number, of the type `int`; `whole` says it of names."""
    match expr:
        case Const(value):
            return type(value) is int
        case Name(name):
            return whole(name)
        case Unary("-" | "+", operand):
            return gives_whole(operand, whole)
        case Binary("+" | "-" | "*" | "//" | "%", left, right):
            return gives_whole(left, whole) and gives_whole(right, whole)
        case IfElse(_, then, other):
            return gives_whole(then, whole) and gives_whole(other, whole)
        case FunctionCall("int" | "ceil" | "floor" | "len" | "make_divisible"):
            return True
        case FunctionCall("round", args):
            return len(args) == 1
        case FunctionCall("min" | "max", args) if len(args) > 1:
            return all(gives_whole(arg, whole) for arg in args)
        case Index(Name(name), _):
            return whole(items_of(name))
        case Index():
            return all(type(value) is int for value in reached(expr))
        case _:
            return False
