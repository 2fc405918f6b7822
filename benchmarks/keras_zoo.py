"""The networks of keras.applications beside the specs that ship: `python -m benchmarks.keras_zoo [BUILDER...]`.

Prints a table: trained parameters, multiply-accumulates, and the names and shapes of all variables, each equal or not,
and how far apart the outputs are on each backend for the same weights and one image. `--write` writes what Keras says
into `tests/specs/keras_applications/builders.json`, by which the tests hold the specs.

Weights are drawn by archspec's names, as in `benchmarks.zoo`, and get into Keras's network by the names of its layers.
keras.applications builds NASNetMobile on TensorFlow and JAX alone: `KERAS_BACKEND=tensorflow`.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec_keras.layer_names import layer_name
from archspec_keras.stored_weights import stored_weights
from benchmarks.zoo import digest, image, ours, weights_of

PATH: Final = Path(__file__).resolve().parents[1] / "tests" / "specs" / "keras_applications" / "builders.json"
BACKENDS: Final = ("keras", "torch", "onnx")
CHECKED: Final = (
    "ConvNeXtTiny",
    "DenseNet121",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "MobileNetV2",
    "MobileNetV3Small",
    "NASNetMobile",
)
"""A small one of most families, of which the table for the tests has outputs."""


def rows() -> list[dict[str, Any]]:
    """The table that the tests hold specs against: a row for each builder, with its spec and the spec's params."""
    loaded: list[dict[str, Any]] = json.loads(PATH.read_text(encoding="utf-8"))
    return loaded


def variables(graph: LayerGraph) -> dict[str, tuple[int, ...]]:
    """The shapes of the variables in which Keras keeps a graph's weights, by layer and name: `conv1/kernel`."""
    return {
        f"{layer_name(stored.layer, graph)}/{variable.names[0]}": usual(stored.shape)
        for stored in stored_weights(graph).values()
        for variable in stored.variables
    }


