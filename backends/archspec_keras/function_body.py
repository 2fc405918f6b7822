"""Writing the body of a function: one statement for each layer, loops and conditions as they stand in the spec."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from archspec.codegen.escaping import identifier, quoted
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.marked_text import Paths, inside
from archspec.codegen.merging import merged
from archspec.codegen.pretty_printer import INDENT, Bracket, Code, Keyword, call, lay_out, marked
from archspec.codegen.simplify import renamed_tree
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    LoopUse,
    Parameter,
    Run,
    SequenceUse,
    Tree,
    iteration_names,
)
from archspec.codegen.variable_allocation import VariableAllocator, operand_names, uses
from archspec.codegen.walk import calls
from archspec.expr import Const, negated
from archspec.ir.def_use import producer
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Operand, Ref, Result
from archspec.limits import Budget
from archspec_keras.data_format import stated
from archspec_keras.layer_names import LayerName, added_suffix, number_parts, pattern_parts
from archspec_keras.ops import FAN, ROWS, LayerContext
from archspec_keras.shared import (
    SharedScope,
    Use,
    alone,
    computed_in_order,
    input_dtype,
    input_shape,
    is_independent,
    model_of,
    places,
    results_of,
    uses_of,
)
from archspec_keras.static_properties import StaticProperties


@dataclass(frozen=True, slots=True)
class Callee:
    """A definition whose function has been written."""

    name: str
    body: BodyWriter


@dataclass(frozen=True, slots=True)
class _Statement:
    """One statement: an assignment, or, without a target, a line as it is."""

    depth: int
    target: str
    code: Code
    repeated: bool = False
    """Whether it stands in a loop."""

    def lay_out(self, returned: bool = False) -> list[str]:
        prefix = "return " if returned else f"{self.target} = " if self.target else ""
        return lay_out(self.code, self.depth, prefix)

    def for_(self, *paths: Paths) -> _Statement:
        """The line, which is there for these paths."""
        return replace(self, code=marked(self.code, *paths))


class BodyWriter:
    """Writes one definition. Afterwards `printer` says what the code mentions."""

    def __init__(
        self, definition: Definition, graph: LayerGraph, facts: StaticProperties, callees: Mapping[int, Callee]
    ) -> None:
        self.definition = definition
        self.graph = graph
        self.facts = facts
        self.callees = callees
        # Only what is called must keep its name; all that is written so far would take too long to collect each time.
        self.reserved = facts.reserved | {callees[id(use.definition)].name for use in calls(definition.tree)}
        self.printer = ExpressionPrinter(definition, "in_channels", self.reserved)
        self.variables: list[str] = []
        self.lines: list[_Statement] = []
        self.preferred: str | None = None
        self.loops = 0
        self.uses: dict[str, list[Use]] = {}
        """Those that have the weights of an item of this scope, by its name."""
        self.shared: dict[str, str] = {}
        """The variables of layers and models of this scope that are called more than once, by their items' names."""
        self.ordered: set[str] = set()
        """Those of them that must be called in the order of the graph."""
        self.last: dict[str, tuple[Use, str]] = {}
        """Of those that must be called in order, the last call so far and the variable of what it gave."""
        self.iterations: Collection[str] | None = None
        """Inside a loop the paths of the iterations that are written."""

    def unusable(self) -> set[str]:
        """What no variable may be called: what the module has, what is called, and what is a number here."""
        return {*self.reserved, *self.printer.spelled.values()}

    def parameters(self) -> list[Parameter]:
        """The parameters that the code mentions."""
        return [parameter for parameter in self.definition.parameters if parameter.name in self.printer.names]

    def block(self) -> list[str]:
        """The lines of a block's function."""
        self._write(None)
        if self._channels_at_once():
            # Said once, of a variable that still holds what arrived: no name of its own is needed.
            self._write(f"{self.variables[0]}.shape[-1]")
        elif CHANNELS.id in self.printer.names:
            self.lines.insert(0, _Statement(1, self.printer.spelled[CHANNELS.id], f"{self.variables[0]}.shape[-1]"))
        results = self._results()
        last = self.lines[-1] if self.lines else None
        if len(results) == 1 and last is not None and last.depth == 1 and last.target == results[0]:
            return [*self._text(self.lines[:-1]), *last.lay_out(returned=True)]
        return [*self._text(self.lines), f"{INDENT}return {', '.join(results)}"]

    def network(self, inputs: Sequence[str], graph: LayerGraph) -> list[str]:
        """The lines of the network's function after those that make the inputs."""
        self._start(inputs, LayerName())
        self._items(self.definition.tree)
        results = self._results()
        given: Code = inputs[0] if len(inputs) == 1 else f"[{', '.join(inputs)}]"
        outputs: Code = results[0]
        if graph.gives_names:
            pairs = zip(graph.outputs, results, strict=True)
            outputs = f"{{{', '.join(f'{quoted(name)}: {result}' for name, result in pairs)}}}"
        model = call("keras.Model", given, outputs, name=quoted(graph.name))
        return [*self._text(self.lines), *lay_out(model, 1, "return ")]

    def _write(self, channels: str | None) -> None:
        self.printer = ExpressionPrinter(self.definition, "in_channels", self.reserved)
        if channels is not None:
            self.printer.spelled[CHANNELS.id] = channels
        self.lines = []
        self.variables = operand_names(self.definition.operands, self.definition.inputs, self.unusable())
        self._start(self.variables, LayerName((True, "name")))
        self._items(self.definition.tree)

    def _start(self, variables: Sequence[str], prefix: LayerName) -> None:
        self.taken = self.unusable()
        if self.definition.is_network:
            self.taken |= set(variables)  # `inputs` stays what it is
        self.depth = 1
        self.prefix = prefix
        self.uses, self.shared, self.ordered, self.last = uses_of(self.definition.tree), {}, set(), {}
        self.allocator = self._flow(self.definition.tree, variables, self.taken)

    def _flow(self, tree: Tree, variables: Sequence[str], taken: set[str]) -> VariableAllocator:
        allocator = VariableAllocator(tree, self.definition.budget, 0, taken)
        for index, variable in enumerate(variables):
            allocator.hold(Operand(index), variable)
        allocator.kept |= set(self.definition.inputs)
        return allocator

    def _results(self) -> list[str]:
        return [self.allocator.variable[ref] for ref in self.definition.tree.results]

    def _text(self, lines: Sequence[_Statement]) -> list[str]:
        return [text for line in lines for text in line.lay_out()]

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
        for item in tree.items:
            self._item(item, tree)

    def _item(self, item: ItemUse, tree: Tree) -> None:
        match item:
            case LayerUse():
                self._layer(item)
            case CallUse() | SequenceUse() | LoopUse() if self._is_shared(item):
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

    def _emit(self, target: str, code: Code) -> None:
        self.lines.append(_Statement(self.depth, target, code, self.loops > 0))

    def _name(self, item: LayerUse | CallUse | SequenceUse | LoopUse) -> LayerName:
        if item.number is None:
            return self.prefix.then((False, item.name))
        return self.prefix.then(*number_parts(item.number, self.printer.expr(item.number)))

    def _take(self, operands: tuple[Ref, ...]) -> list[str]:
        variables = [self.allocator.variable[ref] for ref in operands]
        self.allocator.spend(operands)
        return variables

    def _assign(self, ref: Ref, operands: tuple[Ref, ...]) -> str:
        old = [self.allocator.variable[operand] for operand in operands if operand in self.allocator.variable]
        wanted = [] if self.preferred is None else [self.preferred]
        return self.allocator.hold(ref, self.allocator.labeled(ref) or self.allocator.fresh((*wanted, *old)))

    def _layer(self, use: LayerUse) -> None:
        inputs = [[*map(producer, self.graph.nodes[path].inputs)] for path in use.paths]
        never_negative = all(self.facts.never_negative.issuperset(paths) for paths in inputs)
        single_pixel = all(self.facts.single_pixel.issuperset(paths) for paths in inputs)
        owner = use.reuses or use.name
        given = self._after(use, owner, self._take(use.operands))
        self.printer.spelled[FAN] = f"{given[0]}.shape[-1]"
        steps = ROWS[use.op.name].steps(LayerContext(use, self.printer, self.graph, never_negative, single_pixel))
        name = self._name(use)
        paths = inside(use.paths, self.iterations)
        made = [stated(step.layer, self.facts.helpers) for step in steps]
        if owner in self.uses and owner not in self.shared:
            own = next(layer for layer, step in zip(made, steps, strict=True) if not step.suffix)
            self._make_layer(use, owner, own)
        target = self._target(use, owner)
        others = [self._assign(Result(use.location, index), ()) for index in range(1, use.results)]
        target = ", ".join((target, *others))
        for step, layer in zip(steps, made, strict=True):
            suffix = added_suffix(step.suffix, use.paths, self.facts.names)
            called: Code = Bracket(layer.head, (*layer.args, Keyword("name", name.text(suffix))))
            if owner in self.uses and not step.suffix:
                called = self.shared[owner]
            argument: Code = given[0] if len(given) == 1 else Bracket("", tuple(given), "[", "]")
            code = self.printer.noted(Bracket(called, (argument,) * step.times), paths)
            self._emit(target, marked(code, paths))
            given = [target]

    # -- what is called more than once ------------------------------------------------------------

    def _variable(self, name: str) -> str:
        """A variable for a layer or a model, which keeps its name to the end of the function."""
        found = identifier(name, {*self.allocator.taken, *self.allocator.kept, *self.allocator.live()})
        self.allocator.taken.add(found)
        return found

    def _make_layer(self, use: LayerUse, owner: str, made: Bracket) -> None:
        """The line that makes a layer which is called more than once."""
        self.shared[owner] = self._variable(owner)
        named = Bracket(made.head, (*made.args, Keyword("name", self._name(use).text())))
        paths = [*inside(use.paths, self.iterations), *self._again(owner)]
        self._emit(self.shared[owner], marked(self.printer.noted(named, paths), paths))
        self._order(use, owner)

    def _is_shared(self, item: SharedScope) -> bool:
        if isinstance(item, LoopUse) and item.called:
            return False  # its iterations are
        return bool(item.reuses) or item.name in self.uses

    def _model(self, item: SharedScope) -> None:
        """A scope that is called more than once: a model of its own."""
        owner = item.reuses or item.name
        if owner not in self.shared:
            self._made(item, owner)
            self._order(item, owner)
        given = self._after(item, owner, self._take(item.operands))
        targets = [self._target(item, owner)]
        targets += [self._assign(Result(item.location, index), item.operands) for index in range(1, results_of(item))]
        self._emit(", ".join(targets), marked(self._called_again(owner, given), inside(item.paths, self.iterations)))

    def _called_again(self, owner: str, given: Sequence[str]) -> Code:
        return call(self.shared[owner], given[0] if len(given) == 1 else Bracket("", tuple(given), "[", "]"))

    def _again(self, owner: str) -> Paths:
        """The paths of what is computed with the weights of an item."""
        return inside([path for use in self.uses[owner] for path in places(use)], self.iterations)

    def _order(self, item: Use, owner: str) -> None:
        if computed_in_order(self.graph, [item, *self.uses[owner]]):
            self.ordered.add(owner)

    def _after(self, item: Use, owner: str, given: list[str]) -> list[str]:
        """The variables that an item takes: where it must come after another, the first waits for what that gave."""
        last = self.last.get(owner)
        if last is None or not is_independent(self.graph, last[0], item):
            return given
        suffix = added_suffix("_after", item.paths, self.facts.names)
        self.printer.helpers.add("ComputedAfter")
        layer = call("ComputedAfter", name=self._name(item).text(suffix))
        waiting = self.allocator.fresh([given[0]])
        code = Bracket(layer, (Bracket("", (given[0], last[1]), "[", "]"),))
        self._emit(waiting, marked(code, inside(item.paths, self.iterations)))
        return [waiting, *given[1:]]

    def _target(self, item: Use, owner: str) -> str:
        """The variable of what an item gives; it keeps it where another must be called after it."""
        result = Result(item.location)
        if owner not in self.ordered:
            return self._assign(result, item.operands)
        name = item.name if item.number is None else f"{owner}_{self.printer.expr(item.number)}"
        target = self.allocator.hold(result, self.allocator.labeled(result) or self._variable(f"{name}_output"))
        self.last[owner] = item, target
        return target

    def _made(self, item: SharedScope, owner: str) -> None:
        """The lines that make the model of a scope."""
        name, before = self._name(item), len(self.lines)
        scopes = [*item.iterations[0]] if isinstance(item, LoopUse) else [*item.paths, *self._again(owner)]
        variables: list[str] = []
        for index, ref in enumerate(item.operands):
            number = f"_{index + 1}" if index else ""
            variables.append(self._variable(f"{item.name}_input{number}"))
            suffix = added_suffix(f"_input{number}", item.paths, self.facts.names)
            shape = input_shape(self.graph, scopes, index, self.allocator.variable[ref])
            dtype = input_dtype(self.graph, scopes[0], index)
            self._emit(variables[-1], call("keras.Input", shape, **dtype, name=name.text(suffix)))
        whole = SequenceUse(item.location, "", None, alone(item), (), item.paths)
        was, self.preferred = self.preferred, None
        results = self._inline(whole, self.prefix, variables, self.allocator.taken | self.allocator.live())
        self.preferred = was
        self.shared[owner] = self._variable(f"{item.name}_model")
        suffix = added_suffix("_model", item.paths, self.facts.names)
        self._emit(self.shared[owner], model_of(variables, results, name.text(suffix)))
        paths = self._again(owner)
        self.lines[before:] = [line.for_(paths) for line in self.lines[before:]]

    def _call(self, use: CallUse) -> None:
        name = self._name(use)
        taken = self._take(use.operands)
        results = [Result(use.location, index) for index in range(len(use.definition.tree.results))]
        targets = [self._assign(ref, use.operands) for ref in results]
        self._emit(", ".join(targets), marked(self._called(use, taken, name), inside(use.paths, self.iterations)))

    def _called(self, use: CallUse, operands: Sequence[str], name: LayerName) -> Code:
        """A call of another function: what it requires by place, what differs from its defaults by name."""
        callee = self.callees[id(use.definition)]
        kept = callee.body.parameters()
        args: list[Code] = [self.printer.expr(use.arguments[item.name]) for item in kept if item.default is None]
        keywords: dict[str, Code] = {
            callee.body.printer.spelled[item.name]: self.printer.expr(use.arguments[item.name])
            for item in kept
            if item.default is not None and use.arguments[item.name] != item.default
        }
        return call(callee.name, *operands, *args, **keywords, name=name.text())

    def _sequence(self, use: SequenceUse) -> None:
        name = self._name(use)
        operands = self._take(use.operands)
        results = self._inline(use, name, operands, self.allocator.taken | self.allocator.live())
        for index, variable in enumerate(results):
            self.allocator.hold(Result(use.location, index), variable)

    def _inline(self, use: SequenceUse, name: LayerName, operands: Sequence[str], taken: set[str]) -> list[str]:
        """The sequence's items in place; it has references of its own, and may reuse what is not needed outside."""
        outer, prefix, sharing = self.allocator, self.prefix, (self.uses, self.shared, self.ordered, self.last)
        self.allocator, self.prefix = self._flow(use.body, operands, taken), name
        self.uses, self.shared, self.ordered, self.last = uses_of(use.body), {}, set(), {}
        before = len(self.lines)
        self._items(use.body)
        self.lines[before:] = [line.for_(inside(use.paths, self.iterations)) for line in self.lines[before:]]
        results = [self.allocator.variable[ref] for ref in use.body.results]
        self.allocator, self.prefix = outer, prefix
        self.uses, self.shared, self.ordered, self.last = sharing
        return results

    # -- conditions -------------------------------------------------------------------------------

    def _choice(self, item: ChoiceUse, tree: Tree) -> None:
        result = Result(item.location)
        start = self.allocator.variable[item.operand]
        before = self.allocator.left.copy()
        inside = Counter([*uses(item.then), *uses(item.other)])
        self.allocator.left.subtract(inside)
        usual = [self.preferred] if self.preferred is not None else [start]
        target = self.allocator.fresh([*(["shortcut"] if self._is_shortcut(item, tree) else []), *usual])
        tests = [self.printer.expr(item.condition), self.printer.expr(negated(item.condition))]
        reads = [
            {self.allocator.variable[ref] for ref in uses(side) if ref in self.allocator.variable}
            for side in (item.then, item.other)
        ]
        bodies: list[list[_Statement]] = []
        for side, opposite in ((item.then, item.other), (item.other, item.then)):
            self.allocator.left = before.copy()
            self.allocator.left.subtract(Counter(uses(opposite)))
            with self._part(target) as lines:
                self._items(side)
                [end] = side.results
                if self.allocator.variable[end] != target:
                    self._emit(target, self.allocator.variable[end])
            bodies.append(lines)
        self.allocator.left = before.copy()
        self.allocator.left.subtract(inside)
        self.allocator.hold(result, target)
        then, other = bodies
        aliases = [
            len(lines) == 1 and not side.items for lines, side in zip(bodies, (item.then, item.other), strict=True)
        ]
        if aliases[0] or not then:
            tests, then, other, aliases, reads = tests[::-1], other, then, aliases[::-1], reads[::-1]
        if aliases[1] and target not in reads[0]:
            self._emit(target, other[0].code)
            other = []
        if not then:
            return
        self._emit("", f"if {tests[0]}:")
        self.lines += then
        if other:
            self._emit("", "else:")
            self.lines += other

    def _is_shortcut(self, item: ChoiceUse, tree: Tree) -> bool:
        """The way past a residual branch: something or nothing, and then a sum."""
        nothing = any(not side.items and side.results == (item.operand,) for side in (item.then, item.other))
        takers = [
            use.op.name for use in tree.items if isinstance(use, LayerUse) and Result(item.location) in use.operands
        ]
        return nothing and takers == ["add"] and self.preferred is None

    @contextmanager
    def _part(self, preferred: str | None) -> Iterator[list[_Statement]]:
        """The lines of an indented part; its last tensor would best be in `preferred`."""
        outer, was = self.lines, self.preferred
        self.lines, self.preferred, self.depth = [], preferred, self.depth + 1
        yield self.lines
        self.lines, self.preferred, self.depth = outer, was, self.depth - 1

    # -- loops ------------------------------------------------------------------------------------

    def _loop(self, item: LoopUse) -> None:
        name = self._name(item)
        first, others = item.operands[:1], item.operands[1:]
        held = self._after(item, item.called, self._take(first)) if item.called else self._take(first)
        # What every iteration takes stays as it is, so the target is chosen while it is still needed.
        if item.called in self.ordered:
            target = self._target(item, item.called)
        else:
            target = self.allocator.fresh([held[0]] if self.preferred is None else [self.preferred, held[0]])
        held += [self.allocator.variable[ref] for ref in others]
        before = len(self.lines)
        runs = merged([_without_channels(run) for run in item.runs if run.count != 0])
        for index, part in _parts(runs, item.marks, self.definition.budget):
            if item.marks:
                target = self._assign(Result(item.location, index), ())
            for run in part:
                start, around, iterations = len(self.lines), self.iterations, item.iterations_of(run, self.iterations)
                self.iterations = {*iterations}
                self._iterations(item, run, name, held, target)
                self.iterations = around
                self.lines[start:] = [line.for_(iterations) for line in self.lines[start:]]
                held = [target, *held[1:]]
        self.lines[before:] = [line.for_(inside(item.paths, self.iterations)) for line in self.lines[before:]]
        self.allocator.spend(others)
        self.allocator.hold(Result(item.location), held[0])

    def _iterations(self, item: LoopUse, run: Run, name: LayerName, held: Sequence[str], target: str) -> None:
        """One iteration as it is, several as a loop."""
        index, channels = iteration_names(run.depth)
        budget = self.definition.budget
        if run.count == 1 and run.carried is None and isinstance(run.start, Const) and isinstance(run.start.value, int):
            self._iteration(run, name.then(*pattern_parts(item.pattern, run.start.value, budget)), held, target)
            return
        variable = "_" if item.called else self.printer.spelled[index]
        start = "" if run.start == Const(0) else f"{self.printer.expr(run.start)}, "
        header = f"for {variable} in range({start}{self.printer.expr(run.stop)}):"
        before = len(self.lines)
        if held[0] != target:
            self._emit(target, held[0])
        self._emit("", header)
        held = [target, *held[1:]]
        self.loops += 1
        with self._part(target) as lines:
            self.printer.names.discard(channels)
            self._iteration(run, name.then(*pattern_parts(item.pattern, variable, budget)), held, target)
            if channels in self.printer.names:
                lines.insert(0, _Statement(self.depth, self.printer.spelled[channels], f"{target}.shape[-1]"))
        self.lines += lines
        self.loops -= 1
        if not lines:  # iterations that do nothing
            del self.lines[before + (self.lines[before].target == target) :]

    def _iteration(self, run: Run, name: LayerName, held: Sequence[str], target: str) -> None:
        """One iteration: what it gives is in the target afterwards."""
        if run.item.reuses:
            self._emit(target, self._called_again(run.item.reuses, held))
            return
        if isinstance(run.item, CallUse):
            self._emit(target, self._called(run.item, held, name))
            return
        # The tensor that goes around is needed by no one else; the others are, in the next iteration.
        was, self.preferred = self.preferred, target
        [result] = self._inline(
            run.item, name, held, self.allocator.taken | (self.allocator.live() - {target}) | {*held[1:]}
        )
        self.preferred = was
        if result != target:
            self._emit(target, result)


