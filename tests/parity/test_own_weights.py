"""Comparisons on weights as users have them: drawn by `archspec init`, with running statistics of a training."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.initialization import draw
from archspec.parity import compare
from archspec.parity.data import random_inputs
from tests.needed import needs
from tests.parity.faults import FAULTS
from tests.parity.probe import KERAS, NETWORK, TORCH, compared, edited, graph, pool

pytestmark = [needs("torch", "keras"), pytest.mark.parity]


@lru_cache
def weights(passes: int = 0, network: str = NETWORK) -> dict[str, np.ndarray[Any, Any]]:
    """What is drawn by the spec's initializers; the running statistics are those after some batches."""
    drawn = graph(network)
    found = {name: array.astype(np.float64) for name, array in draw(drawn, 0).items()}
    torch = backend("torch", RunsModels)
    model = torch.build(torch.render(drawn), drawn, weights=found, dtype="float64")
    for number in range(passes):
        found |= torch.run(model, drawn, random_inputs(drawn, 8, number), training=True).statistics
    return found


@pytest.mark.parametrize("passes", [pytest.param(0, marks=pytest.mark.slow), 20])
def test_the_sound_network_agrees(passes: int) -> None:
    report = compare(graph(), (TORCH, KERAS), weights=weights(passes), batch=4, pool=pool())
    report.require()
    assert not [row for row in report.rows if row.drowned]


FIRST = {*{fault.check: name for name, fault in reversed(FAULTS.items())}.values()}
"""A fault for each check, which every run plants; the others are slow."""


@pytest.mark.parametrize(
    "name", [name if name in FIRST else pytest.param(name, marks=pytest.mark.slow) for name in FAULTS]
)
def test_planted_faults_are_caught(name: str) -> None:
    fault = FAULTS[name]
    text = edited(fault.backend, *fault.edits, network=fault.network)
    options = {"checks": (fault.check,), "weights": weights(20, fault.network), "network": fault.network}
    report = compared(**{f"{fault.backend}_source": text}, **options)  # type: ignore[arg-type]
    assert not report.agrees
    assert fault.what in [row.what for row in report.rows if not row.agrees]
    assert {blame.path: blame.kind for blame in report.blamed} == fault.blamed
