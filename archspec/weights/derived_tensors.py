"""What PyTorch's modules keep beside their weights, and a file of theirs holds: it follows from the network alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from archspec.ir.graph import LayerGraph
from archspec.limits import Budget
from archspec.weights.map_rules import WeightMap
from archspec.weights.state_dicts import COUNTER

if TYPE_CHECKING:
    from archspec.weights.tensors import Array, Arrays

_COUNTS: Final = "batch_norm"
"""The op whose module counts its steps."""


def with_derived(arrays: Arrays, graph: LayerGraph, weight_map: WeightMap | None = None) -> Mapping[str, Array]:
    """Weights and what a state dict has beside them, so that `load_state_dict` finds all that it wants.

    Args:
        arrays: the weights, by the names that the file has.
        graph: the network.
        weight_map: whose names they are, in PyTorch's layout; the network's own if None.

    Returns:
        The same mapping, and behind it indices, tables, and counters of steps, at 0. Each is made when asked for.
    """
    return _WithDerived(arrays, _makers(graph, weight_map))


def _makers(graph: LayerGraph, weight_map: WeightMap | None) -> dict[str, Callable[[], Array]]:
    found: dict[str, Callable[[], Array]] = {}
    budget = Budget()
    for name, derived in graph.derived.items():
        own = (name, derived.saved) if weight_map is None else weight_map.derived_name(name, budget)
        if own is not None and own[1]:
            found[own[0]] = derived.values
    for node in graph.nodes.values():
        if node.op.name == _COUNTS:
            layer = node.owner if weight_map is None else weight_map.layer_name(node.owner, budget)
            if layer:
                found[layer + COUNTER] = _zero
    return found


def _zero() -> Array:
    import numpy as np

    return np.zeros((), np.int64)


class _WithDerived(Mapping[str, "Array"]):
    """Arrays, and behind them those that are made when they are asked for, which stand for any of the same name."""

    def __init__(self, arrays: Arrays, makers: Mapping[str, Callable[[], Array]]) -> None:
        self._arrays = arrays
        self._makers = makers

    def __getitem__(self, name: str) -> Array:
        return self._makers[name]() if name in self._makers else self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._arrays
        yield from (name for name in self._makers if name not in self._arrays)

    def __len__(self) -> int:
        return len(self._arrays.keys() | self._makers.keys())
