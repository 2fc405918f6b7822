"""Writing `parameter_groups`: the parameters by the weight decay that the spec states, for an optimizer."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from archspec.codegen.escaping import literal, quoted
from archspec.codegen.pretty_printer import INDENT, Bracket, lay_out
from archspec.ir.graph import LayerGraph
from archspec.ir.mapping import map_layers
from archspec.ir.op import Weight
from archspec.ir.scope import Layer
from archspec.ir.tensor_type import TensorType
from archspec_torch.ops.row import Parts
from archspec_torch.parameter_access import NOTHING, ParameterAccess, by_place, is_one_of, own_parameter

_ATTRIBUTES: Final = ("weight_decay", "bias_decay")
_SLOTS: Final = ("weight", "bias")
_HEAD: Final = f"{INDENT * 2}for module in self.modules():"


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a place has of `weight` or `bias`: the decay of each parameter, by its name in the network."""

    place: ParameterAccess
    slot: str
    decays: Mapping[str, float]


def without_decay(graph: LayerGraph) -> LayerGraph:
    """The graph as its modules are written: no module knows of a decay, and none differs from another by one."""
    return map_layers(graph, _undecayed)


def _undecayed(layer: Layer, _: Sequence[TensorType]) -> Layer:
    known: Any = layer.op
    none = {name: 0.0 for name in _ATTRIBUTES if name in known.attributes()}
    if not none.keys() & layer.exprs.keys() and all(getattr(known, name) == 0.0 for name in none):
        return layer
    exprs = {name: expr for name, expr in layer.exprs.items() if name not in none}
    return dataclasses.replace(layer, op=dataclasses.replace(known, **none), exprs=exprs)


def parameter_groups(places: Sequence[ParameterAccess], graph: LayerGraph) -> list[str]:
    """The lines of the network's `parameter_groups`, two levels in; none where the spec states no decay."""
    values = {weight.decay for weight in graph.all_weights.values() if weight.trainable}
    if not any(values):
        return []
    if len(values) == 1:
        group = f'{{"params": list(self.parameters()), "weight_decay": {literal(values.pop())}}}'
        return lay_out(Bracket("", (group,), "[", "]"), 2, "return ")
    entries = [entry for place in places for entry in _entries(place, graph)]
    usual = _usual([entry for entry in entries if not entry.place.is_bare])
    base = min(sorted(values), key=lambda value: sum(other != value for other in usual.values()))
    start = f"dict.fromkeys(self.parameters(), {literal(base)})"
    lines = [f"{INDENT * 2}decay: dict[Tensor, float] = {start}"]
    types = list(dict.fromkeys(entry.place.type for entry in entries if not entry.place.is_bare))
    lines += _by_class(places, types, usual, base)
    lines += _exceptions(entries, usual, base, _decays_apart(places, graph, base))
    numbers = ", ".join(literal(value) for value in sorted(values, reverse=True))
    lines.append(f"{INDENT * 2}return [")
    lines.append(f'{INDENT * 3}{{"params": [p for p in decay if decay[p] == value], "weight_decay": value}}')
    return [*lines, f"{INDENT * 3}for value in ({numbers})", f"{INDENT * 2}]"]


def _entries(place: ParameterAccess, graph: LayerGraph) -> Iterator[_Entry]:
    for slot in _SLOTS:
        decays: dict[str, float] = {}
        for path in place.use.paths:
            for name, weight in graph.parameters_of(graph.nodes[path]).items():
                if weight.trainable and _slot(weight) == slot and not _is_apart(place, weight):
                    decays[name] = weight.decay
        if decays:
            yield _Entry(place, slot, decays)


def _is_apart(place: ParameterAccess, weight: Weight) -> bool:
    """It is neither a matrix nor a bias of a layer that has several: a table of positions, a factor for each head."""
    return place.parts is not None and not weight.name.endswith(_SLOTS)


def _decays_apart(places: Sequence[ParameterAccess], graph: LayerGraph, base: float) -> dict[str, float]:
    """The decay of those parameters by name, where it is not what all parameters begin with."""
    found = {
        name: weight.decay
        for place in places
        for path in place.use.paths
        for name, weight in graph.parameters_of(graph.nodes[path]).items()
        if weight.trainable and _is_apart(place, weight)
    }
    return {name: decay for name, decay in found.items() if decay != base}


def _slot(weight: Weight) -> str:
    return "bias" if weight.name.endswith("bias") else "weight"


def _usual(entries: Sequence[_Entry]) -> dict[tuple[str, str], float]:
    """The decay that most layers of a class have, by class and slot."""
    found: dict[tuple[str, str], dict[str, float]] = {}
    for entry in entries:
        found.setdefault((entry.place.type, entry.slot), {}).update(entry.decays)
    return {key: Counter(decays.values()).most_common(1)[0][0] for key, decays in found.items()}


