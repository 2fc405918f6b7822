"""SGD without momentum."""

from typing import Any

import keras
from keras import ops


class SGD(keras.optimizers.Optimizer):
    """p = p - rate * g."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One parameter's step."""
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * gradient)
