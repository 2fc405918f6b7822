"""Writing the body of a function: one statement for each layer, loops and conditions as they stand in the spec."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from archspec.codegen.escaping import quoted
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.marked_text import inside
from archspec.codegen.pretty_printer import Bracket, Code, Keyword, Ternary, call, conditional, marked
from archspec.codegen.table_rows import table_code, tables
from archspec.codegen.tensor_lists import tensor_lists
from archspec.codegen.tree import CHANNELS, CallUse, ChoiceUse, ItemUse, LayerUse, LoopUse, SequenceUse, Tree
from archspec.codegen.variable_allocation import operand_names, uses
from archspec.codegen.walk import all_layers, calls
from archspec.codegen.width_tables import WidthTable, width_table
from archspec.expr import FunctionCall, negated, source
from archspec.ir.def_use import producer
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Result
from archspec_keras.counted_statements import CountedStatements
from archspec_keras.data_format import stated
from archspec_keras.layer_names import LayerName, added_suffix
from archspec_keras.loop_statements import written_arguments
from archspec_keras.ops import FAN, ROWS, LayerContext
from archspec_keras.shared import LastCalls, SharedCalls, joined
from archspec_keras.statements import Statement

_PREFIX: Final = re.compile(r"\bname\b(?!=)")
"""The parameter that has the beginning of layers' names, where something is made of it."""
_NAME: Final = 10
"""Characters of `dims[1024]`, about."""
_SPARED: Final = 150
"""Those that a table of widths has to save."""


def _is_conditional(lines: Sequence[Statement]) -> bool:
    """Whether lines are one `if` with all that belongs to it, an `else` in the end."""
    heads = [line.code for line in lines if line.depth == lines[0].depth]
    words = [text.partition(" ")[0] for text in heads if isinstance(text, str)]
    return len(words) == len(heads) > 1 and words[0] == "if" and words[-1] == "else:" and {*words[1:-1]} <= {"elif"}


