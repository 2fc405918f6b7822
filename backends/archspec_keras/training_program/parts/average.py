"""The average of the weights."""

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray


class Average:
    """An exponential moving average of a network's weights and running statistics."""

    def __init__(self, network: Any, decay: float) -> None:
        self.decay = decay
        self.copy(network)

    def copy(self, network: Any) -> None:
        """Makes the average the network's present weights."""
        self.values = [ops.copy(ops.convert_to_tensor(weight)) for weight in network.weights]

    def move(self, network: Any) -> None:
        """Moves the average towards the network's present weights."""
        self.values = [
            value * self.decay + ops.convert_to_tensor(weight) * (1 - self.decay)
            for value, weight in zip(self.values, network.weights, strict=True)
        ]

    def swap(self, network: Any) -> None:
        """Exchanges the network's weights and their average."""
        values = self.values
        self.copy(network)
        for weight, value in zip(network.weights, values, strict=True):
            weight.assign(value)

    def arrays(self, network: Any) -> dict[str, NDArray[Any]]:
        """The average as arrays, such as `ema/fc/kernel`."""
        pairs = zip(network.weights, self.values, strict=True)
        return {
            f"ema/{weight.path}": np.array(ops.convert_to_numpy(value)) for weight, value in pairs
        }

    def restore(self, network: Any, arrays: dict[str, NDArray[Any]]) -> None:
        """Goes on from what `arrays` gave."""
        self.values = [
            ops.convert_to_tensor(arrays[f"ema/{weight.path}"], weight.dtype)
            for weight in network.weights
        ]
