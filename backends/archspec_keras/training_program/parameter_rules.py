"""Which parameters decay, have rates of their own, or are frozen: as short rules by the paths of Keras's variables.

A path is `layer/variable`, and the name of a layer has `_` where archspec's has a point.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from archspec.codegen.escaping import literal
from archspec.codegen.pretty_printer import INDENT, Bracket, Infix, lay_out
from archspec.ir.graph import LayerGraph
from archspec.training.groups import ParameterGroup
from archspec_keras.layer_names import layer_name
from archspec_keras.ops import ROWS


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the model, as far as rules go by it."""

    layer: str
    name: str
    """The last part of its path."""


def variables_of(graph: LayerGraph) -> dict[str, tuple[Variable, ...]]:
    """The variables of each weight, by canonical name."""
    found: dict[str, tuple[Variable, ...]] = {}
    for node in graph.nodes.values():
        for name, weight in graph.parameters_of(node).items():
            kept = ROWS[node.op.name].variables[weight.name]
            places = (kept,) if isinstance(kept, str) else kept.places
            layer = layer_name(weight.layer_of(name), graph)
            found[name] = tuple(Variable(layer, place.rpartition(".")[2]) for place in places)
    return found


def decay_rule(graph: LayerGraph, groups: tuple[ParameterGroup, ...]) -> str:
    """A function that gives the decay of a variable."""
    values = _values(graph, {name: group.decay for group in groups for name in group.weights})
    return _function("decay", "How much a parameter decays.", values)


def rate_rule(graph: LayerGraph, groups: tuple[ParameterGroup, ...]) -> str:
    """A function that gives the factor of a variable's rate."""
    values = _values(graph, {name: group.rate for group in groups for name in group.weights})
    return _function("rate_factor", "What a parameter's rate is multiplied by.", values)


def frozen_rule(graph: LayerGraph, frozen: Collection[str]) -> list[str]:
    """A constant that has the beginnings of the names of frozen layers, each with `/` after it."""
    chosen = {layer_name(path, graph) for path in frozen}
    prefixes = _prefixes(chosen, {layer_name(path, graph) for path in graph.nodes} - chosen)
    return lay_out(_tuple(prefixes), 0, "FROZEN = ")


def _values(graph: LayerGraph, by_weight: Mapping[str, float]) -> dict[Variable, float]:
    variables = variables_of(graph)
    return {variable: value for name, value in by_weight.items() for variable in variables[name]}


def _function(name: str, doc: str, values: Mapping[Variable, float]) -> str:
    """A rule by the ends of paths, such as `/kernel`, after what is otherwise than others with its end."""
    usual = {end: _most({each: values[each] for each in values if each.name == end}) for end in _ends(values)}
    exceptions = {each: value for each, value in values.items() if value != usual[each.name]}
    default = Counter(usual.values()).most_common(1)[0][0]
    lines = [f"def {name}(path: str) -> float:", f'{INDENT}"""{doc}"""']
    for value in sorted(set(exceptions.values())):
        chosen = {each for each in exceptions if exceptions[each] == value}
        lines += [*_condition(chosen, values), f"{INDENT * 2}return {value!r}"]
    for value in sorted(set(usual.values()) - {default}):
        ends = [f"/{end}" for end, each in usual.items() if each == value]
        test = Bracket("path.endswith", (_tuple(ends) if len(ends) > 1 else literal(ends[0]),))
        lines += [*lay_out(test, 1, "if ", ":"), f"{INDENT * 2}return {value!r}"]
    return "\n".join([*lines, f"{INDENT}return {default!r}"])


def _ends(variables: Collection[Variable]) -> list[str]:
    return sorted({each.name for each in variables})


def _most(values: Mapping[Variable, float]) -> float:
    return Counter(values.values()).most_common(1)[0][0]


def _condition(chosen: Collection[Variable], every: Collection[Variable]) -> list[str]:
    """A condition for these of all variables: by the beginnings of paths, or by whole paths."""
    forbidden = {each.layer for each in every if each not in chosen}
    begins = _prefixes({each.layer for each in chosen} - forbidden, forbidden)
    whole = sorted(f"{each.layer}/{each.name}" for each in chosen if each.layer in forbidden)
    tests: list[Bracket] = []
    if begins:
        tests.append(Bracket("path.startswith", (_tuple(begins) if len(begins) > 1 else literal(begins[0]),)))
    if whole:
        tests.append(Bracket("path in ", _tuple(whole).args))
    if len(tests) == 1:
        return lay_out(tests[0], 1, "if ", ":")
    return lay_out(Bracket("if ", (Infix("or", tuple(tests)),)), 1, "", ":")


def _prefixes(chosen: Collection[str], forbidden: Collection[str]) -> list[str]:
    """Beginnings of these names, each with `_` or `/` at its end, that no forbidden one has."""
    found: list[str] = []
    for name in sorted(chosen):
        if any(f"{name}/".startswith(prefix) for prefix in found):
            continue
        parts = name.split("_")
        candidates = ["_".join(parts[:count]) + "_" for count in range(1, len(parts))]
        fitting = (each for each in candidates if not any(f"{other}/".startswith(each) for other in forbidden))
        found.append(next(fitting, f"{name}/"))
    return found


def _tuple(texts: list[str]) -> Bracket:
    return Bracket("", (f"{literal(texts[0])},",) if len(texts) == 1 else tuple(literal(text) for text in texts))
