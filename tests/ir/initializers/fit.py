"""Whether numbers were drawn from a distribution: bounds, moments, and a Kolmogorov-Smirnov test.

Each test errs with a probability of less than 1e-6 on what was drawn right, and the seeds are fixed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from archspec.ir.initializers import INITIALIZERS, Distribution, Fixed, Initializer, parse_initializer
from archspec.ir.initializers.random_stream import CHUNK, RandomStream

LEAST = 50_000
SIGMAS = 6.0
EDGE = 0.0015
"""The share of the bounds that is next to one of them: of so many numbers some lie there."""

OPTIONS: Mapping[str, list[Any]] = {
    "constant": [0.25],
    "normal": [0.02, {"std": 0.5, "mean": -1}],
    "truncated_normal": [0.02],
    "uniform": [0.05],
    "kaiming_normal": ["fan_in", "fan_out"],
    "kaiming_uniform": ["fan_in", "fan_out"],
    "variance_scaling": [
        {"scale": scale, "mode": mode, "distribution": shape}
        for scale, mode, shape in (
            (0.5, "fan_in", "normal"),
            (1.5, "fan_avg", "normal"),
            (2, "fan_out", "truncated_normal"),
            (0.1, "fan_avg", "truncated_normal"),
            (1, "fan_out", "uniform"),
            (3, "fan_in", "uniform"),
        )
    ],
    "slim_variance_scaling": [None, {"factor": 1, "mode": "fan_out"}, {"mode": "fan_avg"}],
}


def every_initializer() -> dict[str, Initializer]:
    """Each with options that use all of its words, by how a spec writes it."""
    found: dict[str, Initializer] = {}
    for name in INITIALIZERS:
        for option in OPTIONS.get(name, [None]):
            text = name if option is None else f"{{{name}: {option}}}".replace("'", "")
            found[text] = parse_initializer({name: option})
    return found


def drawn(
    distribution: Distribution, size: int, *, seed: int = 0, name: str = "w", chunk: int = 0
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Numbers as a weight of this name has them, from one of its chunks on."""
    numbers, found = RandomStream(), np.empty(size, np.float32)
    for start in range(0, size, CHUNK):
        numbers.begin(seed, name, chunk + start // CHUNK)
        distribution.draw(numbers, found[start : start + CHUNK])
    return found


def check(array: Any, distribution: Distribution, strays: float = 0.0) -> None:
    """See that the numbers fit; `strays` is the share that a framework lets slip past the bounds.

    Raises:
        AssertionError: they do not.
    """
    values = np.sort(np.asarray(array, np.float64).ravel())
    count = len(values)
    if isinstance(distribution, Fixed):
        assert np.allclose(values, distribution.value, rtol=1e-6, atol=0)
        return
    assert count >= LEAST
    low, high = distribution.bounds
    if math.isfinite(high):
        slack = 1e-6 * (high - low)  # float32
        outside = int((values < low - slack).sum() + (values > high + slack).sum())
        assert outside <= strays * count, f"{outside} past the bounds"
        near = (1 - EDGE) * high
        assert max(-values[0], values[-1]) >= near, "none near the bounds"
    std = math.sqrt(distribution.variance)
    error = abs(values.mean() - distribution.mean) / std * math.sqrt(count)
    assert error < SIGMAS, f"the mean is {error:.1f} standard errors off"
    # The variance of a variance is (kurtosis - 1) / n, and the kurtosis is the normal's, 3, or less.
    error = abs(values.var() / distribution.variance - 1) * math.sqrt(count / 2)
    assert error < SIGMAS, f"the variance is {error:.1f} standard errors off"
    expected = np.array([distribution.cdf(x) for x in values])
    steps = np.arange(count + 1) / count
    distance = max(np.abs(expected - steps[1:]).max(), np.abs(expected - steps[:-1]).max())
    critical = math.sqrt(-math.log(1e-6 / 2) / 2 / count)
    assert distance < critical, f"Kolmogorov-Smirnov: {distance:.4f}, at most {critical:.4f}"
