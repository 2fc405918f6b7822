"""ZCA whitening."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.draws import Draws
from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.steps import Images


@dataclass(frozen=True)
class ZcaWhitening:
    """Multiplies each image by the matrix that makes the training examples' pixels uncorrelated, as Keras does.

    With singular values s of the training examples and their vectors u: u / (s / sqrt(n) + epsilon / sqrt(n)) u'. The
    mean of each pixel is to be subtracted before. The matrix comes from BLAS and LAPACK, whose last bits differ between
    machines: of all preparations, this one alone is the same on one machine only.
    """

    epsilon: float = 1e-6

    def fit(self, batches: Callable[[], Iterable[Images]]) -> "Whiten":
        """With the matrix of these examples. It has as many rows as an image has numbers.

        Raises:
            DataError: an image has more than 20,000 numbers, of which the matrix would take more than 3 GB.
        """
        total, count = None, 0
        for batch in batches():
            flat = np.asarray(batch, np.float64).reshape(len(batch), -1)
            if flat.shape[1] > 20_000:
                raise DataError(f"ZCA whitening of images of {flat.shape[1]} numbers; expected at most 20,000")
            here = flat.T @ flat
            total = here if total is None else total + here
            count += len(batch)
        if total is None:
            raise DataError("statistics of no examples")
        squares, vectors = np.linalg.eigh(total)
        # Fewer examples than numbers leave directions without any variance: as an SVD of the examples, leave them out.
        used = np.argsort(squares)[::-1][: min(count, len(squares))]
        scales = np.sqrt(count) / (np.sqrt(np.maximum(squares[used], 0.0)) + self.epsilon)
        return Whiten(((vectors[:, used] * scales) @ vectors[:, used].T).astype(np.float32))


@dataclass(frozen=True)
class Whiten:
    """Multiplies each image, as a row of numbers, by a matrix."""

    matrix: NDArray[np.float32]

    def __call__(self, images: Images, draws: Draws) -> Images:
        flat = np.asarray(images, np.float32).reshape(len(images), -1)
        return (flat @ self.matrix).reshape(images.shape)
