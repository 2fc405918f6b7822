"""Where files have the weights of a graph: by the names of archspec's own Keras source, or of a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from archspec.codegen.registry import backend
from archspec.errors import BackendError
from archspec.expr import ExprError
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import Shape
from archspec.limits import Budget
from archspec.weights.layouts import Layout, as_it_is
from archspec.weights.map_rules import WeightMap
from archspec.weights.stored_weights import StoredVariable, StoredWeight, StoresWeights

_AXES: Final = (2, 3, 4, 5)
"""Of variables that hold the same numbers: a convolution of one position for a dense layer, and the other way round."""
LAYOUT_BACKEND: Final = "keras"
"""The backend that knows the layout of libraries which keep channels last."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A variable of a layer that numbers its variables."""

    owner: str
    position: int
    beside: int
    """How many variables the owner has; where a file has others there, numbers say nothing."""

    @property
    def name(self) -> str:
        """What a file calls it."""
        return f"{self.owner}/{self.position}"


@dataclass(frozen=True, slots=True)
class PartNames:
    """Under which names a file may have a part of a weight."""

    names: tuple[str, ...]
    numbered: tuple[Numbered, ...] = ()
    """Where files have it that name no variables."""
    constant: float | None = None
    """What it is everywhere, where no file has it: then it has no names."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file has a weight: the parts that it is made of, each under one of several names."""

    parts: tuple[PartNames, ...]
    layouts: tuple[Layout | None, ...]
    """As in a `StoredWeight`."""
    shape: Shape = ()
    """Of each part."""
    exact: bool = False
    """Whether parts have this shape and no other."""
    constant: float | None = None


def stores() -> StoresWeights | None:
    """That backend; None if it is not there."""
    try:
        return backend(LAYOUT_BACKEND, StoresWeights)
    except BackendError:
        return None


def origins_by(weight_map: WeightMap, graph: LayerGraph, stored: Mapping[str, StoredWeight]) -> dict[str, Origin]:
    """Where files have the weights of a graph, as a map says it; weights that it does not name are left out."""
    budget = Budget()
    found: dict[str, Origin] = {}
    for name, weight in graph.all_weights.items():
        layer = weight.layer_of(name)
        try:
            given = weight_map.rule_of(name, layer, budget)
        except ExprError:
            continue  # a pattern for another network: `{n - 1}` of 0
        if given is None:
            continue
        rule, names = given
        whole = rule in weight_map.weights
        if rule.constant is not None:
            found[name] = Origin((), (None,), constant=rule.constant)
        elif len(names) > 1 and (not weight.shape or weight.shape[0] % len(names)):
            continue  # it cannot be made of so many parts
        elif weight_map.layout == "torch":
            leaf = f".{weight_map.variables.get(weight.name, weight.name)}" if weight.name and not whole else ""
            part = (weight.shape[0] // len(names), *weight.shape[1:]) if len(names) > 1 else weight.shape
            if rule.squeezed:
                part = tuple(size for size in part if size != 1)
            elif rule.kernel and len(part) == 2 and part[1] % rule.kernel**2 == 0:
                part = (part[0], part[1] // rule.kernel**2, rule.kernel, rule.kernel)
            numbers = rule.constants or (None,) * len(names)
            found[name] = Origin(
                tuple(
                    PartNames((each + leaf,) if each else (), constant=number)
                    for each, number in zip(names, numbers, strict=True)
                ),
                tuple(map(as_it_is, dict.fromkeys((len(part), len(weight.shape), *_AXES)))),
                part,
            )
        elif whole:
            kept = stored[name]
            found[name] = Origin(tuple(PartNames((each,)) for each in names), kept.layouts, kept.shape, kept.exact)
        else:
            found[name] = _kept(stored[name], names, weight_map.variables)
    return found


def own_origins(source: StoresWeights, graph: LayerGraph, stored: Mapping[str, StoredWeight]) -> dict[str, Origin]:
    """Where files of archspec's own Keras source have each weight."""
    return {name: _kept(weight, (source.layer_name(weight.layer, graph),), {}) for name, weight in stored.items()}


def _kept(weight: StoredWeight, layers: tuple[str, ...], words: Mapping[str, str]) -> Origin:
    parts = [_names(layer, variable, words) for layer in layers for variable in weight.variables]
    if weight.elsewhere is not None and not words:
        other = _names(weight.elsewhere.layer, weight.elsewhere.variable, words)
        parts = [PartNames((*part.names, *other.names), (*part.numbered, *other.numbered)) for part in parts]
    return Origin(tuple(parts), weight.layouts, weight.shape, weight.exact)


def _names(layer: str, variable: StoredVariable, words: Mapping[str, str]) -> PartNames:
    own = dict.fromkeys(words.get(name, name) for name in variable.names)
    owner = f"{layer}/{variable.owner}".rstrip("/")
    return PartNames(tuple(f"{layer}/{name}" for name in own), (Numbered(owner, variable.position, variable.beside),))
