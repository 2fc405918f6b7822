"""The locals of a constructor: the spec's own quantities, tables, what is said again and again, channels that grow."""

from __future__ import annotations

from dataclasses import replace

from archspec.codegen.escaping import identifier, is_attribute, variable_name
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.marked_text import inside
from archspec.codegen.pretty_printer import INDENT, Code, call, lay_out, marked
from archspec.codegen.reuse import Use
from archspec.codegen.shared_expressions import shared_expressions
from archspec.codegen.table_rows import table_code, tables
from archspec.codegen.tree import ChoiceUse, Definition, ItemUse, SequenceUse, Tree
from archspec.codegen.walk import layers
from archspec.codegen.width_tables import width_table
from archspec.expr import Expr, names
from archspec.expr.tree import children
from archspec.expr.whole_numbers import gives_whole
from archspec.reserved_names import in_sequence
from archspec_torch.constructor_arguments import expressions, local_variables
from archspec_torch.constructors import ConstructorWriter, members
from archspec_torch.growing_channels import GrowingChannels, can_be_split
from archspec_torch.names import RESERVED
from archspec_torch.row_classes import row_class
from archspec_torch.spelling import Spelling


class LocalWriter:
    """Writes them for one class, of which `MemberWriter` writes the members."""

    def __init__(self, definition: Definition, printers: dict[int, ExpressionPrinter], spelling: Spelling) -> None:
        self.definition = definition
        self.printer = printers[id(definition)]
        self.constructor = ConstructorWriter(
            definition, self.printer, lambda made, name: printers[id(made)].spelled[name]
        )
        self.spelling = spelling
        self.init: list[str] = []
        self.taken: set[str] = set()
        """The attributes that an instance has otherwise."""
        self.kept: list[str] = []
        """Lines that keep what weights are drawn by, after the members."""
        self.locals = 0
        """How many lines there are for locals at the beginning."""
        self.growing: GrowingChannels | None = None
        """The quantities that a local for channels is in turn."""
        self.grown: int | None = None
        """The place of what it is so far."""
        self.channels = ""
        """What it is called."""

    def spell(self, item: Use) -> str:
        """Decide what an item's member is called."""
        raise NotImplementedError

    def module(self, item: Use) -> Code:
        """The expression that makes an item's module."""
        raise NotImplementedError

    def assign(self, name: str, code: Code, depth: int) -> None:
        """Write the line that makes a member."""
        raise NotImplementedError

    def keep_arguments(self) -> list[str]:
        """The lines that keep as attributes what weights are drawn by, and how the attributes are called."""
        drawn_by: dict[str, None] = {}
        for layer in layers(self.definition.tree):
            for expr in layer.draws.values():
                self.printer.expr(expr)  # which notes the functions that it calls
                drawn_by |= dict.fromkeys(sorted(names(expr, self.printer.budget)))
        said = {name: self.printer.spelled[name] for name in drawn_by}
        self.spelling.drawn_by = {name: identifier(text, self.taken) for name, text in said.items()}
        return [f"{INDENT * 2}self.{self.spelling.drawn_by[name]} = {text}" for name, text in said.items()]

    def write_locals(self) -> None:
        """Write the quantities that the spec names, and the expressions that are said again and again."""
        for local in local_variables(self.definition):
            self.init += lay_out(self.printer.code(local.expr), 2, f"{self.printer.spelled[local.name]} = ")
        tree, is_network = self.definition.tree, self.definition.is_network
        for table, usual in tables(tree).items():
            self.init += lay_out(table_code(table), 2, f"{self.printer.local(table, usual, RESERVED)} = ")
        shared = shared_expressions((expr for item in tree.items for expr in expressions(item)), self.printer.budget)
        if (
            is_network
            and row_class(self.definition) is None
            and not any(in_sequence(use.name)[0] for use in members(tree))
        ):
            self.growing = GrowingChannels.of(shared, self.definition)
        if is_network and self.growing is None:
            shared = self._without_family(shared)
        takers = [_taker(expr, tree) for expr in shared] if is_network else []
        apart = 1 < len({*takers}) == len(takers)
        for place, expr in enumerate(shared if self.growing is None else ()):
            code = self.printer.code(expr)
            usual = "hidden" if not is_network else f"{takers[place]}_channels" if apart else "channels"
            if not gives_whole(expr, lambda name: self.printer.types.get(name, "int") == "int"):
                usual = "factor"
            name = self.printer.local(expr, usual, RESERVED)
            self.init += lay_out(code, 2, f"{name} = ")
        self.locals = len(self.init)

    def _without_family(self, shared: list[Expr]) -> list[Expr]:
        """Write those that differ in one number alone as a table; what is left."""
        written = [expr for item in self.definition.tree.items for expr in expressions(item)]
        table = width_table(shared, written, self.printer, RESERVED)
        if table is None:
            return shared
        self.init += lay_out(table.code, 2, f"{table.name} = ")
        return [expr for expr in shared if expr not in table.members]

    # -- channels that grow -----------------------------------------------------------------------

    def grow(self, item: ItemUse) -> None:
        """Bring the local for channels to what an item needs."""
        if self.growing is None or not (needed := self.growing.needed(item)):
            return
        after, before = min(needed), self.grown
        if after == before:
            return
        if before is None:
            self.channels = self.printer.local(self.growing.quantities[after], "channels", RESERVED)
        operator, expr = self.growing.step(before, after, f"{self.channels}@local")
        self.printer.locals.clear()
        self.init += lay_out(self.printer.code(expr), 2, f"{self.channels} {operator} ")
        self.printer.locals[self.growing.quantities[after]] = f"{self.channels}@local"
        self.grown = after

    def grown_sequence(self, item: SequenceUse) -> None:
        """A sequence of which later parts are made once the channels have grown."""
        assert self.growing is not None
        parts, name = [*item.body.items], self.spell(item)
        steps = [min(needed) for part in parts if (needed := self.growing.needed(part))]
        first = next(
            (
                place
                for place, part in enumerate(parts)
                if (min(self.growing.needed(part), default=steps[0])) > steps[0]
            ),
        )
        self.grow(next(part for part in parts if self.growing.needed(part)))
        made = replace(item, body=replace(item.body, items=item.body.items[:first]))
        self.assign(name, self.module(made), 2)
        for part in parts[first:]:
            assert not isinstance(part, ChoiceUse)
            self.grow(part)
            code = self.constructor.module(part)
            code = marked(code, inside(part.paths, None))
            if is_attribute(part.name) and part.number is None:
                self.init += lay_out(code, 2, f"self.{name}.{part.name} = ")
                continue
            added = call(f"self.{name}.append", code)
            if part.number is None or any(other.number is None for other in members(item.body)):
                added = call(f"self.{name}.add_module", self.constructor.name(part), code)
            self.init += lay_out(added, 2)

    def splits(self, item: ItemUse) -> bool:
        """Whether the channels grow within a sequence."""
        if self.growing is None or not isinstance(item, SequenceUse) or not can_be_split(item) or item.reuses:
            return False
        if self.spelling.keyed:  # what stands under a key is a module to type checkers, and nothing can be appended
            return False
        found = [min(needed) for part in item.body.items if (needed := self.growing.needed(part))]
        return is_attribute(item.name) and len({*found}) > 1


def contains(expr: Expr, part: Expr) -> bool:
    """Whether one expression is a part of another, or the same."""
    return expr == part or any(contains(child, part) for child in children(expr))


def _taker(expr: Expr, tree: Tree) -> str:
    """The first item that an expression is for: what its local is named after."""
    first = next(item for item in tree.items if any(contains(given, expr) for given in expressions(item)))
    return "" if isinstance(first, ChoiceUse) else variable_name(first.name).lower()
