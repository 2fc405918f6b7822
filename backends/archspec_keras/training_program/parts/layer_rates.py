"""Rates by layer."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops


class LayerRates(keras.optimizers.Optimizer):
    """Multiplies the rate by a factor of each parameter's own."""

    def __init__(
        self, learning_rate: float, *, rate_factor: Callable[[str], float], **options: Any
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rate_factor = rate_factor

    def build(self, variables: list[Any]) -> None:
        """Finds out the factor of each parameter, by its path."""
        super().build(variables)
        self.rate_factors = [self.rate_factor(variable.path) for variable in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One parameter's step."""
        factor = self.rate_factors[self._get_variable_index(variable)]
        super().update_step(gradient, variable, ops.cast(learning_rate, variable.dtype) * factor)
