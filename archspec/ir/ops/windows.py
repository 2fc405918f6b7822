"""Attention of pixels within windows of an image."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from archspec.ir.attributes import BoolKind, FloatKind, InitKind, IntKind, PerAxis, PerAxisKind, WordKind, attribute
from archspec.ir.captions import extents, joined
from archspec.ir.initializers import Constant, Initializer, Normal, Zeros
from archspec.ir.op import Derived, Example, OpKind, ShapeError, Weight
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Overall, decays
from archspec.ir.tensor_type import IMAGES, TOKENS, Accepted, Axes, Shape, TensorType
from archspec.records import record

if TYPE_CHECKING:
    import numpy as np

MLP_UNITS: Final = 512
"""Hidden units of the network that gives a position bias."""
MAPS: Final = {
    **dict.fromkeys(("swin", "timm", "maxvit_tf"), ("qkv", "proj")),
    "maxvit": ("to_qkv", "merge"),
}
"""The names of the map of queries, keys and values, and of that of the result, by whose they are."""
_NAMES: Final = {
    "swin": "torchvision's Swin: maps `qkv` and `proj`; indices into the table are saved",
    "timm": "timm's Swin: as `swin`, indices not saved; biases of cosine attention are `q_bias` and `v_bias`",
    "maxvit_tf": "timm's MaxViT: `qkv` and `proj`, indices not saved; the table `rel_pos.relative_position_bias_table` "
    "has a map for each head, of keys' offsets from queries",
    "maxvit": "torchvision's MaxViT: `to_qkv` and `merge`; indices are saved, a row for each pixel",
}
"""What the names of weights are."""


@register
@record
class WindowAttention(Overall):
    """Multi-head attention of pixels (C, H, W) to those of their window. ONNX's operators; Liu et al. 2021 and 2022.

    The image gets zeros below and to the right until windows fit. With a `shift` it is rolled up and to the left by so
    many pixels, and back afterwards; pixels that only meet by that do not see each other, and along an axis with one
    window nothing is shifted. In a `grid` (Tu et al. 2022) a window is of pixels at equal distances over the whole
    image. Each head gives softmax(S + B) V, with B a learned number for each offset of two pixels in a window. B is of
    a table, S being Q K^T times `scale`; or, where `scores` are `cosine`, B is 16 times the sigmoid of what a small
    network makes of log-spaced offsets, S being cosines times a learned factor of at most 100, and keys have no bias.
    Weights have the names of torchvision's networks. It does not count when the depth of a network is stated.
    """

    heads: int = attribute(IntKind(least=1), "number of heads; it divides the channels")
    window: PerAxis = attribute(PerAxisKind(), "pixels of a window along each axis", spatial=True)
    shift: PerAxis = attribute(
        PerAxisKind(least=0), "pixels by which windows are shifted; less than `window`", default=0, spatial=True
    )
    grid: bool = attribute(
        BoolKind(),
        "a window has pixels at equal distances over the whole image, as many as `window` says",
        default=False,
    )
    scores: str = attribute(
        WordKind(words=("dot", "cosine")),
        "`dot`: products and a table, as in Swin; `cosine`: cosines and a network for positions, as in Swin V2",
        default="dot",
    )
    scale: float | None = attribute(
        FloatKind(), "what products are multiplied by; 1 / sqrt(features of a head) unless given", default=None
    )
    bias: bool = attribute(BoolKind(), "add learned numbers to queries, keys, values and the result", default=True)
    names: str = attribute(
        WordKind(words=tuple(MAPS), meanings=tuple(_NAMES.values())),
        "whose networks' names, and shapes, the weights have",
        default="swin",
    )
    init: Initializer = attribute(InitKind(), "initial weight of each map", default=Normal(0.02))
    bias_init: Initializer = attribute(InitKind(of_bias=True), "initial bias of each map", default=Zeros())
    weight_decay: float = decays("weight")
    bias_decay: float = decays("bias")

    name: ClassVar[str] = "window_attention"
    kind: ClassVar[OpKind] = "attention"
    example: ClassVar[Example] = Example((16, 8, 8), "window_attention: {heads: 4, window: 4, shift: 2}")
    takes: ClassVar[Accepted] = IMAGES
    type_help: ClassVar[Mapping[Axes, str]] = {TOKENS: "`attention` is for tokens; `to_image` makes an image of them"}
    two_meanings: ClassVar[Mapping[str, str]] = {
        "num_heads": "write `heads`",
        "dim": "leave it out: the channels are inferred",
        "window_size": "write `window`",
        "shift_size": "write `shift`",
        "qkv_bias": "write `bias`",
        "head_dim": "write `heads`: the channels divided by it",
        "partition_size": "write `window`",
        "partition_type": "write `grid: true`, or leave it out for windows",
        **dict.fromkeys(
            ("attention_dropout", "attn_drop", "dropout"),
            "dropout of attention's weights is not in the language; `- dropout` after it is",
        ),
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        width = inputs[0].channels
        if width % self.heads:
            raise ShapeError(
                f"has {self.heads} heads, which do not divide the {int(width)} channels",
                "E0504",
                "choose a number of heads that divides the channels",
            )
        if any(shift >= size for shift, size in zip(self.shift, self.window, strict=True)):
            raise ShapeError(
                f"shifts its windows by {extents(self.shift)}, which are of {extents(self.window)} pixels",
                "E0411",
                "a shift is less than the window; Swin has half of it",
                "shift",
            )
        if self.grid and any(self.shift):
            raise ShapeError(
                "shifts a grid, which goes over the whole image already", "E0411", "leave `shift` out", "shift"
            )
        if self.scores == "cosine":
            self._check_cosine()
        return inputs[0]

    def _check_cosine(self) -> None:
        if self.scale is not None:
            raise ShapeError(
                "has a `scale` of its own, and cosines times a learned factor", "E0411", "leave `scale` out", "scale"
            )
        if self.names not in ("swin", "timm"):
            raise ShapeError(f"has `names: {self.names}`; cosines are Swin V2's", "E0411", "leave `names` out", "names")

    @property
    def maps(self) -> tuple[str, str]:
        """The names of the map of queries, keys and values, and of that of the result."""
        return MAPS[self.names]

    @property
    def has_biases_apart(self) -> bool:
        """Whether queries and values have biases of their own, and keys none to leave out."""
        return self.bias and self.scores == "cosine" and self.names == "timm"

    @property
    def has_head_maps(self) -> bool:
        """Whether a table has an axis for heads first, and one for each axis of an offset, a key's from a query."""
        return self.names == "maxvit_tf"

    @property
    def table(self) -> str:
        """The name of the table of biases."""
        return f"{'rel_pos.' * self.has_head_maps}relative_position_bias_table"

    @property
    def pixels(self) -> int:
        """How many pixels a window has."""
        return math.prod(self.window)

    def windows(self, size: Shape) -> Shape:
        """How many windows an image of this height and width has along each axis."""
        return tuple(-(-extent // each) for extent, each in zip(size, self.window, strict=True))

    @property
    def offsets(self) -> Shape:
        """How many offsets two pixels of a window can have along each axis."""
        return tuple(2 * size - 1 for size in self.window)

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        return tuple(self._weights(inputs[0].channels))

    def _weights(self, width: int) -> Iterator[Weight]:
        within, out = self.maps
        apart = self.has_biases_apart
        yield from self._map(within, (3 * width, width), biased=self.bias and not apart)
        for name in ("q_bias", "v_bias") if apart else ():
            yield Weight(name, (width,), self.bias_init, fan_shape=(3 * width, width), decay=self.bias_decay)
        yield from self._map(out, (width, width), biased=self.bias)
        if self.scores == "dot":
            shape = (math.prod(self.offsets), self.heads)
            yield Weight(self.table, (self.heads, *self.offsets) if self.has_head_maps else shape, Normal(0.02))
            return
        yield Weight("logit_scale", (self.heads, 1, 1), Constant(math.log(10)))
        yield from self._map("cpb_mlp.0", (MLP_UNITS, 2), biased=True)
        yield from self._map("cpb_mlp.2", (self.heads, MLP_UNITS), biased=False)

    def _map(self, name: str, shape: Shape, *, biased: bool) -> Iterator[Weight]:
        yield Weight(f"{name}.weight", shape, self.init, decay=self.weight_decay)
        if biased:
            yield Weight(f"{name}.bias", shape[:1], self.bias_init, fan_shape=shape, decay=self.bias_decay)

    def derived(self, inputs: Sequence[TensorType]) -> Mapping[str, Derived]:
        # torchvision's MaxViT has a table of pairs, its Swin Transformers have the same in a row.
        pairs = (self.pixels, self.pixels) if self.names == "maxvit" else (self.pixels**2,)
        saved = self.names in ("swin", "maxvit")
        found = {"relative_position_index": Derived(pairs, lambda: self._offset_rows().reshape(pairs), saved)}
        if self.scores == "cosine":
            found["relative_coords_table"] = Derived((1, *self.offsets, 2), self._log_spaced, saved)
        return found

    def _offset_rows(self) -> np.ndarray[Any, Any]:
        """For each two pixels of a window the row of their offset in a table, (pixels, pixels)."""
        import numpy as np

        height, width = self.window
        row, column = np.divmod(np.arange(height * width, dtype=np.int64), width)
        down, right = row[:, None] - row + height - 1, column[:, None] - column + width - 1
        found: np.ndarray[Any, Any] = down * (2 * width - 1) + right
        return found

    def _log_spaced(self) -> np.ndarray[Any, Any]:
        """The offsets (1, 2 H - 1, 2 W - 1, 2) of cosine attention, log-spaced."""
        import numpy as np

        axes = [np.arange(1 - size, size, dtype=np.float64) * 8 / max(size - 1, 1) for size in self.window]
        table = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)[None]
        found: np.ndarray[Any, Any] = (np.sign(table) * np.log2(np.abs(table) + 1) / 3).astype(np.float32)
        return found

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        width = inputs[0].channels
        places = math.prod(self.windows(inputs[0].places)) * self.pixels
        position = math.prod(self.offsets) * MLP_UNITS * (2 + self.heads) if self.scores == "cosine" else 0
        within = places * width * (3 * width + 2 * self.pixels)
        return within + math.prod(inputs[0].places) * width * width + position

    def one_place(self, inputs: Sequence[bool]) -> bool:
        return all(inputs)

    @property
    def _what(self) -> str:
        return "grid" if self.grid else "window"

    def detail(self) -> str:
        shifted = "shifted" if any(self.shift) else ""
        return " " + joined(f"{extents(self.window)} {self._what}", shifted, f"{self.heads} heads")

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        return f"{extents(self.window)} {self._what} attention, {self.heads} heads"
