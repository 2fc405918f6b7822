"""Make a module tree short: fold what is the same everywhere, write repeats as runs, drop unused parameters.

A block's param that has one value in every call is that value; a param of the network that turns out to decide its
structure is fixed. What remains are the parameters that a person would have written.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from archspec.codegen.argument_docs import documented
from archspec.codegen.attributes import Words, convolves
from archspec.codegen.block_docs import summary
from archspec.codegen.body_context import LAYERS, ChoiceKey, Deciding
from archspec.codegen.body_layers import Kinds
from archspec.codegen.bounds import bound_of, held, lengths_of, narrowed
from archspec.codegen.build import alike, build
from archspec.codegen.call_arguments import ordered
from archspec.codegen.folding import TreeFold
from archspec.codegen.open_sizes import OpenSizes
from archspec.codegen.open_words import OpenWords, open_words
from archspec.codegen.tree import (
    CHANNELS,
    Definition,
    Local,
    Module,
    is_count,
)
from archspec.codegen.twins import tell_apart
from archspec.codegen.walk import all_layers, calls, loops, used_names
from archspec.expr import (
    Compare,
    Const,
    Expr,
    Name,
    Value,
    fold,
    names,
    replaced,
)
from archspec.ir.deciding_sizes import deciding_sizes
from archspec.ir.graph import LayerGraph
from archspec.limits import Budget

_FEW: Final = tuple(map(Const, range(8)))
"""Numbers that may be those of channels by chance, and are a stride, say."""


_DEEPEST: Final = 4
"""Calls inside each other, at most, through which a condition is followed."""


def simplified(
    graph: LayerGraph,
    kinds: Kinds = alike,
    words: Words = convolves,
    *,
    has_flat_names: bool = False,
    is_open: bool = True,
    written_out: AbstractSet[str] = frozenset(),
) -> Module:
    """The module tree of a graph, ready to be printed.

    Args:
        graph: the network.
        kinds: what a backend writes a layer as, beyond its op, in each instance of a block: where that differs, the
            instances are definitions of their own.
        words: where a backend takes a word for padding as an argument.
        has_flat_names: whether source has the flat names of layers; params that nothing else needs are none otherwise.
        is_open: whether the counts of items in turn stay in source, in `Tree.counts`, where any other would be right.
        written_out: the paths of iterations that are no loop in source, where no scope is around them.

    Raises:
        WorkError: the graph's limit on work is passed.
    """
    return _settled(graph, kinds, words, has_flat_names=has_flat_names, is_open=is_open, written_out=written_out)[0]


def fixed_params(
    graph: LayerGraph, kinds: Kinds = alike, words: Words = convolves, *, has_flat_names: bool = True
) -> dict[str, str]:
    """The params that generated source offers no argument for, since another value would need another source.

    Each comes with what it decides there; with nothing, if nothing there follows from it. The arguments are those of
    `simplified`, of a backend whose source is meant.
    """
    module, fixed = _settled(graph, kinds, words, has_flat_names=has_flat_names, is_open=True)
    network = module.network
    offered: set[str] = {parameter.name for parameter in network.parameters}
    for param in graph.params:
        offered |= {param.name} if param.expr is not None and names(param.expr, network.budget) & offered else set()
    return {param.name: fixed.get(param.name, "") for param in graph.params if param.name not in offered}


def _settled(
    graph: LayerGraph,
    kinds: Kinds,
    words: Words,
    *,
    has_flat_names: bool,
    is_open: bool,
    written_out: AbstractSet[str] = frozenset(),
) -> tuple[Module, Mapping[str, str]]:
    """The module tree, and the params of the network that are fixed in it, each with what it decides."""
    budget = Budget(graph.limits)
    given_by_words, sizes = open_words(graph, budget), OpenSizes(graph, budget, kinds)

    def attempt(kept: Collection[ChoiceKey]) -> tuple[Module, Mapping[str, str], Collection[ChoiceKey]]:
        definitions, structural = build(
            graph,
            budget,
            kinds,
            words,
            given_by_words,
            has_flat_names=has_flat_names,
            is_open=is_open,
            kept=kept,
            written_out=written_out,
        )
        return _with_fixed(graph, definitions, structural, given_by_words, sizes, budget)

    module, fixed, choices = attempt(())
    if settled := _settled_loops(module.network) - written_out:
        # One by one they may be fewer and longer loops, with what stands around them.
        return _settled(
            graph, kinds, words, has_flat_names=has_flat_names, is_open=is_open, written_out=written_out | settled
        )
    if choices:  # a condition on channels that need not hold: with it in source its params may be arguments
        other, fewer, _ = attempt(choices)
        if len(other.network.parameters) > len(module.network.parameters):
            return other, fewer
    return module, fixed


def _settled_loops(network: Definition) -> frozenset[str]:
    """The paths of iterations without a scope around them, in the network itself, of which there are so many always."""
    return frozenset(
        path
        for loop in loops(network.tree)
        if not loop.name and loop.number is None and all(run.count is not None for run in loop.runs)
        for path in loop.paths
    )


def _with_fixed(
    graph: LayerGraph,
    definitions: Sequence[Definition],
    structural: Mapping[int, list[Deciding]],
    given_by_words: OpenWords,
    sizes: OpenSizes,
    budget: Budget,
) -> tuple[Module, Mapping[str, str], Collection[ChoiceKey]]:
    """The module tree, the params that are fixed in it, and the conditions by which some of them are."""
    choices: dict[ChoiceKey, None] = {}
    fixed = {param.name: param.fixed for param in graph.params if param.fixed}
    while True:
        for param in reversed(graph.params):  # what is computed is fixed with all that it is computed from
            if param.expr is not None and param.name in fixed:
                fixed = dict.fromkeys(names(param.expr, budget), fixed[param.name]) | fixed
        attempt = _Attempt(definitions, structural, given_by_words, sizes, frozenset(fixed), budget)
        module = attempt.run()
        choices |= dict.fromkeys(attempt.choices)
        if attempt.tainted.keys() <= fixed.keys():
            return module, attempt.required | fixed, choices
        fixed = attempt.tainted | fixed


class _KeptArguments(NamedTuple):
    """What has to stay of the network's arguments: within these bounds, or as it is."""

    bounds: list[Compare]
    params: frozenset[str]


