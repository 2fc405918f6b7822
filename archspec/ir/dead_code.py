"""Cut a network down to what some of its tensors need.

A body is gone through from its end, and an item stays if something that stays needs it. A loop is cut after the last
iteration that is needed. A block's instance keeps the results that it computes anyway, so that instances stay alike;
what is computed more than once with the same parameters keeps what is needed in any of these places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from archspec.expr import Const
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Body, Choice, Item, Layer, Loop, Operand, Ref, Result, Scope, walk


def eliminate_dead_code(graph: LayerGraph) -> LayerGraph:
    """The network without what none of its outputs needs.

    What the operands of a block's call, or of a loop, need is kept as well, even if the block makes no use of it.
    """
    root = graph.root
    shared = _Shared.of(root)
    while True:
        names, needed = _RemainingNames(in_network=True), set(root.body.results)
        items = _items(root.body.items, needed, names, shared)
        if not shared.grown:
            break
        shared.grown = False
    inputs = [index for index in range(len(graph.inputs)) if Operand(index) in needed]
    names.operands(inputs)
    body = Body(names.items(items), names.refs(root.body.results))
    pruned = replace(
        graph,
        input_nodes=tuple(graph.input_nodes[index] for index in inputs),
        root=replace(root, body=body, labels=names.labels(root.labels)),
        taps={},
        depth=None,
        whole=None,
    )
    pruned = replace(pruned, taps={name: path for name, path in graph.taps.items() if path in pruned.types})
    left = {name: weight for name, weight in graph.all_weights.items() if name not in pruned.all_weights}
    return replace(pruned, dead_weights={**graph.dead_weights, **left})


@dataclass(slots=True, eq=False)
class _Shared:
    """Which results are needed of the scopes that are computed more than once with the same parameters."""

    first: Mapping[str, str]
    """The scope whose parameters each of them has, by path."""
    used: dict[str, set[int]] = field(default_factory=dict[str, set[int]])
    """The results that are needed of any of those that have the same parameters, by the first one's path."""
    grown: bool = False
    """Whether some were found to be needed after another of these scopes had been cut."""

    @classmethod
    def of(cls, root: Scope) -> _Shared:
        again = [item for item in walk(root) if isinstance(item, Scope) and item.shares]
        return cls({path: item.shares for item in again for path in (item.path, item.shares)})

    def of_all(self, scope: Scope, used: Sequence[int]) -> Sequence[int]:
        """The results that are needed of a scope, here or in another of its places."""
        first = self.first.get(scope.path)
        if first is None:
            return used
        known = self.used.setdefault(first, set())
        self.grown = self.grown or bool(known and not known.issuperset(used))
        known.update(used)
        return [*known]


@dataclass(slots=True, eq=False)
class _RemainingNames:
    """What the tensors of one scope are called once some are gone."""

    alive: set[Ref] = field(default_factory=set[Ref])
    new: dict[Ref, Ref] = field(default_factory=dict[Ref, Ref])
    in_network: bool = False
    """The scope stands once: no other instance of a block must stay like it."""
    others: dict[Ref, Ref] = field(default_factory=dict[Ref, Ref])
    """The tensors of items that are gone themselves, and those that stand for them, by their old names."""

    def results(self, location: int, kept: Sequence[int]) -> None:
        """Of the results of the item at this location, these stay."""
        for new, old in enumerate(kept):
            self.alive.add(Result(location, old))
            self.new[Result(location, old)] = Result(location, new)

    def stand_in(self, location: int, results: Mapping[int, Ref]) -> None:
        """These tensors stand for the results of the item at this location, which is gone itself."""
        self.alive |= {Result(location, index) for index in results}
        self.others |= {Result(location, index): ref for index, ref in results.items()}

    def operands(self, kept: Sequence[int]) -> None:
        """Of the tensors that enter, these stay."""
        for new, old in enumerate(kept):
            self.alive.add(Operand(old))
            self.new[Operand(old)] = Operand(new)

    def refs(self, refs: Iterable[Ref]) -> tuple[Ref, ...]:
        return tuple(map(self.name, refs))

    def name(self, ref: Ref) -> Ref:
        """What a tensor is called now."""
        while ref in self.others:
            ref = self.others[ref]
        return self.new[ref]

    def labels(self, labels: Mapping[Ref, str]) -> dict[Ref, str]:
        return {self.name(ref): label for ref, label in labels.items() if ref in self.alive}

    def items(self, items: Iterable[Item]) -> tuple[Item, ...]:
        """The items, with the tensors that they take called by their new names."""
        return tuple(self._item(item) for item in items)

    def _item(self, item: Item) -> Item:
        if isinstance(item, Choice):  # it is no scope: its items speak of the same tensors
            body = Body(self.items(item.body.items), self.refs(item.body.results))
            return replace(item, operand=self.name(item.operand), body=body)
        return replace(item, operands=self.refs(item.operands))