def _parts(runs: Sequence[Run], marks: Sequence[int], budget: Budget) -> Iterator[tuple[int, list[Run]]]:
    """The runs up to each mark in turn, with the mark's place among the loop's results; and those after all marks."""
    left = list(runs)
    for mark, index in sorted(zip(marks, range(1, len(marks) + 1), strict=True)):
        part: list[Run] = []
        while left and left[0].first <= mark:
            run, end = left.pop(0), Const(mark + 1)
            if run.count is None or run.first + run.count > mark + 1:
                left.insert(0, _settled(replace(run, start=end), budget))
                run = _settled(replace(run, stop=end), budget)
            part.append(run)
        yield index, part
    yield 0, left


def _settled(run: Run, budget: Budget) -> Run:
    """A part of a run; where it is one iteration, it speaks of that iteration by its number."""
    if run.count != 1:
        return run
    [item] = renamed_tree(Tree((run.item,), ()), {iteration_names(run.depth)[0]: run.start}, budget).items
    assert isinstance(item, CallUse | SequenceUse)
    return replace(run, item=item)


def _without_channels(run: Run) -> Run:
    """Keras's layers find out what arrives, so iterations that differ in nothing else are the same."""
    if not isinstance(run.item, CallUse):
        return run
    arguments = {name: expr for name, expr in run.item.arguments.items() if name != CHANNELS.id}
    return replace(run, item=replace(run.item, arguments=arguments))
