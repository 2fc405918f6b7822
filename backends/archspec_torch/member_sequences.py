"""Writing sequences of members that are called in turn with others: `self.convs = nn.ModuleList(...)`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from archspec.codegen.escaping import quoted
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.merging import likeness, united
from archspec.codegen.pretty_printer import Bracket, Code, Infix, Keyword, Ternary, call
from archspec.codegen.progressions import progression
from archspec.codegen.reuse import Use, is_reuse
from archspec.codegen.rounds import counted_items
from archspec.codegen.tree import CallUse, ChoiceUse, Definition, ItemUse, LayerUse, LoopUse, iteration_names
from archspec.expr import Const, Expr, Name, negated
from archspec.ir.scope import Operand
from archspec.reserved_names import in_sequence
from archspec_torch.member_names import is_no_module, joinable, member_name, members_of, row

_SHORTEST: Final = 3
"""Fewer members are written one by one, where they are not the same."""


@dataclass(frozen=True, slots=True)
class Element:
    """A member of a sequence: what makes it, and where a condition decides that, what makes it otherwise."""

    use: Use
    condition: Expr | None = None
    """Under which it is this."""
    other: Use | None = None
    """What it is where the condition does not hold; an identity where that is None."""
    choice: ChoiceUse | None = None
    """The item that it stands for."""

    @property
    def name(self) -> str:
        """The member's name, with the sequence's."""
        return member_name(self.use)


def sequences(definition: Definition, makers: Mapping[str, int]) -> dict[str, list[Element] | None]:
    """The sequences of a class by name, with their members in order; None where these cannot be made at once."""
    found: dict[str, list[Element]] = {}
    apart: set[str] = set()
    for item in definition.tree.items:
        element = _element(item, makers)
        if element is not None:
            found.setdefault(in_sequence(element.name)[0], []).append(element)
            continue
        for use in members_of(item) if isinstance(item, ChoiceUse) else (item,):
            if not is_reuse(use) and not (isinstance(use, LayerUse) and is_no_module(use)):
                sequence, _ = in_sequence(member_name(use))
                apart |= {sequence} if sequence else set()
    return {name: None if name in apart else _ordered(found[name]) for name in dict.fromkeys((*found, *sorted(apart)))}


def _element(item: ItemUse, makers: Mapping[str, int]) -> Element | None:
    """The member that an item is; None where it is none of a sequence, or one that a `forward` asks for."""
    if not isinstance(item, ChoiceUse):
        alone = not is_reuse(item) and not (isinstance(item, LayerUse) and is_no_module(item))
        alone = alone and in_sequence(member_name(item))[0] != "" and makers[member_name(item)] == 1
        carried = isinstance(item, LoopUse) and any(run.carried is not None for run in item.runs)
        return Element(item) if alone and not carried else None
    then, other = row(item.then, item), row(item.other, item)
    if not joinable(item, (then, other), makers) or then is None or other is None or len(then) + len(other) > 2:
        return None
    use, holds = (then[0], True) if then else (other[0], False)
    if not in_sequence(member_name(use))[0] or isinstance(use, LoopUse) or len(then) > 1 or len(other) > 1:
        return None
    condition = item.condition if holds else negated(item.condition)
    return Element(use, condition, other[0] if then and other else None, item)


def _ordered(elements: Sequence[Element]) -> list[Element]:
    """Those whose names are numbers by these."""
    keys = [in_sequence(element.name)[1] for element in elements]
    if not all(key.isdecimal() for key in keys):
        return [*elements]
    return [element for _, element in sorted(zip(map(int, keys), elements, strict=True), key=lambda pair: pair[0])]


def is_list(elements: Sequence[Element]) -> bool:
    """Whether the members of a sequence are called 0, 1, 2 and so on."""
    return [in_sequence(element.name)[1] for element in elements] == [str(place) for place in range(len(elements))]


def counted_sequences(definition: Definition, sequences: Mapping[str, Sequence[Element] | None]) -> dict[str, Expr]:
    """How many members sequences have, where any other count would be right as well; else nothing of a class.

    They are lists of members alike, each with one for each round of the class's items.
    """
    found: dict[str, Expr] = {}
    for times, items in counted_items(definition.tree):
        names = [
            name for item in items if not isinstance(item, ChoiceUse) and in_sequence(name := member_name(item))[0]
        ]
        for name in dict.fromkeys(in_sequence(name)[0] for name in names):
            elements = sequences[name]
            if elements is None or not is_list(elements) or len({repr(_alike(one)) for one in elements}) > 1:
                return {}
            if any(element.use.location not in {item.location for item in items} for element in elements):
                return {}
            found[name] = times
    return found


@dataclass(frozen=True, slots=True)
class SequenceWriter:
    """Writes the expressions that make the sequences of one class."""

    definition: Definition
    printer: ExpressionPrinter
    module: Callable[[Use], Code]
    stop: str = ""
    """How many members a sequence has, where that is an argument's."""

    def code(self, elements: Sequence[Element]) -> Code:
        """The `nn.ModuleList` or `nn.ModuleDict` of members."""
        if not is_list(elements):
            entries = (Keyword(quoted(in_sequence(element.name)[1]), self.one(element), ": ") for element in elements)
            return call("nn.ModuleDict", Bracket("", tuple(entries), "{", "}"))
        parts = self.parts(elements)
        if len(parts) == 1 and isinstance(only := parts[0], Bracket) and only.head == "*":
            return call("nn.ModuleList", *only.args)
        return call("nn.ModuleList", Bracket("", tuple(parts), "[", "]"))

    def one(self, element: Element) -> Code:
        """What makes one member."""
        code = self.module(element.use)
        if element.condition is None:
            return code
        other = call("nn.Identity") if element.other is None else self.module(element.other)
        return Ternary(code, self.printer.expr(element.condition), other)

    def parts(self, elements: Sequence[Element]) -> list[Code]:
        """The members of a list, those that are alike or follow a formula by a comprehension."""
        found: list[Code] = []
        for _, group in groupby(elements, key=_alike):
            alike = [*group]
            if len(alike) == 1:
                found.append(self.one(alike[0]))
            else:
                first = replace(alike[0], use=united(alike[0].use, [element.use for element in alike[1:]]))
                stop = self.stop if len(alike) == len(elements) else ""
                found.append(_counted("_", self.one(first), 0, stop or str(len(alike))))
        if len(found) < len(elements) or any(element.condition for element in elements):
            return found
        uses = [element.use for element in elements]
        for left, start in ((0, 0), (1, 1), (1, 0)):  # the first may take other channels than the rest
            formula = self.formula(uses[left:], start) if len(uses) - left >= _SHORTEST else None
            if formula is not None:
                return [*found[:left], formula]
        return found

    def formula(self, uses: Sequence[Use], start: int) -> Code | None:
        """All of them by a comprehension over their index, from `start` on; None where they follow no formula."""
        index = iteration_names(1)[0]
        together = _with_formulas(uses, Name(index), start, self.definition)
        if together is None:
            return None
        made = united(together, uses[1:])
        return _counted(self.printer.spelled[index], self.module(made), start, str(start + len(uses)))


