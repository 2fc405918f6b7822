"""The names of Keras layers."""

from __future__ import annotations

from collections.abc import Container, Iterable

from archspec.codegen.escaping import quoted
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.expr import Const, Expr, name_by, sources_by, text_source
from archspec.ir.graph import LayerGraph
from archspec.limits import Budget
from archspec.reserved_names import joined_name


def layer_name(path: str, graph: LayerGraph) -> str:
    """The name of a graph's layer in Keras, where `.` and `/` are not allowed, nor `_` or `-` at the beginning."""
    node = graph.nodes.get(path)
    return (node and node.flat_name) or joined_name(path)


def added_suffix(suffix: str, paths: Iterable[str], names: Container[str], graph: LayerGraph) -> str:
    """The suffix of a layer that is added to these: with `_` after it where a layer of the graph has that name.

    `names` are those of the graph's own layers.
    """
    while suffix and any(layer_name(path, graph) + suffix in names for path in paths):
        suffix += "_"
    return suffix


class LayerName:
    """The beginning of a layer's name in generated code: fixed text and variables, in turn."""

    __slots__ = ("parts",)

    def __init__(self, *parts: tuple[bool, str]) -> None:
        self.parts = parts
        """Each part with whether it is code, to be put in braces."""

    def then(self, *parts: tuple[bool, str]) -> LayerName:
        """The name of something inside: joined by `_`."""
        if self.parts:
            return LayerName(*self.parts, (False, "_"), *parts)
        (is_code, text), *others = parts
        return LayerName((is_code, text if is_code else joined_name(text)), *others)

    def text(self, suffix: str = "") -> str:
        """As source: a string, or an f-string where it has variables; a lone variable stands for itself."""
        parts = [*self.parts, *([(False, suffix)] if suffix else [])]
        if not any(code for code, _ in parts):
            return quoted("".join(text for _, text in parts))
        if len(parts) == 1:
            return parts[0][1]
        return text_source([(text, not is_code) for is_code, text in parts])


def flat_name(expr: Expr, printer: ExpressionPrinter) -> LayerName:
    """A layer's own flat name, which does not begin with those of the scopes around it."""
    if isinstance(expr, Const):
        return LayerName((False, str(expr.value)))
    parts = [(not is_plain, text) for text, is_plain in printer.name_parts(expr)]
    return LayerName(*parts, *([(False, "")] if len(parts) == 1 else []))  # a number by itself is no name


def pattern_parts(pattern: str, index: int | str, budget: Budget) -> list[tuple[bool, str]]:
    """A loop's pattern as the parts of a name, for an iteration's number or for the variable that has it."""
    if isinstance(index, int):
        return [(False, name_by(pattern, {"i": index}, budget))]
    return [(is_expression, text) for text, is_expression in sources_by(pattern, index, budget)]


def number_parts(number: Expr, printed: str) -> list[tuple[bool, str]]:
    """The part of a name that a named sequence's numbering gives."""
    return [(not isinstance(number, Const), printed)]
