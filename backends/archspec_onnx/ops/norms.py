"""Normalizations, in float64 written out by ONNX's definitions: its operators' own attributes are float32."""

from __future__ import annotations

from collections.abc import Sequence

from archspec_onnx.ops.row import Fragment, Row, float32_row

_IMAGE = 2
"""How many spatial axes an image has."""


def batch_norm(layer: Fragment) -> str:
    """In training it is written out in every dtype: the operator keeps the biased variance, and few runtimes train."""
    *learned, mean, variance = layer.weights
    affine = _scale_and_shift(layer, learned)
    if layer.training:
        return _by_batch(layer, affine, mean, variance)
    if not layer.exact:
        return layer.add("BatchNormalization", layer.x, *_full(layer, affine), mean, variance, epsilon=layer.op.eps)
    return _normalized(layer, affine, mean, variance)


def _scale_and_shift(layer: Fragment, learned: Sequence[str]) -> Sequence[str]:
    """The scale and the shift of a norm: where one alone is learned, the other is ones or zeros."""
    if len(learned) != 1:
        return learned
    count = layer.types[0].channels
    if layer.op.scale:
        return [*learned, layer.constant([0.0] * count)]
    return [layer.constant([1.0] * count), *learned]


def _by_batch(layer: Fragment, affine: Sequence[str], running_mean: str, running_variance: str) -> str:
    """By the batch's statistics; the running ones after the step are further outputs."""
    mean = _over_examples(layer, "ReduceMean", layer.x)
    centered = layer.add("Sub", layer.x, layer.by_channel(mean))
    total = _over_examples(layer, "ReduceSum", layer.add("Mul", centered, centered))
    count = layer.add("CastLike", layer.add("Div", layer.add("Size", layer.x), layer.add("Size", mean)), mean)
    variance = layer.add("Div", total, count)
    kept = variance
    if layer.op.variance == "unbiased":
        kept = layer.add("Div", total, layer.add("Sub", count, layer.constant(1)))
    layer.outputs = [_moved(layer, running_mean, mean), _moved(layer, running_variance, kept)]
    return _normalized(layer, affine, mean, variance)


def _over_examples(layer: Fragment, kind: str, x: str) -> str:
    """Each channel reduced, each example by itself first: ONNX Runtime loses digits where axes lie apart."""
    if layer.places:
        x = layer.reduced(kind, x, layer.places, keepdims=0)
    return layer.reduced(kind, x, [0], keepdims=0)


def _normalized(layer: Fragment, affine: Sequence[str], mean: str, variance: str) -> str:
    deviation = layer.add("Sqrt", layer.add("Add", variance, layer.constant(layer.op.eps)))
    centered = layer.add("Sub", layer.x, layer.by_channel(mean))
    return _affine(layer, layer.add("Div", centered, layer.by_channel(deviation)), affine)


def _moved(layer: Fragment, running: str, new: str) -> str:
    kept = layer.add("Mul", running, layer.constant(layer.op.decay))
    return layer.add("Add", kept, layer.add("Mul", new, layer.constant(1.0 - layer.op.decay)))


def _full(layer: Fragment, affine: Sequence[str]) -> list[str]:
    """A scale and a shift for an operator that must have both: ones and zeros where none is learned."""
    if affine:
        return [*affine]
    count = layer.types[0].channels
    return [layer.constant([1.0] * count), layer.constant([0.0] * count)]


def _affine(layer: Fragment, normal: str, weights: Sequence[str]) -> str:
    """The learned scale and shift, if there are any."""
    if not weights:
        return normal
    scale, bias = (layer.by_channel(weight) for weight in weights)
    return layer.add("Add", layer.add("Mul", normal, scale), bias)


def _normal(layer: Fragment, x: str, *axes: int) -> str:
    """Mean 0 and variance 1 over some axes: the function body of LayerNormalization and its kin."""
    centered = layer.add("Sub", x, layer.reduced("ReduceMean", x, axes))
    variance = layer.reduced("ReduceMean", layer.add("Mul", centered, centered), axes)
    deviation = layer.add("Sqrt", layer.add("Add", variance, layer.constant(layer.op.eps)))
    return layer.add("Div", centered, deviation)


