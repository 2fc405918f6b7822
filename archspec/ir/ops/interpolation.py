"""Resizing along the spatial axes by what lies between the elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import ClassVar, Final

from archspec.ir.attributes import BoolKind, Factors, FactorsKind, PerAxis, PerAxisKind, WordKind, attribute
from archspec.ir.captions import extents, joined, number
from archspec.ir.footprint import Footprint
from archspec.ir.interpolation_arithmetic import NEAREST, Interpolation
from archspec.ir.op import Example, Op, OpKind, ShapeError
from archspec.ir.op_registry import register
from archspec.ir.tensor_type import FEATURE_MAPS, IMAGE, SIGNAL, VOLUME, Accepted, Axes, TensorType
from archspec.records import record

_LINEAR: Final[Mapping[Axes, str]] = {SIGNAL: "linear", IMAGE: "bilinear", VOLUME: "trilinear"}
_MODES: Final = (*NEAREST, *_LINEAR.values(), "bicubic")
_FILL: Final = "leave it out: beyond the outermost elements nothing changes"
_FACTOR: Final = "write `factor`: by how much each axis is multiplied, without ONNX's numbers for batch and channels"
_SIZE: Final = "write `size`: the sizes of the spatial axes, without ONNX's for batch and channels"


@register
@record
class Upsample(Op):
    """All spatial axes made larger or smaller, by a factor, to a size, or to the size of another tensor. ONNX Resize.

    PyTorch's `interpolate`. A new element's center lies where it does in the old tensor (`half_pixel`), or, with
    `align_corners`, the centers of the outermost elements stay where they are: position i of n lies at i * (old - 1) /
    (n - 1). Linear weights go by the distance to the centers of the nearest two along each axis, cubic ones (a = -0.75)
    to those of the nearest four, and beyond the outermost ones nothing changes. `branches: [[], {from: tap}]` takes the
    size of the second tensor, and nothing else of it.
    """

    name: ClassVar[str] = "upsample"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "upsample: {factor: 2, mode: bilinear}")
    resamples: ClassVar[bool] = True
    takes: ClassVar[Accepted] = FEATURE_MAPS
    most_inputs: ClassVar[int | None] = 2
    one_of: ClassVar[tuple[str, ...]] = ("factor", "size")

    factor: Factors | None = attribute(
        FactorsKind(),
        "how many times as large each axis becomes; a fraction must give whole sizes",
        default=None,
        spatial=True,
    )
    mode: str = attribute(
        WordKind(words=_MODES),
        "`nearest`: element i of n is the old floor(i * old / n), so that factors repeat elements; `nearest_exact`: "
        "floor((i + 1/2) * old / n); in between along all axes: `linear` for signals, `bilinear` for images, "
        "`trilinear` for volumes; `bicubic` for images",
        default="nearest",
    )
    size: PerAxis | None = attribute(
        PerAxisKind(), "sizes of the output along the spatial axes", default=None, spatial=True
    )
    align_corners: bool = attribute(
        BoolKind(), "the centers of the outermost elements stay where they are; not of `nearest`", default=False
    )
    antialias: bool = attribute(
        BoolKind(),
        "where the output is smaller, weights reach as much further as it is (Pillow's filters; cubic with a = -0.5); "
        "for `bilinear` and `bicubic`",
        default=False,
    )

    two_meanings: ClassVar[Mapping[str, str]] = {
        "scale": "write `factor`, a number or one for each axis",
        "scale_factor": "write `factor`, a number or one for each axis",
        "sizes": _SIZE,
        "output_size": "write `size`",
        "target_size": "write `size`",
        "height": "write `size`, as `[height, width]`",
        "width": "write `size`, as `[height, width]`",
        "scales": _FACTOR,
        "like": "write `branches: [[], {from: ...}]`, where the second branch is the tensor whose size is taken",
        "interpolation": "write `mode`",
        "method": "write `mode`",
        "coordinate_transformation_mode": "leave it out if it is half_pixel, or write `align_corners: true`; of the "
        "others, PyTorch's `nearest` is asymmetric",
        "nearest_mode": "leave it out: `mode` says it, `nearest` or `nearest_exact`",
        "cubic_coeff_a": "leave it out if it is -0.75; with `antialias` it is -0.5",
        "exclude_outside": "leave it out",
        "half_pixel_centers": "leave it out if it is true; `align_corners: true` is the other way",
        "keep_aspect_ratio_policy": "leave it out if it is stretch",
        "crop_to_aspect_ratio": "leave it out if it is false; it is not in the language",
        "pad_to_aspect_ratio": "leave it out if it is false; it is not in the language",
        "fill_mode": _FILL,
        "fill_value": _FILL,
        "extrapolation_value": _FILL,
        "recompute_scale_factor": "leave it out: a factor gives whole sizes, and what is computed is the same",
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        x = inputs[0]
        given = [self.factor is not None, self.size is not None, len(inputs) > 1]
        if sum(given) != 1:
            raise ShapeError(
                f"needs {'one of ' if any(given) else ''}`factor`, `size`, or a second branch whose size is taken",
                "E0410",
                "write `factor: 2`, `size: [height, width]`, or `branches: [[], {from: tap}]`",
            )
        self._check_mode(x)
        if len(inputs) > 1:
            if inputs[1].axes != x.axes:
                raise ShapeError(
                    f"takes the size of a tensor of other axes: its input has {x.described}, branch 2 "
                    f"{inputs[1].described}",
                    "E0502",
                )
            return x.with_places(inputs[1].places)
        if self.size is not None:
            return x.with_places(self.size)
        assert self.factor is not None
        sizes = [extent * times for extent, times in zip(x.places, self.factor, strict=True)]
        for axis, extent, times, size in zip(x.place_names, x.places, self.factor, sizes, strict=True):
            if size != int(size) or size < 1:
                raise ShapeError(
                    f"multiplies a {axis} of {extent} by {times:g}, which gives {size:g}",
                    "E0411",
                    f"write `size`, as {max(1, int(size))}: frameworks differ in where elements lie if a factor "
                    "gives no whole size",
                    "factor",
                )
        return x.with_places([int(size) for size in sizes])

    def _check_mode(self, x: TensorType) -> None:
        """See that the mode is one for tensors of these axes, and goes with the other attributes."""
        fitting = _LINEAR[x.axes]
        between = (fitting, "bicubic") if x.axes == IMAGE else (fitting,)
        if self.mode not in (*NEAREST, *between):
            raise ShapeError(
                f"has the mode {self.mode}; its input has {x.places_text}", "E0411", f"write `mode: {fitting}`", "mode"
            )
        if self.align_corners and self.mode in NEAREST:
            message = f"aligns corners, which mode {self.mode} does not take: it computes nothing between elements"
            raise ShapeError(message, "E0411", f"write `mode: {fitting}`, or leave it out", "align_corners")
        if not self.antialias:
            return
        if x.axes != IMAGE or self.mode in NEAREST:
            message = f"has antialias, which is for images and the modes bilinear and bicubic, and mode {self.mode}"
            raise ShapeError(message, "E0411", "leave it out", "antialias")
        if self.align_corners:
            message = "has antialias, and aligns corners: what the two together mean differs between frameworks"
            raise ShapeError(message, "E0411", "leave one of the two out", "antialias")

    @property
    def enlarges(self) -> bool:
        """Whether all that it does is to multiply sizes by whole numbers."""
        return self.factor is not None and all(isinstance(times, int) for times in self.factor)

    def interpolation(self, old: int, new: int) -> Interpolation:
        """Which elements of an axis of this size each new one is computed from."""
        return Interpolation(self.mode, old, new, corners=self.align_corners, antialias=self.antialias)

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        pairs = zip(inputs[0].places, self.infer_type(inputs).places, strict=True)
        first: Footprint = tuple(self.interpolation(old, new).footprint() for old, new in pairs)
        return (first, "nowhere")[: len(inputs)]

    def never_negative(self, inputs: Sequence[bool], open: Set[str]) -> bool:
        return self.mode != "bicubic" and inputs[0]  # cubic weights are negative beyond the nearest two

    def caption(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> str:
        return f"upsample{self._amount(outputs)}, {self._words}"

    def _amount(self, outputs: Sequence[TensorType]) -> str:
        if self.factor is not None:
            return f" x{number(self.factor)}"
        return f" to {extents(outputs[0].places)}"

    @property
    def _words(self) -> str:
        more = "corners aligned" if self.align_corners else "antialiased" if self.antialias else ""
        return joined(self.mode.replace("_", " "), more)

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        if self.factor is not None:
            return f"{extents(self.factor)} upsample"
        return f"upsample to {extents(self.infer_type(inputs).places)}"
