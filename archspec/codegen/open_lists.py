"""Lists of tensors whose length is a repeat's count: what its iterations give, all of which one concatenation takes.

While a body is built such a list is one tensor, of as many channels as all of it, so that instances of a block with
other counts are alike, and the count stays an argument. Afterwards each tensor of the list stands there again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Final

from archspec.codegen.tensor_lists import tensor_lists
from archspec.codegen.tree import LayerUse, LoopUse, Tree, iteration_names
from archspec.expr import Const, Expr, fold, names
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.merges import Concat
from archspec.ir.scope import Body, Choice, Item, Layer, Loop, Ref, Result, Scope, listed
from archspec.ir.tensor_type import TensorType
from archspec.limits import Budget

_ALL: Final = -1
"""The index of a loop's result that stands for all tensors of its list."""


class ClosedListError(Exception):
    """Source cannot have these loops' lists at any length: each instance has them as they are."""

    def __init__(self, paths: AbstractSet[str]) -> None:
        super().__init__(*sorted(paths))
        self.paths = paths


@dataclass(frozen=True, slots=True)
class _List:
    """The list of one loop in one instance, and the layer that takes it."""

    items: tuple[Ref, ...]
    taker: str
    is_alone: bool
    """Whether the layer takes nothing else: then the list cannot be empty."""


def all_of(loop: int) -> Result:
    """The tensor that stands for all that the iterations of the loop at a location give."""
    return Result(loop, _ALL)


def joined(
    scopes: Sequence[Scope], graph: LayerGraph, closed: AbstractSet[str]
) -> tuple[list[Scope], Mapping[int, bool]]:
    """The instances with one tensor in place of each list that could have any length, and the loops that give those.

    Args:
        scopes: instances of one body.
        graph: the network.
        closed: the paths of loops whose lists stay as they are.

    Returns:
        The instances, and the locations of these loops, each with whether what takes the list takes nothing else.
    """
    found = [_lists(scope, graph, closed) for scope in scopes]
    if not any(found):
        return list(scopes), {}
    common = [place for place in found[0] if all(place in lists for lists in found)]
    made = [_with_one(scope, [lists[place] for place in common]) for scope, lists in zip(scopes, found, strict=True)]
    return made, {place: found[0][place].is_alone for place in common}


def _lists(scope: Scope, graph: LayerGraph, closed: AbstractSet[str]) -> dict[int, _List]:
    """The lists of an instance that could have any length, by the location of their loop."""
    loops = [item for item in scope.body.items if isinstance(item, Loop) and item.path not in closed]
    if not loops:
        return {}
    taken = Counter(_taken(scope.body))
    layers = [item for item in scope.body.items if isinstance(item, Layer)]
    takers = {ref: item for item in layers for ref in item.operands if isinstance(graph.nodes[item.path].op, Concat)}
    found: dict[int, _List] = {}
    for loop in loops:
        count = len(loop.iterations)
        is_open = loop.times is not None and not isinstance(loop.times, Const) and not loop.shares
        if not is_open or loop.marks != tuple(range(count - 1)):
            continue
        items = (*(Result(loop.location, index) for index in range(1, count)), Result(loop.location))
        taker = takers.get(items[0])
        if (
            taker is None
            or listed(scope.labels.get(items[0], "")) is None
            or any(taken[ref] != 1 for ref in items[:-1])
        ):
            continue
        place = taker.operands.index(items[0])
        if taker.operands[place : place + count] == items and taker.path not in {one.taker for one in found.values()}:
            found[loop.location] = _List(items, taker.path, is_alone=taker.operands == items)
    return found


def _taken(body: Body) -> Iterator[Ref]:
    """Every place of a body that takes a tensor."""
    for item in body.items:
        if isinstance(item, Choice):
            yield item.operand
            yield from _taken(item.body)
        else:
            yield from item.operands
    yield from body.results


def _with_one(scope: Scope, lists: Sequence[_List]) -> Scope:
    """An instance in which each of these lists is one tensor."""
    by_taker = {one.taker: one for one in lists}
    locations = {one.items[-1].location for one in lists if isinstance(one.items[-1], Result)}

    def changed(item: Item) -> Item:
        if isinstance(item, Loop) and item.location in locations:
            return replace(item, marks=())
        if isinstance(item, Layer) and (one := by_taker.get(item.path)) is not None:
            place = item.operands.index(one.items[0])
            after = item.operands[place + len(one.items) :]
            last = one.items[-1]
            assert isinstance(last, Result)
            return replace(item, operands=(*item.operands[:place], all_of(last.location), *after))
        return item

    return replace(scope, body=replace(scope.body, items=tuple(map(changed, scope.body.items))))


def arriving_types(operands: Sequence[Ref], types: Sequence[TensorType]) -> tuple[TensorType, ...]:
    """The types of what a layer takes; of a list, that of all of it joined.

    Args:
        operands: what the layer takes, with at most one list.
        types: those of the tensors, each of the list's among them.
    """
    places = [place for place, ref in enumerate(operands) if isinstance(ref, Result) and ref.index == _ALL]
    if not places:
        return tuple(types)
    [place] = places
    stop = len(types) - (len(operands) - place - 1)
    channels = sum(type.channels for type in types[place:stop])
    return (*types[:place], types[place].with_channels(channels), *types[stop:])


def width(use: LoopUse, budget: Budget) -> Expr | None:
    """The channels of each tensor of a loop's list, where all have as many; None where no expression says so."""
    if len(use.runs) != 1 or use.reuses or use.called:
        return None
    [run] = use.runs
    if run.carried is None or run.carried_next is None:
        return None
    own = {*iteration_names(run.depth)}
    kept = fold(run.carried_next, budget, {iteration_names(run.depth)[1]: run.carried}, is_whole=True)
    found = run.carried_next if not names(run.carried_next, budget) & own else kept
    return found if found == run.carried or found == run.carried_next else None


def apart(tree: Tree, lists: Mapping[int, Expr]) -> Tree:
    """The tree with each tensor of these lists again, as many as the longest of the instances has.

    Args:
        tree: of all instances, with one tensor for each list.
        lists: the channels of a list's tensors, by the location of its loop.

    Raises:
        ClosedListError: source would not have one of them as a list.
    """
    counts: dict[int, int] = {}
    items = list(tree.items)
    for place, item in enumerate(items):
        if isinstance(item, LoopUse) and item.location in lists:
            counts[item.location] = len(item.iterations)
            items[place] = replace(item, marks=tuple(range(len(item.iterations) - 1)), is_listed=True)
        elif isinstance(item, LayerUse):
            items[place] = _apart(item, counts, lists)
    found = replace(tree, items=tuple(items))
    written = tensor_lists(found, found.labels)
    lost = [item for item in items if isinstance(item, LoopUse) and item.location in lists.keys() - written.keys()]
    if lost:
        raise ClosedListError({path for loop in lost for path in loop.paths})
    return found


def _apart(layer: LayerUse, counts: Mapping[int, int], lists: Mapping[int, Expr]) -> LayerUse:
    """A layer that takes each tensor of a list."""
    for place, ref in enumerate(layer.operands):
        if isinstance(ref, Result) and ref.index == _ALL:
            location, count = ref.location, counts[ref.location]
            refs = (*(Result(location, index) for index in range(1, count)), Result(location))
            return replace(
                layer,
                operands=(*layer.operands[:place], *refs, *layer.operands[place + 1 :]),
                features=(*layer.features[:place], *[lists[location]] * count, *layer.features[place + 1 :]),
                axes=(*layer.axes[:place], *[layer.axes[place]] * count, *layer.axes[place + 1 :]),
            )
    return layer
