"""What all statements of a function's body are written with: lines, names of layers, variables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from archspec.codegen.call_arguments import placed
from archspec.codegen.escaping import variable_name
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.marked_text import Paths, inside
from archspec.codegen.pretty_printer import Code, call, lay_out, marked
from archspec.codegen.tensor_lists import TensorList
from archspec.codegen.tree import CallUse, Definition, LayerUse, LoopUse, Parameter, SequenceUse, Tree
from archspec.codegen.variable_allocation import VariableAllocator
from archspec.codegen.walk import calls
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Operand, Ref, Result
from archspec_keras.layer_names import LayerName, flat_name, number_parts
from archspec_keras.shared import ComputationOrder, SharedCalls
from archspec_keras.static_properties import StaticProperties


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: an assignment, or, without a target, a line as it is."""

    depth: int
    target: str
    code: Code
    repeated: bool = False
    """Whether it stands in a loop."""
    prefix: str = ""
    """What stands before the code where there is no target."""

    def lay_out(self) -> list[str]:
        """The lines of its text."""
        return lay_out(self.code, self.depth, f"{self.target} = " if self.target else self.prefix)

    def for_(self, *paths: Paths) -> Statement:
        """The line, which is there for these paths."""
        return replace(self, code=marked(self.code, *paths))


@dataclass(frozen=True, slots=True)
class Callee:
    """A definition whose function has been written."""

    name: str
    body: StatementWriter


