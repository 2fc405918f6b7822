"""Resizing by what lies between the elements."""

from __future__ import annotations

from onnx import TensorProto, helper

from archspec.ir.interpolation_arithmetic import NEAREST
from archspec_onnx.ops.row import Fragment, Row


def upsample(layer: Fragment) -> str:
    """Whole factors by Resize with its defaults: half_pixel, and the nearest element, which is never one of two.

    Not all runtimes look at its `antialias`, which is therefore written out.
    """
    op = layer.op
    if op.enlarges and op.mode != "bicubic" and not op.align_corners:
        scales = layer.add("Constant", value_floats=[1.0, 1.0, *map(float, op.factor)])
        return layer.add("Resize", layer.x, "", scales, mode="nearest" if op.mode in NEAREST else "linear")
    sizes = _sizes(layer)
    if op.mode in NEAREST:
        return _nearest(layer, sizes)
    if layer.exact or op.antialias:
        return _between(layer, sizes)
    whole = layer.add("Concat", layer.add("Shape", layer.x, start=0, end=2), sizes, axis=0)
    corners = "align_corners" if op.align_corners else None
    mode = "cubic" if op.mode == "bicubic" else "linear"  # the cubic's factor is -0.75 by default
    return layer.add("Resize", layer.x, "", "", whole, mode=mode, coordinate_transformation_mode=corners)


def _sizes(layer: Fragment) -> str:
    """The sizes of the result along the spatial axes."""
    op = layer.op
    if len(layer.operands) > 1:
        return layer.add("Shape", layer.operands[1], start=2)
    if op.size is not None or not layer.resizable:
        return layer.shape(*op.infer_type(layer.types).places)
    factors = helper.make_tensor("", TensorProto.DOUBLE, [len(op.factor)], [float(times) for times in op.factor])
    old = layer.add("Cast", layer.add("Shape", layer.x, start=2), to=TensorProto.DOUBLE)
    new = layer.add("Floor", layer.add("Mul", old, layer.add("Constant", value=factors)))
    return layer.add("Cast", new, to=TensorProto.INT64)


def _extents(layer: Fragment, sizes: str, axis: int) -> tuple[str, str]:
    """The old and the new size of an axis, each as a vector of one number."""
    old = layer.add("Shape", layer.x, start=axis, end=axis + 1)
    return old, layer.add("Slice", sizes, layer.shape(axis - 2), layer.shape(axis - 1))


def _counted(layer: Fragment, start: str, end: str) -> str:
    """The whole numbers from one to before another."""
    return layer.add("Range", start, layer.add("Squeeze", end), layer.number(1))


def _nearest(layer: Fragment, sizes: str) -> str:
    """In whole numbers, along one axis after the other: ONNX Runtime divides in float32."""
    x = layer.x
    for axis in layer.places:
        old, new = _extents(layer, sizes, axis)
        place, two = _counted(layer, layer.number(0), new), layer.shape(2)
        if layer.op.mode == "nearest_exact":
            place = layer.add("Add", layer.add("Mul", place, two), layer.shape(1))
            new = layer.add("Mul", new, two)
        x = layer.add("Gather", x, layer.add("Div", layer.add("Mul", place, old), new), axis=axis)
    return x


def _between(layer: Fragment, sizes: str) -> str:
    """By a matrix of weights for each axis."""
    x, last = layer.x, layer.places[-1]
    for axis in layer.places:
        order = [*range(last + 1)]
        order[axis], order[last] = order[last], order[axis]
        moved = x if axis == last else layer.add("Transpose", x, perm=order)
        with layer.in_float32() as narrow:  # places are not whole numbers in fewer bits
            shares = narrow(_weights(layer, *_extents(layer, sizes, axis)))
        weights = layer.add("Transpose", shares, perm=[1, 0])
        x = layer.add("MatMul", moved, weights)
        x = x if axis == last else layer.add("Transpose", x, perm=order)
    return x


def _weights(layer: Fragment, old: str, new: str) -> str:
    """The share of each old element (columns) in each new one (rows), by the distance of their centers."""
    op, one, half = layer.op, layer.constant(1), layer.constant(0.5)
    olds, news = (layer.add("Cast", size, to=layer.dtype) for size in (old, new))
    index = layer.add("Cast", _counted(layer, layer.number(0), new), to=layer.dtype)
    if op.align_corners:
        step = layer.add("Div", layer.add("Sub", olds, one), layer.add("Max", layer.add("Sub", news, one), one))
        at = layer.add("Mul", index, step)
    else:
        step = layer.add("Div", olds, news)
        at = layer.add("Sub", layer.add("Mul", layer.add("Add", index, half), step), half)
    beyond = 0 if op.antialias else 2  # what lies beyond the ends stands for the outermost elements
    end = layer.add("Add", old, layer.shape(beyond)) if beyond else old
    places = layer.add("Cast", _counted(layer, layer.number(-beyond), end), to=layer.dtype)
    distance = layer.add("Abs", layer.add("Sub", layer.add("Unsqueeze", at, layer.shape(1)), places))
    if op.antialias:
        shares = _filter(layer, layer.add("Div", distance, layer.add("Max", step, one)))
        return layer.add("Div", shares, layer.reduced("ReduceSum", shares, [1], keepdims=1))
    inside = layer.add("Min", layer.add("Max", places, layer.constant(0)), layer.add("Sub", olds, one))
    elements = layer.add("Cast", _counted(layer, layer.number(0), old), to=layer.dtype)
    same = layer.add("Equal", layer.add("Unsqueeze", inside, layer.shape(1)), elements)
    return layer.add("MatMul", _filter(layer, distance), layer.add("Cast", same, to=layer.dtype))


def _filter(layer: Fragment, distance: str) -> str:
    """The weight at a distance: a triangle, or the cubic of Keys 1981."""
    if layer.op.mode != "bicubic":
        return layer.add("Relu", layer.add("Sub", layer.constant(1), distance))
    a = -0.5 if layer.op.antialias else -0.75
    near = _polynomial(layer, distance, (a + 2, -(a + 3), 0, 1))
    far = _polynomial(layer, distance, (a, -5 * a, 8 * a, -4 * a))
    far = layer.add("Where", layer.add("Less", distance, layer.constant(2)), far, layer.constant(0))
    return layer.add("Where", layer.add("Less", distance, layer.constant(1)), near, far)


def _polynomial(layer: Fragment, x: str, factors: tuple[float, ...]) -> str:
    """By Horner's rule, the highest power first."""
    found = layer.constant(factors[0])
    for factor in factors[1:]:
        found = layer.add("Add", layer.add("Mul", found, x), layer.constant(factor))
    return found


ROWS: dict[str, Row] = {"upsample": upsample}