def _counted(variable: str, code: Code, start: int, stop: str) -> Bracket:
    """A part for each number of a range."""
    span = call("range", *([str(start)] if start else []), stop)
    return Bracket("*", (Infix(f"for {variable} in", (code, span)),))


def _alike(element: Element) -> object:
    """What makes two members the same."""
    other = None if element.other is None else _likeness(element.other)
    return _likeness(element.use), element.condition, other


def _likeness(use: Use) -> object:
    """Everything but its name, and what it takes."""
    plain = replace(use, location=0, name="", number=None, operands=tuple(map(Operand, range(len(use.operands)))))
    return type(use), likeness(plain)


def _with_formulas(uses: Sequence[Use], index: Name, start: int, definition: Definition) -> Use | None:
    """One use that stands for all, whose numbers are expressions of the index; None where there is none."""
    whole, budget = definition.whole, definition.budget

    def unified(pairs: Sequence[Mapping[str, Expr]]) -> dict[str, Expr] | None:
        found: dict[str, Expr] = {}
        for name in pairs[0]:
            values = [pair.get(name) for pair in pairs]
            known = [value for value in values if value is not None]
            formula = progression(known, index, start, whole, budget) if len(known) == len(uses) else None
            if formula is None:
                return None
            found[name] = formula
        return found

    calls = [use for use in uses if isinstance(use, CallUse)]
    layers = [use for use in uses if isinstance(use, LayerUse)]
    if len(calls) == len(uses):
        if len({id(use.definition) for use in calls}) > 1 or len({tuple(use.arguments) for use in calls}) > 1:
            return None
        arguments = unified([use.arguments for use in calls])
        return None if arguments is None else replace(calls[0], arguments=arguments)
    if len(layers) < len(uses) or len({use.op for use in layers}) > 1:
        return None
    first = layers[0]
    apart = {name for use in layers for name in {*use.exprs, *first.exprs}}
    apart |= {
        name
        for use in layers
        for name in first.values
        if use.values.get(name, first.values[name]) != first.values[name]
    }
    if any(not isinstance(use.values.get(name, 0), int | float) for use in layers for name in apart):
        return None
    exprs = unified(
        [{name: use.exprs.get(name, Const(use.values.get(name))) for name in sorted(apart)} for use in layers]
    )
    features = unified([{str(place): feature for place, feature in enumerate(use.features)} for use in layers])
    draws = unified([use.draws for use in layers])
    if exprs is None or features is None or draws is None:
        return None
    values = {name: value for name, value in first.values.items() if name not in apart}
    return replace(first, values=values, exprs=exprs, features=tuple(features.values()), draws=draws)
