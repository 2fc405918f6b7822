"""The names of Keras layers, and the names that generated code cannot use for its own purposes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from archspec.codegen.helpers import Helpers
from archspec.codegen.text import identifier, quoted
from archspec.errors import BackendError, Diagnostic
from archspec.expr import Const, Expr, name_by, sources_by
from archspec.ir.graph import LayerGraph

HELPERS: Final = Helpers("archspec_keras")
"""What generated code may bring along."""

CHANNELS_LAST: Final = frozenset(
    {
        *("AveragePooling2D", "Conv2D", "Conv2DTranspose", "Cropping2D", "Flatten", "MaxPooling2D"),
        *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D"),
        *("UpSampling2D", "ZeroPadding2D"),
    }
)
"""Keras's layers that rows print and that take a data format: a module has names of its own for them."""

RESERVED: Final = frozenset(
    {"keras", "layers", "name", "sys", "ceil", "floor", "partial", *CHANNELS_LAST, *HELPERS.texts}
)
"""What the module imports or defines, and the argument that all functions have: no parameter may be called so."""


def layer_name(path: str) -> str:
    """The name of a graph's layer in Keras, where `.` and `/` are not allowed."""
    return path.replace(".", "_")


def function_name(graph: LayerGraph) -> str:
    """The name of the function that makes the network."""
    return identifier(graph.name, RESERVED)


def check_unique(graph: LayerGraph, extra: Iterable[tuple[str, str]]) -> None:
    """See that no two layers get one name; `extra` are layers that are in no graph, each with its node's path.

    Raises:
        BackendError: two do.
    """
    owner: dict[str, str] = {}
    found: list[Diagnostic] = []
    for path, name in (*((path, layer_name(path)) for path in graph.nodes), *extra):
        if name in owner:
            message = f"`{owner[name]}` and `{path}` both give a layer called `{name}` in Keras, where `_` joins names"
            found.append(Diagnostic("E0404", message, graph.nodes[path].span, help="rename one of the two"))
        owner.setdefault(name, path)
    if found:
        raise BackendError(found)


class LayerName:
    """The beginning of a layer's name in generated code: fixed text and variables, in turn."""

    __slots__ = ("parts",)

    def __init__(self, *parts: tuple[bool, str]) -> None:
        self.parts = parts
        """Each part with whether it is code, to be put in braces."""

    def then(self, *parts: tuple[bool, str]) -> LayerName:
        """The name of something inside: joined by `_`."""
        return LayerName(*self.parts, (False, "_"), *parts) if self.parts else LayerName(*parts)

    def text(self, suffix: str = "") -> str:
        """As source: a string, or an f-string where it has variables; a lone variable stands for itself."""
        parts = [*self.parts, *([(False, suffix)] if suffix else [])]
        if not any(code for code, _ in parts):
            return quoted("".join(text for _, text in parts))
        if len(parts) == 1:
            return parts[0][1]
        return "f" + quoted("".join(f"{{{text}}}" if code else text for code, text in parts))


def pattern_parts(pattern: str, index: int | str) -> list[tuple[bool, str]]:
    """A loop's pattern as the parts of a name, for a round's number or for the variable that has it."""
    if isinstance(index, int):
        return [(False, name_by(pattern, index))]
    return [(is_expression, text) for text, is_expression in sources_by(pattern, index)]


def number_parts(number: Expr, printed: str) -> list[tuple[bool, str]]:
    """The part of a name that a named sequence's numbering gives."""
    return [(not isinstance(number, Const), printed)]
