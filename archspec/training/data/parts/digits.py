"""The handwritten digits that scikit-learn carries."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.examples import Examples, InMemory


@dataclass(frozen=True)
class Digits:
    """1797 images (8, 8, 1) of handwritten digits, 0 to 16. Splits: `train`, `test`; no folder is needed.

    The digits of a writer stand together, so `test` has every fifth example of each class, 355 of them, and `train` the
    other 1442. Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI, 1998, of which
    scikit-learn has the test set.
    """

    size: int | None = None
    """Enlarges them to so many pixels a side, in bytes from 0 to 255: they then stand in for photographs."""
    channels: int = 1
    """How often the gray channel stands in an enlarged image."""

    def open(self, folder: Path, split: str) -> Examples:
        """The examples of a split.

        Raises:
            DataError: scikit-learn is not installed, or there is no such split.
        """
        if split not in ("train", "test"):
            raise DataError(f"the digits have the splits train and test, not {split}")
        try:
            from sklearn.datasets import load_digits
        except ImportError:
            raise DataError("the digits are scikit-learn's, which is not installed: pip install scikit-learn") from None
        images, labels = load_digits(return_X_y=True)
        held_out = np.zeros(len(labels), bool)
        for digit in range(10):
            held_out[np.flatnonzero(labels == digit)[4::5]] = True
        chosen = held_out if split == "test" else ~held_out
        pixels = images[chosen].astype(np.uint8).reshape(-1, 8, 8, 1)
        if self.size is not None:
            nearest = np.arange(self.size) * 8 // self.size
            enlarged = (pixels.astype(np.uint16) * 255 // 16).astype(np.uint8)[:, nearest][:, :, nearest]
            pixels = np.repeat(enlarged, self.channels, axis=3)
        classes = tuple(str(n) for n in range(10))
        targets = labels[chosen].astype(np.int64)
        return Examples(InMemory(pixels), targets, classes, pixels.shape[1:], "scikit-learn's digits")
