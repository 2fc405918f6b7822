"""In which order Keras has layers: one that is there under a condition counts for the instances that have it."""

from __future__ import annotations

from dataclasses import replace

import pytest

import archspec
from archspec.codegen.pretty_printer import call
from archspec.codegen.registry import backend
from archspec.ir.ops.pools import MaxPool
from archspec.spec import load_text
from archspec.weights.stored_weights import StoresWeights
from archspec_keras import layer_groups
from archspec_keras.ops import ROWS
from archspec_keras.ops.row import LayerContext, LayerStep, StepCondition

SPEC = """
archspec: 1
name: net
input: {channels: 3, height: 16, width: 16}
layers:
  - add:
      - - conv: {name: a, filters: 8, kernel: 1}
        - max_pool: {kernel: 3, stride: 1, padding: same}
      - - conv: {name: b, filters: 8, kernel: 1}
        - relu
        - max_pool: {kernel: 1, stride: 1}
"""


@pytest.mark.parametrize(("padded", "first"), [(3, "a"), (5, "b")])
def test_a_condition_says_itself_which_instances_have_the_layer(
    padded: int, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keras has first what more layers follow: `b`, unless the pool after `a` is two. No stride is above 1."""
    row = ROWS["max_pool"]
    condition = StepCondition(f"size == {padded}", lambda op: isinstance(op, MaxPool) and op.kernel[0] == padded)

    def steps(context: LayerContext) -> list[LayerStep]:
        return [LayerStep(call("layers.ZeroPadding2D", "0"), "_pad", condition=condition), *row.steps(context)]

    monkeypatch.setattr(layer_groups, "ROWS", {**ROWS, "max_pool": replace(row, steps=steps)})
    keras = backend("keras")
    assert isinstance(keras, StoresWeights)
    groups = keras.layer_groups(archspec.compile(load_text(SPEC)))
    assert groups is not None
    assert groups[first] == "conv2d"
    assert {groups["a"], groups["b"]} == {"conv2d", "conv2d_1"}
