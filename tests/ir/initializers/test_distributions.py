"""The distributions by themselves: moments against the cumulative probability, numbers drawn against both."""

from __future__ import annotations

import math

import numpy as np
import pytest

from archspec.ir.initializers import Fans, Fixed, fans_of, parse_initializer
from tests.ir.initializers.fit import LEAST, check, drawn, every_initializer

FANS = Fans(24, 90)
ALL = {text: initializer.drawn_from(FANS) for text, initializer in every_initializer().items()}
DRAWN = {text: found for text, found in ALL.items() if not isinstance(found, Fixed)}


@pytest.mark.parametrize("name", ALL)
def test_what_is_drawn_fits(name: str) -> None:
    check(drawn(ALL[name], LEAST), ALL[name])


@pytest.mark.parametrize("name", DRAWN)
def test_moments_are_those_of_the_cumulative_probability(name: str) -> None:
    distribution = DRAWN[name]
    std = math.sqrt(distribution.variance)
    low, high = (max(distribution.bounds[0], distribution.mean - 12 * std), distribution.bounds[1])
    high = min(high, distribution.mean + 12 * std)
    edges = np.linspace(low, high, 20_001)
    share = np.diff([distribution.cdf(x) for x in edges])
    middle = (edges[1:] + edges[:-1]) / 2
    assert share.sum() == pytest.approx(1)
    assert (share * middle).sum() == pytest.approx(distribution.mean, abs=1e-9 * std)
    assert (share * (middle - distribution.mean) ** 2).sum() == pytest.approx(distribution.variance, rel=1e-5)


def test_keras_digits_are_the_standard_deviation_of_a_cut_normal() -> None:
    found = parse_initializer({"truncated_normal": 1}).drawn_from(None)
    assert math.sqrt(found.variance) == pytest.approx(0.87962566103423978, rel=1e-14)
    assert parse_initializer({"he_normal": None}).drawn_from(FANS).variance == pytest.approx(2 / 24, rel=1e-14)
    slim = parse_initializer({"slim_variance_scaling": None}).drawn_from(FANS)
    assert slim.bounds[1] == pytest.approx(2 * math.sqrt(1.3 * 2 / 24))
    assert slim.variance == pytest.approx(1.00587 * 2 / 24, rel=1e-4)


@pytest.mark.parametrize(
    ("given", "claimed"),
    [
        ("he_normal", "{kaiming_normal: fan_in}"),
        ("{kaiming_normal: fan_in}", "he_normal"),
        ("{kaiming_normal: fan_in}", "{kaiming_normal: fan_out}"),
        ("{kaiming_uniform: fan_out}", "{kaiming_uniform: fan_in}"),
        ("xavier_normal", "glorot_normal"),
        ("xavier_uniform", "glorot_normal"),
        ("lecun_normal", "lecun_uniform"),
        ("fan_in_uniform", "lecun_uniform"),
        ("he_normal", "slim_variance_scaling"),
        ("slim_variance_scaling", "he_normal"),
        ("{normal: 0.02}", "{truncated_normal: 0.02}"),
        ("{truncated_normal: 0.02}", "{normal: 0.02}"),
    ],
)
def test_another_distribution_is_noticed(given: str, claimed: str) -> None:
    with pytest.raises(AssertionError):
        check(drawn(ALL[given], LEAST), ALL[claimed])


def test_a_cut_normal_that_is_not_rescaled_is_noticed() -> None:
    unscaled = parse_initializer({"truncated_normal": math.sqrt(2 / 24)}).drawn_from(None)
    with pytest.raises(AssertionError):
        check(drawn(unscaled, LEAST), ALL["he_normal"])
    with pytest.raises(AssertionError):
        check(drawn(ALL["he_normal"], LEAST), unscaled)


def test_fans_are_counted_as_pytorch_does() -> None:
    init = pytest.importorskip("torch.nn.init")
    import torch

    for shape in [(6, 4), (6, 4, 3, 5), (8, 1, 3, 3)]:
        fans = fans_of(shape)
        assert fans is not None
        assert (fans.fan_in, fans.fan_out) == init._calculate_fan_in_and_fan_out(torch.empty(shape))
        assert fans.by("fan_avg") == (fans.fan_in + fans.fan_out) / 2
    assert fans_of((5,)) is None
