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
        classes = tuple(str(n) for n in range(10))
        return Examples(InMemory(pixels), labels[chosen].astype(np.int64), classes, (8, 8, 1), "scikit-learn's digits")
