"""An edit is made in all instances of a definition, and what comes of it is the network that is written so."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.errors import InternalError
from archspec.ir.graph import LayerGraph
from archspec.ir.graph_edits import Address, Edit, Remove, Replace, apply_edits, layers_by_address
from archspec.ir.op import Op, ShapeError
from archspec.ir.ops.activations import Silu
from archspec.ir.ops.linear import Conv
from archspec.ir.ops.norms import BatchNorm
from archspec.ir.ops.regularizers import Dropout
from archspec.ir.scope import Layer
from archspec.ir.verify import verify
from archspec.parity import random_weights
from archspec.spec import load_text

TEXT = """
archspec: 1
name: net
params: {{width: 8, deep: true}}
input: {{channels: 3, height: 8, width: 8}}
blocks:
  unit:
    params: {{depth: {{}}}}
    layers:
      - conv: {{name: conv, filters: depth, kernel: 3, padding: same}}
      - {drop}{act}: {{name: act}}
      {dropout}
layers:
  - conv: {{name: stem, filters: width, kernel: 1}}
  - {{name: features, layers: [batch_norm{in_sequence}, {act}, conv: {{filters: width, kernel: 1}}]}}
  - repeat: {{name: repeated, times: 3, layers: [conv: {{filters: width, kernel: 1}}{in_repeat}, {act}]}}
  - unit: {{name: first, depth: width}}
  - stage: {{name: units, block: unit, with: {{}}, units: "[(8,), (12,)]"}}
  - {{when: deep, unit: {{name: last, depth: 6}}}}
  - global_avg_pool
  - flatten
  - dense: {{units: 4}}
"""
WITH = {
    "drop": "",
    "dropout": "- dropout: {name: drop, rate: 0.2}",
    "in_sequence": ", dropout: {rate: 0.1}",
    "in_repeat": ", dropout: {rate: 0.3}",
    "act": "relu",
}
WITHOUT = {**WITH, "dropout": "", "in_sequence": "", "in_repeat": ""}


def graph_of(**parts: str) -> LayerGraph:
    text = TEXT.format(**parts).replace("    params: {depth: {}}", "    unit: [depth]").replace(", with: {}", "")
    return archspec.compile(load_text(text, name="net.yaml"))


def changed(layer: Layer, **attributes: object) -> Op:
    op: Any = layer.op
    found: Op = replace(op, **attributes)
    return found


def at(graph: LayerGraph, kind: type) -> list[Address]:
    return [address for address, layers in layers_by_address(graph).items() if isinstance(layers[0].op, kind)]


def test_all_instances_have_one_address() -> None:
    graph = graph_of(**WITH)
    found = {len(layers_by_address(graph)[address]) for address in at(graph, Dropout)}
    assert found == {1, 3, 4}  # the sequence's, one for each iteration, and the block's four instances
    assert len(at(graph, Dropout)) == 3


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_what_is_removed_leaves_the_network_that_is_written_without_it(backend: str) -> None:
    graph, wanted = graph_of(**WITH), graph_of(**WITHOUT)
    found = apply_edits(graph, {address: Remove() for address in at(graph, Dropout)}).graph
    verify(found)
    assert list(found.nodes) == list(wanted.nodes)
    assert [node.inputs for node in found.nodes.values()] == [node.inputs for node in wanted.nodes.values()]
    assert archspec.generate(found, backend) == archspec.generate(wanted, backend)


def test_paths_say_where_weights_have_gone() -> None:
    graph = graph_of(**WITH)
    done = apply_edits(graph, {address: Remove() for address in at(graph, Dropout)})
    assert done.paths["features.3"] == "features.2"
    assert done.paths["repeated.2.2"] == "repeated.2.1"
    assert done.paths["first.conv"] == "first.conv"
    assert "features.1" not in done.paths
    assert set(done.paths.values()) == set(done.graph.nodes) - set(graph.inputs)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_what_is_replaced_is_another_layer_in_each_instance(backend: str) -> None:
    from archspec.ir.ops.activations import Relu

    graph, wanted = graph_of(**WITHOUT), graph_of(**{**WITHOUT, "act": "silu"})
    edits: dict[Address | str, Edit] = {address: Replace(lambda layer: Silu()) for address in at(graph, Relu)}
    found = apply_edits(graph, edits).graph
    assert [node.op for node in found.nodes.values()] == [node.op for node in wanted.nodes.values()]
    source = re.sub(r'""".*?"""', "", str(archspec.generate(found, backend)), flags=re.S).lower()
    assert source.count("silu") == 3  # in the sequence, in the repeat, and once for all instances of the block


def test_types_after_an_edit_follow() -> None:
    graph = graph_of(**WITHOUT)
    [stem] = [address for address, layers in layers_by_address(graph).items() if layers[0].path == "stem"]
    wider = apply_edits(graph, {stem: Replace(lambda layer: changed(layer, filters=16))}).graph
    assert wider.nodes["stem"].type.channels == 16
    assert wider.all_weights["features.2.weight"].shape == (8, 16, 1, 1)
    verify(wider)
    narrow = Replace(lambda layer: Conv(8, (30, 30)))
    with pytest.raises(ShapeError, match="kernel"):
        apply_edits(graph, {stem: narrow})


def test_a_batch_norm_that_is_folded_into_the_convolution_before_it() -> None:
    """What such a pass will do: two edits at each pair, and the numbers of the same network."""
    torch = pytest.importorskip("torch")
    graph = archspec.compile("resnet18")
    by_address = layers_by_address(graph)
    edits: dict[Address | str, Edit] = {}
    folded: list[tuple[str, str]] = []
    for address, layers in by_address.items():
        for layer in layers:
            [before] = graph.nodes[layer.path].inputs if isinstance(layer.op, BatchNorm) else (None,)
            if before is not None and isinstance(graph.nodes[before].op, Conv):
                edits[address] = Remove()
                [conv] = [where for where, found in by_address.items() if any(one.path == before for one in found)]
                edits[conv] = Replace(lambda layer: changed(layer, bias=True))
                folded.append((before, layer.path))
    done = apply_edits(graph, edits)
    verify(done.graph)
    assert not any(isinstance(node.op, BatchNorm) for node in done.graph.nodes.values())
    weights = random_weights(graph)
    new = {
        f"{done.paths[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": array
        for name, array in weights.items()
        if name.rpartition(".")[0] in done.paths
    }
    for before, norm in folded:
        scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + graph.nodes[norm].op.eps)  # type: ignore[attr-defined]
        new[f"{done.paths[before]}.weight"] = weights[f"{before}.weight"] * scale[:, None, None, None]
        new[f"{done.paths[before]}.bias"] = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((2, 3, 64, 64)))
    models = [
        archspec.build(one, "torch", weights=given, dtype="float64").eval()
        for one, given in ((graph, weights), (done.graph, new))
    ]
    with torch.no_grad():
        first, second = (model(x) for model in models)
    assert torch.allclose(first, second, rtol=1e-10, atol=1e-10)


def test_an_address_without_a_layer_is_said() -> None:
    with pytest.raises(InternalError, match="no layer stands at"):
        apply_edits(graph_of(**WITH), {("", 99): Remove()})


def test_numbers_go_on_through_conditions() -> None:
    text = """
