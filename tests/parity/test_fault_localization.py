"""Where differences begin, found from the differences alone."""

from __future__ import annotations

import math

import pytest

from archspec.parity.fault_localization import consequences, first_to_differ, last_to_differ
from tests.parity.probe import graph

TOLERANCE = 1e-12
BEHIND_UNIT_0 = ("layer1.0.relu_2", "layer1.1.conv1")


def _differences(**wrong: float) -> dict[str, float]:
    """Every layer agrees but for these, whose names have `__` for a dot."""
    found = dict.fromkeys(graph().nodes, 1e-16)
    found.update({name.replace("__", "."): value for name, value in wrong.items()})
    assert len(found) == len(graph().nodes)
    return found


def test_nothing_differs() -> None:
    assert first_to_differ(graph(), _differences(), TOLERANCE) == {}
    assert last_to_differ(graph(), _differences(), TOLERANCE) == {}


@pytest.mark.parametrize("value", [1e-3, math.inf, math.nan])
def test_the_first_layer_is_to_blame_and_those_behind_it_are_not(value: float) -> None:
    found = first_to_differ(graph(), _differences(bn1=value, pool=1e-3, conv2=1e-3), TOLERANCE)
    assert found == {"bn1": 1e-16}


def test_a_difference_that_vanishes_and_another_are_two() -> None:
    found = first_to_differ(graph(), _differences(bn1=1e-3, conv3=1e-3), TOLERANCE)
    assert list(found) == ["bn1", "conv3"]


def test_both_branches_may_be_to_blame() -> None:
    found = first_to_differ(graph(), _differences(layer1__1__conv1=1.0, layer1__1__downsample__0=1.0), TOLERANCE)
    assert list(found) == ["layer1.1.conv1", "layer1.1.downsample.0"]


def test_a_layer_that_was_not_computed_is_to_blame_only_if_what_follows_differs() -> None:
    missing = _differences()
    del missing["pool"], missing["conv2"]
    assert first_to_differ(graph(), missing, TOLERANCE) == {}
    missing["relu"] = 1.0
    assert list(first_to_differ(graph(), missing, TOLERANCE)) == ["pool"]
    missing["bn1"] = 1.0
    assert list(first_to_differ(graph(), missing, TOLERANCE)) == ["bn1"]


def test_gradients_are_followed_backwards() -> None:
    wrong = _differences(conv1=1.0, bn1=1.0, pool=1.0)
    assert last_to_differ(graph(), wrong, TOLERANCE) == {"pool": (1e-16, ("conv2",))}
    before_a_fork = _differences(layer1__0__relu_2=1.0, layer1__0__add=1.0)
    assert last_to_differ(graph(), before_a_fork, TOLERANCE) == {
        "layer1.0.relu_2": (1e-16, ("layer1.1.conv1", "layer1.1.downsample.0"))
    }


def test_consequences_are_what_differs_and_comes_of_it() -> None:
    assert consequences(graph(), "conv4", ["conv1", "conv4", "fc", "flatten"]) == ("flatten", "fc")