class StatementWriter:
    """Writes one definition, in parts: statements that go one after the other, with the variables that they use."""

    def __init__(
        self,
        definition: Definition,
        graph: LayerGraph,
        facts: StaticProperties,
        order: ComputationOrder,
        callees: Mapping[int, Callee],
    ) -> None:
        self.definition = definition
        self.graph = graph
        self.facts = facts
        self.order = order
        self.callees = callees
        # Only what is called must keep its name; all that is written so far would take too long to collect each time.
        self.reserved = facts.reserved | {callees[id(use.definition)].name for use in calls(definition.tree)}
        self.printer = ExpressionPrinter(definition, "in_channels", self.reserved)
        self.variables: list[str] = []
        self.lines: list[Statement] = []
        self.preferred: str | None = None
        self.loops = 0
        self.shared = SharedCalls()
        """What is called more than once in the scope that is written."""
        self.iterations: Collection[str] | None = None
        """Inside a loop the paths of the iterations that are written."""
        self.depth = 1
        self.prefix = LayerName()
        self.labels: Mapping[Ref, str] = {}
        self.collecting: dict[int, TensorList] = {}
        """What loops of the tree that is written append to lists, by location."""
        self.lists: dict[int, str] = {}
        """The variable of the list of tensors that a layer joins, by the layer's location."""
        self.parts: dict[int, str] = {}
        """The variable of the list of an item's results, where they are one, by the item's location."""
        self.open_counts = 0
        """How many loops over rounds go as far as an argument says."""
        self.counted: Mapping[int, LayerName] = {}
        """The names of items in a loop over rounds, by location."""
        self.takes_name = True
        """Whether the function is given the beginning of its layers' names: where all are flat, it is not."""
        self.taken: set[str] = set()
        self.allocator = self._flow(Tree((), ()), (), self.taken)

    def unusable(self) -> set[str]:
        """What no variable may be called: what the module has, what is called, and what is a number here."""
        return {*self.reserved, *self.printer.spelled.values()}

    def parameters(self) -> list[Parameter]:
        """The parameters that the code mentions."""
        return [parameter for parameter in self.definition.parameters if parameter.name in self.printer.names]

    def _items(self, tree: Tree) -> None:
        """Write the items of a tree."""
        raise NotImplementedError

    def _emit(self, target: str, code: Code) -> None:
        self.lines.append(Statement(self.depth, target, code, self.loops > 0))

    def _name(self, item: LayerUse | CallUse | SequenceUse | LoopUse) -> LayerName:
        if item.location in self.counted:
            return self.counted[item.location]
        if isinstance(item, LayerUse) and item.flat_name is not None:
            return flat_name(item.flat_name, self.printer)
        if item.number is None:
            return self.prefix.then((False, item.name.replace(".", "_")))
        return self.prefix.then(*number_parts(item.number, self.printer.expr(item.number)))

    def _take(self, operands: tuple[Ref, ...]) -> list[str]:
        variables = [self.allocator.variable[ref] for ref in operands]
        self.allocator.spend(operands)
        return variables

    def _assign(self, ref: Ref, operands: tuple[Ref, ...]) -> str:
        old = [self.allocator.variable[operand] for operand in operands if operand in self.allocator.variable]
        wanted = [] if self.preferred is None else [self.preferred]
        return self.allocator.hold(
            ref, self.allocator.labeled(ref) or self.allocator.fresh((*wanted, *old), given=self.preferred)
        )

    def _targets(self, location: int, results: int, operands: tuple[Ref, ...], first: str | None = None) -> list[str]:
        """A variable for each tensor that an item gives; `_` where it gives several and nothing uses this one.

        `first` is that of the first one, where it has one already.
        """
        refs = [Result(location, index) for index in range(results)]
        found = [] if first is None else [first]
        for ref in refs[len(found) :]:
            found.append("_" if results > 1 and not self.allocator.uses(ref) else self._assign(ref, operands))
        return found

    def _flow(self, tree: Tree, variables: Sequence[str], taken: set[str]) -> VariableAllocator:
        allocator = VariableAllocator(tree, self.definition.budget, 0, taken, is_network=self.definition.is_network)
        for index, variable in enumerate(variables):
            allocator.hold(Operand(index), variable)
        allocator.kept |= set(self.definition.inputs)
        return allocator

    def _variable(self, name: str) -> str:
        """A variable for a layer or a model, which keeps its name to the end of the function."""
        found = variable_name(name, {*self.allocator.taken, *self.allocator.kept, *self.allocator.live()})
        self.allocator.taken.add(found)
        return found

    @contextmanager
    def _part(self, preferred: str | None) -> Iterator[list[Statement]]:
        """The lines of an indented part; its last tensor would best be in `preferred`."""
        outer, was = self.lines, self.preferred
        self.lines, self.preferred, self.depth = [], preferred, self.depth + 1
        yield self.lines
        self.lines, self.preferred, self.depth = outer, was, self.depth - 1

    # -- calls and sequences ----------------------------------------------------------------------

    def _call(self, use: CallUse) -> None:
        name = self._name(use)
        taken = self._take(use.operands)
        targets = self._targets(use.location, len(use.definition.tree.results), use.operands)
        self._emit(", ".join(targets), marked(self._called(use, taken, name), inside(use.paths, self.iterations)))

    def _called(self, use: CallUse, operands: Sequence[str], name: LayerName) -> Code:
        """A call of another function."""
        callee = self.callees[id(use.definition)]
        args: list[Code] = []
        keywords: dict[str, Code] = {}
        for given, expr in placed(callee.body.parameters(), use.arguments):
            if given is None:
                args.append(self.printer.code(expr))
            else:
                keywords[callee.body.printer.spelled[given]] = self.printer.code(expr)
        if callee.body.takes_name:
            keywords["name"] = name.text()
        return call(callee.name, *operands, *args, **keywords)

    def _sequence(self, use: SequenceUse) -> None:
        name = self._name(use)
        operands = self._take(use.operands)
        was, label = self.preferred, self.allocator.labeled(Result(use.location))
        self.preferred = label or was
        results = self._inline(use, name, operands, self.allocator.taken | self.allocator.live())
        self.preferred = was
        for index, variable in enumerate(results):
            self.allocator.hold(Result(use.location, index), variable)

    def _inline(self, use: SequenceUse, name: LayerName, operands: Sequence[str], taken: set[str]) -> list[str]:
        """The sequence's items in place; it has references of its own, and may reuse what is not needed outside."""
        outer = self.allocator, self.prefix, self.shared
        self.allocator, self.prefix = self._flow(use.body, operands, taken), name
        self.shared = SharedCalls.of(use.body, self.order)
        before = len(self.lines)
        self._items(use.body)
        self.lines[before:] = [line.for_(inside(use.paths, self.iterations)) for line in self.lines[before:]]
        results = [self.allocator.variable[ref] for ref in use.body.results]
        self.allocator, self.prefix, self.shared = outer
        return results
