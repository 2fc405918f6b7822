"""Lion."""

from typing import Any

import keras
from keras import ops


class Lion(keras.optimizers.Optimizer):
    """p = p - rate * sign(beta1 * m + (1 - beta1) * g); then m = beta2 * m + (1 - beta2) * g."""

    def __init__(self, learning_rate: float, *, beta1: float, beta2: float, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.beta1, self.beta2 = beta1, beta2

    def build(self, variables: list[Any]) -> None:
        """Makes the averages."""
        super().build(variables)
        self.means = self.add_optimizer_variables(variables, "mean")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One parameter's step."""
        mean = self.means[self._get_variable_index(variable)]
        before = ops.convert_to_tensor(mean)
        direction = ops.sign(before * self.beta1 + gradient * (1 - self.beta1))
        self.assign(mean, before * self.beta2 + gradient * (1 - self.beta2))
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * direction)
