"""A file in torchvision's form, as it is downloaded, in Keras: built, and proved by parity, in a line each."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import ExchangesWeights
from archspec.codegen.registry import backend
from tests.commands.conftest import Run, run

__all__ = ["run"]  # the fixture


def test_one_line_builds_keras_and_one_proves_it(run: Run, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("keras")
    state = archspec.build("cifar_resnet", "torch", seed=3).state_dict()
    assert any(name.endswith("num_batches_tracked") for name in state)  # as torchvision's files have them
    torch.save(state, tmp_path / "downloaded-11ad3fa6.pth")
    code, out, err = run(
        "build", "cifar_resnet", "--backend", "keras", "--weights", "downloaded-11ad3fa6.pth", "-o", "net.py"
    )
    assert (code, err) == (0, "")
    assert "weights of downloaded-11ad3fa6.pth" in out
    graph = archspec.compile("cifar_resnet")
    model = archspec.build(graph, "keras")
    model.load_weights(tmp_path / "net.weights.h5")
    held = backend("keras", ExchangesWeights).export_weights(model, graph)
    for name, array in held.items():
        assert np.array_equal(array, state[name].numpy()), name
    code, out, err = run(
        "parity", "cifar_resnet", "--weights", "downloaded-11ad3fa6.pth", "--check", "inference", "--dtype", "float32"
    )
    assert code == 0, err
