"""Weights, and what else a run goes on from, as arrays by their names."""

from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray


def as_array(variable: Any) -> NDArray[Any]:
    """A variable's numbers."""
    return np.array(ops.convert_to_numpy(ops.convert_to_tensor(variable)))


def weights_of(network: Any) -> dict[str, Any]:
    """The weights by their names."""
    return {weight.path: as_array(weight) for weight in network.weights}


def states_of(network: Any) -> dict[str, NDArray[Any]]:
    """What the optimizer knows, and how far the random numbers of dropout have come."""
    return {name: as_array(variable) for name, variable in _states(network).items()}


def load_states(network: Any, arrays: dict[str, NDArray[Any]]) -> None:
    """Goes on from what `states_of` gave."""
    for name, variable in _states(network).items():
        variable.assign(arrays[name])


def _states(network: Any) -> dict[str, Any]:
    # The optimizer's are numbered: two of Keras's paths may be the same.
    numbered = enumerate(network.optimizer.variables)
    found = {f"optimizer/{number}/{variable.path}": variable for number, variable in numbered}
    others = network.non_trainable_variables
    seeds = [variable for variable in others if "seed_generator" in variable.path]
    return found | {f"random/{variable.path}": variable for variable in seeds}


def load_weights(network: Any, arrays: dict[str, Any]) -> None:
    """Puts weights into the network.

    Raises:
        SystemExit: some are missing, or have another shape.
    """
    for weight in network.weights:
        found = arrays[weight.path].shape if weight.path in arrays else "missing"
        if found != tuple(weight.shape):
            expected = tuple(weight.shape)
            raise SystemExit(f"the weights do not fit: {weight.path} is {found}, not {expected}")
        weight.assign(arrays[weight.path])
