"""Statements of what is called more than once with the same weights: a layer, or a model of its own."""

from __future__ import annotations

from collections.abc import Sequence

from archspec.codegen.marked_text import Paths, inside
from archspec.codegen.pretty_printer import Bracket, Code, Keyword, call, marked
from archspec.codegen.reuse import Use, owner_name
from archspec.codegen.tree import LayerUse, LoopUse, SequenceUse
from archspec.codegen.walk import results_of
from archspec.ir.scope import Result
from archspec_keras.layer_names import added_suffix
from archspec_keras.shared import SharedScope, alone, input_dtype, input_shape, model_of, places
from archspec_keras.statements import StatementWriter


class SharedStatements(StatementWriter):
    """Writes them; the last call so far of each is kept where the next must come after it."""

    def _make_layer(self, use: LayerUse, made: Bracket) -> None:
        """The line that makes a layer which is called more than once."""
        named = Bracket(made.head, (*made.args, Keyword("name", self._name(use).text())))
        paths = [*inside(use.paths, self.iterations), *self._again(use)]
        self._emit(self._shared_variable(use, use.name), marked(self.printer.noted(named, paths), paths))

    def _shared_variable(self, item: Use, name: str) -> str:
        """The variable of what an item makes; the same where each side of a condition makes it."""
        known = self.shared.variables
        if item.name not in known:
            known[item.name] = self._variable(name)
        return known[item.name]

    def _model(self, item: SharedScope) -> None:
        """A scope that is called more than once: a model of its own."""
        if not item.reuses:
            self._made(item)
        given = self._after(item, self._take(item.operands))
        targets = self._shared_targets(item, results_of(item))
        self._emit(", ".join(targets), marked(self._called_again(item, given), inside(item.paths, self.iterations)))

    def _called_again(self, item: SharedScope, given: Sequence[str]) -> Code:
        model = self.shared.variables[item.reuses or item.name]
        return call(model, given[0] if len(given) == 1 else Bracket("", tuple(given), "[", "]"))

    def _again(self, item: Use) -> Paths:
        """The paths of what is computed with the weights of an item."""
        return inside([path for use in self.shared.uses[item.location] for path in places(use)], self.iterations)

    def _after(self, item: Use, given: list[str]) -> list[str]:
        """The variables that an item takes: where it must come after others, the first waits for what those gave."""
        waiting, last = given[0], self.shared.last.get(owner_name(item), ())
        awaited = dict.fromkeys(variable for use, variable in last if self.order.is_independent(use, item))
        for index, variable in enumerate(awaited):
            suffix = added_suffix(
                f"_after_{index + 1}" if index else "_after", item.paths, self.facts.names, self.graph
            )
            self.printer.helpers.add("ComputedAfter")
            layer = call("ComputedAfter", name=self._name(item).text(suffix))
            code = Bracket(layer, (Bracket("", (waiting, variable), "[", "]"),))
            waiting = self.allocator.fresh([waiting])
            self._emit(waiting, marked(code, inside(item.paths, self.iterations)))
        return [waiting, *given[1:]]

    def _shared_targets(self, item: Use, results: int) -> list[str]:
        """The variables of what an item gives; it keeps the first where another must be called after it."""
        is_ordered = self.shared.has(item) and (owner_name(item) or item.name) in self.shared.ordered
        return self._targets(item.location, results, item.operands, self._kept(item) if is_ordered else None)

    def _kept(self, item: Use) -> str:
        """A variable to the end for what an item gives, as another must be called after it."""
        result, owner = Result(item.location), owner_name(item) or item.name
        name = item.name if item.number is None else f"{owner}_{self.printer.expr(item.number)}"
        target = self.allocator.hold(result, self.allocator.labeled(result) or self._variable(f"{name}_output"))
        self.shared.last = {**self.shared.last, owner: ((item, target),)}
        return target

    def _made(self, item: SharedScope) -> None:
        """The lines that make the model of a scope."""
        name, before = self._name(item), len(self.lines)
        scopes = [*item.iterations[0]] if isinstance(item, LoopUse) else [*item.paths, *self._again(item)]
        variables: list[str] = []
        for index, ref in enumerate(item.operands):
            number = f"_{index + 1}" if index else ""
            variables.append(self._variable(f"{item.name}_input{number}"))
            suffix = added_suffix(f"_input{number}", item.paths, self.facts.names, self.graph)
            shape = input_shape(self.graph, self.facts, scopes, index, self.allocator.variable[ref])
            dtype = input_dtype(self.graph, scopes[0], index)
            self._emit(variables[-1], call("keras.Input", shape, **dtype, name=name.text(suffix)))
        whole = SequenceUse(item.location, "", None, alone(item), (), item.paths)
        was, self.preferred = self.preferred, None
        results = self._inline(whole, self.prefix, variables, self.allocator.taken | self.allocator.live())
        self.preferred = was
        suffix = added_suffix("_model", item.paths, self.facts.names, self.graph)
        self._emit(self._shared_variable(item, f"{item.name}_model"), model_of(variables, results, name.text(suffix)))
        paths = self._again(item)
        self.lines[before:] = [line.for_(paths) for line in self.lines[before:]]
