"""How the axes of a weight lie in the variables of frameworks that keep channels last, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Final, TypeAlias

from archspec.ir.tensor_type import Shape
from archspec.weights.portions import copy_tiles

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

Layout: TypeAlias = tuple[tuple[int, ...], ...]
"""For each axis of a weight, the axes of the variable that it is made of."""

ONE_AXIS: Final[Layout] = ()
"""The layout of a weight with one axis, which is made of all axes of the variable, however many those are."""

LAYOUTS: Final[Mapping[int, Layout]] = {
    1: ((0,),),
    **{axes: ((axes - 1,), (axes - 2,), *((axis,) for axis in range(axes - 2))) for axes in (2, 3, 4, 5)},
}
"""From (in, out) to (out, in), from HWIO to OIHW, by the number of a variable's axes."""

DEPTHWISE: Final[Mapping[int, Layout]] = {
    axes: ((axes - 2, axes - 1), (), *((axis,) for axis in range(axes - 2))) for axes in (3, 4)
}
"""From (..., channels, 1) to (channels, 1, ...)."""


def joined_shape(shapes: Sequence[Shape], layout: Layout | None) -> Shape | None:
    """The shape in PyTorch's layout of a weight in variables of these shapes.

    None where the parts differ, or the layout is of another number of axes.
    """
    found = {_shape(shape, layout) for shape in shapes}
    first = next(iter(found))
    if len(found) != 1 or first is None:
        return None
    if len(shapes) == 1:
        return first
    return (len(shapes) * first[0], *first[1:]) if first else None


def joined(parts: Sequence[Array], layout: Layout | None) -> Array:
    """The weight in PyTorch's layout that these variables hold; as they are, where the layout is of other variables."""
    import numpy as np

    found = [turned(part, layout) for part in parts]
    return in_c_order(np.concatenate(found) if len(found) > 1 else found[0])


def turned(part: Array, layout: Layout | None) -> Array:
    """One variable in PyTorch's layout: a view where no axes become one, as it is where the layout is of others."""
    axes = _fitting(part.ndim, layout) or as_it_is(part.ndim)
    sizes = [prod(part.shape[axis] for axis in group) for group in axes]
    return part.transpose([axis for group in axes for axis in group]).reshape(sizes)


def split(array: Array, shapes: Sequence[Shape], layout: Layout | None) -> Iterator[Array]:
    """What each variable, of these shapes, holds of a weight in PyTorch's layout."""
    for index, shape in enumerate(shapes):
        yield part_of(array, index, len(shapes), shape, layout)


def part_of(array: Array, index: int, count: int, shape: Shape, layout: Layout | None) -> Array:
    """What the variable of this number, one of so many of one shape, holds of a weight in PyTorch's layout."""
    return in_c_order(view_of_part(array, index, count, shape, layout))


def view_of_part(array: Array, index: int, count: int, shape: Shape, layout: Layout | None) -> Array:
    """`part_of` without a copy where the weight's numbers lie in the order of its axes: to write into it, too."""
    import numpy as np

    rows = len(array) // count if count > 1 else 0
    part = array[index * rows : (index + 1) * rows] if count > 1 else array
    axes = _fitting(len(shape), layout) or as_it_is(len(shape))
    flat = [axis for group in axes for axis in group]
    # Each axis is cut into those of the variable, which are then put into their places.
    cut = part.reshape([shape[axis] for axis in flat])
    return cut.transpose(np.argsort(flat))


def in_c_order(array: Array) -> Array:
    """The array with its numbers in the order of its axes; a copy where they lie in another."""
    import numpy as np

    if array.flags.c_contiguous:
        return array
    found = np.empty(array.shape, array.dtype)
    copy_tiles(array, found)
    return found


def variable_shape(part: Shape, layout: Layout | None, heads: int = 1) -> Shape:
    """The shape of a variable that holds a part of a weight; where an axis is made of two, the first has `heads`."""
    if layout is None:
        layout = LAYOUTS.get(len(part)) or as_it_is(len(part))
    sizes: dict[int, int] = {}
    for size, axes in zip(part, layout, strict=True):
        first, *others = axes or (None,)
        if first is not None:
            sizes[first] = heads if others else size
        sizes.update(dict.fromkeys(others, size // heads))
    return tuple(sizes[axis] for axis in range(len(sizes)))


def _fitting(count: int, layout: Layout | None) -> Layout | None:
    """A layout for variables of so many axes; None if it is of others."""
    if layout is None:
        return LAYOUTS.get(count) or as_it_is(count)
    if layout == ONE_AXIS:
        return (tuple(range(count)),)
    return layout if sorted(axis for group in layout for axis in group) == list(range(count)) else None


def as_it_is(count: int) -> Layout:
    """The layout of a variable whose axes are the weight's own."""
    return tuple((axis,) for axis in range(count))


def _shape(shape: Shape, layout: Layout | None) -> Shape | None:
    axes = _fitting(len(shape), layout)
    return None if axes is None else tuple(prod(int(shape[axis]) for axis in group) for group in axes)
