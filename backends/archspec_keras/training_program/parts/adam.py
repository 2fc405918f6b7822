"""Adam, with epsilon where the paper's algorithm has it, or where Keras's own has it."""

import math
from typing import Any

import keras
from keras import ops


class Adam(keras.optimizers.Optimizer):
    """Adam, with epsilon added to the root of the corrected second moment.

    With `before_correction` it is added to the uncorrected one, as in Keras's own.
    """

    def __init__(
        self,
        learning_rate: float,
        *,
        beta1: float,
        beta2: float,
        epsilon: float,
        before_correction: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        self.before_correction = before_correction

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
        correction, epsilon = _correction(self.beta2, steps), self.epsilon
        if self.before_correction:  # and then divided by it, as the root is
            epsilon = epsilon / ops.sqrt(correction)
        root = ops.sqrt(square / correction) + epsilon
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, rate * (mean / _correction(self.beta1, steps)) / root)


def _correction(beta: float, steps: Any) -> Any:
    """1 - beta ** steps, to the last digits in float32, too."""
    return -ops.expm1(steps * (math.log(beta) if beta else -math.inf))
