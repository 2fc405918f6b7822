"""Random numbers are the same everywhere, and are distributed as they should be."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from archspec.training.data.parts.draws import Draws, random_order, random_uniform, random_words
from archspec.training.data.parts.erasing import normal_of_row
from archspec.training.data.parts.exact import exact_exp, exact_log, exact_sin_cos
from archspec.training.data.parts.mixing import symmetric_beta


def test_functions_are_within_a_few_units_of_the_last_place() -> None:
    x = np.concatenate([np.linspace(-30, 30, 4001), [0.0, 1e-300, -700.0, 700.0]])
    np.testing.assert_allclose(exact_exp(x), [math.exp(value) for value in x], rtol=1e-15)
    x = np.concatenate([np.geomspace(1e-300, 1e300, 4001), np.linspace(0.5, 2, 1001), [2.0**-53]])
    np.testing.assert_allclose(exact_log(x), [math.log(value) for value in x], rtol=2e-15, atol=1e-17)
    degrees = np.concatenate([np.linspace(-720, 720, 5761), np.random.default_rng(0).uniform(-400, 400, 1000)])
    sin, cos = exact_sin_cos(degrees)
    np.testing.assert_allclose(sin, [math.sin(math.radians(value)) for value in degrees], rtol=0, atol=2e-15)
    np.testing.assert_allclose(cos, [math.cos(math.radians(value)) for value in degrees], rtol=0, atol=2e-15)
    for angle, expected in ((0.0, (0, 1)), (90.0, (1, 0)), (180.0, (0, -1)), (-90.0, (-1, 0)), (450.0, (1, 0))):
        assert [float(value[0]) for value in exact_sin_cos(np.array([angle]))] == list(expected)


def test_words_are_sfc64s_of_the_key() -> None:
    """As docs/data.md says it, in plain Python."""
    mask = 2**64 - 1
    key = hashlib.sha256(b"archspec.data 1\n12\nFlip.1\n345").digest()
    a, b, c = (int.from_bytes(key[8 * n : 8 * n + 8], "little") for n in range(3))
    counter, expected = 1, []
    for _ in range(50):
        out = (a + b + counter) & mask
        counter += 1
        a, b = b ^ (b >> 11), (c + (c << 3)) & mask
        c = (((c << 24) | (c >> 40)) + out) & mask
        expected.append(out)
    assert random_words(12, "Flip.1", 345, 50).tolist() == expected
    assert random_uniform(12, "Flip.1", 345, 50).tolist() == [(word >> 11) * 2.0**-53 for word in expected]


def test_golden_draws() -> None:
    """Bits that must not change from version to version, nor from machine to machine."""
    draws = Draws(3, 14, np.arange(40)).of("Affine.1")
    sin, cos = exact_sin_cos(draws.uniform(3) * 720 - 360)
    arrays = (
        draws.uniform(8),
        exact_exp(draws.uniform(2) * 20 - 10),
        exact_log(draws.uniform(2) + 1e-9),
        sin,
        cos,
        normal_of_row(draws, 5, 101),
        np.array([symmetric_beta(alpha, draws) for alpha in (0.2, 0.5, 0.8, 1.0, 3.0)]),
        random_order(3, "order", 2, 1000),
    )
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()
    assert digest == GOLDEN


GOLDEN = "aa3a62249c4e250be962873851dbc180eccddf90bb3bcdef257de49395cfd137"


def test_each_seed_purpose_and_step_has_numbers_of_its_own() -> None:
    keys = [(seed, purpose, step) for seed in (0, 1) for purpose in ("a", "b", "a1") for step in (0, 1, 11)]
    found = {random_words(*key, 4).tobytes() for key in keys}
    assert len(found) == len(keys)


def test_rows_do_not_depend_on_the_others() -> None:
    whole = Draws(0, 7, np.arange(32)).of("Flip.1").uniform(5)
    for rows in ([3], [31, 0, 4], [], list(range(10, 20))):
        part = Draws(0, 7, np.array(rows, np.int64)).of("Flip.1").uniform(5)
        np.testing.assert_array_equal(part, whole[rows])


def test_numbers_are_even() -> None:
    u = random_uniform(5, "even", 0, 200_000)
    assert u.min() >= 0
    assert u.max() < 1
    assert np.abs(np.sort(u) - (np.arange(200_000) + 0.5) / 200_000).max() < 1.95 / math.sqrt(200_000)
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.01


def test_orders_are_permutations_of_even_places() -> None:
    places = np.stack([random_order(0, "order", epoch, 20) for epoch in range(3000)])
    assert (np.sort(places, axis=1) == np.arange(20)).all()
    for column in (0, 7, 19):
        counts = np.bincount(places[:, column], minlength=20)
        assert ((counts - 150) ** 2 / 150).sum() < 50  # chi-squared of 19 degrees: 1 in 10,000


def test_normal_numbers() -> None:
    numbers = normal_of_row(Draws(0, 0, np.arange(1)).of("noise"), 0, 100_001)
    expected = np.array([math.erf(value / math.sqrt(2)) / 2 + 0.5 for value in np.sort(numbers)])
    assert np.abs(expected - (np.arange(100_001) + 0.5) / 100_001).max() < 1.95 / math.sqrt(100_001)


@pytest.mark.parametrize("alpha", [0.1, 0.2, 0.5, 0.51, 1.0, 4.0])
def test_shares_have_the_beta_distribution(alpha: float) -> None:
    special = pytest.importorskip("scipy.special")
    found = np.sort([symmetric_beta(alpha, Draws(0, step, np.arange(1)).of("Mix.1")) for step in range(4000)])
    assert found.min() >= 0
    assert found.max() <= 1
    expected = special.betainc(alpha, alpha, found)
    assert np.abs(expected - (np.arange(4000) + 0.5) / 4000).max() < 1.95 / math.sqrt(4000)