def usual(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape of a variable; of a convolution of each channel by itself as `DepthwiseConv2D` has it, (h, w, C, 1).

    Keras's ConvNeXt has a `Conv2D` in groups, (h, w, 1, C), whose numbers lie alike.
    """
    return (*shape[:2], shape[3], 1) if len(shape) == 4 and shape[2] == 1 else tuple(shape)


def layers_of(model: Any, before: str = "") -> Iterator[Any]:
    """The layers of a network, those of the models within it included."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from layers_of(layer)
        else:
            yield layer


def name_of(variable: Any, layer: Any) -> str:
    """What a variable is called, with its layer: where it was given no name, as the attribute that holds it.

    `SeparableConv2D` keeps the kernels of two convolutions, which are two layers in a spec: `conv/pointwise_kernel` is
    `conv_pointwise/kernel`.
    """
    held = (name for name, value in vars(layer).items() if value is variable)
    own = str(next(held, variable.name) if variable.name.startswith("variable") else variable.name)
    if type(layer).__name__ == "SeparableConv2D" and own.endswith("_kernel"):
        return f"{layer.name}_{own.removesuffix('_kernel')}/kernel"
    return f"{layer.name}/{own}"


class KerasReference:
    """A network of keras.applications, as its builder makes it without weights."""

    def __init__(self, builder: str, options: Mapping[str, Any] | None = None) -> None:
        import keras

        # Layers without a name are numbered from the beginning of a session.
        keras.utils.clear_session()
        # JSON has lists for the tuples of shapes.
        given = {name: tuple(value) if isinstance(value, list) else value for name, value in (options or {}).items()}
        self.model: Any = getattr(keras.applications, builder)(weights=None, **given)
        self.by_name = {
            name_of(variable, layer): variable
            for layer in layers_of(self.model)
            if type(layer).__name__ != "Normalization"  # preparation of images, which is no part of a spec
            for variable in layer.weights
            if "seed" not in variable.name
        }
        self.shapes = {name: usual(variable.shape) for name, variable in self.by_name.items()}
        self.parameters = sum(math.prod(variable.shape) for variable in self.model.trainable_weights)
        self.size = int(self.model.input_shape[1])

    def macs(self) -> int:
        """Multiply-accumulates of convolutions and dense layers for one image, from the shapes that Keras has."""
        found = 0
        for layer in layers_of(self.model):
            kind = type(layer).__name__
            if kind == "SeparableConv2D":
                places = math.prod(layer.output.shape[1:3])
                found += places * sum(math.prod(variable.shape) for variable in layer.weights)
            if kind not in ("Conv2D", "DepthwiseConv2D", "Dense"):
                continue
            kernel = tuple(layer.kernel.shape)
            output = tuple(layer.output.shape[1:])
            if kind == "DepthwiseConv2D":
                found += math.prod(output) * kernel[0] * kernel[1]
            elif kind == "Conv2D":
                found += math.prod(output) * math.prod(kernel[:-1])
            else:
                found += math.prod(output) * kernel[0]
        return found

    def load(self, graph: LayerGraph, weights: Mapping[str, npt.NDArray[np.float32]]) -> None:
        """Assign the weights of a graph whose layers have the same names."""
        import keras

        target = backend("keras", RunsModels)
        ours = target.build(target.render(graph), graph, weights=weights)
        for layer in layers_of(ours):
            for variable in layer.weights:
                if "seed" not in variable.name:
                    other = self.by_name[f"{layer.name}/{variable.name}"]
                    other.assign(keras.ops.reshape(variable, other.shape))

    def outputs(self) -> npt.NDArray[np.float32]:
        """What the network gives for `image`, without the scaling of pixels that some builders begin with."""
        import keras

        before = ("InputLayer", "Rescaling", "Normalization")
        first = next(layer for layer in self.model.layers if type(layer).__name__ not in before)
        start = self.model.input if hasattr(first, "layers") else first.input
        prepared = keras.Model(start, self.model.output)
        found: npt.NDArray[np.float32] = prepared.predict(image(self.size).transpose(0, 2, 3, 1), verbose=0)
        return found


def written(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the table, with what Keras says."""
    reference = KerasReference(row["builder"], row.get("options"))
    found: dict[str, Any] = {
        **{key: row[key] for key in ("builder", "options", "spec", "params") if key in row},
        "size": reference.size,
        "parameters": reference.parameters,
        "macs": reference.macs(),
        "variables": digest(reference.shapes),
    }
    if row["builder"] not in CHECKED:
        return found
    graph = archspec.compile(row["spec"], **row["params"])
    reference.load(graph, weights_of(graph))
    outputs = reference.outputs()[0]
    rounded = [float(f"{value:.6g}") for value in outputs[:4]]
    return {**found, "outputs": rounded, "largest": float(f"{np.abs(outputs).max():.6g}")}


def compared(row: dict[str, Any], size: int | None = None) -> tuple[str, ...]:
    """One line of the printed table; `size` is that of the image for the outputs, the builder's own unless given."""
    graph = archspec.compile(row["spec"], **row["params"])
    reference = KerasReference(row["builder"], row.get("options"))
    found = variables(graph)
    names = "equal" if found == reference.shapes else _differing(found, reference.shapes)
    counts = (_equal(graph.parameters, reference.parameters), _equal(graph.macs, reference.macs()), names)
    if names != "equal":
        return (row["builder"], *counts, *("?" for _ in BACKENDS))
    if size is not None:
        graph = archspec.compile(row["spec"], **row["params"], size=size)
        reference = KerasReference(row["builder"], {**row.get("options", {}), "input_shape": [size, size, 3]})
    reference.load(graph, weights_of(graph))
    expected = reference.outputs()
    apart = [np.abs(ours(graph, name, reference.size) - expected).max() / np.abs(expected).max() for name in BACKENDS]
    return (row["builder"], *counts, *(f"{value:.0e}" for value in apart))


def _differing(found: Mapping[str, object], expected: Mapping[str, object]) -> str:
    odd = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    return f"{len(odd)} differ: " + ", ".join(f"{name} {found.get(name)}/{expected.get(name)}" for name in odd[:4])


def _equal(found: object, expected: object) -> str:
    return "equal" if found == expected else f"{found}, not {expected}"[:40]


def main(arguments: list[str]) -> int:
    """Print the table, or write what Keras says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.keras_zoo")
    parser.add_argument("builders", nargs="*", help="all unless given")
    parser.add_argument("--write", action="store_true", help="write the table for the tests")
    parser.add_argument("--size", type=int, help="of the image for the outputs, in place of the builder's own")
    given = parser.parse_args(arguments)
    table = [row for row in rows() if not given.builders or row["builder"] in given.builders]
    if given.write:
        for row in table:
            made = written(row)
            lines = ",\n".join(
                f"  {json.dumps(made if each['builder'] == row['builder'] else each)}" for each in rows()
            )
            PATH.write_text(f"[\n{lines}\n]\n", encoding="utf-8", newline="\n")
        return 0
    import keras

    versions = f"keras {keras.__version__} on {keras.backend.backend()}, archspec {archspec.__version__}"
    print(f"{versions}, {platform.machine()}\n")
    names = " | ".join(f"outputs on {name} differ by" for name in BACKENDS)
    print(f"| builder | parameters | MACs | names and shapes | {names} |\n|---|---|---|---|{'---|' * len(BACKENDS)}")
    for row in table:
        print(f"| {' | '.join(compared(row, given.size))} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
