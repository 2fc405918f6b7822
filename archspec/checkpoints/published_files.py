"""Files that go by the name of a published one: where the network that they are given to computes something else.

ResNet-50 v1 and v1.5 have weights of the same names and shapes, and other strides: only the name says whose a file is.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, Final

from archspec.api import compile, load
from archspec.ir.attributes import Padding
from archspec.ir.def_use import Node
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.spec.shipped_specs import NETWORKS
from archspec.weights_addresses import canonical

_SHORTEST: Final = 8
"""Of a name that says whose a file is."""


def doubt_of_name(file: str, graph: LayerGraph) -> str:
    """What is to be said of weights whose file has the name of another network's; empty if there is nothing.

    Args:
        file: a path or an address.
        graph: the network that they were given to, and whose names and shapes they have.
    """
    name = PurePath(canonical(file)).name
    if len(name) < _SHORTEST:
        return ""
    found = ""
    for other in _owners(name):
        difference = _difference(evaluated(other), evaluated(graph))
        if not difference:
            return ""
        found = found or f"{name} is the name of {other.name}'s weights, and {difference}"
    return found


def _owners(name: str) -> Iterator[LayerGraph]:
    """The networks that ship whose weights, the usual or others, have this file name.

    Only specs with this text in them are read, and each once more for a variant whose weights they are.
    """
    for own in NETWORKS.names():
        path = NETWORKS.path(own)
        if path is None or f"/{name}" not in path.read_text(encoding="utf-8"):
            continue
        spec = load(own)
        if spec.pretrained is None:
            continue
        for variant in dict.fromkeys(
            variant for variant, address in spec.pretrained.addresses() if canonical(address).endswith(f"/{name}")
        ):
            yield compile(load(own, variant=variant) if variant else spec)


def _difference(theirs: LayerGraph, ours: LayerGraph) -> str:
    """What two networks with weights of the same names and shapes compute in another way; empty if it is the same."""
    for path, node in theirs.nodes.items():
        own = ours.nodes.get(path)
        if own is None or path in theirs.inputs:
            continue
        other, value = _attributes(node), _attributes(own)
        for key in other.keys() & value.keys() if node.op.name == own.op.name else ():
            if other[key] != value[key]:
                return f"its `{path}` has {key} {_text(other[key])} where {ours.name}'s has {_text(value[key])}"
    left, right = (Counter(node.op.name for node in graph.nodes.values()) for graph in (theirs, ours))
    odd = sorted(key for key in left.keys() | right.keys() if left[key] != right[key])
    return f"it has {left[odd[0]]} layers of `{odd[0]}` where {ours.name} has {right[odd[0]]}" if odd else ""


def _attributes(node: Node) -> dict[str, Any]:
    """What decides what a layer computes, but for numbers of channels and what follows from the size of an image."""
    return {
        field.name: value
        for field in dataclasses.fields(node.op)
        if not any(word in field.name for word in ("init", "decay", "filters", "units"))
        and not isinstance(value := getattr(node.op, field.name), Padding)
    }


def _text(value: object) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
