"""Why a map finds nothing in a file: which of its rules match no name there, and what is nearest."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import SequenceMatcher
from itertools import islice
from typing import Final

from archspec.expr import ExprError
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import Shape
from archspec.limits import Budget
from archspec.weights.map_rules import WeightMap
from archspec.weights.origins import origins_by, stores
from archspec.weights.tensors import LazyTensor

_SHOWN: Final = 6
_LOOKED_AT: Final = 2000
"""Names of a file that are compared with one."""
_LONGEST: Final = 200


def misses(weight_map: WeightMap, graph: LayerGraph, tensors: Mapping[str, LazyTensor], prefix: str = "") -> list[str]:
    """What is to be said of the rules of a map none of whose names is in a file; nothing where there are none.

    Args:
        weight_map: the map; it fits the network.
        graph: the network.
        tensors: what the file holds.
        prefix: what stands in the file before the map's names.
    """
    source, budget = stores(), Budget()
    origins = origins_by(weight_map, graph, source.stored_weights(graph) if source is not None else {})
    wanted: dict[str, tuple[str, Shape]] = {}
    """By each rule the first name that it gives, and the shape of what has it."""
    hit: set[str] = set()
    for name, origin in origins.items():
        try:
            found = weight_map.rule_of(name, graph.all_weights[name].layer_of(name), budget)
        except ExprError:
            continue
        given = [prefix + each for part in origin.parts for each in part.names]
        if found is None or not given:
            continue
        wanted.setdefault(found[0].text, (given[0], origin.shape))
        numbered = [prefix + each.name for part in origin.parts for each in part.numbered]
        if any(each in tensors for each in (*given, *numbered)):
            hit.add(found[0].text)
    missed = [rule for rule in wanted if rule not in hit]
    if not missed:
        return []
    first, shape = wanted[missed[0]]
    near = _nearest(first, shape, tensors)
    shown = ", ".join(f"`{rule}`" for rule in missed[:_SHOWN])
    more = f" and {len(missed) - _SHOWN} more" if len(missed) > _SHOWN else ""
    return [
        f"{len(missed)} of {len(wanted)} rules match no name of the file: {shown}{more}",
        f"`{missed[0]}` gives `{first}`" + (f"; the nearest of the file's names is `{near}`" if near else ""),
    ]


def _nearest(wanted: str, shape: Shape, tensors: Mapping[str, LazyTensor]) -> str:
    """The name of a file that is most like one, of a tensor of these sizes if there is one; empty if it has none."""
    names = [*islice((name for name in tensors if len(name) <= _LONGEST), _LOOKED_AT)]
    sizes = sorted(shape)
    alike = [name for name in names if sorted(tensors[name].shape) == sizes]
    return max(alike or names, key=lambda name: SequenceMatcher(None, wanted, name).ratio(), default="")
