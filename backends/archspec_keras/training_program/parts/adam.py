"""Adam, with epsilon where the paper's algorithm has it."""

import math
from typing import Any

import keras
from keras import ops


class Adam(keras.optimizers.Optimizer):
    """Adam, with epsilon added to the root of the corrected second moment, unlike Keras's own."""

    def __init__(
        self, learning_rate: float, *, beta1: float, beta2: float, epsilon: float, **options: Any
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon

    def build(self, variables: list[Any]) -> None:
        """Makes the averages."""
        super().build(variables)
        self.means = self.add_optimizer_variables(variables, "mean")
        self.squares = self.add_optimizer_variables(variables, "square")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One parameter's step."""
        index = self._get_variable_index(variable)
        mean, square = map(ops.convert_to_tensor, (self.means[index], self.squares[index]))
        mean = mean * self.beta1 + gradient * (1 - self.beta1)
        square = square * self.beta2 + gradient * gradient * (1 - self.beta2)
        self.assign(self.means[index], mean)
        self.assign(self.squares[index], square)
        steps = ops.cast(self.iterations + 1, variable.dtype)
        root = ops.sqrt(square / _correction(self.beta2, steps)) + self.epsilon
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, rate * (mean / _correction(self.beta1, steps)) / root)


def _correction(beta: float, steps: Any) -> Any:
    """1 - beta ** steps, to the last digits in float32, too."""
    return -ops.expm1(steps * (math.log(beta) if beta else -math.inf))
