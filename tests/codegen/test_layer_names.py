"""Names that no attribute could have: digits, hyphens, keywords; and blocks without a scope of their own."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.spec.loading import load_text
from tests.needed import needs

FOLDER: Final = Path(__file__).parent / "layer_names"
TORCHVISION: Final = {
    "densenet121": "9de4aad2d5fb03ee",
    "efficientnet_b0": "ec10027311546760",
    "mobilenet_v2": "1f27e3d93ac9d0ff",
    "regnet_y_400mf": "001914f317f8bb9b",
    "squeezenet1_1": "a462856ef96ade94",
    "vgg11_bn": "203f490cecc83114",
}
"""Of the lines `name shape` of each model's state dict in torchvision 0.28, in order, without the counts of batches."""


def digest(shapes: dict[str, tuple[int, ...]]) -> str:
    lines = [f"{name} {'x'.join(map(str, shape))}" for name, shape in sorted(shapes.items())]
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", TORCHVISION)
def test_the_keys_are_those_of_torchvision(name: str) -> None:
    graph = archspec.compile(FOLDER / f"{name}.yaml")
    assert digest({name: weight.shape for name, weight in graph.all_weights.items()}) == TORCHVISION[name]


@pytest.mark.slow
@needs("torch")
@pytest.mark.parametrize("name", TORCHVISION)
def test_the_model_has_the_keys(name: str) -> None:
    model: Any = archspec.build(FOLDER / f"{name}.yaml", "torch")
    found = {key: tuple(value.shape) for key, value in model.state_dict().items() if "num_batches" not in key}
    assert digest(found) == TORCHVISION[name]


@pytest.fixture(scope="module")
def unusual() -> LayerGraph:
    return archspec.compile(FOLDER / "unusual.yaml")


@needs("torch")
def test_parts_that_are_numbered_are_a_sequential_of_their_own(tmp_path: Path) -> None:
    spec = tmp_path / "digits.yaml"
    spec.write_text(
        """
archspec: 1
name: digits
input: {channels: 3, height: 8, width: 8}
blocks:
  conv_bn:
    params: {filters: {}, active: true}
    layers: [conv: {name: "0", filters: filters, kernel: 1}, batch_norm: {name: "1"}, {relu: {}, when: active}]
layers:
  - {name: features, layers: [conv_bn: {filters: 8}, conv_bn: {filters: 16, active: false}]}
""",
        encoding="utf-8",
    )
    source = archspec.generate(archspec.compile(spec), "torch")
    assert "class ConvBn(nn.Sequential):" in source
    model: Any = archspec.build(spec, "torch")
    assert {"features.0.0.weight", "features.0.1.running_mean", "features.1.0.bias"} <= model.state_dict().keys()
    assert [len(part) for part in model.features] == [3, 2]


@needs("torch")
def test_members_of_any_name(unusual: LayerGraph) -> None:
    model: Any = archspec.build(unusual, "torch")
    names = {name for name in model.state_dict() if not name.endswith("num_batches_tracked")}
    assert names == unusual.all_weights.keys()
    assert {
        "_stem.weight",
        "3.1-b.running_var",
        "import.class.bias",
        "mixed_2.f.a.1.weight",
        "mixed.rep-x.block-2.0.weight",
        "9.u2.conv.weight",
        "10.bias",
    } <= names


@pytest.mark.slow
@needs("torch", "keras")
def test_the_backends_agree_on_them(unusual: LayerGraph) -> None:
    """Node by node, so that each layer is found under its own name in both."""
    inputs = {"input": np.random.default_rng(0).standard_normal((2, 3, 16, 16)).astype(np.float32)}
    found = []
    for name in ("torch", "keras"):
        runs = backend(name, RunsModels)
        model = archspec.build(unusual, name, seed=1)
        found.append(runs.run(model, unusual, inputs, training=False, nodes=True).nodes)
    assert found[0].keys() == found[1].keys() == unusual.types.keys()
    for path, array in found[0].items():
        np.testing.assert_allclose(array, found[1][path], rtol=1e-4, atol=1e-5, err_msg=path)


@needs("torch")
def test_a_block_inline_follows_the_params_of_its_caller() -> None:
    """Its layers are the caller's own; what it is given stays an expression of the caller's params."""
    graph = archspec.compile(FOLDER / "inline.yaml")
    assert {"outer.conv_2.weight", "outer.inner.0.weight", "outer_2.repeat.2.inner.0.bias", "r.1.1.weight"} <= (
        graph.all_weights.keys()
    )
    source = str(archspec.generate(graph, "torch"))
    assert "self.conv_2 = nn.Conv2d(w, w + 2, kernel_size=3, padding=1)" in source
    names: dict[str, Any] = {}
    exec(source, names)
    other = archspec.compile(FOLDER / "inline.yaml", width=6)
    state = names["Inline"](width=6).state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == {
        name: weight.shape for name, weight in other.all_weights.items()
    }


@needs("torch")
def test_no_layer_hides_what_a_module_has() -> None:
    """The list is PyTorch's own, but for names that begin with two underscores, which no layer has."""
    from torch import nn

    from archspec.reserved_names import NOT_LAYERS, is_layer_name

    own = {name for made in (nn.Module(), nn.Sequential(), nn.ModuleList()) for name in dir(made)}
    assert {name for name in own if not name.startswith("__")} <= NOT_LAYERS
    assert not any(map(is_layer_name, ("training", "_modules", "__call__", "", "-", "a.b", "a/b", "ä")))
    assert all(map(is_layer_name, ("0", "class", "block1-0", "_stem", "3x3")))


def test_layers_of_an_inline_repeat_without_names_are_counted_on_by_one_number() -> None:
    """`relu_4`, not `relu_2_2`: what stands after the repeat keeps its own number in all calls."""
    text = """
archspec: 1
name: counted
input: {channels: 4, height: 8, width: 8}
layers:
  - add:
      - - relu
        - repeat:
            inline: true
            times: 3
            layers: [conv: {name: "convs.{i}", filters: 4, kernel: 1}, relu, add: [[], {from: input}]]
      - []
  - relu
"""
    graph = archspec.compile(load_text(text))
    assert [path for path in graph.nodes if path.startswith("relu")] == ["relu", "relu_2", "relu_4", "relu_5", "relu_3"]
    assert [path for path in graph.nodes if path.startswith("add")] == ["add", "add_3", "add_4", "add_2"]
