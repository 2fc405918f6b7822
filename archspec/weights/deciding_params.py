"""Which of a network's params decide the size of a weight, as its spec's expressions say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from archspec.expr import Expr, names
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Choice, Item, Layer, Loop, Scope
from archspec.limits import Budget

Params: TypeAlias = frozenset[str]
Frame: TypeAlias = Mapping[str, Params]
"""By what a name stands for in expressions, the params of the network that it goes back to."""


def deciding_params(graph: LayerGraph, weight: str, axis: int) -> Params:
    """The params that a weight's size along an axis goes back to: its layer's, or those of the channels that arrive."""
    own = _of_layers(graph)
    path = graph.all_weights[weight].layer_of(weight)
    if axis == 0 and own[path]:
        return own[path]
    found, left, seen = set[str](), [*graph.nodes[path].inputs], set[str]()
    while left:
        path = left.pop().partition(":")[0]
        if path in seen:
            continue
        seen.add(path)
        if own[path]:
            found |= own[path]
        elif not graph.nodes[path].op.weighted:
            left += graph.nodes[path].inputs
    return frozenset(found)


def _of_layers(graph: LayerGraph) -> dict[str, Params]:
    """The params that the attributes of each layer go back to, and the channels of each input."""
    budget = Budget(graph.limits)
    params: dict[str, Params] = {}
    for param in graph.params:
        behind = _resolved(param.expr, params, budget) if param.expr is not None else frozenset[str]()
        params[param.name] = frozenset({param.name}) | behind
    found = {node.path: _all(node.exprs, params, budget) for node in graph.input_nodes}
    left: list[tuple[Item, Frame]] = [(graph.root, params)]
    while left:
        item, frame = left.pop()
        match item:
            case Layer():
                found[item.path] = _all(item.exprs, frame, budget)
            case Scope():
                inner = dict(frame) if item.kind != "block" else {}
                inner |= {name: _resolved(binding.expr, frame, budget) for name, binding in item.bindings.items()}
                for name, binding in item.lets.items():
                    inner[name] = _resolved(binding.expr, inner, budget)
                left += [(each, inner) for each in item.body.items]
            case Choice():
                left += [(each, frame) for each in item.body.items]
            case Loop():
                left += [(each, frame) for each in item.iterations]
    return found


def _all(exprs: Mapping[str, Expr], frame: Frame, budget: Budget) -> Params:
    return frozenset[str]().union(*(_resolved(expr, frame, budget) for expr in exprs.values()))


def _resolved(expr: Expr, frame: Frame, budget: Budget) -> Params:
    return frozenset[str]().union(*(frame.get(name, frozenset()) for name in names(expr, budget)))
