"""Where a Keras model keeps each weight of the graph, and in which layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import Shape
from archspec_keras.layer_names import layer_name
from archspec_keras.ops import ROWS
from archspec_keras.ops.row import DEPTHWISE, LAYOUTS, ONE_AXIS, Layout, VariableLayout

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """A weight of the graph as the variables that hold it, each a part of it along its first axis."""

    variables: tuple[Any, ...]
    layout: Layout | None = None

    @property
    def shape(self) -> Shape:
        """The weight's shape in PyTorch's layout; of parts that differ, none that a weight has."""
        shapes = {self._shape(variable) for variable in self.variables}
        first = next(iter(shapes))
        return (len(self.variables) * first[0], *first[1:]) if len(shapes) == 1 and first else ()

    def assign(self, array: Array) -> None:
        """Put a weight in PyTorch's layout into the variables."""
        for variable, part in self.parts(array):
            variable.assign(part)

    def parts(self, array: Array) -> Iterator[tuple[Any, Array]]:
        """What each variable holds of a weight in PyTorch's layout."""
        for variable, part in zip(self.variables, np.split(array, len(self.variables)), strict=True):
            layout, shape = self._layout(variable), tuple(variable.shape)
            # Each axis is cut into those of the variable, which are then put into their places.
            split = part.reshape([shape[axis] for axes in layout for axis in axes])
            yield variable, np.ascontiguousarray(split.transpose(np.argsort(_flat(layout))))

    def array(self, to_numpy: Callable[[Any], Array]) -> Array:
        """The weight in PyTorch's layout."""
        parts = [
            to_numpy(variable).transpose(_flat(self._layout(variable))).reshape(self._shape(variable))
            for variable in self.variables
        ]
        return np.array(np.concatenate(parts) if len(parts) > 1 else parts[0], order="C")

    def _layout(self, variable: Any) -> Layout:
        count = len(variable.shape)
        found = self.layout if self.layout is not None else LAYOUTS.get(count)
        if found == ONE_AXIS:
            return (tuple(range(count)),)
        if found is None or sorted(_flat(found)) != list(range(count)):  # it is another model's
            return tuple((axis,) for axis in range(count))
        return found

    def _shape(self, variable: Any) -> Shape:
        return tuple(prod(int(variable.shape[axis]) for axis in axes) for axes in self._layout(variable))


def kept_weights(model: Any, graph: LayerGraph) -> dict[str, Kept]:
    """The variables that hold each weight of the graph, and those that hold none by Keras's own names."""
    layers = {layer.name: layer for layer in layers_of(model)}
    found: dict[str, Kept] = {}
    for node in graph.nodes.values():
        for name, weight in graph.parameters_of(node).items():
            layer = layers.get(layer_name(weight.layer_of(name)))
            given = ROWS[node.op.name].variables[weight.name]
            place = VariableLayout((given,)) if isinstance(given, str) else given
            variables = tuple(_attribute(layer, attribute) for attribute in place.places)
            if all(variable is not None for variable in variables):
                layout = place.layout
                if layout:  # axes of one, which only the weight has
                    layout += ((),) * (len(weight.shape) - len(layout))
                if hasattr(layer, "depth_multiplier"):  # a convolution of each channel by itself
                    layout = DEPTHWISE.get(len(variables[0].shape))
                found[name] = Kept(variables, layout)
    known = {id(variable) for kept in found.values() for variable in kept.variables}
    # What the graph does not know keeps Keras's name. Seeds of dropout are no part of a network.
    other = [variable for variable in model.weights if id(variable) not in known]
    return found | {variable.path: Kept((variable,)) for variable in other if "seed_generator" not in variable.path}


def layers_of(model: Any) -> Iterator[Any]:
    """The layers of a model, those of models in it included."""
    for layer in model.layers:
        yield layer
        if hasattr(layer, "layers"):
            yield from layers_of(layer)


def _attribute(layer: Any, path: str) -> Any:
    return reduce(lambda owner, name: getattr(owner, name, None), path.split("."), layer)


def _flat(layout: Layout) -> list[int]:
    return [axis for axes in layout for axis in axes]
