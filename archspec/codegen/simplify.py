"""Make a module tree short: fold what is the same everywhere, write repeats as runs, drop unused parameters.

A block's param that has one value in every call is that value; a param of the network that turns out to decide its
structure is fixed. What remains are the parameters that a person would have written.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from archspec.codegen.argument_docs import documented
from archspec.codegen.bodies import Kinds
from archspec.codegen.body_context import LAYERS, Deciding
from archspec.codegen.bounds import held, is_bound, narrowed
from archspec.codegen.build import alike, build
from archspec.codegen.call_arguments import ordered
from archspec.codegen.equal_arms import without_equal_arms
from archspec.codegen.loop_channels import after_iterations
from archspec.codegen.merging import likeness, merged
from archspec.codegen.progressions import gathered
from archspec.codegen.symbolic import is_large
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LayerUse,
    Local,
    LoopUse,
    Module,
    Run,
    SequenceUse,
    Tree,
    is_count,
    iteration_names,
)
from archspec.codegen.twins import tell_apart
from archspec.codegen.walk import all_layers, calls, item_number, used_names
from archspec.expr import (
    Const,
    Expr,
    Name,
    Whole,
    fold,
    names,
)
from archspec.ir.deciding_sizes import deciding_sizes
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import place_names
from archspec.limits import Budget

MOST_RUNS: Final = 3
"""Iterations that fall into more runs than this are written as one loop over `i`, where that is possible."""
MOST_SEQUENCES: Final = 2
"""The same where the iterations are sequences, which take more room than a call."""
_FEW: Final = tuple(map(Const, range(8)))
"""Numbers that may be those of channels by chance, and are a stride, say."""
MOST_COPIES: Final = 16
"""No sequence is written out more often than this by all the repeats around it, where one loop is possible."""


def simplified(graph: LayerGraph, kinds: Kinds = alike, *, has_flat_names: bool = False) -> Module:
    """The module tree of a graph, ready to be printed.

    Args:
        graph: the network.
        kinds: what a backend writes a layer as, beyond its op, in each instance of a block: where that differs, the
            instances are definitions of their own.
        has_flat_names: whether source has the flat names of layers; params that nothing else needs are none otherwise.

    Raises:
        WorkError: the graph's limit on work is passed.
    """
    return _settled(graph, kinds, has_flat_names=has_flat_names)[0]


def fixed_params(graph: LayerGraph) -> dict[str, str]:
    """The params that generated source offers no argument for, since another value would need another source.

    Each comes with what it decides there; with nothing, if only what is not there asks for it.
    """
    module, fixed = _settled(graph, alike, has_flat_names=True)
    network = module.network
    offered: set[str] = {parameter.name for parameter in network.parameters}
    for param in graph.params:
        offered |= {param.name} if param.expr is not None and names(param.expr, network.budget) & offered else set()
    return {param.name: fixed.get(param.name, "") for param in graph.params if param.name not in offered}


def _settled(graph: LayerGraph, kinds: Kinds, *, has_flat_names: bool) -> tuple[Module, Mapping[str, str]]:
    """The module tree, and the params of the network that are fixed in it, each with what it decides."""
    budget = Budget(graph.limits)
    definitions, structural = build(graph, budget, kinds, has_flat_names=has_flat_names)
    fixed = {param.name: param.fixed for param in graph.params if param.fixed}
    while True:
        for param in reversed(graph.params):  # what is computed is fixed with all that it is computed from
            if param.expr is not None and param.name in fixed:
                fixed = dict.fromkeys(names(param.expr, budget), fixed[param.name]) | fixed
        attempt = _Attempt(definitions, structural, frozenset(fixed), budget)
        module = attempt.run()
        if attempt.tainted.keys() <= fixed.keys():
            return module, fixed
        fixed = attempt.tainted | fixed


class _Attempt:
    """One try with a set of the network's params taken as fixed; it finds further ones that have to be."""

    def __init__(
        self,
        definitions: Sequence[Definition],
        structural: Mapping[int, list[Deciding]],
        fixed: frozenset[str],
        budget: Budget,
    ) -> None:
        self.budget = budget
        self.old = definitions
        self.structural = structural
        self.fixed = fixed
        self.new = {id(old): dataclasses.replace(old) for old in definitions}
        self.calls: dict[int, list[Mapping[str, Expr]]] = {id(new): [] for new in self.new.values()}
        self.deps: dict[int, dict[str, set[str]]] = {id(new): {} for new in self.new.values()}
        self.tainted: dict[str, str] = {}
        """Those that have to be fixed, each with what it decides."""
        self.constants: dict[str, dict[int, Mapping[str, Expr]]] = {}
        """By the name of a block that is several definitions, the params that are one value in each of them."""

    def run(self) -> Module:
        for old in reversed(self.old):  # callers before the definitions that they call
            self._definition(old, self.new[id(old)])
        for new in self.new.values():
            used = set(used_names(new.tree, self.budget))
            for local in reversed(new.locals):
                used |= names(local.expr, self.budget) if local.name in used else set[str]()
            new.locals = tuple(local for local in new.locals if local.name in used)
            new.parameters = tuple(parameter for parameter in new.parameters if parameter.name in used)
            offered = {parameter.name for parameter in new.parameters}
            alone = {name for bound in new.bounds for name in names(bound, self.budget) - offered}
            if new.is_network:  # what it decides is all that it is for
                self.tainted = dict.fromkeys(sorted(alone), LAYERS) | self.tainted
            new.bounds = tuple(bound for bound in new.bounds if names(bound, self.budget) <= offered)
            if not new.is_network:
                new.parameters = ordered(new)
            new.parameters = documented(new)
        tell_apart(self.new.values(), self.constants)
        return Module(tuple(self.new[id(old)] for old in self.old))

    def _definition(self, old: Definition, new: Definition) -> None:
        whole = old.whole
        if old.is_network:
            env = {p.name: p.default for p in old.parameters if p.name in self.fixed and p.default is not None}
            deps = {p.name: {p.name} for p in old.parameters if p.name not in env}
        else:
            env, deps = _same(self.calls[id(new)]), self.deps[id(new)]
            twins = [other for other in self.old if other.name == old.name and other is not old]
            if twins:
                env |= self._arriving(self.calls[id(new)], env)
                constants = {name: expr for name, expr in env.items() if isinstance(expr, Const)}
                self.constants.setdefault(old.name, {})[id(new)] = constants
        new.locals = ()
        computed = [
            Local(given.name, given.type, given.derived)
            for given in old.parameters
            if given.derived is not None and given.name not in env
        ]
        for local in (*computed, *old.locals):
            expr = fold(local.expr, self.budget, env, whole=whole, is_whole=local.type == "int")
            if isinstance(expr, Const | Name):  # it needs no name of its own
                env[local.name] = expr
            else:
                new.locals += (dataclasses.replace(local, expr=expr),)
                deps[local.name] = set(self._depends(expr, deps))
        fold_all = _Fold(env, self.new, whole, self.budget)
        fold_all.quantities = {local.name: local.expr for local in new.locals}
        new.tree = fold_all.tree(old.tree)
        new.features = tuple(fold(feature, self.budget, env, whole=whole, is_whole=True) for feature in old.features)
        no_arguments = {*env, *(local.name for local in computed)}
        new.parameters = tuple(parameter for parameter in old.parameters if parameter.name not in no_arguments)
        for use in calls(new.tree):
            target = id(use.definition)
            self.calls[target].append(use.arguments)
            for name, expr in use.arguments.items():
                self.deps[target].setdefault(name, set()).update(self._depends(expr, deps))
        deciding = [(fold(expr, self.budget, env, whole=whole), what) for expr, what in self.structural[id(old)]]
        for layer in all_layers(new.tree):
            sizes = deciding_sizes(layer.op, layer.exprs, layer.values)
            deciding += [(layer.exprs[name], f"the {name} of {layer.paths[0]}") for name in sizes]
        if old.is_network:
            offered = {p.name for p in new.parameters}
            given = {p.name: p.default.value for p in old.parameters if isinstance(p.default, Const)}
            parts = [(part, what) for expr, what in deciding for part in held(expr, what, given, self.budget)]
            kept = [part for part, what in parts if what == LAYERS and is_bound(part, offered)]
            choices = {p.name: p.choices for p in new.parameters if p.choices}
            new.bounds, settled = narrowed(kept, choices, self.budget)
            deciding = [(part, what) for part, what in parts if part not in kept]
            deciding += [(Name(name), LAYERS) for name in settled]
        for expr, what in deciding:
            self.tainted = dict.fromkeys(self._depends(expr, deps), what) | self.tainted

    def _arriving(self, made: Sequence[Mapping[str, Expr]], env: Mapping[str, Expr]) -> dict[str, Expr]:
        """The params that are one number in all calls, and the channels that arrive in each of them: widths."""
        found = {name for name in env if len(made) > 1 and all(call[name] == call.get(CHANNELS.id) for call in made)}
        return {name: CHANNELS for name in found if env[name] not in _FEW}

    def _depends(self, expr: Expr, deps: Mapping[str, set[str]]) -> frozenset[str]:
        """The network's params that an expression depends on."""
        return frozenset[str]().union(*(deps.get(name, set[str]()) for name in names(expr, self.budget)))


