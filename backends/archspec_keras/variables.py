"""Where a Keras model keeps each weight of the graph, and in which layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import Shape
from archspec.weights.layouts import DEPTHWISE, Layout, joined, joined_shape, split
from archspec_keras.layer_names import layer_name
from archspec_keras.ops import ROWS
from archspec_keras.ops.row import VariableLayout

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """A weight of the graph as the variables that hold it, each a part of it along its first axis."""

    variables: tuple[Any, ...]
    layout: Layout | None = None

    @property
    def shape(self) -> Shape:
        """The weight's shape in PyTorch's layout; of parts that differ, none that a weight has."""
        return joined_shape([tuple(variable.shape) for variable in self.variables], self.layout) or ()

    def assign(self, array: Array) -> None:
        """Put a weight in PyTorch's layout into the variables."""
        for variable, part in self.parts(array):
            variable.assign(part)

    def parts(self, array: Array) -> Iterator[tuple[Any, Array]]:
        """What each variable holds of a weight in PyTorch's layout."""
        shapes = [tuple(variable.shape) for variable in self.variables]
        yield from zip(self.variables, split(array, shapes, self.layout), strict=True)

    def array(self, to_numpy: Callable[[Any], Array]) -> Array:
        """The weight in PyTorch's layout."""
        return joined([to_numpy(variable) for variable in self.variables], self.layout)


def kept_weights(model: Any, graph: LayerGraph) -> dict[str, Kept]:
    """The variables that hold each weight of the graph, and those that hold none by Keras's own names."""
    layers = {layer.name: layer for layer in layers_of(model)}
    found: dict[str, Kept] = {}
    for node in graph.nodes.values():
        for name, weight in graph.parameters_of(node).items():
            layer = layers.get(layer_name(weight.layer_of(name), graph))
            given = ROWS[node.op.name].variables[weight.name]
            place = VariableLayout((given,)) if isinstance(given, str) else given
            variables = tuple(_attribute(layer, attribute) for attribute in place.places)
            if all(variable is not None for variable in variables):
                layout = place.of(len(weight.shape))
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
