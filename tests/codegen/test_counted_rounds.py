"""Rounds of items in turn, as inline repeats leave them: one loop in Keras, and counts that are arguments in both."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.counted_names import counted_names
from archspec.codegen.execute import execute
from archspec.codegen.simplify import fixed_params
from archspec.codegen.singular import singular
from archspec.spec.loading import load_text
from tests.needed import lazily, needs

torch: Any = lazily("torch")

HEAD = "archspec: 1\nname: net\ninput: {channels: 3, height: 8, width: 8}\n"
RESIDUAL = """
params: {classes: 3, depth: 4, width: 6}
layers:
  - conv: {name: stem, filters: width, kernel: 1}
  - repeat:
      inline: true
      times: depth
      layers:
        - batch_norm: {name: "pre_norms2.{i}"}
        - add: [[], [conv: {name: "mixes.{i}", filters: width, kernel: 3, padding: 1}, relu]]
        - {name: "ends.{i}", layers: [conv: {filters: width, kernel: 1}, relu]}
  - batch_norm: {name: last}
  - global_avg_pool
  - flatten
  - dense: {name: fc, units: classes}
"""
IN_A_BLOCK = """
params: {depth: 3, width: 4}
blocks:
  tower:
    params: {width: {}, depth: 3}
    layers:
      - conv: {name: first, filters: width, kernel: 1}
      - repeat:
          inline: true
          times: depth
          layers:
            - conv: {name: "depths.{i}", filters: width, kernel: 3, padding: 1, groups: width}
            - batch_norm: {name: "norms.{i}"}
            - sigmoid
      - conv: {name: last, filters: width, kernel: 1}
layers:
  - tower: {name: a, width: width, depth: depth}
  - tower: {name: b, width: 2 * width, depth: depth}
"""
CARRIED = """
params: {depth: 4, width: 6}
layers:
  - conv: {name: stem, filters: width, kernel: 1}
  - tap: memory
  - repeat:
      inline: true
      times: depth
      carry: {memory: kept}
      layers:
        - conv: {name: "looks.{i}", filters: width, kernel: 3, padding: 1}
        - relu
        - add: [[], {from: memory}]
        - tap: kept
        - batch_norm: {name: "norms.{i}"}
  - multiply: [[], {from: memory}]
"""
COLLECTED = """
params: {width: 6}
layers:
  - conv: {name: stem, filters: width, kernel: 1}
  - tap: start
  - repeat:
      inline: true
      times: 4
      collect: seen
      layers:
        - conv: {name: "convs.{i}", filters: width, kernel: 3, padding: 1}
        - batch_norm: {name: "norms.{i}"}
        - relu
  - concat: [{from: start}, {from: seen}]
  - conv: {name: last, filters: width, kernel: 1}
"""
PARTS = """
params: {width: 4}
layers:
  - conv: {name: stem, filters: 5 * width, kernel: 1}
  - split: {parts: 5, outputs: pieces}
  - repeat:
      inline: true
      times: 5
      collect: seen
      layers:
        - {from: "pieces[i]", when: i == 0, else: [add: [[], {from: "pieces[i]"}]]}
        - conv: {name: "convs.{i}", filters: width, kernel: 3, padding: 1}
        - batch_norm: {name: "norms.{i}"}
  - concat: [{from: seen}]
"""
BY_HAND = """
layers:
  - conv: {name: stem, filters: 6, kernel: 1}
  - batch_norm: {name: "norms.0"}
  - conv: {name: "convs.0", filters: 6, kernel: 3, padding: 1}
  - batch_norm: {name: "norms.1"}
  - conv: {name: "convs.1", filters: 6, kernel: 3, padding: 1}
  - batch_norm: {name: "norms.2"}
  - conv: {name: "convs.2", filters: 6, kernel: 3, padding: 1}
"""
FLAT = """
params: {width: 4}
blocks:
  tower:
    params: {width: {}}
    layers:
      - repeat:
          inline: true
          times: 3
          layers:
            - conv: {name: "a.{i}", flat_name: "left_{i + 1}_conv", filters: width, kernel: 3, padding: 1}
            - batch_norm: {name: "b.{i}"}
            - relu
layers:
  - conv: {name: stem, filters: width, kernel: 1}
  - tower: {name: tower, width: width}
