"""The PyTorch model does what PyTorch users do with models."""

from __future__ import annotations

import copy
import importlib.util
import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import archspec
from tests.needed import lazily, needs

torch: Any = lazily("torch")
pytestmark = needs("torch")


@pytest.fixture(scope="module")
def model() -> Any:
    torch.manual_seed(0)
    return archspec.build("resnet18", backend="torch", classes=10).eval()


@pytest.fixture(scope="module")
def x() -> Any:
    return torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def _apply(model: Any, x: Any) -> Any:
    with torch.no_grad():
        return model(x)


def test_deepcopy_shares_nothing(model: Any, x: Any) -> None:
    other = copy.deepcopy(model)
    assert torch.equal(_apply(other, x), _apply(model, x))
    with torch.no_grad():
        other.conv1.weight.zero_()
    assert not torch.equal(_apply(other, x), _apply(model, x))


def test_pickle_and_save(model: Any, x: Any) -> None:
    assert torch.equal(_apply(pickle.loads(pickle.dumps(model)), x), _apply(model, x))
    buffer = io.BytesIO()
    torch.save(model, buffer)
    buffer.seek(0)
    assert torch.equal(_apply(torch.load(buffer, weights_only=False), x), _apply(model, x))


def test_a_saved_state_dict_loads_into_the_written_file_without_archspec(model: Any, x: Any, tmp_path: Path) -> None:
    graph = archspec.compile("resnet18", classes=10)
    (tmp_path / "net.py").write_text(archspec.generate(graph, "torch"), encoding="utf-8")
    torch.save(model.state_dict(), tmp_path / "net.pt")
    torch.save((x, _apply(model, x)), tmp_path / "pair.pt")
    script = """
import sys, torch
from net import ResNet18
model = ResNet18().eval()
model.load_state_dict(torch.load("net.pt", weights_only=True))
x, y = torch.load("pair.pt", weights_only=True)
with torch.no_grad():
    assert torch.equal(model(x), y)
assert not any(name.split(".")[0] == "archspec" for name in sys.modules)
print("equal")
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "equal\n"


def test_export(model: Any, x: Any) -> None:
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(model, (x,), dynamic_shapes=({0: batch},))
    larger = torch.cat([x, x, x])
    assert torch.allclose(_apply(program.module(), larger), _apply(model, larger), atol=1e-5)


@pytest.mark.slow
def test_compile() -> None:
    """A small one: Inductor takes a second for each kind of layer that it meets."""
    model, x = archspec.build("cifar_resnet", backend="torch", depth=8, width=4).eval(), torch.randn(2, 3, 32, 32)
    compiled = torch.compile(model, fullgraph=True, backend="inductor")
    wanted = _apply(model, x)
    assert (_apply(compiled, x) - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def test_compile_has_one_graph(model: Any, x: Any) -> None:
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    assert torch.equal(_apply(compiled, x), _apply(model, x))


def test_channels_last(model: Any, x: Any) -> None:
    other = copy.deepcopy(model).to(memory_format=torch.channels_last)
    wanted = _apply(model, x)
    found = _apply(other, x.contiguous(memory_format=torch.channels_last))
    assert (found - wanted).abs().max() <= 1e-5 * wanted.abs().max()


def test_autocast(model: Any, x: Any) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = _apply(model, x)
    wanted = _apply(model, x)
    assert found.dtype == torch.bfloat16
    assert (found.float() - wanted).abs().max() <= 0.05 * wanted.abs().max()


def test_half_precision_parameters() -> None:
    model = archspec.build("resnet18", backend="torch", dtype="bfloat16")
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}


def test_gradients_reach_every_parameter(x: Any) -> None:
    model = archspec.build("resnet18", backend="torch")
    model(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_the_file_is_importable_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "resnet34.py"
    path.write_text(archspec.generate(archspec.compile("resnet34"), "torch"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("resnet34_by_path", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert sum(p.numel() for p in module.ResNet34().parameters()) == 21_797_672
