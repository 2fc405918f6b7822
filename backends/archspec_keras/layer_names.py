"""The names of Keras layers."""

from __future__ import annotations

from collections.abc import Container, Iterable

from archspec.codegen.counted_names import CountedNames
from archspec.codegen.escaping import quoted
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Code, Ternary
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

    __slots__ = ("bare", "parts", "test")

    def __init__(self, *parts: tuple[bool, str], bare: LayerName | None = None, test: str = "") -> None:
        self.parts = parts
        """Each part with whether it is code, to be put in braces."""
        self.bare = bare
        """What it is where the test does not hold, if there is one."""
        self.test = test

    def then(self, *parts: tuple[bool, str]) -> LayerName:
        """The name of something inside: joined by `_`."""
        bare = None if self.bare is None else self.bare.then(*parts)
        if self.parts:
            return LayerName(*self.parts, (False, "_"), *parts, bare=bare, test=self.test)
        (is_code, text), *others = parts
        return LayerName((is_code, text if is_code else joined_name(text)), *others)

    def counted(self, names: CountedNames, variable: str, start: int) -> LayerName:
        """The names in a row of things inside, by a variable that is `start` for the first."""
        around = LayerName() if names.is_flat else self
        made = around.then(*((code, text.replace(".", "_")) for code, text in names.source(variable, start)))
        if not names.is_first_bare:
            return made
        text = str(names.parts[0]).removesuffix("_")
        return LayerName(
            *made.parts, bare=self.then((False, text)), test=variable if start == 0 else f"{variable} > {start}"
        )

    def text(self, suffix: str = "") -> Code:
        """As source: a string, or an f-string where it has variables; a lone variable stands for itself."""
        if self.bare is not None:
            return Ternary(self._text(suffix), self.test, self.bare.text(suffix))
        return self._text(suffix)

    def _text(self, suffix: str) -> str:
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
    """A loop's pattern as the parts of a name, for an iteration's number or for the variable that has it.

    Items of a sequence in turn with others have a dot in theirs: `convs.{i}`.
    """
    if isinstance(index, int):
        return [(False, name_by(pattern, {"i": index}, budget).replace(".", "_"))]
    parts = sources_by(pattern, index, budget)
    return [(is_expression, text if is_expression else text.replace(".", "_")) for text, is_expression in parts]


def number_parts(number: Expr, printed: str) -> list[tuple[bool, str]]:
    """The part of a name that a named sequence's numbering gives."""
    return [(not isinstance(number, Const), printed)]
