"""With which params of a network weights fit whose names are the network's, and whose shapes are others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import Final

from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import Shape
from archspec.weights.deciding_params import deciding_params

_TRIED: Final = 12
"""Sets of params, each of which has to be compiled."""
_LOOKED_AT: Final = 32
"""Sizes that differ, of which it is asked what they go back to."""
_OF_EACH: Final = 3
"""Values of one param, and weights of which the same two sizes differ."""
_PLACES: Final = (2, 3, 4)
"""Decimal places of factors, such as 0.25: sizes are rounded, so that their ratio is near the factor at best."""
_EXACT: Final = _LOOKED_AT
"""What a size that is the param itself counts, against one for each that grows with it."""


def guesses(graph: LayerGraph, reshaped: Mapping[str, tuple[Shape, Shape]]) -> Iterator[dict[str, int | float]]:
    """Params under which the weights may fit, the likeliest first; whether they do is seen by the network itself.

    Args:
        graph: the network, whose weights have these names.
        reshaped: by the name of a weight the file's shape, and the network's.
    """
    odd: dict[tuple[int, int], list[str]] = {}
    for name, (given, wanted) in reshaped.items():
        # The first axis is what a layer gives. The others follow from the layers before it.
        if len(given) == len(wanted) and wanted and given[0] != wanted[0]:
            odd.setdefault((given[0], wanted[0]), []).append(name)
    values = {
        param.name: param.value
        for param in graph.params
        if isinstance(param.value, int | float) and not isinstance(param.value, bool)
    }
    votes: dict[str, Counter[int | float]] = {}
    for theirs, ours in sorted(odd, key=lambda sizes: -sizes[1])[:_LOOKED_AT]:
        deciding = {param for name in odd[theirs, ours][:_OF_EACH] for param in deciding_params(graph, name, 0)}
        for name in sorted(deciding & values.keys()):
            value, counts = values[name], votes.setdefault(name, Counter())
            if value == ours:
                counts[theirs] += _EXACT * ours
            elif isinstance(value, int):
                counts[round(value * theirs / ours)] += ours
            else:  # sizes are rounded, such as to multiples of 8: the larger one is, the nearer its ratio is
                counts.update(dict.fromkeys({round(value * theirs / ours, places) for places in _PLACES}, ours))
    chosen = {
        name: [*(value for value, _ in counts.most_common(_OF_EACH)), *([values[name]] if len(votes) > 1 else [])]
        for name, counts in votes.items()
    }
    tried = sorted(product(*(range(len(each)) for each in chosen.values())), key=sum)
    for places in islice(tried, _TRIED):
        found = {name: chosen[name][place] for name, place in zip(chosen, places, strict=True)}
        if different := {name: value for name, value in found.items() if value != values[name]}:
            yield different
