"""Sequences of tokens: what `test_ops` cannot ask of their ops."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import ExchangesWeights
from archspec.codegen.registry import backend
from archspec.parity import random_inputs, random_weights
from archspec.spec import load_text
from tests.needed import lazily, needs
from tests.zoo import NETWORKS

torch: Any = lazily("torch")
keras: Any = lazily("keras")
pytestmark = needs("torch", "keras")

HEAD = "archspec: 1\nname: net\ninput: {channels: 4, height: 4, width: 4}\n"


def _graph(layers: str) -> archspec.LayerGraph:
    return archspec.compile(load_text(HEAD + layers))


def _vit() -> archspec.LayerGraph:
    return archspec.compile(load_text(NETWORKS["vit"]))


@pytest.mark.parametrize(
    ("layer", "says"),
    [
        ("attention: {heads: 2}", "attention needs tokens"),
        ("to_tokens, attention: {heads: 3}", "3 heads, which do not divide the 4 features"),
        ("to_tokens, to_image: {height: 3, width: 5}", "its input has 16"),
        ("to_tokens, select_token: {index: -17}", "its input has 16 tokens"),
        ("to_tokens, class_token: {init: kaiming_normal}", "kaiming_normal"),
        ("to_tokens, attention: {num_heads: 2}", "write `heads`"),
    ],
)
def test_mistakes(layer: str, says: str) -> None:
    with pytest.raises(archspec.SpecError, match=says):
        _graph(f"layers: [{layer}]\n")


def test_cost_of_attention() -> None:
    graph = _graph("layers: [to_tokens, attention: {heads: 2}]\n")
    assert graph.macs == 4 * 16 * 4**2 + 2 * 16**2 * 4
    assert graph.parameters == 4 * 4**2 + 4 * 4


@pytest.mark.parametrize("name", ["torch", "keras"])
@pytest.mark.parametrize(
    ("init", "largest"),
    [
        ("xavier_uniform", (6 / 128) ** 0.5),
        ("fan_in_uniform", 64**-0.5),
        ("{kaiming_uniform: fan_out}", (6 / 64) ** 0.5),
        ("{uniform: 0.5}", 0.5),
    ],
)
def test_each_matrix_of_attention_is_drawn_by_itself(name: str, init: str, largest: float) -> None:
    text = (
        "layers:\n  - conv: {filters: 64, kernel: 1}\n  - to_tokens\n  - dense: {units: 64, init: ones}\n"
        f"  - attention: {{name: a, heads: 2, init: {init}, bias_init: fan_in_uniform}}\n"
    )
    graph = _graph(text)
    found = backend(name, ExchangesWeights).export_weights(archspec.build(graph, name), graph)
    for part in (*np.split(found["a.in_proj_weight"], 3), found["a.out_proj.weight"]):
        assert 0.97 * largest < np.abs(part).max() <= largest
        assert abs(part.std() * 3**0.5 / largest - 1) < 0.03
    for bias in ("a.in_proj_bias", "a.out_proj.bias"):
        assert 0.7 / 8 < np.abs(found[bias]).max() <= 1 / 8
    queries, keys, values = np.split(found["a.in_proj_weight"], 3)
    assert not (queries == keys).any()
    assert not (keys == values).any()
    assert (found["dense.weight"] == 1).all()


def test_names_are_those_of_pytorchs_own_layer() -> None:
    graph = _graph("layers: [to_tokens, attention: {name: a, heads: 2}]\n")
    own = torch.nn.MultiheadAttention(4, 2)
    assert {f"a.{key}": tuple(value.shape) for key, value in own.state_dict().items()} == {
        name: weight.shape for name, weight in graph.all_weights.items()
    }


def test_pytorchs_fast_path_agrees_with_training() -> None:
    graph = _vit()
    model = archspec.build(graph, "torch", weights=random_weights(graph), dtype="float64")
    x = torch.from_numpy(random_inputs(graph)["input"]).requires_grad_()
    wanted = model.train()(x)
    wanted.sum().backward()
    assert torch.isfinite(x.grad).all()
    assert x.grad.any()
    with torch.no_grad():
        assert torch.allclose(model.eval()(x), wanted, rtol=0, atol=1e-12)
    with pytest.raises(RuntimeError):
        model(torch.zeros(1, 3, 20, 20, dtype=torch.float64))


def _keras_vit(tmp_path: Path) -> Any:
    graph = _vit()
    (tmp_path / "vit.py").write_text(archspec.generate(graph, "keras"))
    return graph, archspec.build(graph, "keras", weights=random_weights(graph))


def test_keras_saves_loads_and_trains(tmp_path: Path) -> None:
    graph, model = _keras_vit(tmp_path)
    images = np.random.default_rng(0).normal(size=(4, 16, 16, 3)).astype("float32")
    wanted = keras.ops.convert_to_numpy(model(images))
    model.save(tmp_path / "vit.keras")
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "wanted.npy", wanted)
    code = (
        "import keras, numpy as np, vit\n"
        "model = keras.saving.load_model('vit.keras')\n"
        "found = keras.ops.convert_to_numpy(model(np.load('images.npy')))\n"
        "np.testing.assert_allclose(found, np.load('wanted.npy'), rtol=1e-5, atol=1e-5)\n"
        "copy = keras.models.clone_model(model)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    before = backend("keras", ExchangesWeights).export_weights(model, graph)
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, np.arange(4), epochs=1, verbose=0)
    after = backend("keras", ExchangesWeights).export_weights(model, graph)
    for name in (
        "class_token.weight",
        "encoder.pos_embedding.weight",
        "encoder.layers.0.self_attention.in_proj_weight",
    ):
        assert (before[name] != after[name]).any()


def test_a_keras_model_of_another_size_has_other_positions(tmp_path: Path) -> None:
    _keras_vit(tmp_path)
    space: dict[str, Any] = {}
    exec((tmp_path / "vit.py").read_text(), space)
    model = space["vit"](input_size=(24, 16))
    assert tuple(model.get_layer("encoder_pos_embedding").weight.shape) == (25, 32)
    with pytest.raises(Exception, match="fully-defined"):
        space["vit"](input_size=(None, None))


@pytest.mark.slow
@pytest.mark.parametrize("framework", ["jax", "torch"])
def test_keras_on_its_other_frameworks(framework: str, tmp_path: Path) -> None:
    pytest.importorskip(framework)
    _keras_vit(tmp_path)
    code = (
        "import numpy as np, vit\n"
        "model = vit.vit()\n"
        "assert tuple(model(np.zeros((2, 16, 16, 3), 'float32')).shape) == (2, 10)\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": framework}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, env=environment)
