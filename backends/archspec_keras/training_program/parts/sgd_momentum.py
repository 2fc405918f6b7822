"""SGD with momentum."""

from typing import Any

import keras
from keras import ops


class SGD(keras.optimizers.Optimizer):
    """v = momentum * v + g; p = p - rate * v. The velocity of Keras's own SGD carries the rate."""

    def __init__(self, learning_rate: float, *, momentum: float, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = momentum

    def build(self, variables: list[Any]) -> None:
        """Makes the velocities."""
        super().build(variables)
        self.velocities = self.add_optimizer_variables(variables, "velocity")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One parameter's step."""
        velocity = self.velocities[self._get_variable_index(variable)]
        new = ops.convert_to_tensor(velocity) * self.momentum + gradient
        self.assign(velocity, new)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * new)
