"""Writing constructors: the expression that makes a layer, a block, a sequence or a loop's iterations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Final

from archspec.codegen.escaping import is_attribute, quoted
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.marked_text import inside
from archspec.codegen.pretty_printer import Bracket, Code, Infix, Keyword, Ternary, call, conditional, marked
from archspec.codegen.reuse import is_reuse
from archspec.codegen.rolled import rolled
from archspec.codegen.table_rows import loop_header
from archspec.codegen.tree import (
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    LoopUse,
    Run,
    SequenceUse,
    Tree,
    iteration_names,
)
from archspec.codegen.walk import calls, is_chain, layers, stops
from archspec.expr import Const, Expr, IfElse, name_by, negated, sources_by, text_source
from archspec.limits import Budget
from archspec.reserved_names import in_sequence
from archspec_torch.constructor_arguments import arguments, mentioned
from archspec_torch.ops import ROWS

NUMBERED: Final = "numbered"
"""The helper that gives the parts of a row names by a number."""


class ConstructorWriter:
    """Writes for one class; `ordered_dict` says whether a sequence with names of its own was written."""

    def __init__(
        self, definition: Definition, printer: ExpressionPrinter, spelled: Callable[[Definition, str], str]
    ) -> None:
        self.definition = definition
        self.printer = printer
        self.spelled = spelled
        self.ordered_dict = False
        self.numbers = False
        """Whether the module has the helper that gives parts names by a number."""
        self.iterations: Collection[str] | None = None
        """Inside a loop the iterations that are written."""
        self.depth = 0
        """How many loops are around."""

    def module(self, item: LayerUse | CallUse | SequenceUse | LoopUse) -> Code:
        """The expression that makes the module of an item."""
        return marked(self._made(item), inside(item.paths, self.iterations))

    def _made(self, item: LayerUse | CallUse | SequenceUse | LoopUse) -> Code:
        match item:
            case LayerUse():
                module = ROWS[item.op.name].module
                assert module is not None
                return self.printer.noted(module(item, self.printer), inside(item.paths, self.iterations))
            case CallUse():
                return self._call(item)
            case SequenceUse():
                return self._sequence(item.body)
            case LoopUse():
                return self._iterations(item)

    def _call(self, use: CallUse) -> Code:
        positional: list[Code] = []
        keywords: dict[str, Code] = {}
        for name, expr in arguments(use):
            if name is None:
                positional.append(self.printer.code(expr))
            else:
                keywords[self.spelled(use.definition, name)] = self.printer.code(expr)
        return call(use.definition.class_name, *positional, **keywords)

    def row(self, tree: Tree) -> Code:
        """The call that hands its parts to a class that is an `nn.Sequential`."""
        return self._row("super().__init__", tree)

    def branches(self, tree: Tree) -> Code:
        """The call that hands its parts to a class that is an `nn.ModuleList`."""
        return call("super().__init__", Bracket("", tuple(self._parts(tree, named=False)), "[", "]"))

    # -- sequences --------------------------------------------------------------------------------

    def _sequence(self, tree: Tree) -> Code:
        """An `nn.Sequential`, of an `OrderedDict` where parts have names."""
        return self._row("nn.Sequential", tree)

    def _row(self, head: str, tree: Tree) -> Code:
        if all(is_numbered(item, self.printer.budget) for item in members(tree)):
            return call(head, *self._parts(tree, named=False))
        return self._ordered(head, self._parts(tree, named=True))

    def _ordered(self, kind: str, pairs: Sequence[Code]) -> Code:
        """An ordered dict of pairs: of keyword arguments where all names can be some, otherwise of a dict."""
        self.ordered_dict = True
        if len(pairs) == 1 and isinstance(only := pairs[0], Bracket) and only.head == "*":  # a comprehension
            return call(kind, Bracket("OrderedDict", only.args))
        keywords = [_keyword(pair) for pair in pairs]
        if all(keywords):
            return call(kind, Bracket("OrderedDict", tuple(filter(None, keywords))))
        entries = [_entry(pair) for pair in pairs]
        if all(entries):
            return call(kind, call("OrderedDict", Bracket("", tuple(filter(None, entries)), "{", "}")))
        return call(kind, call("OrderedDict", Bracket("", tuple(pairs), "[", "]")))

    def _parts(self, tree: Tree, *, named: bool) -> list[Code]:
        """The parts in order; those that are there only under a condition as `*([part] if condition else [])`."""
        parts: list[Code] = []
        items = list(rolled(tree, self.definition, self.depth))
        for item, after in zip_longest(items, items[1:]):
            if isinstance(item, LoopUse) and not item.name and item.number is None:
                parts += self._rolled(item, named=named)
            elif isinstance(item, ChoiceUse):
                only = self._one_of(item, named=named) or self._or_identity(item, after, named=named)
                parts.append(only or Bracket("*", (self._either(item, named=named),)))
            elif named:
                parts.append(
                    marked(Bracket("", (self.name(item), self.module(item))), inside(item.paths, self.iterations))
                )
            else:
                parts.append(self.module(item))
        return parts

    def _rolled(self, item: LoopUse, *, named: bool) -> list[Code]:
        """The parts of a row that a loop makes, in the row around it."""
        parts: list[Code] = []
        for run in item.runs:
            with self.iteration_of(item, run) as iterations:
                parts.append(marked(self._run(run, item.pattern if named else None), iterations))
        return parts

    def _one_of(self, item: ChoiceUse, *, named: bool) -> Code | None:
        """`part if condition else other`; None where a side is none or several, or they have different names."""
        arms = _one_each(item)
        if arms is None or len({(arm.number, "" if arm.number else arm.name) for _, arm in arms}) > 1:
            return None
        [*others, (_, last)] = arms
        code = self.module(last)
        for condition, arm in reversed(others):
            assert condition is not None
            code = Ternary(self.module(arm), self._test(condition), code)
        return Bracket("", (self.name(last), code)) if named else code

    def _or_identity(self, item: ChoiceUse, after: ItemUse | None, *, named: bool) -> Code | None:
        """`part if condition else nn.Identity()`, where what comes after it has the same number in both cases."""
        condition, then, other = item.condition, item.then, item.other
        if not then.items:
            condition, then, other = negated(condition), other, then
        match then.items, after:
            case (
                (LayerUse() | CallUse() | SequenceUse() as part,),
                LayerUse() | CallUse() | SequenceUse() | LoopUse(),
            ) if not other.items and not named:
                place, later = part.number, after.number
            case _:
                return None
        if not isinstance(place, Const) or not isinstance(later, Const) or place == later:
            return None
        return conditional(self.module(part), self._test(condition), call("nn.Identity"))

    def _test(self, condition: Expr) -> str:
        """A condition as a test: Python takes no bare `a if b else c` for one."""
        test = self.printer.expr(condition)
        return f"({test})" if isinstance(condition, IfElse) else test

    def _either(self, item: ChoiceUse, *, named: bool) -> Ternary:
        """`[part] if condition else []`; of conditions inside of each other, one after the other."""
        condition, then, other = item.condition, item.then, item.other
        if _only_choice(then) is not None and _only_choice(other) is None:
            condition, then, other = negated(condition), other, then
        test = self._test(condition)
        parts = Bracket("", tuple(self._parts(then, named=named)), "[", "]")
        inner = _only_choice(other)
        if inner is not None:
            return conditional(parts, test, self._either(inner, named=named))
        return conditional(parts, test, Bracket("", tuple(self._parts(other, named=named)), "[", "]"))

    def name(self, item: LayerUse | CallUse | SequenceUse | LoopUse) -> str:
        """The name of a part of a row, as source."""
        if item.number is None:
            return quoted(item.name)
        return (
            quoted(str(item.number.value))
            if isinstance(item.number, Const)
            else f"str({self.printer.expr(item.number)})"
        )

    # -- loops ------------------------------------------------------------------------------------

    @contextmanager
    def iteration_of(self, item: LoopUse, run: Run) -> Iterator[list[str]]:
        """While an iteration of a run is written: it gives the paths of its iterations."""
        outer, iterations = (self.iterations, self.depth), item.iterations_of(run, self.iterations)
        self.iterations, self.depth = {*iterations}, run.depth
        yield iterations
        self.iterations, self.depth = outer

    def _iterations(self, item: LoopUse) -> Code:
        """The iterations of a loop as the parts of an `nn.Sequential`, neighbors alike as a comprehension."""
        named = item.pattern != "{i}"
        numbering = numbering_of(item, self.printer.budget) if self.numbers else None
        pattern = item.pattern if named and numbering is None else None
        parts: list[Code] = []
        for run in item.runs:
            with self.iteration_of(item, run) as iterations:
                parts.append(marked(self._run(run, pattern), iterations))
        if numbering is not None:
            self.printer.helpers.add(NUMBERED)
            self.printer.users.setdefault(NUMBERED, []).append(inside(item.paths, self.iterations))
            prefix, start = numbering
            return call(NUMBERED, quoted(prefix), *parts, **({} if start == 1 else {"start": str(start)}))
        if named:
            return self._ordered("nn.Sequential", parts)
        if item.is_sequential:
            return call("nn.Sequential", *parts)
        if len(parts) == 1 and isinstance(parts[0], Bracket) and parts[0].head == "*":
            return call("nn.ModuleList", *parts[0].args)
        return call("nn.ModuleList", Bracket("", tuple(parts), "[", "]"))

    def _run(self, run: Run, pattern: str | None) -> Code:
        index, _ = iteration_names(run.depth)
        code = self.module(run.item)
        uses_index = index in mentioned(Tree((run.item,), ()), self.printer.budget)
        if run.count == 1 and not uses_index:
            return (
                code
                if pattern is None
                else Bracket("", (quoted(name_by(pattern, {"i": run.first}, self.printer.budget)), code))
            )
        if pattern is not None:
            variable = self.printer.spelled[index]
            code = Bracket("", (pattern_source(pattern, variable, self.printer.budget), code))
            uses_index = True
        variables, _, span = loop_header(run, self.printer, uses_index=uses_index).partition(" in ")
        return Bracket("*", (Infix(f"for {variables} in", (code, span)),))


def _one_each(
    item: ChoiceUse,
) -> list[tuple[Expr | None, LayerUse | CallUse | SequenceUse | LoopUse]] | None:
    """The one part that there is under each of the conditions inside of each other; the last has no condition."""
    condition, then, other = item.condition, item.then, item.other
    if _only_choice(then) is not None:
        condition, then, other = negated(condition), other, then
    match then.items, other.items:
        case ((LayerUse() | CallUse() | SequenceUse() | LoopUse() as first,), (ChoiceUse() as inner,)):
            rest = _one_each(inner)
            return None if rest is None else [(condition, first), *rest]
        case (
            (LayerUse() | CallUse() | SequenceUse() | LoopUse() as first,),
            (LayerUse() | CallUse() | SequenceUse() | LoopUse() as last,),
        ):
            return [(condition, first), (None, last)]
        case _:
            return None


def _only_choice(tree: Tree) -> ChoiceUse | None:
    """The condition that is all there is on a side of another."""
    match tree.items:
        case (ChoiceUse() as inner,):
            return inner
        case _:
            return None


def _keyword(pair: Code) -> Code | None:
    """A pair of a name and a module as a keyword argument, many as a dict of them; None where a name cannot be one."""
    match pair:
        case Bracket("", (str() as name, module), marks=paths) if is_attribute(name[1:-1]):
            return Keyword(name[1:-1], marked(module, *paths))
        case Bracket("*", (Infix(),)):
            return _entry(pair)
        case _:
            return None


def _entry(pair: Code) -> Code | None:
    """A pair of a name and a module as an entry of a dict; many as those of a dict."""
    match pair:
        case Bracket("", (str() as name, module), marks=paths):
            return Keyword(name, marked(module, *paths), ": ")
        case Bracket("*", (Infix(operator, (Bracket("", (str() as name, module)), span)),), marks=paths):
            made = Infix(operator, (Keyword(name, module, ": "), span))
            return Bracket("**", (made,), "{", "}", marks=paths)
        case _:
            return None


def members(tree: Tree) -> Iterator[LayerUse | CallUse | SequenceUse | LoopUse]:
    """The items of a tree, those under its conditions included."""
    for item in tree.items:
        if isinstance(item, ChoiceUse):
            yield from members(item.then)
            yield from members(item.other)
        else:
            yield item


def fits_sequential(tree: Tree) -> bool:
    """Whether `nn.Sequential` can hold the items: modules in a row, each called once."""
    return (
        (is_chain(tree) or stops(tree) is not None)
        and not any(in_sequence(item.name)[0] for item in members(tree))
        and not any(map(is_reuse, members(tree)))
        and all(ROWS[layer.op.name].has_module(layer) for layer in layers(tree))
        and all(len(use.definition.tree.results) == 1 for use in calls(tree))
    )


def numbering_of(item: LoopUse, budget: Budget) -> tuple[str, int] | None:
    """The prefix of the names of a loop's iterations, and the number of the first; None where they are not that."""
    match sources_by(item.pattern, "i", budget):
        case [(prefix, False), (number, True)] if number.removeprefix("i + ").isdecimal():
            return prefix, int(number.removeprefix("i + "))
        case [(prefix, False), ("i", True)]:
            return prefix, 0
        case _:
            return None


def is_numbered(item: LayerUse | CallUse | SequenceUse | LoopUse, budget: Budget) -> bool:
    """Whether a member's name is its number in a row; of a loop without a scope of its own, those of its iterations."""
    if item.number is not None or item.name or not isinstance(item, LoopUse):
        return item.number is not None
    match sources_by(item.pattern, "i", budget):
        case [(number, True)]:
            return number == "i" or number.removeprefix("i + ").isdecimal()
        case _:
            return False


def pattern_source(pattern: str, variable: str, budget: Budget) -> str:
    """The source of a name that a loop's pattern gives for its variable."""
    match sources_by(pattern, variable, budget):
        case [(code, True)]:
            return f"str({code})"
        case parts:
            return text_source([(text, not is_code) for text, is_code in parts])
