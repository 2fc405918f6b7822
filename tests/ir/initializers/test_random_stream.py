"""Numbers from bits: exactly those of the scheme, accurate, independent, and right far out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from archspec.ir.initializers import ContinuousUniform, Distribution, Fixed, Gaussian, TruncatedGaussian
from archspec.ir.initializers.random_stream import CHUNK, RandomStream
from tests.ir.initializers import plain
from tests.ir.initializers.fit import check, drawn

SIZES = [1, 2, 3, 4, 5, 7, 100, 1001]
STANDARD = Gaussian(0.0, 1.0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("seed", "name", "chunk"), [(0, "fc.weight", 0), (-7, "a.b", 3), (10**30, "ü", 0)])
def test_plain_python_gives_the_same_bits(size: int, seed: int, name: str, chunk: int) -> None:
    def same(distribution: Distribution, expected: list[float]) -> None:
        found = np.empty(size, np.float32)
        numbers.begin(seed, name, chunk)
        distribution.draw(numbers, found)
        assert found.tobytes() == np.array(expected, np.float32).tobytes()

    numbers = RandomStream()
    same(STANDARD, plain.normal(plain.words(seed, name, chunk), size, 1.0))
    same(Gaussian(0.0, 0.02), plain.normal(plain.words(seed, name, chunk), size, 0.02))
    same(ContinuousUniform(0.3), plain.uniform(plain.words(seed, name, chunk), size, 0.3))
    same(TruncatedGaussian(0.1, 0.2), plain.truncated(plain.words(seed, name, chunk), size, 0.1, 0.2))
    same(Fixed(0.1), [0.1] * size)
    shifted = [plain.f32(x + plain.f32(-0.7)) for x in plain.normal(plain.words(seed, name, chunk), size, 0.02)]
    same(Gaussian(-0.7, 0.02), shifted)


def test_a_whole_chunk_in_plain_python() -> None:
    found = drawn(STANDARD, CHUNK)
    expected = np.array(plain.normal(plain.words(0, "w", 0), CHUNK, 1.0), np.float32)
    assert found.tobytes() == expected.tobytes()


def test_numbers_are_those_of_box_and_muller() -> None:
    words = plain.take(plain.words(0, "w", 0), CHUNK)
    pairs = [plain.exact_pair(*pair) for pair in zip(words[: CHUNK // 2], words[CHUNK // 2 :], strict=True)]
    expected = np.array(pairs).T
    error = np.abs(drawn(STANDARD, CHUNK).reshape(2, -1) - expected)
    assert (error / np.hypot(*expected)).max() < 3e-7  # half a step of float32 is 6e-8


# The ends of both words; the greatest radius is sqrt(2 * 32 * ln 2).
ENDS = [(0, 0), (1, 1), (2**32 - 1, 2**32 - 1), (2**32 - 2, 2**31), (0, 2**31 - 1), (3, 2**31), (5, 123456789)]


@pytest.mark.parametrize("pair", ENDS)
def test_the_ends(pair: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RandomStream, "_words", lambda self, count: np.array(pair, np.uint32))
    found = np.empty(2, np.float32)
    RandomStream().normal(found, 1.0)
    expected = np.array(plain.exact_pair(*pair))
    assert np.isfinite(found).all()
    assert np.abs(found - expected).max() < 2e-6


def test_a_uniform_number_is_never_past_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RandomStream, "_words", lambda self, count: np.array([0, 2**32 - 1], np.uint32))
    for limit in (1.0, 0.1, 1 / 3, 0.0221):
        found = np.empty(2, np.float32)
        RandomStream().uniform(found, limit)
        assert -found[0] == found[1] <= np.float32(limit)
        assert found[1] >= (1 - 2.0**-22) * limit


@pytest.mark.parametrize(
    "distribution", [STANDARD, Gaussian(-1.0, 0.5), TruncatedGaussian(0.02, 0.04), ContinuousUniform(0.3)], ids=str
)
def test_a_million_numbers_fit(distribution: Distribution) -> None:
    check(drawn(distribution, 2**20 + 11), distribution)


# -- tails ------------------------------------------------------------------------------------------

TAILS = (3.0, 4.0, 4.5, 5.0, 5.25, 5.5)


def _share(edge: float) -> float:
    """Of standard normal numbers, how many are past the edge on either side."""
    return math.erfc(edge / math.sqrt(2))


def _check_tails(past: dict[float, int], count: int) -> None:
    for edge, found in past.items():
        expected = count * _share(edge)
        assert _unlikely(found, expected) > 1e-5, f"{found} past {edge}, {expected:.1f} are expected"


def _unlikely(found: int, expected: float) -> float:
    """The probability of so many or more, or so many or fewer, by Poisson's distribution or the normal's."""
    if expected > 1000:
        return _share(abs(found - expected) / math.sqrt(expected))
    below = sum(math.exp(k * math.log(expected) - expected - math.lgamma(k + 1)) for k in range(found + 1))
    here = math.exp(found * math.log(expected) - expected - math.lgamma(found + 1))
    return min(below, 1 - below + here)


def _past(change: Callable[[Any], Any] | None = None) -> tuple[dict[float, int], int]:
    numbers, chunks = RandomStream(), 2**29 // CHUNK
    past = dict.fromkeys(TAILS, 0)
    found = np.empty(CHUNK, np.float32)
    for chunk in range(chunks):
        numbers.begin(0, "tails", chunk)
        STANDARD.draw(numbers, found)
        size = np.abs(found if change is None else change(found))
        size = size[size > TAILS[0]]
        for edge in TAILS:
            past[edge] += int((size > edge).sum())
    return past, chunks * CHUNK


def test_tails() -> None:
    past, count = _past()
    assert count * _share(5.5) > 20
    _check_tails(past, count)
    _check_tails({**past, 5.5: 20}, count)
    for edge, planted in [(5.5, 0), (5.5, 60), (5.0, int(0.7 * past[5.0])), (3.0, int(1.01 * past[3.0]))]:
        with pytest.raises(AssertionError, match=f"past {edge}"):
            _check_tails({edge: planted}, count)


# -- independence -----------------------------------------------------------------------------------


def _check_independent(a: Any, b: Any) -> None:
    """No correlation between numbers, their sizes, or one with the other."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    for left in (a, a**2):
        for right in (b, b**2):
            found = abs(np.corrcoef(left, right)[0, 1]) * math.sqrt(len(a))
            assert found < 5, f"a correlation {found:.1f} standard errors off"


