"""RMSprop."""

from typing import Any

from keras import ops

from archspec_keras.training_program.parts.sgd import SGD


class RMSprop(SGD):
    """s = rho * s + (1 - rho) * g**2; then a step of SGD by g / (sqrt(s) + epsilon).

    Keras's own has epsilon within the root.
    """

    def __init__(self, learning_rate: float, *, rho: float, epsilon: float, **options: Any) -> None:
        super().__init__(learning_rate, **options)
        self.rho, self.epsilon = rho, epsilon

    def build(self, variables: list[Any]) -> None:
        """Makes the averages."""
        super().build(variables)
        self.squares = self.add_optimizer_variables(variables, "square")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One parameter's step."""
        index = self._get_variable_index(variable)
        square = ops.convert_to_tensor(self.squares[index])
        square = square * self.rho + gradient * gradient * (1 - self.rho)
        self.assign(self.squares[index], square)
        super().update_step(gradient / (ops.sqrt(square) + self.epsilon), variable, learning_rate)
