"""What only a GPU shows. Run where there is one (`pytest -m gpu`); skipped elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

import archspec
from archspec.parity import random_weights
from tests.needed import lazily, needs

torch: Any = lazily("torch")
pytestmark = [needs("torch"), pytest.mark.gpu]

NAMES = ("resnet18", "resnet50")


@pytest.fixture(autouse=True)
def _full_precision() -> Any:
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def _pair(name: str) -> tuple[Any, Any, Any]:
    graph = archspec.compile(name)
    weights = random_weights(graph)
    cpu = archspec.build(graph, backend="torch", weights=weights).eval()
    gpu = archspec.build(graph, backend="torch", weights=weights, device="cuda").eval()
    return cpu, gpu, torch.randn(4, 3, 224, 224, generator=torch.Generator().manual_seed(0))


def _differs(found: Any, wanted: Any) -> float:
    return float((found.float().cpu() - wanted).abs().max() / wanted.abs().max())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("memory_format", ["contiguous_format", "channels_last"])
def test_float32_agrees_with_the_cpu(name: str, memory_format: str) -> None:
    cpu, gpu, x = _pair(name)
    layout = getattr(torch, memory_format)
    with torch.no_grad():
        found = gpu.to(memory_format=layout)(x.cuda().contiguous(memory_format=layout))
        assert _differs(found, cpu(x)) <= 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16(name: str) -> None:
    cpu, gpu, x = _pair(name)
    with torch.no_grad():
        wanted = cpu(x)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            assert _differs(gpu(x.cuda()), wanted) <= 0.05
    built = archspec.build(name, backend="torch", device="cuda", dtype="bfloat16")
    assert {(p.dtype, p.device.type) for p in built.parameters()} == {(torch.bfloat16, "cuda")}
    assert built(x.cuda().bfloat16()).isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_compile(name: str) -> None:
    cpu, gpu, x = _pair(name)
    with torch.no_grad():
        assert _differs(torch.compile(gpu, fullgraph=True)(x.cuda()), cpu(x)) <= 1e-5
