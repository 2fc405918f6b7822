"""The weights and the images of the oracles beside this file, and reading these.

Each `.npz` holds what an original TensorFlow implementation computed: `logits`, the `shape` of its input (NHWC), and
the `names` and `shapes` of its variables in the order they were made. Weights and images are drawn here as they were
drawn there.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

# The last part of a variable's name: its kind, and what archspec calls it.
KINDS = {
    "kernel": ("kernel", "weight"),
    "weights": ("kernel", "weight"),
    "bias": ("bias", "bias"),
    "biases": ("bias", "bias"),
    "gamma": ("gamma", "weight"),
    "beta": ("beta", "bias"),
    "moving_mean": ("mean", "running_mean"),
    "moving_variance": ("var", "running_var"),
}


def weight(name: str, shape: Sequence[int], kind: str) -> Array:
    """The values of the variable `name`; `kind` is kernel (HWIO or IO), bias, gamma, beta, mean or var."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    shape = tuple(shape)
    if kind == "kernel":
        return (rng.standard_normal(shape) * math.sqrt(1.5 / math.prod(shape[:-1]))).astype(np.float32)
    if kind in ("gamma", "var"):
        return rng.uniform(0.7, 1.3, shape).astype(np.float32)
    return (rng.standard_normal(shape) * 0.1).astype(np.float32)


def image(shape: Sequence[int], seed: int = 0) -> Array:
    """A batch of images, NHWC."""
    return np.random.default_rng(seed).standard_normal(tuple(shape)).astype(np.float32)


@dataclass(frozen=True)
class Oracle:
    """What one implementation computed, and the variables it computed it with, by name in the order they were made."""

    arrays: dict[str, NDArray[np.generic]]
    variables: dict[str, tuple[int, ...]]

    @property
    def layers(self) -> list[str]:
        """The names of the layers that have variables: those of the variables without their last part."""
        return list(dict.fromkeys(name.rpartition("/")[0] for name in self.variables))

    @property
    def images(self) -> Array:
        """The input, NCHW."""
        return np.ascontiguousarray(image(self.arrays["shape"].astype(int).tolist()).transpose(0, 3, 1, 2))


def read(name: str) -> Oracle:
    """The oracle in the file `name`.npz of this folder."""
    with np.load(Path(__file__).with_name(f"{name}.npz")) as file:
        arrays = {key: file[key] for key in file.files}
    shapes = [tuple(json.loads(str(shape))) for shape in arrays["shapes"]]
    return Oracle(arrays, {str(key): shape for key, shape in zip(arrays["names"], shapes, strict=True)})


def canonical(name: str, shape: Sequence[int]) -> tuple[str, Array]:
    """What archspec calls the last part of the variable `name`, and its values in archspec's layout (OIHW, OI)."""
    kind, attribute = KINDS[name.rpartition("/")[2]]
    values = weight(name, shape, kind)
    if values.ndim > 1:
        values = np.ascontiguousarray(values.transpose(3, 2, 0, 1) if values.ndim == 4 else values.T)
    return attribute, values
