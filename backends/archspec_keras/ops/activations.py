"""Activations.

Where Keras's own layer rounds a constant to float32 on TensorFlow, in float64 too, a helper stands for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from archspec.codegen.layout import Bracket, Code, call
from archspec.codegen.text import literal
from archspec_keras.ops.row import ONE_AXIS, Row, Site, Step, Variable, layer


def _activation(name: str) -> Row:
    return layer("layers.Activation", literal(name))


def _helper(name: str, *attributes: str) -> Callable[[Site], list[Step]]:
    return lambda site: [Step(call(site.helper(name), *map(site.attribute, attributes)))]


def _gelu(site: Site) -> list[Step]:
    name = site.helper("gelu" if site.value("approximate") == "none" else "gelu_tanh")
    return [Step(call("layers.Activation", name))]


def _prelu(site: Site) -> list[Step]:
    keywords: dict[str, Code] = {"alpha_initializer": call("keras.initializers.Constant", site.attribute("init"))}
    rank = len(site.use.axes[0])
    if rank > 1:  # a slope for each feature, not for each element
        keywords["shared_axes"] = Bracket("", tuple(map(str, range(1, rank))), "[", "]")
    return [Step(call("layers.PReLU", **keywords))]


def _scale(site: Site) -> list[Step]:
    learned = site.value("learned")
    if learned == "none":
        return [Step(call(site.helper("Scale"), site.attribute("value"), **site.given(shift="shift")))]
    keywords: dict[str, Code] = {} if learned == "channel" else {"per_channel": "False"}
    return [Step(call(site.helper("LayerScale"), site.attribute("value"), **keywords))]


ROWS: Final[dict[str, Row]] = {
    "relu": layer("layers.ReLU"),
    "relu6": layer("layers.ReLU", "6.0"),
    "leaky_relu": Row(_helper("LeakyReLU", "slope")),
    "prelu": Row(_prelu, {"weight": Variable(("alpha",), ONE_AXIS)}),
    "elu": Row(lambda site: [Step(call("layers.ELU", **site.given(alpha="alpha")))]),
    "selu": _activation("selu"),
    "silu": _activation("silu"),
    "gelu": Row(_gelu),
    "mish": _activation("mish"),
    "softplus": _activation("softplus"),
    "tanh": _activation("tanh"),
    "sigmoid": _activation("sigmoid"),
    "hard_sigmoid": _activation("hard_sigmoid"),
    "hard_swish": _activation("hard_swish"),
    "softmax": layer("layers.Softmax"),  # over channels, which are the last axis
    "scale": Row(_scale, {"weight": "gamma"}),
}
