"""Weight decay that is added to the gradient."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


class CoupledDecay(keras.optimizers.Optimizer):
    """Adds decay * p to the gradient of each parameter p, after clipping.

    The `weight_decay` of Keras's own optimizers is decoupled.
    """

    def __init__(
        self, learning_rate: float, *, decay: Callable[[str], float], **options: Any
    ) -> None:
        super().__init__(learning_rate, **options)
        self.decay = decay

    def build(self, variables: list[Any]) -> None:
        """Finds out how much each parameter decays, by its path."""
        super().build(variables)
        self.decays = [self.decay(variable.path) for variable in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One parameter's step."""
        decay = self.decays[self._get_variable_index(variable)]
        if decay:
            gradient = gradient + decay * ops.convert_to_tensor(variable)
        super().update_step(gradient, variable, learning_rate)
