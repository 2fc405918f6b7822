"""In which groups of a `.weights.h5` Keras has the variables of each layer, worked out without Keras.

A group is called after the class of its layer, `layers/conv2d_17`, where layers of a class are numbered in the order of
`model.layers`. That order is by how many operations there are between a layer and the outputs at most, and where that
is the same, by a walk from the outputs through all inputs.

Source: keras/src/saving/saving_lib.py, `map_graph` of keras/src/ops/function.py.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.tree import Module
from archspec.codegen.walk import all_layers
from archspec.ir.def_use import producer
from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op
from archspec_keras.ops import FAN, ROWS, LayerContext
from archspec_keras.ops.row import LayerStep
from archspec_keras.static_properties import StaticProperties

_CAPITALS = re.compile(r"(.)([A-Z][a-z]+)")
_CAPITAL = re.compile(r"([a-z])([A-Z])")


@dataclass(frozen=True, slots=True)
class _KerasLayer:
    """A layer of the model: it is called once."""

    path: str
    """Of the graph's layer whose weights it has; empty where it was added, and has none."""
    kind: str
    inputs: tuple[int, ...]
    """The places of the layers that give its inputs."""


def layer_groups(graph: LayerGraph, module: Module) -> Mapping[str, str] | None:
    """The group within `layers` of each layer with weights, by its path; None where layers are called again.

    Args:
        graph: the network.
        module: what its source is printed of.
    """
    if any(node.shared for node in graph.nodes.values()):
        return None  # models stand in models, and layers are called in an order of their own
    steps = _steps(graph, module)
    layers: list[_KerasLayer] = []
    last: dict[str, int] = {}  # the place of the layer that gives what a node gives
    for path, node in graph.nodes.items():
        inputs = tuple(last[producer(source)] for source in node.inputs)
        made = [step for step in steps.get(path, ()) if step.is_there(node.op)]
        for step in made:
            layers.append(_KerasLayer("" if step.suffix else path, _kind(step, node.op), inputs))
            inputs = (len(layers) - 1,)
        if not node.inputs:
            layers.append(_KerasLayer(path, "input_layer", ()))
        last[path] = len(layers) - 1 if made or not node.inputs else inputs[0]
    numbers: Counter[str] = Counter()
    found: dict[str, str] = {}
    # Keras goes through outputs that have names in the order of these.
    outputs = sorted(graph.outputs.items()) if graph.gives_names else graph.outputs.items()
    for place in _in_order(layers, [last[producer(value)] for _, value in outputs]):
        kind = layers[place].kind
        if layers[place].path:
            found[layers[place].path] = f"{kind}_{numbers[kind]}" if numbers[kind] else kind
        numbers[kind] += 1
    return found


def _steps(graph: LayerGraph, module: Module) -> dict[str, list[LayerStep]]:
    """The Keras layers that each layer of the graph is written as."""
    facts, found = StaticProperties.of(graph), dict[str, list[LayerStep]]()
    for definition in module.definitions:
        printer = ExpressionPrinter(definition, "in_channels", facts.reserved)
        printer.spelled[FAN] = "channels"
        for use in all_layers(definition.tree):
            inputs = [[*map(producer, graph.nodes[path].inputs)] for path in use.paths]
            never_negative = all(map(facts.never_negative.issuperset, inputs))
            single_pixel = all(map(facts.single_pixel.issuperset, inputs))
            steps = ROWS[use.op.name].steps(LayerContext(use, printer, graph, never_negative, single_pixel))
            found |= dict.fromkeys(use.paths, steps)
    return found


def _kind(step: LayerStep, op: Op) -> str:
    """What Keras calls the groups of a class of layers: `BatchNormalization` is `batch_normalization`."""
    name = (str(step.layer.head) if step.class_of is None else step.class_of(op)).rpartition(".")[2]
    return _CAPITAL.sub(r"\1_\2", _CAPITALS.sub(r"\1_\2", name)).lower()


def _in_order(layers: list[_KerasLayer], outputs: list[int]) -> list[int]:
    """The places of the layers that outputs need, in the order of `model.layers`."""
    seen: dict[int, int] = {}  # with the number at which each was come to
    finished: list[int] = []
    left = [(place, False) for place in reversed(outputs)]
    while left:
        place, is_done = left.pop()
        if is_done:
            finished.append(place)
        elif place not in seen:
            seen[place] = len(seen)
            left.append((place, True))
            left += [(source, False) for source in reversed(layers[place].inputs)]
    depth: defaultdict[int, int] = defaultdict(int)
    for place in reversed(finished):
        for source in layers[place].inputs:
            depth[source] = max(depth[source], depth[place] + 1)
    return sorted(seen, key=lambda place: (-depth[place], seen[place]))
