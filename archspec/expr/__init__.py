"""Expressions: the small language that may stand wherever a spec has a number."""

from archspec.expr.assumptions import ENDLESS, NOTHING_ASSUMED, Assumptions
from archspec.expr.evaluate import ExprError, check_number, describe, evaluate, joined
from archspec.expr.expand import expand
from archspec.expr.parse import parse
from archspec.expr.parts import reached, replaced
from archspec.expr.pattern import name_by, pattern_text, sources_by, split_pattern
from archspec.expr.printing import source, text_parts, text_source
from archspec.expr.queries import names, negated
from archspec.expr.simplify import fold
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
    bound_name,
    children,
    exactly,
)
from archspec.expr.whole_numbers import Whole, gives_whole, items_of, no_name

__all__ = [
    "ENDLESS",
    "NOTHING_ASSUMED",
    "Assumptions",
    "Binary",
    "Bool",
    "Compare",
    "Comprehension",
    "Const",
    "Expr",
    "ExprError",
    "FunctionCall",
    "IfElse",
    "Index",
    "Items",
    "JoinedText",
    "Name",
    "NamedValues",
    "Slice",
    "Unary",
    "Value",
    "Whole",
    "bound_name",
    "check_number",
    "children",
    "describe",
    "evaluate",
    "exactly",
    "expand",
    "fold",
    "gives_whole",
    "items_of",
    "joined",
    "name_by",
    "names",
    "negated",
    "no_name",
    "parse",
    "pattern_text",
    "reached",
    "replaced",
    "source",
    "sources_by",
    "split_pattern",
    "text_parts",
    "text_source",
]