OTHERS = {
    "the next chunk": lambda: drawn(STANDARD, CHUNK, chunk=1),
    "a chunk far on": lambda: drawn(STANDARD, CHUNK, chunk=1000),
    "another weight": lambda: drawn(STANDARD, CHUNK, name="v"),
    "another seed": lambda: drawn(STANDARD, CHUNK, seed=1),
}


@pytest.mark.parametrize("other", OTHERS)
def test_streams_are_independent(other: str) -> None:
    _check_independent(drawn(STANDARD, CHUNK), OTHERS[other]())


@pytest.mark.parametrize("distribution", [STANDARD, ContinuousUniform(1.0), TruncatedGaussian(1.0, 2.0)], ids=str)
@pytest.mark.parametrize("distance", [1, 2, 3, 64, 576, CHUNK // 4, CHUNK // 2])
def test_numbers_of_a_chunk_are_independent(distribution: Distribution, distance: int) -> None:
    found = drawn(distribution, CHUNK)
    _check_independent(found[:-distance], found[distance:])


def test_what_depends_is_noticed() -> None:
    found = drawn(STANDARD, CHUNK)
    signs = np.sign(drawn(STANDARD, CHUNK, chunk=1))
    weak = found + 40 * drawn(STANDARD, CHUNK, chunk=1)
    for other in (found, -found, signs * found, signs * np.abs(found), weak):
        with pytest.raises(AssertionError, match="correlation"):
            _check_independent(found, other)


def test_half_of_all_numbers_are_negative() -> None:
    for distribution in (STANDARD, ContinuousUniform(1.0), TruncatedGaussian(1.0, 2.0)):
        found = drawn(distribution, CHUNK)
        for part in (found[: CHUNK // 2], found[CHUNK // 2 :]):
            assert abs((part < 0).mean() - 0.5) * 2 * math.sqrt(len(part)) < 5
