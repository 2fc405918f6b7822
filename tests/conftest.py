"""What all tests share: the frameworks' environment, hypothesis' profile, the gpu marker, a browser."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = Path("/usr/bin/chromium")
MARKERS = ("fuzz", "nightly", "slow", "timing")
"""Tests that run when they are asked for."""
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# Read when the frameworks are imported, here and in every process that a test starts.
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:  # there is a process for each core: threads of theirs would wait for each other
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        os.environ.setdefault(name, "1")

# Tests start some hundred processes, of which each would compile all that it imports where no bytecode is kept.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A deadline would fail tests on a busy machine, not on a wrong result.
settings.register_profile("ci", deadline=None)
settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-errors` and `--update-golden` write the recorded texts anew instead of comparing with them."""
    parser.addoption("--update-errors", action="store_true", help="write tests/errors/*.txt anew")
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip what is marked as one of these unless asked for: by its marker, or the quicker ones by their own names."""
    asked = {marker for marker in MARKERS if marker in config.getoption("markexpr")}
    if any("::" in argument for argument in config.args):
        asked |= {"slow", "timing"}
    for item in items:
        marked = {marker for marker in MARKERS if item.get_closest_marker(marker)}
        lacking = marked - asked
        if lacking & {"fuzz", "nightly"} or (lacking and not marked & asked):  # what is slow and timed runs by either
            item.add_marker(pytest.mark.skip(reason=f"run it with -m {' or -m '.join(sorted(lacking))}"))
    for item in items:
        if item.get_closest_marker("fuzz") or item.get_closest_marker("nightly"):
            item.add_marker(pytest.mark.timeout(3600))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Import what a test `needs` before its fixtures, or skip it; and skip it if it needs a GPU that is not there."""
    for marker in item.iter_markers("needs"):
        for name in marker.args:
            pytest.importorskip(name)
    if item.get_closest_marker("gpu") and not _cuda_is_available():
        pytest.skip("needs PyTorch with a CUDA device")


def _cuda_is_available() -> bool:
    if importlib.util.find_spec("torch") is None:
        return False
    import torch  # slow to import, so only where a test asks for it

    return torch.cuda.is_available()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real browser for the pages: Debian's Chromium, without a window. Playwright has one of them in a process."""
    absent = [
        name
        for name, found in (
            (str(CHROMIUM), CHROMIUM.exists()),
            ("playwright", importlib.util.find_spec("playwright") is not None),
        )
        if not found
    ]
    if absent:
        message = f"the page is tested in Chromium by Playwright; absent: {', '.join(absent)}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()
