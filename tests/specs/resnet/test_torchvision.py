"""The generated ResNets are torchvision's, key by key and number by number.

The judge is `tests/reference/torch_resnet.py`, written by hand after torchvision's definitions.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.parity import random_weights
from tests.needed import lazily, needs

torch: Any = lazily("torch")
reference: Any = lazily("tests.reference.torch_resnet")  # which needs PyTorch
pytestmark = needs("torch")

NAMES = (
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnet50_v1",
    "resnext50_32x4d",
    "resnext101_32x8d",
    "wide_resnet50_2",
    "wide_resnet101_2",
)


def _reference(name: str, **arguments: int) -> Any:
    make: Callable[..., Any] = getattr(reference, name)
    return make(**arguments)


@pytest.mark.parametrize("name", NAMES)
def test_state_dict_keys_and_shapes_are_torchvisions(name: str) -> None:
    with torch.device("meta"):
        wanted = _reference(name).state_dict()
    found = archspec.build(name, backend="torch").state_dict()
    assert list(found) == list(wanted)
    assert {key: tensor.shape for key, tensor in found.items()} == {key: t.shape for key, t in wanted.items()}
    assert {key: tensor.dtype for key, tensor in found.items()} == {key: t.dtype for key, t in wanted.items()}


@pytest.mark.parametrize(
    "name",
    ["resnet18", "resnet50", "resnet50_v1", "resnext50_32x4d", pytest.param("wide_resnet50_2", marks=pytest.mark.slow)],
)
def test_outputs_are_torchvisions(name: str) -> None:
    graph = archspec.compile(name)
    weights = {key: torch.from_numpy(array) for key, array in random_weights(graph).items()}
    theirs = _reference(name).double()
    missing = theirs.load_state_dict(weights, strict=False)
    assert not missing.unexpected_keys
    assert all(key.endswith("num_batches_tracked") for key in missing.missing_keys)
    ours = archspec.build(graph, backend="torch", dtype="float64")
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    for training in (False, True):
        with torch.no_grad():
            wanted, found = theirs.train(training)(x), ours.train(training)(x)
        assert (found - wanted).abs().max() <= 1e-12 * wanted.abs().max()
    for (key, mine), its in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        assert torch.allclose(mine.double(), its.double(), rtol=1e-12, atol=0), key


def test_an_official_checkpoint_loads_without_renaming(tmp_path: Path) -> None:
    theirs = _reference("resnet18")
    torch.save(theirs.state_dict(), tmp_path / "resnet18-f37072fd.pth")
    ours = archspec.build("resnet18", backend="torch", weights=tmp_path / "resnet18-f37072fd.pth")
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(ours.eval()(x), theirs.eval()(x))


def test_initialization_is_torchvisions() -> None:
    """The same distribution for each tensor: moments over many numbers, exact where there is nothing to draw."""
    torch.manual_seed(0)
    theirs, ours = _reference("resnet50").state_dict(), archspec.build("resnet50", backend="torch").state_dict()
    for key, wanted in theirs.items():
        found = ours[key]
        if wanted.ndim < 2 and key != "fc.bias":
            assert torch.equal(found, wanted), key
            continue
        few = wanted.numel() < 5000
        assert abs(found.mean() - wanted.mean()) < (0.5 if few else 0.1) * wanted.std(), key
        assert abs(found.std() / wanted.std() - 1) < (0.2 if few else 0.05), key


@pytest.mark.parametrize("size", [(33, 47), (224, 160)])
def test_any_input_size_works(size: tuple[int, int]) -> None:
    model = archspec.build("resnet18", backend="torch", classes=7, in_channels=4).eval()
    with torch.no_grad():
        assert model(torch.randn(1, 4, *size)).shape == (1, 7)