def _items(items: Sequence[Item], needed: set[Ref], names: _RemainingNames, shared: _Shared) -> list[Item]:
    """The items that give what is needed, and all that they take is then needed, too."""
    found: list[Item] = []
    for item in reversed(items):
        used = [ref.index for ref in needed if isinstance(ref, Result) and ref.location == item.location]
        if not used:
            continue
        kept: Sequence[int] = (0,)
        match item:
            case Layer():
                kept = range(len(item.types))
                needed.update(item.operands)
            case Choice():
                kept = sorted(used)
                results = tuple(item.body.results[index] for index in kept)
                inside = set(results)
                inner = _items(item.body.items, inside, names, shared)
                needed.update(inside)
                if names.in_network and item.operand not in inside:
                    # What is needed of it takes nothing of what arrives at it, which then need not be there.
                    names.stand_in(item.location, dict(zip(kept, results, strict=True)))
                    found += reversed(inner)
                    continue
                needed.add(item.operand)
                item = replace(item, body=Body(tuple(inner), results))
            case Scope():
                item, kept = _scope(item, shared.of_all(item, used), shared, in_network=names.in_network)
                needed.update(item.operands)
            case Loop():
                item, kept = _loop(item, used, shared)
                needed.update(item.operands)
        names.results(item.location, kept)
        found.append(item)
    return found[::-1]


def _scope(
    scope: Scope, used: Sequence[int], shared: _Shared, *, in_place: bool = False, in_network: bool = False
) -> tuple[Scope, Sequence[int]]:
    """A scope that gives these of its results, and those that it does give; `in_place` keeps its operands."""
    results = scope.body.results
    names = _RemainingNames(in_network=in_network and scope.kind == "sequence")
    needed = {results[index] for index in used}
    items = _items(scope.body.items, needed, names, shared)
    whole = in_place or scope.kind == "block"
    operands = [index for index in range(len(scope.operands)) if whole or Operand(index) in needed]
    names.operands(operands)
    kept = sorted(used)
    if scope.kind == "block":
        kept = [index for index, ref in enumerate(results) if ref in names.alive]
    body = Body(names.items(items), names.refs(results[index] for index in kept))
    taken = tuple(scope.operands[index] for index in operands)
    return replace(scope, operands=taken, body=body, labels=names.labels(scope.labels)), kept


def _loop(loop: Loop, used: Sequence[int], shared: _Shared) -> tuple[Loop, Sequence[int]]:
    """A loop up to the last iteration that is needed."""
    given = [len(loop.iterations) - 1, *loop.marks]  # after which iteration each of its results stands
    last = max(given[index] for index in used)
    final = next(index for index in used if given[index] == last)
    others = sorted(index for index in used if index != final)
    iterations = tuple(_scope(scope, (0,), shared, in_place=True)[0] for scope in loop.iterations[: last + 1])
    times = loop.times if last == given[0] or loop.times is None else Const(last + 1)
    marks = tuple(given[index] for index in others)
    return replace(loop, times=times, iterations=iterations, marks=marks), (final, *others)