"""
IN_TURN = {
    "residual": RESIDUAL,
    "block": IN_A_BLOCK,
    "carried": CARRIED,
    "collected": COLLECTED,
    "parts": PARTS,
    "by_hand": BY_HAND,
}
OPEN = {name: IN_TURN[name] for name in ("residual", "block")}


def graph_of(text: str, **params: object) -> archspec.LayerGraph:
    return archspec.compile(load_text(HEAD + text, overrides=params))


def source_of(text: str, backend: str) -> str:
    return str(archspec.generate(graph_of(text), backend))


@pytest.mark.parametrize("name", IN_TURN)
def test_keras_has_one_loop(name: str) -> None:
    found = source_of(IN_TURN[name], "keras")
    assert found.count("    for i in range(") == 1
    assert not re.search(r's2?_[1-9]"', found)  # no member of a list by itself, but for the first


@needs("keras")
@pytest.mark.parametrize("name", IN_TURN)
def test_layers_keep_their_names_and_order(name: str) -> None:
    graph = graph_of(IN_TURN[name])
    model = archspec.build(load_text(HEAD + IN_TURN[name]), backend="keras")
    weighted = [
        path.replace(".", "_")
        for path, node in graph.nodes.items()
        if node.inputs and node.op.weights(graph.input_types(node))
    ]
    assert [layer.name for layer in model.layers if layer.weights] == weighted


@needs("torch", "keras")
@pytest.mark.parametrize("name", IN_TURN)
def test_both_frameworks_compute_the_same(name: str) -> None:
    weights = archspec.init_weights(graph_of(IN_TURN[name]))
    x = np.random.default_rng(0).normal(size=(2, 3, 8, 8)).astype("float32")
    ours = archspec.build(load_text(HEAD + IN_TURN[name]), backend="torch", weights=weights).eval()
    theirs = archspec.build(load_text(HEAD + IN_TURN[name]), backend="keras", weights=weights)
    with torch.no_grad():
        expected = ours(torch.from_numpy(x)).numpy()
    found = np.asarray(theirs(x.transpose(0, 2, 3, 1)))
    np.testing.assert_allclose(found if found.ndim == 2 else found.transpose(0, 3, 1, 2), expected, atol=1e-5)


def test_flat_names_have_nothing_before_them() -> None:
    found = source_of(FLAT, "keras")
    assert 'name=f"left_{i}_conv"' in found
    assert 'name=f"{name}_b_{i - 1}"' in found


@needs("torch")
@pytest.mark.parametrize("depth", [1, 2, 6])
@pytest.mark.parametrize("name", OPEN)
def test_the_count_is_an_argument_of_the_class(name: str, depth: int) -> None:
    assert "depth" not in fixed_params(graph_of(OPEN[name]))
    assert "range(depth)" in source_of(OPEN[name], "torch")
    model = execute(source_of(OPEN[name], "torch"), "torch", "net").Net(depth=depth).eval()
    other = archspec.build(load_text(HEAD + OPEN[name], overrides={"depth": depth}), backend="torch").eval()
    other.load_state_dict(model.state_dict())
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(model(x), other(x))


@needs("keras")
@pytest.mark.parametrize("depth", [1, 2, 6])
@pytest.mark.parametrize("name", OPEN)
def test_the_count_is_an_argument_of_the_function(name: str, depth: int) -> None:
    assert "range(depth)" in source_of(OPEN[name], "keras")
    model = execute(source_of(OPEN[name], "keras"), "keras", "net").net(depth=depth)
    other = archspec.build(load_text(HEAD + OPEN[name], overrides={"depth": depth}), backend="keras")
    assert [layer.name for layer in model.layers] == [layer.name for layer in other.layers]
    assert [weight.shape for weight in model.weights] == [weight.shape for weight in other.weights]


FIRST_OTHER = RESIDUAL.replace("filters: width, kernel: 1}\n", "filters: 5, kernel: 1}\n", 1).replace(
    "[[], [conv", '[[conv: {name: "ways.{i}", filters: width, kernel: 1}], [conv'
)
ASKING = RESIDUAL.replace('- batch_norm: {name: "pre', '- {relu: {}, when: i < 9}\n        - batch_norm: {name: "pre')
POOLED = RESIDUAL.replace(
    '        - batch_norm: {name: "pre', '        - max_pool: {kernel: 2, stride: 1}\n        - batch_norm: {name: "pre'
)
AFTER = RESIDUAL.replace("  - batch_norm: {name: last}", '  - batch_norm: {name: "pre_norms2.4"}')


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize(
    "text",
    [
        FIRST_OTHER,
        ASKING,
        POOLED,
        AFTER,
        COLLECTED.replace("times: 4", "times: depth").replace("{width", "{depth: 4, width"),
    ],
)
def test_a_count_that_decides_something_else_is_a_number(text: str, backend: str) -> None:
    """Channels of the first round, what another index would ask, sizes, names, what is joined."""
    graph = graph_of(text)
    assert fixed_params(graph)["depth"]
    assert "depth" not in str(archspec.generate(graph, backend)).partition('"""')[2]


def test_names_that_count() -> None:
    found = counted_names(["add", "add_3", "add_5"], are_given=False)
    assert found is not None
    assert found.source("i", 0) == [(False, "add_"), (True, "2 * i + 1")]
    assert counted_names(["a0", "a1", "a3"], are_given=True) is None
    assert counted_names(["add", "add_2"], are_given=False) is None
    assert counted_names(["a", "b", "c"], are_given=True) is None


@pytest.mark.parametrize(
    ("name", "single"),
    [
        ("norms1", "norm1"),
        ("pre_norms_2", "pre_norm_2"),
        ("branches", "branch"),
        ("boxes", "box"),
        ("queries", "query"),
        ("axes", "axis"),
        ("biases", "bias"),
        ("classes2", "class2"),
        ("features", "feature"),
        ("relus", "relu"),
        *((name, name) for name in ("bias", "axis", "class", "basis2", "res", "cls", "conv1x1", "s1", "rms", "loss")),
    ],
)
def test_the_singular_of_a_list(name: str, single: str) -> None:
    assert singular(name) == single


def test_members_of_lists_with_numbers_are_called_in_the_singular() -> None:
    found = source_of(RESIDUAL, "torch")
    assert "for pre_norm2, mix, end in zip(self.pre_norms2, self.mixes, self.ends):" in found