def layer_norm(layer: Fragment) -> str:
    """The operator normalizes over the last axes: a feature map's channels are put there and back."""
    affine = _scale_and_shift(layer, layer.weights)
    if layer.exact:
        return _affine(layer, _normal(layer, layer.x, layer.axis), affine)
    places = [*layer.places]
    x = layer.add("Transpose", layer.x, perm=[0, *places, 1]) if places else layer.x
    normal = layer.add("LayerNormalization", x, *_full(layer, affine), axis=-1, epsilon=layer.op.eps)
    return layer.add("Transpose", normal, perm=[0, places[-1], *(axis - 1 for axis in places)]) if places else normal


def instance_norm(layer: Fragment) -> str:
    affine = _scale_and_shift(layer, layer.weights)
    if layer.exact:
        return _affine(layer, _normal(layer, layer.x, *layer.places), affine)
    return layer.add("InstanceNormalization", layer.x, *_full(layer, affine), epsilon=layer.op.eps)


def group_norm(layer: Fragment) -> str:
    """GroupNormalization (21): a scale for each channel, not for each group, as it was before."""
    op, affine = layer.op, _scale_and_shift(layer, layer.weights)
    if layer.exact or layer.opset < 21:
        groups = layer.add("Reshape", layer.x, layer.shape(0, op.groups, -1))
        normal = layer.add("Reshape", _normal(layer, groups, 2), layer.add("Shape", layer.x))
        return _affine(layer, normal, affine)
    full = _full(layer, affine)
    return layer.add("GroupNormalization", layer.x, *full, num_groups=op.groups, epsilon=op.eps)


def global_response_norm(layer: Fragment) -> str:
    """The norm of each channel over all places, as a share of the mean of all channels."""
    places = [*layer.places] or [1]
    norm = layer.reduced("ReduceL2", layer.x, places)
    mean = layer.reduced("ReduceMean", norm, [layer.axis])
    share = layer.add("Div", norm, layer.add("Add", mean, layer.constant(layer.op.eps)))
    scale, bias = (layer.by_channel(weight) for weight in layer.weights)
    scaled = layer.add("Mul", layer.add("Mul", layer.x, share), scale)
    return layer.add("Add", layer.add("Add", layer.x, scaled), bias)


def local_response_norm(layer: Fragment) -> str:
    """The squares of `size` channels, the middle one x's own, absent ones left out."""
    op, count = layer.op, layer.types[0].channels
    if not layer.exact and min(op.alpha, op.beta) > 1e-38:  # ONNX Runtime refuses LRN with float32's 0, or less
        given = {"size": op.size, "alpha": op.alpha, "beta": op.beta, "bias": op.k}
        if len(layer.places) == _IMAGE:
            return layer.add("LRN", layer.x, **given)
        # ONNX Runtime has it for images alone.
        normal = layer.add("LRN", layer.add("Reshape", layer.x, layer.shape(0, 0, -1, 1)), **given)
        return layer.add("Reshape", normal, layer.add("Shape", layer.x))
    squares, reach = layer.add("Mul", layer.x, layer.x), (op.size - 1) // 2
    sums = []
    for channel in range(count):
        first, last = max(0, channel - reach), min(count - 1, channel + reach)
        window = layer.add("Slice", squares, layer.shape(first), layer.shape(last + 1), layer.shape(1))
        sums.append(layer.reduced("ReduceSum", window, [1]))
    mean = layer.add("Div", layer.add("Concat", *sums, axis=1), layer.constant(op.size))
    base = layer.add("Add", layer.constant(op.k), layer.add("Mul", layer.constant(op.alpha), mean))
    return layer.add("Div", layer.x, layer.add("Pow", base, layer.constant(op.beta)))


ROWS: dict[str, Row] = {
    "batch_norm": float32_row(batch_norm),
    "layer_norm": float32_row(layer_norm),
    "group_norm": float32_row(group_norm),
    "instance_norm": float32_row(instance_norm),
    "global_response_norm": float32_row(global_response_norm),
    "local_response_norm": float32_row(local_response_norm),
}
