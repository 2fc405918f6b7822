"""How far the frameworks' own layers are from the definition of an op, in float64: `python -m benchmarks.frameworks`.

Each is a reproduction of what `docs/frameworks.md` lists; the generated source does not have these differences.
`--engine jax` or `--engine torch` runs Keras on another framework.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from benchmarks.machine import describe

Array = np.ndarray[Any, Any]


def _x(*shape: int, scale: float = 1.0) -> Array:
    return np.random.default_rng(0).normal(scale=scale, size=shape)


def _keras(layer: Any, x: Array) -> Array:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(layer(keras.ops.convert_to_tensor(x, dtype="float64"))))


def leaky_relu() -> float:
    from keras import layers

    x = _x(1000)
    return _furthest(_keras(layers.LeakyReLU(0.01), x), np.where(x > 0, x, 0.01 * x))


def gelu() -> float:
    from math import erf

    from keras import layers

    x = _x(1000)
    return _furthest(_keras(layers.Activation("gelu"), x), np.array([v * (1 + erf(v / 2**0.5)) / 2 for v in x]))


def rescaling() -> float:
    from keras import layers

    x = _x(1000)
    return _furthest(_keras(layers.Rescaling(0.17), x), x * 0.17)


def attention() -> float:
    from keras import layers

    layer = layers.MultiHeadAttention(1, 3)
    x = _x(1, 5, 3)
    found = _keras(lambda tensor: layer(tensor, tensor), x)
    weights = [np.asarray(weight) for weight in layer.get_weights()]
    query, key, value = (x[0] @ w[:, 0] + b for w, b in zip(weights[0:6:2], weights[1:6:2], strict=True))
    scores = np.exp(query @ key.T / 3**0.5)
    mixed = scores / scores.sum(-1, keepdims=True) @ value
    return _furthest(found[0], mixed @ weights[6][0] + weights[7])


def bilinear() -> float:
    from keras import layers

    x = _x(1, 3, 3, 1)
    found = _keras(layers.UpSampling2D(2, interpolation="bilinear"), x)
    matrix = np.zeros((6, 3))
    for row in range(6):
        at = min(max((row + 0.5) / 2 - 0.5, 0), 2)
        low = min(int(at), 1)
        matrix[row, low : low + 2] = low + 1 - at, at - low
    return _furthest(found[0, :, :, 0], matrix @ x[0, :, :, 0] @ matrix.T)


def batch_norm() -> float:
    from keras import layers

    x = _x(64, 4)
    layer = layers.BatchNormalization(epsilon=1e-5)
    found = _keras(lambda tensor: layer(tensor, training=True), x)
    return _furthest(found, (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5))


def mean() -> float:
    from keras import layers

    x = _x(2, 7, 7, 4)
    return _furthest(_keras(layers.GlobalAveragePooling2D(), x), x.mean((1, 2)))


def uneven_average() -> float:
    from keras import layers

    x = _x(1, 6, 1, 1)
    found = _keras(layers.AveragePooling2D((3, 1), (2, 1), "same"), x)  # one row of padding, at the end
    rows = x[0, :, 0, 0]
    return _furthest(found[0, :, 0, 0], np.array([rows[0:3].mean(), rows[2:5].mean(), rows[4:6].mean()]))


def softplus() -> float:
    import torch

    x = np.linspace(19, 22, 1000)
    return _furthest(torch.nn.Softplus()(torch.from_numpy(x)).numpy(), np.log1p(np.exp(-x)) + x)


KERAS: Final[tuple[Callable[[], float], ...]] = (
    *(leaky_relu, gelu, rescaling, attention, bilinear, batch_norm, mean, uneven_average),
)


def _furthest(found: Array, wanted: Array) -> float:
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("tensorflow", "jax", "torch"), default="tensorflow")
    engine: str = parser.parse_args().engine
    os.environ["KERAS_BACKEND"] = engine
    os.environ["JAX_ENABLE_X64"] = "1"
    import keras

    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    print(describe("keras", engine))
    for measure in (*KERAS, *((softplus,) if engine == "torch" else ())):
        print(f"{measure.__name__:<16} {measure():.1e}")


if __name__ == "__main__":
    main()
