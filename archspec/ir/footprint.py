"""Which places of its inputs an op computes a place of its output from.

A place is a pixel of an image or a token of a sequence, with all of its channels or features. Receptive fields follow
from what each op says here; see `archspec.analysis.receptive_fields`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from archspec.ir.attributes import PerAxis, Sides


class AxisFootprint(NamedTuple):
    """What the elements along one axis of an output look at along that axis of the input.

    It repeats: element `len(taps) * k + r` looks at the elements `step * k + t`, for each t in `taps[r]`. Those outside
    of the input are padding. A convolution of stride 2 has one set of taps and the step 2; an enlargement by 2 has two
    and the step 1; under the step 0 all look at the same.
    """

    step: int
    taps: tuple[Sequence[int], ...]


Seen: TypeAlias = Literal["place", "everywhere"] | tuple[AxisFootprint, ...]
"""Of one input: the same place, every place, or what windows show: one for each axis of places, two over an image."""
Footprint: TypeAlias = Seen | Literal["nowhere"]
"""The same, or none of its places: its size alone is looked at."""


def everything(size: int) -> AxisFootprint:
    """All elements of an axis."""
    return AxisFootprint(0, (range(size),))


def only(index: int) -> AxisFootprint:
    """One element of an axis, for all of the output."""
    return AxisFootprint(0, ((index,),))


def shifted(by: int) -> AxisFootprint:
    """The element that lay `by` places before: what padding does."""
    return AxisFootprint(1, ((-by,),))


def sliding(kernel: PerAxis, stride: PerAxis, sides: Sides, dilation: PerAxis) -> tuple[AxisFootprint, ...]:
    """A kernel that slides along spatial axes: a convolution's or a pool's."""
    axes = zip(sides, kernel, stride, dilation, strict=True)
    return tuple(
        AxisFootprint(step, (range(-before, spread * (window - 1) + 1 - before, spread),))
        for (before, _), window, step, spread in axes
    )


def spreading(kernel: PerAxis, stride: PerAxis, before: PerAxis, dilation: PerAxis) -> tuple[AxisFootprint, ...]:
    """The opposite, a transposed convolution's: element i is spread over `i * stride - before` and what follows it."""
    return tuple(
        AxisFootprint(
            1,
            tuple(
                sorted(
                    (at + left_out - spread * tap) // step
                    for tap in range(window)
                    if not (at + left_out - spread * tap) % step
                )
                for at in range(step)
            ),
        )
        for left_out, window, step, spread in zip(before, kernel, stride, dilation, strict=True)
    )


def repeated(factor: PerAxis) -> tuple[AxisFootprint, ...]:
    """Each element becomes `factor` elements."""
    return tuple(AxisFootprint(1, ((0,),) * times) for times in factor)


def covering(size: PerAxis, parts: PerAxis) -> tuple[AxisFootprint, ...]:
    """`parts` windows that cover an axis: window i is elements floor(i size / parts) to ceil((i + 1) size / parts)."""
    found: list[AxisFootprint] = []
    for extent, count in zip(size, parts, strict=True):
        common = math.gcd(extent, count)
        taps = (range(i * extent // count, -(-(i + 1) * extent // count)) for i in range(count // common))
        found.append(AxisFootprint(extent // common, tuple(taps)))
    return tuple(found)