def _stated(place: ParameterAccess, slot: str, value: float) -> list[str]:
    """Lines for the parameters of one layer."""
    depth, asks = 2 + len(place.headers), slot in place.optional
    if place.is_bare or place.parts is None:
        target = place.target if place.is_bare else own_parameter(place.target, slot, place.untyped)
        return _assigned((target,), value, depth, asks=asks)
    return _of_parts(place.parts, slot, place.target, value, depth, asks=asks)


def _of_parts(parts: Parts, slot: str, target: str, value: float, depth: int, *, asks: bool) -> list[str]:
    """Lines for the parameters of a layer that has several; where some biases are always there, the others may not."""
    if slot == "weight":
        return _assigned([name.format(target) for name in parts.weights], value, depth, asks=asks)
    lines = _assigned([name.format(target) for name in parts.biases], value, depth, asks=asks or bool(parts.certain))
    return lines + _assigned([name.format(target) for name in parts.certain], value, depth, asks=False)


def _assigned(targets: Sequence[str], value: float, depth: int, *, asks: bool) -> list[str]:
    """Lines that state the decay of parameters, which may not be there."""
    if asks and len({target.rpartition(".")[0] for target in targets}) > 2:  # the parts of a layer, each by itself
        return [line for target in targets for line in _assigned((target,), value, depth, asks=True)]
    lines = [f"{INDENT * depth}if {targets[0]} is not None:"] if asks else []
    return lines + [f"{INDENT * (depth + asks)}decay[{target}] = {literal(value)}" for target in targets]


def _by_class(
    places: Sequence[ParameterAccess], types: Sequence[str], usual: Mapping[tuple[str, str], float], base: float
) -> list[str]:
    """Lines for what most layers of a class have, where it is not what all parameters begin with."""
    parts = {place.type: place.parts for place in places if place.parts is not None}
    optional: dict[str, frozenset[str]] = {}
    untyped: dict[str, frozenset[str]] = {}
    for place in places:
        for type in (place.type, *(found.inner for kind, found in parts.items() if kind == place.type)):
            optional[type] = optional.get(type, NOTHING) | place.optional
            untyped[type] = untyped.get(type, NOTHING) | place.untyped
    stated = {
        type: tuple((slot, usual[type, slot]) for slot in _SLOTS if usual.get((type, slot), base) != base)
        for type in types
    }
    alike: dict[object, list[str]] = {}
    for type in types:
        if stated[type] and type not in parts:
            asked = frozenset(slot for slot, _ in stated[type] if slot in optional[type])
            alike.setdefault((stated[type], asked), []).append(type)
    lines: list[str] = []
    for together in alike.values():
        lines += is_one_of(together, first=not lines)
        for slot, value in stated[together[0]]:
            unknown = NOTHING.union(*(untyped[type] for type in together))
            asks = slot in optional[together[0]]
            target = own_parameter("module", slot, NOTHING if asks else unknown)
            lines += _assigned((target,), value, 4, asks=asks)
    found = [_HEAD, *lines] if lines else []
    # Their parts are modules too, to which what stands before may have given another decay.
    lines = []
    for type, those in parts.items():
        inner = {slot for slot, _ in stated.get(those.inner, ())}
        slots = [slot for slot in _SLOTS if (type, slot) in usual and (usual[type, slot] != base or slot in inner)]
        if slots:
            lines += is_one_of([type], first=not lines)
        for slot in slots:
            lines += _of_parts(those, slot, "module", usual[type, slot], 4, asks=slot in optional[type])
    return found + ([_HEAD, *lines] if lines else [])


def _exceptions(
    entries: Sequence[_Entry], usual: Mapping[tuple[str, str], float], base: float, apart: Mapping[str, float]
) -> list[str]:
    """Lines for the layers that have another decay than most of their class, and for parameters `apart`, by name."""
    lines: list[tuple[ParameterAccess, list[str]]] = []
    named = dict(apart)
    for entry in entries:
        place = entry.place
        value = usual.get((place.type, entry.slot), base)
        found = set(entry.decays.values())
        if found == {value}:
            continue
        if len(found) == 1 and place.reachable:
            lines.append((place, _stated(place, entry.slot, found.pop())))
        else:  # the instances of a class differ
            named |= {name: decay for name, decay in entry.decays.items() if decay != value}
    return by_place(lines) + _by_name(named)


def _by_name(named: Mapping[str, float]) -> list[str]:
    """Lines for parameters by their names in the network."""
    lines: list[str] = []
    for value in dict.fromkeys(named.values()):
        names = [quoted(name) for name, decay in named.items() if decay == value]
        if len(names) == 1:
            lines.append(f"{INDENT * 2}decay[self.get_parameter({names[0]})] = {literal(value)}")
        else:
            lines += lay_out(Bracket("", tuple(names)), 2, "for name in ", ":")
            lines.append(f"{INDENT * 3}decay[self.get_parameter(name)] = {literal(value)}")
    return lines
