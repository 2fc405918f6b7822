"""Flat names: patterns over what a block knows, which Keras's layers and files have, and PyTorch's source does not."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

import archspec
from archspec.codegen.backend import BuildsModels, RunsModels
from archspec.codegen.registry import backend
from archspec.errors import SpecError
from archspec.expr import ExprError, evaluate, parse
from archspec.ir.graph import LayerGraph
from archspec.limits import Budget
from archspec.spec.loading import load_text
from archspec.weights.loading import read_weights
from tests.needed import needs

Array: TypeAlias = npt.NDArray[np.floating[Any]]

HEAD = "archspec: 1\nname: net\nparams: {width: 8}\ninput: {channels: 3, height: 32, width: 32}\n"
SEPARABLE = """
blocks:
  separable:
    params: {filters: {}, suffix: {}}
    layers:
      - conv: {name: depthwise, flat_name: "conv_dw_{suffix}", filters: in_channels, kernel: 3, padding: [0, 1, 0, 1],
               stride: 2, groups: in_channels}
      - batch_norm: {name: bn, flat_name: "conv_dw_{suffix}_bn"}
      - conv: {name: pointwise, flat_name: "conv_pw_{suffix}", filters: filters, kernel: 1}
  pair:
    params: {number: {}}
    layers:
      - add:
          flat_name: "add_{number}"
          branches:
            - separable: {name: left, filters: 8, suffix: "f'left_{number}'"}
            - separable: {name: right, filters: 8, suffix: "f'right_{number}'"}
"""
NET = f"""{HEAD}{SEPARABLE}
layers:
  - pair: {{name: first, number: 0}}
  - repeat: {{name: pairs, times: 2, layers: [pair: {{number: i + 1}}]}}
  - conv: {{flat_name: "last_{{channels}}", filters: width, kernel: 1}}
"""
NAMES = {
    "first.left.depthwise": "conv_dw_left_0",
    "pairs.0.right.bn": "conv_dw_right_1_bn",
    "pairs.1.left.pointwise": "conv_pw_left_2",
    "pairs.1.add": "add_2",
    "conv": "last_8",
}


def compiled(text: str) -> LayerGraph:
    return archspec.compile(load_text(text))


def test_paths_stay_as_they_are() -> None:
    graph = compiled(NET)
    assert {path: graph.nodes[path].flat_name for path in NAMES} == NAMES
    assert "pairs.1.left.pointwise.weight" in graph.all_weights


def test_keras_source_has_them_and_pytorch_source_no_trace() -> None:
    graph = compiled(NET)
    keras, torch = (str(archspec.generate(graph, name)) for name in ("keras", "torch"))
    assert 'name=f"conv_dw_{suffix}_bn"' in keras
    assert 'suffix=f"left_{number}"' in keras
    assert "_pad" in keras  # what is added to a layer has its flat name, too
    assert "suffix" not in torch
    assert "number" not in torch


@needs("keras")
def test_keras_names_its_layers_so(tmp_path: Path) -> None:
    """And a file of Keras's own is read by them, without Keras's help."""
    graph = compiled(NET)
    drawn = archspec.init_weights(graph, seed=3)
    model: Any = archspec.build(graph, "keras", weights=drawn)
    names = {layer.name for layer in model.layers}
    assert {*NAMES.values(), "conv_dw_left_1_pad"} <= names
    model.save_weights(tmp_path / "net.weights.h5")
    again, _ = read_weights(tmp_path / "net.weights.h5", graph)
    assert drawn.keys() == again.keys()
    for name, array in drawn.items():
        np.testing.assert_array_equal(again[name], array)


@needs("keras")
@needs("torch")
def test_both_compute_the_same() -> None:
    graph = compiled(NET)
    weights = archspec.init_weights(graph, seed=1)
    image = np.random.default_rng(0).standard_normal((2, 3, 32, 32))
    found: list[Array] = []
    for name in ("keras", "torch"):
        target = backend(name, RunsModels)
        model = target.build(target.render(graph), graph, weights=weights, dtype="float64")
        outcome = target.run(model, graph, {"input": image}, training=False, nodes=True)
        assert outcome.nodes is not None
        assert "pairs.1.add" in outcome.nodes
        found.append(outcome.outputs["output"])
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-12)


AGAIN = f"""{HEAD.replace("32", "96")}{SEPARABLE}
layers:
  - conv: {{filters: 8, kernel: 1}}
  - pair: {{name: again, number: 7}}
  - reuse: again
  - conv: {{name: tied, flat_name: both, filters: width, kernel: 1}}
  - reuse: tied
"""


@needs("keras")
def test_what_is_used_again_keeps_its_names() -> None:
    graph = compiled(AGAIN)
    source = str(archspec.generate(graph, "keras"))
    backend("keras", BuildsModels).verify(source, graph)
    assert source.count('name="both"') == 1


def test_words_of_tables_are_read_in_names() -> None:
    """Also those that no f-string of every version of Python can hold."""
    text = f"""{HEAD}
layers:
  - repeat:
      name: row
      times: 2
      layers: [conv: {{flat_name: "x{{['a', 'b'][i] if i != 7 else 'it'}}", filters: width, kernel: 1}}]
"""
    source = str(archspec.generate(compiled(text), "keras"))
    compile(source, "net.py", "exec")


@pytest.mark.parametrize("word", ["'{'", "'a\\\"b'", "'a.b'", "'é'", "''", "'a' if i else 3.5", "[1]"])
def test_what_is_no_name_is_refused(word: str) -> None:
    text = (
        f'{HEAD}layers:\n  - repeat: {{times: 2, layers: [conv: {{flat_name: "{{{word}}}", filters: 4, kernel: 1}}]}}\n'
    )
    with pytest.raises(SpecError):
        compiled(text)


@pytest.mark.parametrize("part", ["{a}", "{f'x{a}'}"])
def test_texts_do_not_grow_without_a_bound(part: str) -> None:
    """The limit is looked at before a text is put together, and before more of its parts are."""
    text = "\U0001f600" * 90_000
    budget, env = Budget(), {"a": text}
    expr = parse(f'f"{part * 1_000}"', budget)
    tracemalloc.start()
    try:
        with pytest.raises(ExprError, match="a text of more than 100000 characters"):
            evaluate(expr, env, budget)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 8 * len(text.encode())


def test_texts_of_blocks_in_blocks_do_not_grow_without_a_bound() -> None:
    blocks = "".join(
        f"  b{n}:\n    params: {{t: {{}}}}\n    layers: [b{n + 1}: {{t: \"f'{{t}}{{t}}'\"}}]\n" for n in range(40)
    )
    last = '  b40:\n    params: {t: {}}\n    layers: [relu: {flat_name: "{t}"}]\n'
    with pytest.raises(SpecError, match=r"a text of|too much work|cannot be evaluated"):
        compiled(
            f"{HEAD}blocks:\n{blocks}{last}layers:\n  - conv: {{filters: width, kernel: 1}}\n  - b0: {{t: \"'ab'\"}}\n"
        )