class _Attempt:
    """One try with a set of the network's params taken as fixed; it finds further ones that have to be."""

    def __init__(
        self,
        definitions: Sequence[Definition],
        structural: Mapping[int, list[Deciding]],
        given_by_words: OpenWords,
        sizes: OpenSizes,
        fixed: frozenset[str],
        budget: Budget,
    ) -> None:
        self.budget = budget
        self.open_words = given_by_words
        self.open_sizes = sizes
        self.old = definitions
        self.structural = structural
        self.fixed = fixed
        self.new = {id(old): dataclasses.replace(old) for old in definitions}
        self.calls: dict[int, list[Mapping[str, Expr]]] = {id(new): [] for new in self.new.values()}
        self.callers: dict[int, list[Definition]] = {id(new): [] for new in self.new.values()}
        """The definitions that the calls stand in."""
        self.deps: dict[int, dict[str, set[str]]] = {id(new): {} for new in self.new.values()}
        self.tainted: dict[str, str] = {}
        """Those that have to be fixed, each with what it decides."""
        self.values: Mapping[str, Value] = {}
        """The params of the network that have a value."""
        self.offered: Mapping[str, Value] = {}
        """Those of them that are arguments in this try."""
        self.bounds: list[Compare] = []
        """What arguments of the network have to keep."""
        self.bounded: dict[str, str] = {}
        """Those that conditions bound, each with what these decide."""
        self.required: dict[str, str] = {}
        """Those that give what has to be given, each with what that is; they need not be arguments for it."""
        self.choices: list[ChoiceKey] = []
        """The conditions that params have to be fixed for, and that could stay in source."""
        self.constants: dict[str, dict[int, Mapping[str, Expr]]] = {}
        """By the name of a block that is several definitions, the params that are one value in each of them."""

    def run(self) -> Module:
        for old in reversed(self.old):  # callers before the definitions that they call
            self._definition(old, self.new[id(old)])
        self._bound()
        for new in self.new.values():
            used = set(used_names(new.tree, self.budget))
            for local in reversed(new.locals):
                used |= names(local.expr, self.budget) if local.name in used else set[str]()
            new.locals = tuple(local for local in new.locals if local.name in used)
            new.parameters = tuple(parameter for parameter in new.parameters if parameter.name in used)
            offered = {parameter.name for parameter in new.parameters}
            if new.is_network:  # of all definitions it is known now which of its params are sizes of windows
                parities = (self.open_sizes.bound(name) for name in sorted(offered))
                new.bounds += tuple(bound for bound in parities if bound is not None)
            alone = {name for bound in new.bounds for name in names(bound, self.budget) - offered}
            if new.is_network:  # what it decides is all that it is for
                self.tainted = {name: self.bounded.get(name, LAYERS) for name in sorted(alone)} | self.tainted
            new.bounds = tuple(bound for bound in new.bounds if names(bound, self.budget) <= offered)
            if not new.is_network:
                new.parameters = ordered(new, self.calls[id(new)])
            new.parameters = documented(new)
            if not new.is_network:
                new.doc = new.doc or summary(new)
        tell_apart(self.new.values(), self.constants)
        return Module(tuple(self.new[id(old)] for old in self.old))

    def _bound(self) -> None:
        """The network refuses what its bounds do not let through; of a param with one choice left it is none."""
        network = self.new[id(self.old[-1])]
        choices = {given.name: given.choices for given in network.parameters if given.choices}
        network.bounds, settled = narrowed(self.bounds, choices, self.budget)
        for name in settled:
            self._taint({name}, self.bounded.get(name, LAYERS))

    def _definition(self, old: Definition, new: Definition) -> None:
        whole = old.whole
        if old.is_network:
            env = {p.name: p.default for p in old.parameters if p.name in self.fixed and p.default is not None}
            deps = {p.name: {p.name} for p in old.parameters if p.name not in env}
        else:
            env, deps = _same(self.calls[id(new)]), self.deps[id(new)]
            # what has to be given may be a part of what is the same in all calls, as `widths[1]` is of `widths`
            env |= {name: fold(expr, self.budget, env, whole=whole) for name, expr in old.required.items()}
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
        fold_all = TreeFold(env, self.new, whole, self.budget)
        fold_all.quantities = {local.name: local.expr for local in new.locals}
        new.tree = fold_all.tree(old.tree)
        new.features = tuple(fold(feature, self.budget, env, whole=whole, is_whole=True) for feature in old.features)
        no_arguments = {*env, *(local.name for local in computed)}
        new.parameters = tuple(parameter for parameter in old.parameters if parameter.name not in no_arguments)
        for use in calls(new.tree):
            target = id(use.definition)
            self.calls[target].append(use.arguments)
            self.callers[target].append(new)
            for name, expr in use.arguments.items():
                self.deps[target].setdefault(name, set()).update(self._depends(expr, deps))
                if name in use.definition.required and expr != use.arguments.get(CHANNELS.id):
                    what = f"the {name} of {use.paths[0]}, which has to be as many as the channels that arrive"
                    self.required = dict.fromkeys(self._depends(expr, deps), what) | self.required
        known = self.structural[id(old)]
        asked = [one._replace(expr=fold(one.expr, self.budget, env, whole=whole)) for one in known]
        deciding = [(one.expr, one.what, one.said or one.what) for one in asked]
        self.choices += [
            one.choice
            for one in asked
            if one.choice and self._depends(one.expr, deps) and not self._is_settled(one.expr, new)
        ]
        for layer in all_layers(new.tree):
            sizes = deciding_sizes(layer.op, layer.exprs, layer.values)
            for name in sizes:
                params = self._depends(layer.exprs[name], deps)
                if name == "padding":  # by a word of the network's it may be given
                    params -= self.open_words.params
                closed = {param for param in params if not self.open_sizes.takes(param)}
                self._taint(closed, f"the {name} of {layer.paths[0]}")
        if old.is_network:
            self.values = {p.name: p.default.value for p in old.parameters if isinstance(p.default, Const)}
            self.offered = {p.name: self.values[p.name] for p in new.parameters if p.name in self.values}
        for expr, what, said in deciding:
            kept = self._kept(expr, new, what)
            if kept is None:
                self._taint(self._depends(expr, deps), said)
            else:
                self.bounds += kept.bounds
                self.bounded |= {name: said for bound in kept.bounds for name in names(bound, self.budget)}
                self._taint(kept.params, said)

    def _taint(self, params: Iterable[str], what: str) -> None:
        """These have to be fixed, since they decide this, or what is known of another word."""
        self.tainted = {
            name: self.open_words.reasons.get(name) or self.open_sizes.reason(name) or what for name in params
        } | self.tainted

    def _is_settled(self, condition: Expr, new: Definition) -> bool:
        """Whether a condition comes out alike whatever the network's arguments are."""
        kept = self._kept(condition, new, LAYERS)
        return kept is not None and not kept.bounds and not kept.params

    def _kept(self, expr: Expr, new: Definition, what: str, depth: int = 0) -> _KeptArguments | None:
        """What has to stay of the network's arguments so that an expression gives what it did, by what callers give.

        That is nothing where it gives the same whatever they are: `channels != filters` is false in a block that is
        always given as many filters as channels arrive. Of what is no condition, bounds say how long lists are. None
        where it cannot be followed to the network.
        """
        self.budget.spend(8)
        for local in reversed(new.locals):
            expr = _with({local.name: local.expr}, expr)
        if what == LAYERS and isinstance(fold(expr, self.budget, whole=new.whole), Const):
            return _KeptArguments([], frozenset())
        if new.is_network:
            found = _KeptArguments([], frozenset())
            for part in held(expr, what, self.values, self.budget):
                bound = bound_of(part, self.offered, self.budget) if what == LAYERS else None
                more = [bound] if bound is not None else lengths_of(part, self.offered, self.budget)
                mentioned = names(part, self.budget) & self.offered.keys() if more is None else frozenset[str]()
                found = _KeptArguments([*found.bounds, *(more or ())], found.params | mentioned)
            return found
        own = {CHANNELS.id, *(name for call in self.calls[id(new)] for name in call)}
        if depth == _DEEPEST or not names(expr, self.budget) <= own:
            return None
        found = _KeptArguments([], frozenset())
        for caller, arguments in zip(self.callers[id(new)], self.calls[id(new)], strict=True):
            given = self._kept(_with(arguments, expr), caller, what, depth + 1)
            if given is None:
                return None
            found = _KeptArguments([*found.bounds, *given.bounds], found.params | given.params)
        return found

    def _arriving(self, made: Sequence[Mapping[str, Expr]], env: Mapping[str, Expr]) -> dict[str, Expr]:
        """The params that are one number in all calls, and the channels that arrive in each of them: widths."""
        found = {name for name in env if len(made) > 1 and all(call[name] == call.get(CHANNELS.id) for call in made)}
        return {name: CHANNELS for name in found if env[name] not in _FEW}

    def _depends(self, expr: Expr, deps: Mapping[str, set[str]]) -> frozenset[str]:
        """The network's params that an expression depends on."""
        return frozenset[str]().union(*(deps.get(name, set[str]()) for name in names(expr, self.budget)))


def _with(given: Mapping[str, Expr], expr: Expr) -> Expr:
    """An expression with others in place of names."""
    return replaced(expr, lambda part: given.get(part.id) if isinstance(part, Name) else None)


def _same(calls: Sequence[Mapping[str, Expr]]) -> dict[str, Expr]:
    """The params that have one and the same plain value in all calls."""
    found: dict[str, Expr] = {}
    for name, expr in calls[0].items() if calls else ():
        # The channels that arrive stay a parameter, those of further inputs, too: a block says what follows from them.
        if is_count(name):
            continue
        if isinstance(expr, Const) and all(call[name] == expr for call in calls):
            found[name] = expr
        elif len(calls) > 1 and all(call[name] == call.get(CHANNELS.id) for call in calls):
            found[name] = CHANNELS
    return found
