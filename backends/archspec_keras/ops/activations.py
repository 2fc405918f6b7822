"""Activations.

Where Keras's own layer rounds a constant to float32 on TensorFlow, in float64 too, a helper stands for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.pretty_printer import Bracket, Code, call
from archspec.ir.initializers import Zeros
from archspec.weights.layouts import ONE_AXIS
from archspec_keras.ops.decay import regularizers
from archspec_keras.ops.initializers import initial
from archspec_keras.ops.row import KerasRow, LayerContext, LayerStep, VariableLayout, layer


def _activation(name: str) -> KerasRow:
    return layer("layers.Activation", literal(name))


def _helper(name: str, *attributes: str) -> Callable[[LayerContext], list[LayerStep]]:
    return lambda context: [LayerStep(call(context.helper(name), *map(context.attribute, attributes)))]


def _gelu(context: LayerContext) -> list[LayerStep]:
    name = context.helper("gelu" if context.value("approximate") == "none" else "gelu_tanh")
    return [LayerStep(call("layers.Activation", name))]


def _prelu(context: LayerContext) -> list[LayerStep]:
    keywords: dict[str, Code] = {"alpha_initializer": call("keras.initializers.Constant", context.attribute("init"))}
    rank = len(context.use.axes[0])
    if rank > 1:  # a slope for each feature, not for each element
        keywords["shared_axes"] = Bracket("", tuple(map(str, range(1, rank))), "[", "]")
    return [LayerStep(call("layers.PReLU", **keywords))]


def _scale(context: LayerContext) -> list[LayerStep]:
    learned = context.value("learned")
    if learned == "none":
        return [LayerStep(call(context.helper("Scale"), context.attribute("value"), **context.given(shift="shift")))]
    keywords: dict[str, Code] = {} if learned == "channel" else {"per_channel": "False"}
    return [LayerStep(call(context.helper("LayerScale"), context.attribute("value"), **keywords))]


def _shift(context: LayerContext) -> list[LayerStep]:
    keywords: dict[str, Code] = {} if context.value("learned") == "channel" else {"per_channel": "False"}
    if not isinstance(context.value("init"), Zeros):
        keywords["beta_initializer"] = initial(context, context.value("init"))
    keywords |= regularizers(context, weight="beta")
    return [LayerStep(call(context.helper("LayerShift"), **keywords))]


ROWS: Final[dict[str, KerasRow]] = {
    "relu": layer("layers.ReLU"),
    "relu6": layer("layers.ReLU", "6.0"),
    "clip": KerasRow(lambda context: [LayerStep(call(context.helper("Clip"), **context.given(min="min", max="max")))]),
    "leaky_relu": KerasRow(_helper("LeakyReLU", "slope")),
    "prelu": KerasRow(_prelu, {"weight": VariableLayout(("alpha",), ONE_AXIS)}),
    "elu": KerasRow(lambda context: [LayerStep(call("layers.ELU", **context.given(alpha="alpha")))]),
    "selu": _activation("selu"),
    "silu": _activation("silu"),
    "gelu": KerasRow(_gelu),
    "mish": _activation("mish"),
    "softplus": _activation("softplus"),
    "tanh": _activation("tanh"),
    "sigmoid": _activation("sigmoid"),
    "hard_sigmoid": _activation("hard_sigmoid"),
    "hard_swish": _activation("hard_swish"),
    "softmax": layer("layers.Softmax"),  # over channels, which are the last axis
    "shift": KerasRow(_shift, dict.fromkeys(("weight", ""), VariableLayout(("beta",), ((0,),)))),
    "scale": KerasRow(_scale, dict.fromkeys(("weight", ""), VariableLayout(("gamma",), ((0,),)))),
}
