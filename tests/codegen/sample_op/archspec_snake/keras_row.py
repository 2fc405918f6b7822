"""How Keras writes it: a layer that the generated file brings along."""

from __future__ import annotations

from archspec.codegen.pretty_printer import call
from archspec_keras.ops import KerasRow, LayerContext, LayerStep

HELPER = '''
@keras.saving.register_keras_serializable(package={{ registered }})
class Snake(layers.Layer):
    """Adds a squared sine, so that what repeats can be learned."""

    def __init__(self, alpha: float = 1.0, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.alpha = alpha

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        alpha = keras.ops.cast(self.alpha, inputs.dtype)
        return inputs + keras.ops.square(keras.ops.sin(alpha * inputs)) / alpha

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "alpha": self.alpha}
'''


def _snake(context: LayerContext) -> list[LayerStep]:
    return [LayerStep(call(context.helper("Snake"), **context.given(alpha="alpha")))]


ROW = KerasRow(_snake, helpers={"Snake": HELPER})
