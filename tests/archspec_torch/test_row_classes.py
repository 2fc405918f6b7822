"""Scopes of numbered members are an `nn.Sequential` or an `nn.ModuleList` of their own, also with more to compute."""

from __future__ import annotations

import importlib.util
from typing import Any

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.spec.loading import load_text

torch = pytest.importorskip("torch")

PYRAMID = """
archspec: 1
name: pyramid
params: {classes: 4}
input: {channels: 3, height: 16, width: 16}
blocks:
  pooled:
    params: {filters: {}}
    layers:
      - tap: whole
      - global_avg_pool: {name: "0"}
      - conv: {name: "1", filters: filters, kernel: 1}
      - batch_norm: {name: "2"}
      - relu: {name: "3"}
      - upsample: {branches: [[], {from: whole}], mode: bilinear}
  wider:
    layers:
      - concat:
          - []
          - - conv: {name: 1-conv, filters: 4, kernel: 3, padding: 1}
            - relu: {name: 2-relu}
  pyramid:
    layers:
      - name: convs
        layers:
          - concat:
              - {name: "0", layers: [conv: {filters: 8, kernel: 1}, relu]}
              - {name: "1", layers: [conv: {filters: 8, kernel: 3, padding: 2, dilation: 2}, relu]}
              - pooled: {name: "2", filters: 8}
layers:
  - pyramid: {name: pyramid}
  - wider: {name: wider}
  - conv: {name: last, filters: classes, kernel: 1}
"""


@pytest.fixture(scope="module")
def graph() -> LayerGraph:
    return archspec.compile(load_text(PYRAMID))


@pytest.fixture(scope="module")
def model(graph: LayerGraph, tmp_path_factory: pytest.TempPathFactory) -> Any:
    source = str(archspec.generate(graph, "torch"))
    backend("torch", BuildsModels).verify(source, graph)
    path = tmp_path_factory.mktemp("rows") / "pyramid.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location("pyramid", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)  # TorchScript reads the file
    return module.Pyramid().eval()


def test_branches_that_are_joined_are_a_module_list(graph: LayerGraph) -> None:
    source = str(archspec.generate(graph, "torch"))
    assert "(nn.ModuleList)" in source
    assert "return torch.cat([branch(x) for branch in self], dim=1)" in source
    assert "getattr" not in source
    assert "add_module" not in source


def test_a_row_with_functions_after_it_is_a_sequential(graph: LayerGraph) -> None:
    source = " ".join(str(archspec.generate(graph, "torch")).split())
    assert "class Pooled(nn.Sequential)" in source
    assert "super().__init__( nn.AdaptiveAvgPool2d(1), nn.Conv2d(in_channels, 8, kernel_size=1)," in source
    assert 'y = x for layer in self: y = layer(y) return F.interpolate(y, x.shape[2:], mode="bilinear")' in source
    assert "class Wider(nn.Sequential)" in source


def test_keys_are_those_of_the_spec(graph: LayerGraph, model: Any) -> None:
    found = {name for name in model.state_dict() if "num_batches" not in name}
    assert found == set(graph.all_weights)
    assert {"pyramid.convs.2.1.weight", "pyramid.convs.0.0.bias", "wider.1-conv.weight"} <= found


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_they_can_be_captured(model: Any) -> None:
    x = torch.randn(2, 3, 16, 16)
    expected = model(x)
    assert torch.equal(torch.jit.script(model)(x), expected)
    assert torch.equal(torch.fx.symbolic_trace(model)(x), expected)
    assert torch.equal(torch.export.export(model, (x,)).module()(x), expected)


def test_each_node_is_found(graph: LayerGraph) -> None:
    from archspec_torch.node_labels import labels

    found = labels(graph)
    nodes = {path for steps in found.nodes.values() for rounds in steps.values() for paths in rounds for path in paths}
    merged = {path for path, node in graph.nodes.items() if node.op.name in ("concat", "upsample")}
    assert merged <= nodes
