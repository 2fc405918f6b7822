"""Printing a definition's expressions and attributes, and noting what that needs: names, functions, helpers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from archspec.codegen.escaping import identifier, literal
from archspec.codegen.expression_code import expression_code
from archspec.codegen.marked_text import Paths
from archspec.codegen.pretty_printer import Code, Keyword, heads
from archspec.codegen.tree import CHANNELS, Definition, LayerUse, Parameter, iteration_names
from archspec.codegen.walk import carrying, deepest, row_names
from archspec.expr import Binary, Const, Expr, FunctionCall, JoinedText, Name, names, replaced, source, text_parts
from archspec.expr.tree import children
from archspec.ir.attributes import PerAxis, PerAxisKind

_INDICES: Final = "ijklmn"
"""What the indices of loops inside each other are called; those that are deeper have numbers."""


class ExpressionPrinter:
    """Prints for one definition; `helpers`, `functions` and `names` collect what its code mentions."""

    def __init__(self, definition: Definition, channels: str, reserved: frozenset[str]) -> None:
        self.budget = definition.budget
        self.types = definition.types
        self.helpers: set[str] = set()
        self.functions: set[str] = set()
        self.names: set[str] = set()
        self.users: dict[str, list[Paths]] = {}
        """The paths of the layers that are of a helper's class, by its name; other names are among them."""
        self.flattened: Mapping[str, Sequence[int]] = {}
        """By the path of a layer, the sizes of the image that was flattened to what it takes."""
        self.carrying = carrying(definition.tree)
        self.locals: dict[Expr, str] = {}
        """Expressions that a local stands for, each with its name among those that are `spelled`."""
        self.spelled: dict[str, str] = {}
        for given in definition.types:
            name, _, operand = given.partition("@")  # see `iteration_names` and `channels_of`
            if operand.isidentifier():
                name = f"{operand}_{name}"
            self.spelled[given] = identifier(name, {*reserved, *self.spelled.values()})
        own = {CHANNELS.id: channels}
        own |= {name: name.partition("@")[0] for name in row_names(definition.tree)}
        for depth in range(1, deepest(definition.tree) + 2):  # calls in a row may become one more
            index, carried = iteration_names(depth)
            letter = _INDICES[depth - 1] if depth <= len(_INDICES) else f"i{depth}"
            own |= {index: letter, carried: "channels" if depth == 1 else f"channels_{depth}"}
        for name, text in own.items():
            if name not in self.spelled:
                self.spelled[name] = identifier(text, {*reserved, *self.spelled.values()})

    def expr(self, expr: Expr) -> str:
        """An expression as source."""
        return source(self._shown(expr), self.spelled)

    def name_parts(self, expr: Expr) -> list[tuple[str, bool]]:
        """The parts of a name that an expression gives, each with whether it stands in it as it is."""
        shown = self._shown(expr)
        return text_parts(shown if isinstance(shown, JoinedText) else JoinedText((shown,)), self.spelled)

    def code(self, expr: Expr) -> Code:
        """An expression as code that is broken where it is too long for a line."""
        return expression_code(self._shown(expr), self.spelled)

    def features(self, use: LayerUse) -> Code:
        """The channels or features that a layer takes; where an image was flattened, as a product of its sizes."""
        found = {tuple(self.flattened.get(path, ())) for path in use.paths}
        sizes = found.pop() if len(found) == 1 else ()
        if not sizes or not isinstance(use.features[0], Const):
            return self.expr(use.features[0])
        return " * ".join(map(str, sizes))

    def _shown(self, expr: Expr) -> Expr:
        self.names |= names(expr, self.budget)
        shown = halved(self._with_locals(expr) if self.locals else expr, self.types)
        self._note_functions(shown)
        return shown

    def parameter(self, parameter: Parameter) -> Code:
        """A parameter as it stands in a signature."""
        text = f"{self.spelled[parameter.name]}: {parameter.type}"
        if not isinstance(parameter.default, Const):
            return text
        return Keyword(text, expression_code(parameter.default, {}), " = ")

    def local(self, expr: Expr, name: str, reserved: frozenset[str]) -> str:
        """The local that stands for an expression from now on: it is called so, or has a number as well."""
        taken = {*reserved, *(text for key, text in self.spelled.items() if not self._is_idle(key))}
        found, number = name, 2
        while found in taken:
            found, number = f"{name}_{number}", number + 1
        self.locals[expr] = f"{found}@local"
        self.spelled[f"{found}@local"] = found
        return found

    def _is_idle(self, name: str) -> bool:
        """Whether this is a name for the channels in an iteration, and no such loop carries any along."""
        kind, _, depth = name.partition("@")
        return kind == CHANNELS.id and depth.isdecimal() and int(depth) not in self.carrying

    def _with_locals(self, expr: Expr) -> Expr:
        return replaced(expr, lambda part: Name(self.locals[part]) if part in self.locals else None)

    def attribute(self, use: LayerUse, name: str) -> Code:
        """An attribute's value as source: its expression, or a literal; equal numbers are one."""
        expr = use.exprs.get(name)
        if expr is not None:
            return self.code(expr)
        by_axis = isinstance(use.op.attributes()[name].kind, PerAxisKind)
        return plain(use.value(name)) if by_axis else literal(use.value(name))

    def noted(self, code: Code, paths: Paths) -> Code:
        """The code that makes the layer of these paths; what its parts are called on is noted."""
        for head in heads(code):
            self.users.setdefault(head, []).append(paths)
        return code

    def given(self, use: LayerUse, spelling: Mapping[str, str]) -> dict[str, Code]:
        """The attributes that differ from their defaults, as keywords in the backend's spelling."""
        found: dict[str, Code] = {}
        for name, keyword in spelling.items():
            info = use.op.attributes()[name]
            if name in use.exprs or info.required or not info.kind.means(info.default, use.value(name)):
                found[keyword] = self.attribute(use, name)
        return found

    def _note_functions(self, expr: Expr) -> None:
        if isinstance(expr, FunctionCall):
            self.functions.add(expr.function)
        for child in children(expr):
            self._note_functions(child)


def halved(expr: Expr, types: Mapping[str, str]) -> Expr:
    """An expression with its quotient in lowest terms as far as floats are the same: `rate / 4` for `rate * 4 / 16`.

    What is a power of two changes no digit of a float. Of other factors the quotient may have another last bit.
    """
    match expr:
        case Binary("/", Binary("*", factor, Const(int() as times)), Const(int() as parts)) if times > 0 < parts:
            if times == parts:  # a division makes a float of a whole number
                return factor if isinstance(factor, Name) and types.get(factor.id) == "float" else expr
            both = min(times & -times, parts & -parts)
            kept = factor if times == both else Binary("*", factor, Const(times // both))
            return Binary("/", kept, Const(parts // both)) if both < parts else expr
        case _:
            return expr


def plain(value: PerAxis | None) -> str:
    """One number for each axis as a literal; equal ones are one number."""
    return literal(value[0] if value is not None and len({*value}) == 1 else value)