class BodyWriter(CountedStatements):
    """Writes one definition. Afterwards `printer` says what the code mentions."""

    def block(self) -> list[Statement]:
        """The statements of a block's function."""
        self._write(None)
        if self._channels_at_once():
            # Said once, of a variable that still holds what arrived: no name of its own is needed.
            self._write(f"{self.variables[0]}.shape[-1]")
        elif CHANNELS.id in self.printer.names:
            self.lines.insert(0, Statement(1, self.printer.spelled[CHANNELS.id], f"{self.variables[0]}.shape[-1]"))
        self.takes_name = any(_PREFIX.search(text) for line in self.lines for text in line.lay_out())
        results = self._results()
        last = self.lines[-1] if self.lines else None
        if len(results) == 1 and last is not None and last.depth == 1 and last.target == results[0]:
            return [*self.lines[:-1], replace(last, target="", prefix="return ")]
        return [*self.lines, Statement(1, "", ", ".join(results), prefix="return ")]

    def network(self, inputs: Sequence[str], graph: LayerGraph) -> list[Statement]:
        """The statements of the network's function after those that make the inputs."""
        self._start(inputs, LayerName())
        self._items(self.definition.tree)
        self._insert_locals()
        results = self._results()
        given: Code = inputs[0] if len(inputs) == 1 else f"[{', '.join(inputs)}]"
        outputs: Code = results[0]
        if graph.gives_names:
            pairs = zip(graph.outputs, results, strict=True)
            outputs = f"{{{', '.join(f'{quoted(name)}: {result}' for name, result in pairs)}}}"
        model = call("keras.Model", given, outputs, name=quoted(graph.name))
        return [*self.lines, Statement(1, "", model, prefix="return ")]

    def _write(self, channels: str | None) -> None:
        self.printer = ExpressionPrinter(self.definition, "in_channels", self.reserved)
        if channels is not None:
            self.printer.spelled[CHANNELS.id] = channels
        self.lines = []
        self.variables = operand_names(self.definition.operands, self.definition.inputs, self.unusable())
        self._start(self.variables, LayerName((True, "name")))
        self._items(self.definition.tree)
        self._insert_locals()

    def _insert_locals(self) -> None:
        """The quantities and the tables that the lines mention, before them."""
        if self.widths is not None:
            self.lines.insert(0, Statement(1, self.widths.name, self.widths.code))
        for table in reversed([*tables(self.definition.tree)]):
            self.lines.insert(0, Statement(1, self.printer.expr(table), table_code(table)))
        for local in reversed(self.definition.locals):
            if local.name in self.printer.names:
                self.lines.insert(0, Statement(1, self.printer.spelled[local.name], self.printer.code(local.expr)))

    def _start(self, variables: Sequence[str], prefix: LayerName) -> None:
        self.taken = self.unusable()
        if self.definition.is_network:
            self.taken |= set(variables)  # `inputs` stays what it is
        for table, usual in tables(self.definition.tree).items():
            self.printer.local(table, usual, frozenset(self.taken))
        self.widths = self._width_table() if self.definition.is_network else None
        self.depth = 1
        self.prefix = prefix
        self.shared = SharedCalls.of(self.definition.tree, self.order)
        self.allocator = self._flow(self.definition.tree, variables, self.taken)

    def _width_table(self) -> WidthTable | None:
        """The widths that follow one rule, where a table of them saves more than its line."""
        tree = self.definition.tree
        exprs = [layer.exprs.get("filters") for layer in all_layers(tree) if "groups" not in layer.exprs]
        exprs += [expr for use in calls(tree) for expr in written_arguments(use).values()]
        said = [expr for expr in exprs if isinstance(expr, FunctionCall)]
        if sum(len(source(expr)) - _NAME for expr in said) < _SPARED:
            return None
        return width_table(list(dict.fromkeys(said)), said, self.printer, frozenset(self.taken))

    def _results(self) -> list[str]:
        return [self.allocator.variable[ref] for ref in self.definition.tree.results]

    def _channels_at_once(self) -> bool:
        """Whether a single line speaks of the channels that arrive, and the first variable holds what arrived there."""
        if CHANNELS.id not in self.printer.names:
            return False
        name = re.compile(rf"\b{self.printer.spelled[CHANNELS.id]}\b")
        places = [place for place, line in enumerate(self.lines) if any(map(name.search, line.lay_out()))]
        if len(places) != 1 or self.lines[places[0]].repeated:
            return False
        return all(self.variables[0] not in line.target.split(", ") for line in self.lines[: places[0]])

    # -- items ------------------------------------------------------------------------------------

    def _items(self, tree: Tree) -> None:
        around = self.collecting, self.lists, self.labels
        self.labels = tree.labels or self.labels  # the sides of a condition share those around it
        self.collecting, self.lists = tensor_lists(tree, self.labels), {}
        rows = {row.items[0].location: row for row in self._rows(tree)}
        rounds = {some.items[0][0].location: some for some in self._rounds(tree)}
        in_row = {item.location for row in rows.values() for item in row.items}
        in_turn = {item.location for some in rounds.values() for item in some.all}
        for item in tree.items:
            if item.location in in_row:
                if item.location in rows:
                    self._carried(rows[item.location])
            elif item.location in in_turn:
                if item.location in rounds:
                    self._in_turn(rounds[item.location], tree)
            elif isinstance(item, LoopUse) and not item.name and item.number is None:
                self._loop(item, inline=True)
            else:
                self._item(item, tree)
        self.collecting, self.lists, self.labels = around

    def _item(self, item: ItemUse, tree: Tree) -> None:
        match item:
            case LayerUse():
                self._layer(item)
            case CallUse() | SequenceUse() if self.shared.has(item):
                self._model(item)
            case LoopUse() if not item.called and self.shared.has(item):
                self._model(item)
            case CallUse():
                self._call(item)
            case SequenceUse():
                self._sequence(item)
            case ChoiceUse():
                with self.allocator.keeping():
                    self._choice(item, tree)
            case LoopUse():
                self._loop(item)

    def _layer(self, use: LayerUse) -> None:
        inputs = [[*map(producer, self.graph.nodes[path].inputs)] for path in use.paths]
        never_negative = all(self.facts.never_negative.issuperset(paths) for paths in inputs)
        single_pixel = all(self.facts.single_pixel.issuperset(paths) for paths in inputs)
        is_shared = self.shared.has(use)
        given = self._after(use, self._joined(use) if use.location in self.lists else self._take(use.operands))
        self.printer.spelled[FAN] = f"{given[0]}.shape[-1]"
        steps = ROWS[use.op.name].steps(LayerContext(use, self.printer, self.graph, never_negative, single_pixel))
        name = self._name(use)
        paths = inside(use.paths, self.iterations)
        made = [stated(step.layer, self.facts.helpers) for step in steps]
        if is_shared and not use.reuses:
            self._make_layer(use, next(layer for layer, step in zip(made, steps, strict=True) if not step.suffix))
        target = self._as_list(use) or ", ".join(self._shared_targets(use, use.results))
        for step, layer in zip(steps, made, strict=True):
            suffix = added_suffix(step.suffix, use.paths, self.facts.names, self.graph)
            called: Code = Bracket(layer.head, (*layer.args, Keyword("name", name.text(suffix))))
            if is_shared and not step.suffix:
                called = self.shared.variables[use.reuses or use.name]
            argument: Code = given[0] if len(given) == 1 else Bracket("", tuple(given), "[", "]")
            arguments = tuple(given) if step.times == len(given) else (argument,) * step.times
            code = marked(self.printer.noted(Bracket(called, arguments), paths), paths)
            if step.condition is not None:
                self._emit_where(step.condition.code, given, target, code)
            else:
                self._emit(target, code)
            given = [target]

    def _as_list(self, use: LayerUse) -> str:
        """The variable of the list of what a layer gives; empty where each tensor has a variable."""
        name = self.parts.get(use.location, "")
        for index in range(use.results if name else 0):
            self.allocator.kept.add(self.allocator.hold(Result(use.location, index), f"{name}[{index}]"))
        return name

    def _joined(self, use: LayerUse) -> list[str]:
        """The list that a layer joins, with others after its own tensors."""
        [found] = (found for found in self.collecting.values() if found.taker == use.location)
        tensors, others = self.lists[use.location], self._take(found.others)
        self.allocator.taken.discard(tensors)  # another list may have the name
        return [f"[*{', '.join([tensors, *others])}]" if others else tensors]

    def _emit_where(self, condition: str, given: Sequence[str], target: str, code: Code) -> None:
        """A statement that is done under a condition; otherwise what is given stays what it is."""
        then = Statement(self.depth + 1, target, code, self.loops > 0)
        if [target] != [*given]:
            other = Statement(self.depth + 1, target, given[0])
            if (expression := self._as_expression([then], [other], condition)) is not None:
                self._emit(target, expression)
                return
            self._emit(target, given[0])
        self._emit("", f"if {condition}:")
        self.lines.append(then)

    def _as_expression(self, then: Sequence[Statement], other: Sequence[Statement], test: str) -> Ternary | None:
        """What two assignments under a condition and its opposite are as one, if they would be no shorter.

        Where the second only passes on a tensor, it would stand before the condition, without an `else`.
        """
        if len(then) != 1 or len(other) != 1 or then[0].target != other[0].target or not then[0].target:
            return None
        sides = [line.code for line in (*then, *other)]
        if any(isinstance(side, Ternary) for side in sides):
            return None
        code = conditional(sides[0], test, sides[1])
        statements = 1 + len(then[0].lay_out()) + len(other[0].lay_out()) + (not isinstance(sides[1], str))
        return code if len(Statement(self.depth, then[0].target, code).lay_out()) <= statements else None

    # -- conditions -------------------------------------------------------------------------------

    def _choice(self, item: ChoiceUse, tree: Tree) -> None:
        result = Result(item.location)
        start = self.allocator.variable[item.operand]
        before = self.allocator.left.copy()
        inside = Counter([*uses(item.then), *uses(item.other)])
        self.allocator.left.subtract(inside)
        usual = [self.preferred] if self.preferred is not None else [start]
        ordered, last = self.shared.ordered_in(item), self.shared.last
        if ordered:  # what is called after it must come after the calls on either side: it keeps its variable
            target = self._variable(f"{ordered[0]}_output")
        else:
            target = self.allocator.labeled(result) or self.allocator.fresh(usual)
        tests = [self.printer.expr(item.condition), self.printer.expr(negated(item.condition))]
        reads = [
            {self.allocator.variable[ref] for ref in uses(side) if ref in self.allocator.variable}
            for side in (item.then, item.other)
        ]
        bodies: list[list[Statement]] = []
        sides: list[LastCalls] = []
        for side, opposite in ((item.then, item.other), (item.other, item.then)):
            self.allocator.left = before.copy()
            self.allocator.left.subtract(Counter(uses(opposite)))
            self.shared.last = dict(last)
            with self._part(target) as lines:
                self._items(side)
                [end] = side.results
                if self.allocator.variable[end] != target:
                    self._emit(target, self.allocator.variable[end])
            bodies.append(lines)
            sides.append(self.shared.last)
        self.allocator.left = before.copy()
        self.allocator.left.subtract(inside)
        self.allocator.hold(result, target)
        self.shared.last = joined(last, sides, target)
        then, other = bodies
        aliases = [
            len(lines) == 1 and not side.items for lines, side in zip(bodies, (item.then, item.other), strict=True)
        ]
        if aliases[0] or not then:
            tests, then, other, aliases, reads = tests[::-1], other, then, aliases[::-1], reads[::-1]
        if (expression := self._as_expression(then, other, tests[0])) is not None:
            self._emit(target, expression)
            return
        if aliases[1] and target not in reads[0]:
            self._emit(target, other[0].code)
            if then and (then[0].target, then[0].code) == (target, other[0].code):  # it holds that already
                then = then[1:]
            other = []
        if not then:
            return
        self._emit("", f"if {tests[0]}:")
        self.lines += then
        if _is_conditional(other):
            first, *rest = other
            self._emit("", f"el{first.code}")
            self.lines += [replace(line, depth=line.depth - 1) for line in rest]
        elif other:
            self._emit("", "else:")
            self.lines += other
