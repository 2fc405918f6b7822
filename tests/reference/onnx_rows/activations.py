"""Activations, written out where ONNX's operator has an attribute that is no float32, 1 / 6 among them."""

from __future__ import annotations

import math

from tests.reference.onnx_rows.fragment import Fragment, Row, unary

_TERMS = 150


def leaky_relu(layer: Fragment) -> str:
    return _by_sign(layer, layer.add("Mul", layer.x, layer.constant(layer.op.slope)))


def prelu(layer: Fragment) -> str:
    """The slopes meet the last axis, or, of an image, the first after the batch."""
    slope = layer.weights[0]
    if layer.rank == 3:
        slope = layer.add("Unsqueeze", slope, layer.shape(1, 2))
    return str(layer.add("PRelu", layer.x, slope))


def elu(layer: Fragment) -> str:
    return _by_sign(layer, layer.add("Mul", layer.constant(layer.op.alpha), _exponential_less_one(layer)))


def selu(layer: Fragment) -> str:
    """With the paper's constants in full."""
    alpha, gamma = layer.constant(1.6732632423543772848170429916717), layer.constant(1.0507009873554804934193349852946)
    return str(layer.add("Mul", gamma, _by_sign(layer, layer.add("Mul", alpha, _exponential_less_one(layer)))))


def _exponential_less_one(layer: Fragment) -> str:
    return str(layer.add("Sub", layer.add("Exp", layer.add("Min", layer.x, layer.constant(0))), layer.constant(1)))


def _by_sign(layer: Fragment, negative: str) -> str:
    """x where it is positive, elsewhere `negative`."""
    return str(layer.add("Where", layer.add("Greater", layer.x, layer.constant(0)), layer.x, negative))


def silu(layer: Fragment) -> str:
    return str(layer.add("Mul", layer.x, layer.add("Sigmoid", layer.x)))


def gelu(layer: Fragment) -> str:
    if layer.op.approximate == "none":
        inner = _erf(layer, layer.add("Mul", layer.x, layer.constant(math.sqrt(0.5))))
    else:
        cube = layer.add("Mul", layer.add("Mul", layer.x, layer.x), layer.x)
        sum_ = layer.add("Add", layer.x, layer.add("Mul", layer.constant(0.044715), cube))
        inner = layer.add("Tanh", layer.add("Mul", layer.constant(math.sqrt(2 / math.pi)), sum_))
    share = layer.add("Mul", layer.constant(0.5), layer.add("Add", layer.constant(1), inner))
    return str(layer.add("Mul", layer.x, share))


def _erf(layer: Fragment, x: str) -> str:
    """The series DLMF 7.6.2, all of whose terms are positive: ONNX's reference evaluator gives Erf in float32.

    erf x = 2 x exp(-x^2) / sqrt(pi) (1 + t / 3 (1 + t / 5 (1 + ...))) with t = 2 x^2; beyond 6 it is 1 in float64.
    """
    x = layer.add("Clip", x, layer.constant(-6), layer.constant(6))
    square = layer.add("Mul", x, x)
    twice, one = layer.add("Add", square, square), layer.constant(1)
    total = one
    for term in range(_TERMS, 0, -1):
        ratio = layer.add("Div", twice, layer.constant(2 * term + 1))
        total = layer.add("Add", one, layer.add("Mul", ratio, total))
    head = layer.add("Mul", layer.constant(2 / math.sqrt(math.pi)), layer.add("Exp", layer.add("Neg", square)))
    return str(layer.add("Mul", layer.add("Mul", head, x), total))


def mish(layer: Fragment) -> str:
    return str(layer.add("Mul", layer.x, layer.add("Tanh", layer.add("Softplus", layer.x))))


def hard_sigmoid(layer: Fragment) -> str:
    line = layer.add("Add", layer.add("Div", layer.x, layer.constant(6)), layer.constant(0.5))
    return str(layer.add("Clip", line, layer.constant(0), layer.constant(1)))


def hard_swish(layer: Fragment) -> str:
    return str(layer.add("Mul", layer.x, hard_sigmoid(layer)))


def softmax(layer: Fragment) -> str:
    return str(layer.add("Softmax", layer.x, axis=1 if layer.rank == 3 else -1))


def scale(layer: Fragment) -> str:
    factor = layer.constant(layer.op.value)
    if layer.op.learned != "none":
        factor = layer.weights[0]
    if layer.op.learned == "channel" and layer.rank == 3:
        factor = layer.add("Unsqueeze", factor, layer.shape(1, 2))
    return str(layer.add("Add", layer.add("Mul", layer.x, factor), layer.constant(layer.op.shift)))


ROWS: dict[str, Row] = {
    "relu": unary("Relu"),
    "relu6": lambda layer: str(layer.add("Clip", layer.x, layer.constant(0), layer.constant(6))),
    "leaky_relu": leaky_relu,
    "prelu": prelu,
    "elu": elu,
    "selu": selu,
    "silu": silu,
    "gelu": gelu,
    "mish": mish,
    "softplus": unary("Softplus"),
    "tanh": unary("Tanh"),
    "sigmoid": unary("Sigmoid"),
    "hard_sigmoid": hard_sigmoid,
    "hard_swish": hard_swish,
    "softmax": softmax,
    "scale": scale,
}
