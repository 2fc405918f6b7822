"""Random numbers as a function of a seed, a purpose, and an epoch or a step: nothing else can change them.

The bits are those of SFC64, a generator of integers that NumPy keeps as it is (NEP 19), whose state is the SHA-256
of a text. A number in [0, 1) is the upper 53 bits of a word, so it is the same on every machine.
"""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


def random_words(seed: int, purpose: str, index: int, count: int) -> NDArray[np.uint64]:
    """The first words of 64 bits, shape (count,), of the stream for a purpose in an epoch or a step."""
    key = hashlib.sha256(f"archspec.data 1\n{seed}\n{purpose}\n{index}".encode()).digest()
    bits = np.random.SFC64(0)
    state = bits.state
    state["state"]["state"][:3] = np.frombuffer(key, "<u8", 3)
    state["state"]["state"][3] = 1
    bits.state = state
    return bits.random_raw(count).astype(np.uint64, copy=False)


def random_uniform(seed: int, purpose: str, index: int, count: int) -> NDArray[np.float64]:
    """Numbers in [0, 1), shape (count,)."""
    return (random_words(seed, purpose, index, count) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def random_order(seed: int, purpose: str, index: int, count: int) -> NDArray[np.int64]:
    """0 to count - 1 in random order."""
    return np.argsort(random_words(seed, purpose, index, count), kind="stable")


@dataclass(frozen=True)
class Draws:
    """What is drawn for the rows of one batch, which may be a part of the whole batch of several processes."""

    seed: int
    step: int
    rows: NDArray[np.int64]
    """Which rows of the whole batch these are."""
    purpose: str = ""

    def of(self, purpose: str) -> "Draws":
        """The draws of one augmentation."""
        return replace(self, purpose=purpose)

    def uniform(self, columns: int) -> NDArray[np.float64]:
        """Numbers in [0, 1) for each row, shape (rows, columns)."""
        count = (int(self.rows.max()) + 1 if len(self.rows) else 0) * columns
        return random_uniform(self.seed, self.purpose, self.step, count).reshape(-1, columns)[self.rows]

    def whole(self, count: int, suffix: str = "") -> NDArray[np.float64]:
        """Numbers in [0, 1) for the whole batch, shape (count,)."""
        return random_uniform(self.seed, self.purpose + suffix, self.step, count)


def within(low: float, high: float, u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Numbers in [0, 1) brought between two bounds."""
    return low + (high - low) * u
