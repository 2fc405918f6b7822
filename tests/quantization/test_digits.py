"""What a network that has learned to read digits loses in int8."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.quantization.examples import Examples
from archspec.quantization.measurement import quantize
from archspec.spec import load_text
from tests.commands.conftest import run
from tests.needed import needs
from tests.quantization.networks import network

__all__ = ["run"]

pytestmark = needs("onnx", "onnxruntime", "PIL")


DIGITS = """
archspec: 1
name: digits
input: {channels: 1, height: 8, width: 8}
layers:
  - conv: {name: stem, filters: 16, kernel: 3, padding: 1, bias: false}
  - batch_norm
  - relu
  - add:
      - []
      - [conv: {filters: 16, kernel: 3, padding: 1, bias: false}, batch_norm, relu, conv: {filters: 16, kernel: 1}]
  - relu
  - conv: {filters: 32, kernel: 3, padding: 1, stride: 2, bias: false}
  - batch_norm: {}
  - relu
  - global_avg_pool
  - flatten
  - dense: {name: fc, units: 10}
"""


@pytest.fixture(scope="module")
def trained() -> tuple[Any, Any, Any]:
    """Weights of a network that was trained on scikit-learn's digits, and digits that it has not seen."""
    import torch
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    x = torch.tensor(images.reshape(-1, 1, 8, 8) / 16, dtype=torch.float32)
    y = torch.tensor(labels)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    train, test = order[:1200], order[1200:]
    model = archspec.build(archspec.compile(load_text(DIGITS)), "torch", seed=0)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for epoch in range(12):
        for part in train[torch.randperm(1200, generator=torch.Generator().manual_seed(epoch))].split(64):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[part]), y[part]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    weights = {
        name: tensor.detach().numpy() for name, tensor in model.state_dict().items() if "num_batches" not in name
    }
    return weights, (x[train[:200]].numpy(), x[test].numpy()), y[test].numpy()


@pytest.mark.slow
@needs("torch", "sklearn")
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy"])
def test_digits_lose_half_a_point_at_the_most(trained: Any, tmp_path: Path, method: Any, symmetric: bool) -> None:
    import onnxruntime

    weights, (calibration, images), labels = trained
    graph = network(DIGITS)
    fitted = graph.weights_of_form(weights)
    np.save(tmp_path / "x.npy", calibration)
    found = quantize(graph, Examples.of(tmp_path / "x.npy", graph), weights=fitted, method=method, symmetric=symmetric)
    shares = []
    for model in (archspec.build(graph, "onnx", weights=fitted), found.model):
        session = onnxruntime.InferenceSession(model.SerializeToString())
        shares.append(float((session.run(None, {"input": images})[0].argmax(1) == labels).mean()))
    assert shares[0] > 0.95
    assert shares[0] - shares[1] <= 0.005
    assert found.agreement is not None
    assert found.agreement > 0.99
