"""Every spec that ships passes the comparison that `archspec parity` makes of it by default."""

from __future__ import annotations

import pytest

from archspec.cli import main
from archspec.spec import shipped
from tests.needed import needs

pytestmark = [needs("torch", "keras"), pytest.mark.parity]

TOLERANCES = {"mobilenet_v3": ("float64.gradients=1e-7", "float64.run=1e-7")}
"""PyTorch's `nn.Hardsigmoid` has 1/6 as a float32 number in its gradient, in float64 too."""
QUICK = ("lenet", "two_streams")
"""The smallest; `pytest -m nightly` takes all the others."""


@pytest.mark.parametrize("name", [QUICK[0], *(pytest.param(name, marks=pytest.mark.slow) for name in QUICK[1:])])
def test_the_smallest_specs_pass(name: str) -> None:
    assert main(["parity", name]) == 0


@pytest.mark.nightly
@pytest.mark.parametrize("name", [name for name in shipped() if name not in QUICK])
def test_the_specs_pass(name: str) -> None:
    tolerances = [word for tolerance in TOLERANCES.get(name, ()) for word in ("--tolerance", tolerance)]
    assert main(["parity", name, *tolerances]) == 0