archspec: 1
name: net
params: {wide: true}
input: {shape: [8]}
layers:
  - {name: features, layers: [dense: {units: 4}, {when: wide, relu: {}}, dense: {units: 4}, dropout, dense: {units: 4}]}
"""
    graph = archspec.compile(load_text(text, name="net.yaml"))
    done = apply_edits(graph, {address: Remove() for address in at(graph, Dropout)})
    assert list(done.graph.nodes) == ["input", "features.0", "features.1", "features.2", "features.3"]
    pytest.importorskip("torch")
    archspec.build(done.graph, "torch")


def test_a_layer_whose_parameters_another_shares_cannot_be_taken_out() -> None:
    from archspec.ir import GraphBuilder
    from archspec.ir.ops.linear import Dense
    from archspec.ir.tensor_type import features

    builder = GraphBuilder("net")
    x = builder.input(features(8))
    with builder.sequence("part", x) as body:
        y = builder.layer(Dense(8), body.inputs[0], name="0")
        y = builder.layer(Dense(8, bias=False), y, name="1")
        builder.layer(Dense(8), y, name="2", shared={"weight": "part.0.weight", "bias": "part.0.bias"})
    graph = builder.finish(body.result)
    first, second, _ = at(graph, Dense)
    with pytest.raises(InternalError, match=r"part.2 shares part.0.weight, whose layer is taken out"):
        apply_edits(graph, {first: Remove()})
    done = apply_edits(graph, {second: Remove()})
    assert done.graph.nodes["part.1"].shared == {"weight": "part.0.weight", "bias": "part.0.bias"}
    assert done.graph.parameters == 72


def test_an_input_that_a_layer_does_not_have_is_said() -> None:
    graph = graph_of(**WITH)
    with pytest.raises(InternalError, match="has no input 3"):
        apply_edits(graph, {at(graph, Dropout)[0]: Remove(3)})


def test_no_layer_gets_the_name_of_one_whose_weights_alone_are_left() -> None:
    text = """
archspec: 1
name: net
input: {channels: 3, height: 8, width: 8}
layers:
- identity: {name: "0"}
- {tap: t}
- conv: {name: "1", filters: 3, kernel: 1}
- from: t
  layers:
  - relu: {name: "2"}
  - conv: {name: "3", filters: 3, kernel: 1}
  - tanh: {name: "4"}
  - reuse: {item: "1", name: "5"}
"""
    graph = archspec.compile(load_text(text))
    assert "1" not in graph.nodes
    form = archspec.compile(load_text(text), form="inference")
    assert list(form.nodes) == ["input", "0", "2", "3", "4"]
    weights = random_weights(graph)
    assert np.array_equal(form.weights_of_form(weights)["1.weight"], weights["1.weight"])
