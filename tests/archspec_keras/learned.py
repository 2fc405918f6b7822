"""What a small residual network gives, learns and becomes, on the engine of this process."""

from __future__ import annotations

import sys
from typing import Any, Final

import numpy as np
from safetensors.numpy import save_file

import archspec
from archspec.codegen.backend import RunsModels, TrainsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.spec import load_text
from tests.archspec_keras.arrays import Array, weights_for

RATE: Final = 0.1
MOMENTUM: Final = 0.9
STEPS: Final = 4
_SPEC: Final = """
archspec: 1
name: small
input: {channels: 3, height: 8, width: 8}
defaults: {conv: {bias: false, weight_decay: 0.001}}
layers:
  - conv: {name: stem, filters: 4, kernel: 3, stride: 2, padding: 1, bias: true}
  - batch_norm: {name: bn, weight_decay: 0.003}
  - add:
      - [identity: {name: same}]
      - [conv: {name: inner, filters: 4, kernel: 3, padding: 1}, batch_norm: {name: bn2}, tanh]
  - relu: {name: sum}
  - tap: image
  - global_avg_pool
  - flatten
  - dense: {name: fc, units: 5, weight_decay: 0.01}
  - tap: logits
outputs: [image, logits]
"""


def network() -> LayerGraph:
    """A small residual network with an image and logits for its outputs."""
    return archspec.compile(load_text(_SPEC))


def batches() -> list[tuple[dict[str, Array], dict[str, Array]]]:
    """One batch for each step: images, and what is wanted of both outputs."""
    rng = np.random.default_rng(5)

    def batch() -> tuple[dict[str, Array], dict[str, Array]]:
        images, wanted = rng.normal(size=(4, 3, 8, 8)), rng.normal(size=(4, 4, 4, 4))
        return {"input": images}, {"image": wanted, "logits": rng.integers(0, 5, 4)}

    return [batch() for _ in range(STEPS)]


def build(weights: dict[str, Array] | None = None, dtype: str = "float64") -> Any:
    """The network as Keras has it."""
    return archspec.build(network(), "keras", weights=weights or weights_for(network()), dtype=dtype)


def results() -> dict[str, Array]:
    """Nodes, statistics, gradients, losses and trained weights, in float64."""
    target, graph = backend("keras", TrainsModels), network()
    inputs, targets = batches()[0]
    found: dict[str, Array] = {}
    for training in (False, True):
        outcome = target.run(build(), graph, inputs, training=training, nodes=True)
        found |= {f"run/{training}/{name}": array for name, array in {**outcome.nodes, **outcome.statistics}.items()}
    model = build()
    slopes = target.gradients(model, graph, inputs, targets, nodes=True)
    found["loss"] = np.array([slopes.loss])
    for kind in ("inputs", "weights", "nodes"):
        found |= {f"{kind}/{name}": array for name, array in getattr(slopes, kind).items()}
    found |= {f"updated/{name}": array for name, array in target.export_weights(model, graph).items()}
    losses = target.train(model := build(), graph, batches(), learning_rate=RATE, momentum=MOMENTUM)
    found["losses"] = np.array(losses)
    return found | {f"trained/{name}": array for name, array in target.export_weights(model, graph).items()}


def in_float32() -> dict[str, Array]:
    """Nodes and statistics of one pass in training mode, in float32."""
    inputs = {path: array.astype("float32") for path, array in batches()[0][0].items()}
    model = build(weights_for(network(), "float32"), "float32")
    outcome = backend("keras", RunsModels).run(model, network(), inputs, training=True, nodes=True)
    return {**outcome.nodes, **outcome.statistics}


if __name__ == "__main__":
    passes = {"before": in_float32()}
    found = results()
    passes["after"] = in_float32()
    found |= {f"{when}/{name}": array for when, arrays in passes.items() for name, array in arrays.items()}
    # A tensor of a layer may be in the order that Keras has it in, which this format does not see.
    save_file({name: np.ascontiguousarray(array) for name, array in found.items()}, sys.argv[1])
