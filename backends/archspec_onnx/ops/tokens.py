"""Ops on sequences of tokens. Attention is written out: runtimes know the pattern, few know the operator."""

from __future__ import annotations

import math

from archspec_onnx.ops.row import Fragment, Row


def embedding(layer: Fragment) -> str:
    return layer.add("Gather", layer.weights[0], layer.x)


def to_tokens(layer: Fragment) -> str:
    return layer.add("Transpose", layer.add("Reshape", layer.x, layer.shape(0, 0, -1)), perm=[0, 2, 1])


def to_image(layer: Fragment) -> str:
    channels = layer.add("Transpose", layer.x, perm=[0, 2, 1])
    return layer.add("Reshape", channels, layer.shape(0, 0, layer.op.height, layer.op.width))


def transpose(layer: Fragment) -> str:
    return layer.add("Transpose", layer.x, perm=[0, 2, 1])


def attention(layer: Fragment) -> str:
    """softmax(Q K^T / sqrt(d)) V for each head, by the formulas of Vaswani et al. 2017."""
    heads, features = layer.op.heads, layer.types[0].channels
    if layer.op.is_apart(len(layer.operands)):
        return _apart(layer)
    within_bias = out_bias = None
    if layer.op.bias:
        within, within_bias, out, out_bias = layer.weights
    else:
        within, out = layer.weights
    by_head = layer.shape(0, 0, heads, features // heads)
    mapped = [*layer.operands[:1], *layer.operands[-1:] * 2]  # what queries, keys and values are of
    if len(layer.operands) > 1:
        weights = layer.parts(within, 3, axis=0)
        biases = [None] * 3 if within_bias is None else layer.parts(within_bias, 3, axis=0)
        mapped = [affine(layer, x, w, b) for x, w, b in zip(mapped, weights, biases, strict=True)]
    else:
        mapped = [*layer.parts(affine(layer, layer.x, within, within_bias), 3, axis=2)]
    query, key, value = (
        layer.add("Transpose", layer.add("Reshape", part, by_head), perm=[0, 2, 1, 3]) for part in mapped
    )
    return affine(layer, _mixed(layer, query, key, value, features, features), out, out_bias)


def _mixed(layer: Fragment, query: str, key: str, value: str, keys: int, values: int) -> str:
    """The values by the products of queries and keys, the heads side by side, of so many features of all heads."""
    root = layer.constant(math.sqrt(keys // layer.op.heads))
    if layer.is_low:  # the products themselves may be too large for float16
        query = layer.add("Div", query, root)
    scores = layer.add("MatMul", query, layer.add("Transpose", key, perm=[0, 1, 3, 2]))
    if layer.is_low:
        scores = layer.wide(scores)
        with layer.in_float32() as narrow:
            shares = narrow(layer.add("Softmax", scores, axis=-1))
    else:
        shares = layer.add("Softmax", layer.add("Div", scores, root), axis=-1)
    mixed = layer.add("Transpose", layer.add("MatMul", shares, value), perm=[0, 2, 1, 3])
    return layer.add("Reshape", mixed, layer.shape(0, 0, values))


def _apart(layer: Fragment) -> str:
    """Attention whose four maps have weights of their own, to the tokens of the last operand."""
    op = layer.op
    given = dict(zip((weight.name for weight in op.weights(layer.types)), layer.weights, strict=True))
    keys, values = op.sizes(layer.types[0].channels)

    def mapped(name: str, x: str) -> str:
        return affine(layer, x, given[f"{name}_proj.weight"], given.get(f"{name}_proj.bias"))

    def by_head(name: str, x: str, size: int) -> str:
        heads = layer.add("Reshape", mapped(name, x), layer.shape(0, 0, op.heads, size // op.heads))
        return layer.add("Transpose", heads, perm=[0, 2, 1, 3])

    other = layer.operands[-1]
    query, key = by_head("q", layer.x, keys), by_head("k", other, keys)
    return mapped("o", _mixed(layer, query, key, by_head("v", other, values), keys, values))


def affine(layer: Fragment, x: str, weight: str, bias: str | None) -> str:
    """A matrix (out, in) times each token, and a bias."""
    product = layer.add("MatMul", x, layer.add("Transpose", weight, perm=[1, 0]))
    return product if bias is None else layer.add("Add", product, bias)


def class_token(layer: Fragment) -> str:
    return _prepended(layer, 1)


def register_tokens(layer: Fragment) -> str:
    return _prepended(layer, layer.op.count)


def _prepended(layer: Fragment, count: int) -> str:
    batch = layer.add("Shape", layer.x, start=0, end=1)
    shape = layer.add("Concat", batch, layer.shape(count, layer.types[0].channels), axis=0)
    return layer.add("Concat", layer.add("Expand", layer.weights[0], shape), layer.x, axis=1)


def position_embedding(layer: Fragment) -> str:
    return layer.add("Add", layer.x, layer.weights[0])


def select_token(layer: Fragment) -> str:
    return layer.add("Gather", layer.x, layer.number(layer.op.index), axis=1)


ROWS: dict[str, Row] = {
    "embedding": embedding,
    "to_tokens": to_tokens,
    "to_image": to_image,
    "to_signal": transpose,
    "transpose": transpose,
    "attention": attention,
    "class_token": class_token,
    "register_tokens": register_tokens,
    "position_embedding": position_embedding,
    "select_token": select_token,
}
