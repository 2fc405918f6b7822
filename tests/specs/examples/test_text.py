"""The networks of text against the same written with PyTorch's own layers, and what is learned of a few sentences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import TrainsModels
from archspec.codegen.registry import backend
from archspec.parity import random_inputs, random_weights
from tests.needed import lazily, needs

torch: Any = lazily("torch")
pytestmark = needs("torch")


def _weights(graph: archspec.LayerGraph) -> dict[str, Any]:
    return {name: torch.from_numpy(array) for name, array in random_weights(graph).items()}


def _outputs(graph: archspec.LayerGraph, inputs: dict[str, Any]) -> dict[str, Any]:
    target = backend("torch", TrainsModels)
    model = target.build(archspec.generate(graph, "torch"), graph, weights=random_weights(graph), dtype="float64")
    return {
        name: torch.from_numpy(array)
        for name, array in target.run(model, graph, inputs, training=False).outputs.items()
    }


def test_text_cnn() -> None:
    """Vectors as an image of one channel, as in the author's code: kernels are as wide as the vectors."""
    graph = archspec.compile("text_cnn", vocabulary=50)
    inputs, given = random_inputs(graph), _weights(graph)
    image = given["words.weight"][torch.from_numpy(inputs["input"])].unsqueeze(1)
    found = []
    for length in (3, 4, 5):
        kernel = given[f"phrase{length}.conv.weight"].transpose(1, 2).unsqueeze(1)
        maps = torch.nn.functional.conv2d(image, kernel, given[f"phrase{length}.conv.bias"]).relu()
        assert tuple(maps.shape[1:]) == (100, 64 - length + 1, 1)
        found.append(maps.amax(dim=(2, 3)))
    wanted = torch.cat(found, dim=1) @ given["fc.weight"].T + given["fc.bias"]
    assert torch.allclose(_outputs(graph, inputs)["output"], wanted, rtol=0, atol=1e-12 * float(wanted.abs().max()))


def test_bert_tiny() -> None:
    """PyTorch's own encoder layers, normalized after their residuals."""
    graph = archspec.compile("bert_tiny", vocabulary=50)
    inputs, given = random_inputs(graph), _weights(graph)
    words, segments = (torch.from_numpy(inputs[name]) for name in ("words", "segments"))
    x = given["word_embedding.weight"][words] + given["segment_embedding.weight"][segments]
    x = x + given["position_embedding.weight"]
    x = torch.nn.functional.layer_norm(x, (128,), given["norm.weight"], given["norm.bias"], 1e-12)
    for index in range(2):
        layer = torch.nn.TransformerEncoderLayer(
            128, 2, 512, activation="gelu", layer_norm_eps=1e-12, batch_first=True, dtype=torch.float64
        )
        prefix = f"blocks.{index}."
        names = {"attention": "self_attn", "mlp.fc1": "linear1", "mlp.fc2": "linear2"}
        state = {name.removeprefix(prefix): tensor for name, tensor in given.items() if name.startswith(prefix)}
        for ours, theirs in names.items():
            state = {
                f"{theirs}{name.removeprefix(ours)}" if name.startswith(f"{ours}.") else name: tensor
                for name, tensor in state.items()
            }
        layer.load_state_dict(state)
        x = layer.eval()(x).detach()
    found = _outputs(graph, inputs)
    assert torch.allclose(found["tokens"], x, rtol=0, atol=1e-11 * float(x.abs().max()))
    pooled = torch.tanh(x[:, 0] @ given["pooler.weight"].T + given["pooler.bias"])
    assert torch.allclose(found["pooled"], pooled, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", ["torch", "keras"])
def test_vectors_of_words_that_occur_are_learned(name: str) -> None:
    """The others keep their vectors, on both frameworks, with momentum and without decay."""
    if name == "keras":
        pytest.importorskip("keras")
    graph = archspec.compile("text_cnn", vocabulary=50, filters=4)
    target = backend(name, TrainsModels)
    before = random_weights(graph)
    model = target.build(archspec.generate(graph, name), graph, weights=before, dtype="float64")
    words = np.arange(2 * 64).reshape(2, 64) % 20
    batches = [({"input": words}, {"output": np.array([0, 1])})] * 2
    first, second = target.train(model, graph, batches, learning_rate=0.1, momentum=0.9)
    assert second < first
    changed = (target.export_weights(model, graph)["words.weight"] != before["words.weight"]).any(axis=1)
    assert not changed[20:].any()
    assert changed[:20].any()