def _same(calls: Sequence[Mapping[str, Expr]]) -> dict[str, Expr]:
    """The params that have one and the same plain value in all calls."""
    found: dict[str, Expr] = {}
    for name, expr in calls[0].items() if calls else ():
        # The channels that arrive stay a parameter: a block says how it follows from them.
        if name == CHANNELS.id:
            continue
        if isinstance(expr, Const) and all(call[name] == expr for call in calls):
            found[name] = expr
        elif len(calls) > 1 and all(call[name] == call.get(CHANNELS.id) for call in calls):
            found[name] = CHANNELS
    return found


class _Fold:
    """Folds every expression of a tree, and gathers iterations into runs."""

    def __init__(
        self,
        env: Mapping[str, Expr],
        new: Mapping[int, Definition],
        whole: Whole,
        budget: Budget,
        *,
        inline: bool = False,
        is_open: bool = False,
        copies: int = 1,
    ) -> None:
        self.env = env
        self.new = new
        self.whole = whole
        self.budget = budget
        self.inline = inline
        """Inside a sequence, which is one expression: no loop there can carry a variable along."""
        self.is_open = is_open
        """Repeats are left as they are, all iterations in one run that speaks of its own index and channels."""
        self.copies = copies
        """How often the tree is written, by all that is around it: a part of a repeat is one of several."""
        self.ranges: Mapping[str, tuple[int, int]] = {}
        """What the indices of the iterations around go through, where that is known."""
        self.quantities: Mapping[str, Expr] = {}
        """What the definition's own quantities are."""

    def under(self, more: Mapping[str, Expr], parts: int = 1) -> _Fold:
        return self._with({**self.env, **more}, self.inline, self.is_open, self.copies * parts)

    def open(self) -> _Fold:
        return self._with(self.env, self.inline, True, self.copies)

    def _with(self, env: Mapping[str, Expr], inline: bool, is_open: bool, copies: int) -> _Fold:
        found = _Fold(env, self.new, self.whole, self.budget, inline=inline, is_open=is_open, copies=copies)
        found.ranges, found.quantities = self.ranges, self.quantities
        return found

    def within(self, ranges: Mapping[str, tuple[int, int]]) -> _Fold:
        """The same for iterations between these numbers."""
        found = self._with(self.env, self.inline, self.is_open, self.copies)
        found.ranges = {**self.ranges, **ranges}
        return found

    def expr(self, expr: Expr) -> Expr:
        return fold(expr, self.budget, self.env, whole=self.whole, ranges=self.ranges, quantities=self.quantities)

    def tree(self, tree: Tree) -> Tree:
        return without_equal_arms(Tree(tuple(self.item(item) for item in tree.items), tree.results, tree.labels))

    def item(self, item: ItemUse) -> ItemUse:
        self.budget.spend(8)  # an item is made anew, and will be compared and written
        number = None if item_number(item) is None else self.expr(item_number(item) or Const(0))
        match item:
            case LayerUse():
                exprs = {name: self.expr(expr) for name, expr in item.exprs.items()}
                kept = {name: expr for name, expr in exprs.items() if not isinstance(expr, Const)}
                known, axes = item.op.attributes(), len(place_names(item.axes[0]))
                values = {
                    name: known[name].kind.spread(known[name].kind.read(expr.value), axes)
                    for name, expr in exprs.items()
                    if isinstance(expr, Const)
                }
                features = tuple(self.expr(feature) for feature in item.features)
                draws = {name: expr for name, old in item.draws.items() if names(expr := self.expr(old), self.budget)}
                return dataclasses.replace(
                    item,
                    number=number,
                    values={**item.values, **values},
                    exprs=kept,
                    features=features,
                    draws=draws,
                    flat_name=None if item.flat_name is None else self.expr(item.flat_name),
                )
            case CallUse() | SequenceUse():
                return self.iteration(item, number)
            case ChoiceUse():
                return dataclasses.replace(
                    item,
                    condition=self.expr(item.condition),
                    then=self.tree(item.then),
                    other=self.tree(item.other),
                )
            case LoopUse():
                return dataclasses.replace(item, number=number, runs=self.runs(item))

    def iteration(self, item: CallUse | SequenceUse, number: Expr | None) -> CallUse | SequenceUse:
        if isinstance(item, SequenceUse):
            inside = self._with(self.env, True, self.is_open, self.copies)
            return dataclasses.replace(item, number=number, body=inside.tree(item.body))
        arguments = {name: self.expr(expr) for name, expr in item.arguments.items()}
        definition = self.new.get(id(item.definition), item.definition)
        return dataclasses.replace(item, number=number, arguments=arguments, definition=definition)

    def runs(self, loop: LoopUse) -> tuple[Run, ...]:
        runs = loop.runs
        if len(runs) == 1 and runs[0].carried is not None:
            return (self.carrying(runs[0]),) if self.is_open else self.repeated(runs[0], len(loop.iterations))
        folded = [
            dataclasses.replace(
                run,
                start=self.expr(run.start),
                stop=self.expr(run.stop),
                item=self.iteration(run.item, run.item.number),
            )
            for run in runs
        ]
        return gathered(merged(folded), MOST_RUNS, self.whole, self.budget)

    def carrying(self, run: Run) -> Run:
        """A repeat's run with its expressions folded, all iterations still in one."""
        assert run.carried is not None and run.carried_next is not None
        return dataclasses.replace(
            run,
            stop=self.expr(run.stop),
            item=self.iteration(run.item, run.item.number),
            carried=self.expr(run.carried),
            carried_next=self.expr(run.carried_next),
        )

    def repeated(self, run: Run, most: int) -> tuple[Run, ...]:
        """A repeat: iteration by iteration where the count is known, else with a formula for the channels that arrive.

        No instance has more than `most` iterations. What an iteration becomes is worked out for those that are written
        alone: a body in which others stand would else be walked several times by each of them, exponentially in all.
        """
        whole = self.open().carrying(run)
        general = whole.item if isinstance(whole.item, SequenceUse) else None
        known = dataclasses.replace(whole, item=run.item, general=general)
        formula = _formula(known, most, self.budget)
        explicit = None if known.count is None else self._explicit(known, whole.item)
        # A sequence in a loop is long: written out at most twice. One without a formula has to be, inside another.
        longest = MOST_RUNS if general is None else min(MOST_SEQUENCES, MOST_COPIES // self.copies)
        if explicit is not None and (len(explicit) <= longest or (self.inline and formula is None)):
            parts = merged([self._bound(known, part, len(explicit)) for part in explicit])
            return gathered(parts, MOST_SEQUENCES, self.whole, self.budget)
        if formula is None:
            return (dataclasses.replace(known, item=self.iteration(run.item, run.item.number)),)
        return tuple(self._bound(known, part, len(formula)) for part in formula)

    def _explicit(self, run: Run, item: CallUse | SequenceUse) -> list[_IterationRange] | None:
        """The iterations, neighbors alike in one part; None where the channels are too long to be written.

        `item` is what all iterations were made from, what stands in repeats inside still open.
        """
        assert run.count is not None and run.carried is not None and run.carried_next is not None
        index, channels = iteration_names(run.depth)
        arriving, parts, last = run.carried, list[_IterationRange](), None
        for number in range(run.count):
            bound = {index: Const(number), channels: arriving}
            key = likeness(self.open().under(bound).iteration(item, item.number))
            if key == last:
                parts[-1] = parts[-1]._replace(stop=Const(number + 1))
            else:
                parts.append(_IterationRange(bound, Const(number), Const(number + 1)))
            last = key
            arriving = fold(run.carried_next, self.budget, {**self.env, **bound}, whole=self.whole, is_whole=True)
            if is_large(arriving):
                return None
        return parts

    def _bound(self, run: Run, part: _IterationRange, parts: int) -> Run:
        inside = self.under(part.bound, parts)
        match part.start, part.stop:
            case Const(int() as start), Const(int() as stop):
                inside = inside.within({iteration_names(run.depth)[0]: (start, stop)})
            case _:
                pass
        item = inside.iteration(run.item, run.item.number)
        return Run(part.start, part.stop, item, run.depth, general=run.general, bound=part.bound)


class _IterationRange(NamedTuple):
    """Iterations `start` to `stop` of a repeat, in which its names stand for what `bound` has."""

    bound: Mapping[str, Expr]
    start: Expr
    stop: Expr


def _formula(run: Run, most: int, budget: Budget) -> list[_IterationRange] | None:
    """All iterations at once, or the first by itself; None where the channels have to be carried along."""
    assert run.carried is not None and run.carried_next is not None
    index, channels = iteration_names(run.depth)
    if not names(run.carried_next, budget) & {index, channels} and run.carried_next != run.carried:
        # All iterations but the first receive the same.
        if most <= 1:
            return [_IterationRange({index: Const(0), channels: run.carried}, Const(0), run.stop)]
        first = _IterationRange({index: Const(0), channels: run.carried}, Const(0), Const(1))
        return [first, _IterationRange({channels: run.carried_next}, Const(1), run.stop)]
    arriving = after_iterations(run, Name(index), budget)
    return None if arriving is None else [_IterationRange({channels: arriving}, run.start, run.stop)]


def iterations_of(general: SequenceUse, whole: Whole, budget: Budget) -> SequenceUse:
    """The sequence that the runs of a repeat were made from, with the repeats in it as runs in their turn."""
    settled = _Fold({}, {}, whole, budget).iteration(general, general.number)
    assert isinstance(settled, SequenceUse)
    return settled


def renamed_tree(tree: Tree, names: Mapping[str, Expr], budget: Budget) -> Tree:
    """A tree that is already simplified, with other names in its expressions."""
    return _Fold(names, {}, is_count, budget).tree(tree)
