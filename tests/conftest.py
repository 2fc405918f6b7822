"""What all tests share: the frameworks' environment, hypothesis' profile, the gpu marker."""

from __future__ import annotations

import importlib.util
import os

import pytest
from hypothesis import settings

# Read when the frameworks are imported, here and in every process that a test starts.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:  # there is a process for each core: threads of theirs would wait for each other
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, "1")

# A deadline would fail tests on a busy machine, not on a wrong result.
settings.register_profile("ci", deadline=None)
settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-errors` and `--update-golden` write the recorded texts anew instead of comparing with them."""
    parser.addoption("--update-errors", action="store_true", help="write tests/errors/*.txt anew")
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is marked `gpu` where PyTorch sees no CUDA device, and `fuzz` unless it is asked for."""
    if "fuzz" not in config.getoption("markexpr"):
        skip = pytest.mark.skip(reason="takes minutes; run it with -m fuzz")
        for item in items:
            if item.get_closest_marker("fuzz"):
                item.add_marker(skip)
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if marked and not _cuda_is_available():
        skip = pytest.mark.skip(reason="needs PyTorch with a CUDA device")
        for item in marked:
            item.add_marker(skip)


def _cuda_is_available() -> bool:
    if importlib.util.find_spec("torch") is None:
        return False
    import torch  # slow to import, so only where a collected test asks for it

    return torch.cuda.is_available()
