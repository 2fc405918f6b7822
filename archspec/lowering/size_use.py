"""Whether the sizes of a network's inputs decide more than these: then its layers are those of these sizes alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from archspec.expr import Expr, names
from archspec.ir.scope import Binding, Choice, Item, Layer, Loop, Scope
from archspec.limits import Budget


def sizes_decide(root: Scope, sizes: Collection[str], lets: Mapping[str, Binding], budget: Budget) -> bool:
    """Whether the network's own items are worked out from params that are sizes of its inputs in space.

    A param whose default is computed from them is not meant: it can have another value, whatever they are.

    Args:
        root: the scope of the network.
        sizes: the params by which these sizes are given.
        lets: the network's own quantities, each after those that it is computed from.
        budget: what looking through the expressions may take.
    """
    deciding = {*sizes}
    for name, let in lets.items():
        if not deciding.isdisjoint(names(let.expr, budget)):
            deciding.add(name)
    return bool(deciding) and any(not deciding.isdisjoint(names(expr, budget)) for expr in _expressions(root))


def _expressions(root: Scope) -> Iterator[Expr]:
    """Those in the frame of the network: what stands in a block speaks of the block's params."""
    stack: list[Item] = [*root.body.items]
    bindings: Mapping[str, Binding] = {}
    while stack:
        item = stack.pop()
        match item:
            case Layer():
                yield from item.exprs.values()
            case Scope(kind="block"):
                if item.bindings is not bindings:  # as they are in equal units
                    yield from (given.expr for given in item.bindings.values())
                bindings = item.bindings
            case Scope():
                stack.extend(item.body.items)
            case Choice():
                yield item.condition
                stack.extend(item.body.items)
            case Loop():
                yield from item.structure if item.times is None else (item.times,)
                stack.extend(item.iterations)
