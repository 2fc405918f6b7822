"""How many units the stages of a network have, before any of them is worked out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from archspec.errors import Diagnostic, SpecError
from archspec.expr import ExprError, Value, names
from archspec.expr.evaluate import truth
from archspec.limits import Budget
from archspec.lowering.bodies import everything
from archspec.lowering.units import unit_calls
from archspec.lowering.values import evaluated, expression
from archspec.spec import Attribute, Call, Item, Repeat, Spec, Stage
from archspec.spec import Sequence as Seq


def mentioned(stage: Stage, budget: Budget) -> set[str]:
    """The names in a stage's units, and in what all of them are given."""
    return {name for given in _given(stage) for name in names(expression(given, budget), budget)}


def _given(stage: Stage) -> Iterator[Attribute]:
    yield from stage.arguments.values()
    if stage.units is not None:
        yield from (given for given in (stage.units.expression,) if given is not None)
        for unit in stage.units.entries:
            yield from (unit.mapping or {}).values()
            yield from (given for given in (unit.fields,) if given is not None)


def count_units(spec: Spec, env: Mapping[str, Value], budget: Budget) -> int:
    """The units of all stages in the network's own items.

    Raises:
        SpecError: it depends on the channels that arrive somewhere, or a count cannot be worked out.
    """
    return _UnitCount(spec, budget).of(spec.items, env)


class _UnitCount:
    def __init__(self, spec: Spec, budget: Budget) -> None:
        self.spec = spec
        self.budget = budget

    def of(self, items: Iterable[Item], env: Mapping[str, Value]) -> int:
        return sum(self._of(item, env) for item in items)

    def _of(self, item: Item, env: Mapping[str, Value]) -> int:
        if not any(isinstance(inner, Stage) and inner.block is not None for inner in everything([item])):
            return 0
        self.budget.spend(4)
        when: Attribute | None = item.when
        if when is not None:
            try:
                taken = truth(self._value(when, env))
            except ExprError:
                return 0  # which is said where the item is worked out
            if not taken:
                return self.of(item.otherwise or (), env)
        match item:
            case Stage(block=str() as name):
                block = self.spec.blocks[name]
                calls, _ = unit_calls(item, block, env, self.budget, 0)
                return len(calls)
            case Repeat():
                times = self._value(item.times, env)
                count = times if isinstance(times, int) and times <= self.budget.limits.items else 0
                return sum(self.of(item.layers, {**env, item.index: index}) for index in range(count))
            case Seq() | Stage():
                return self.of(item.layers, env)
            case Call():
                return self.of(item.branches or (), env)
            case _:
                return 0

    def _value(self, attribute: Attribute, env: Mapping[str, Value]) -> Value:
        if "channels" in names(expression(attribute, self.budget), self.budget):
            message = "how many units there are depends on the channels here, so that `unit_count` is not known"
            help = "let the condition depend on params alone, or give the count by a param"
            raise SpecError(Diagnostic("E0303", message, attribute.span, help=help))
        return evaluated(attribute, env, self.budget)[0]
