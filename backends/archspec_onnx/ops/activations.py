"""Activations, written out in float64 where ONNX's operator has an attribute or a constant that is float32."""

from __future__ import annotations

import math

from archspec_onnx.ops.row import Fragment, Row, float32_row, unary


def leaky_relu(layer: Fragment) -> str:
    if not layer.exact:
        return layer.add("LeakyRelu", layer.x, alpha=layer.op.slope)
    return _by_sign(layer, layer.add("Mul", layer.x, layer.constant(layer.op.slope)))


def prelu(layer: Fragment) -> str:
    """The slopes meet the last axis, or, of a feature map, the first after the batch.

    OpenVINO lets a vector meet the first after the batch, whatever the axes are: of tokens it is given two of one more.
    """
    slopes = layer.by_channel(layer.weights[0])
    if layer.axis == -1:
        slopes = layer.add("Unsqueeze", slopes, layer.shape(0, 1))
    return layer.add("PRelu", layer.x, slopes)


def elu(layer: Fragment) -> str:
    if not layer.exact:
        return layer.add("Elu", layer.x, alpha=layer.op.alpha)
    return _by_sign(layer, layer.add("Mul", layer.constant(layer.op.alpha), _exponential_less_one(layer)))


def selu(layer: Fragment) -> str:
    """With the paper's constants, in float64 in full."""
    if not layer.exact:
        return layer.add("Selu", layer.x)
    alpha, gamma = layer.constant(1.6732632423543772848170429916717), layer.constant(1.0507009873554804934193349852946)
    return layer.add("Mul", gamma, _by_sign(layer, layer.add("Mul", alpha, _exponential_less_one(layer))))


def _exponential_less_one(layer: Fragment) -> str:
    return layer.add("Sub", layer.add("Exp", layer.add("Min", layer.x, layer.constant(0))), layer.constant(1))


def _by_sign(layer: Fragment, negative: str) -> str:
    """x where it is positive, elsewhere `negative`."""
    return layer.add("Where", layer.add("Greater", layer.x, layer.constant(0)), layer.x, negative)


def silu(layer: Fragment) -> str:
    return layer.add("Mul", layer.x, layer.add("Sigmoid", layer.x))


def gelu(layer: Fragment) -> str:
    if not layer.exact and layer.opset >= 20:
        return layer.add("Gelu", layer.x, approximate=layer.op.approximate)
    if layer.op.approximate == "none":
        inner = layer.add("Erf", layer.add("Mul", layer.x, layer.constant(math.sqrt(0.5))))
    else:
        cube = layer.add("Mul", layer.add("Mul", layer.x, layer.x), layer.x)
        total = layer.add("Add", layer.x, layer.add("Mul", layer.constant(0.044715), cube))
        inner = layer.add("Tanh", layer.add("Mul", layer.constant(math.sqrt(2 / math.pi)), total))
    share = layer.add("Mul", layer.constant(0.5), layer.add("Add", layer.constant(1), inner))
    return layer.add("Mul", layer.x, share)


def mish(layer: Fragment) -> str:
    return layer.add("Mul", layer.x, layer.add("Tanh", layer.add("Softplus", layer.x)))


def hard_sigmoid(layer: Fragment) -> str:
    if not layer.exact:
        return layer.add("HardSigmoid", layer.x, alpha=1 / 6, beta=0.5)
    line = layer.add("Add", layer.add("Div", layer.x, layer.constant(6)), layer.constant(0.5))
    return layer.add("Clip", line, layer.constant(0), layer.constant(1))


def hard_swish(layer: Fragment) -> str:
    if not layer.exact:
        return layer.add("HardSwish", layer.x)
    return layer.add("Mul", layer.x, hard_sigmoid(layer))


def relu6(layer: Fragment) -> str:
    return layer.add("Clip", layer.x, layer.constant(0), layer.constant(6))


def clip(layer: Fragment) -> str:
    ends = ["" if end is None else layer.constant(end) for end in (layer.op.min, layer.op.max)]
    return layer.add("Clip", layer.x, *(ends if ends[1] else ends[:1]))


def softmax(layer: Fragment) -> str:
    return layer.add("Softmax", layer.x, axis=layer.axis)


def scale(layer: Fragment) -> str:
    """What neither multiplies nor adds is not written."""
    op, x = layer.op, layer.x
    factor = None
    if op.learned != "none":
        factor = _learned(layer)
    elif op.value != 1:
        factor = layer.constant(op.value)
    if factor is not None:
        x = layer.add("Mul", x, factor)
    if op.shift != 0:
        x = layer.add("Add", x, layer.constant(op.shift))
    return layer.add("Identity", x) if x == layer.x else x


def shift(layer: Fragment) -> str:
    return layer.add("Add", layer.x, _learned(layer))


def _learned(layer: Fragment) -> str:
    """What is learned for each channel, or for all, in a shape that broadcasts."""
    [numbers] = layer.weights
    return numbers if layer.op.broadcasts or layer.op.learned == "all" else layer.by_channel(numbers)


ROWS: dict[str, Row] = {
    "relu": unary("Relu"),
    "relu6": relu6,
    "clip": clip,
    "leaky_relu": leaky_relu,
    "prelu": prelu,
    "elu": float32_row(elu),
    "selu": float32_row(selu),
    "silu": silu,
    "gelu": gelu,
    "mish": float32_row(mish),
    "softplus": float32_row(unary("Softplus")),
    "tanh": unary("Tanh"),
    "sigmoid": unary("Sigmoid"),
    "hard_sigmoid": hard_sigmoid,
    "hard_swish": hard_swish,
    "softmax": float32_row(softmax),
    "scale": scale,
    "shift": shift,
}
