"""Ops on sequences of tokens (T, F), such as the patches of an image: what a vision transformer is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from archspec.ir.attributes import BoolKind, IndexKind, InitKind, IntKind, attribute
from archspec.ir.initializers import Initializer, Normal, XavierUniform, Zeros
from archspec.ir.op import IMAGES, TOKENS, Op, Ranks, Shape, ShapeError, Weight
from archspec.ir.ops.base import Overall, Placewise, decays
from archspec.ir.reach import Reach, only, shifted

_MAKE_TOKENS: Final = {1: "leave out the `flatten` or pooling before it", 3: "put `to_tokens` before it"}


@dataclass(frozen=True, slots=True)
class ToTokens(Placewise):
    """The pixels of an image as tokens, row by row: (C, H, W) to (H W, C). ONNX Reshape + Transpose."""

    name: ClassVar[str] = "to_tokens"
    ranks: ClassVar[Ranks] = IMAGES
    view: ClassVar[bool] = True

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        channels, height, width = inputs[0]
        return height * width, channels


@dataclass(frozen=True, slots=True)
class ToImage(Placewise):
    """Tokens as the pixels of an image, row by row: (H W, C) to (C, H, W). ONNX Transpose + Reshape."""

    height: int = attribute(IntKind(least=1), "height of the image in tokens", spatial=True)
    width: int = attribute(IntKind(least=1), "width of the image in tokens", spatial=True)

    name: ClassVar[str] = "to_image"
    ranks: ClassVar[Ranks] = TOKENS
    rank_help: ClassVar[Mapping[int, str]] = _MAKE_TOKENS
    view: ClassVar[bool] = True

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        tokens, features = inputs[0]
        if tokens != self.height * self.width:
            raise ShapeError(
                f"makes {self.height}x{self.width} = {self.height * self.width} pixels of "
                f"{self.height * self.width} tokens; its input has {tokens}",
                help="give a height and a width whose product is the number of tokens; a class token is no pixel",
            )
        return features, self.height, self.width


@dataclass(frozen=True, slots=True)
class Transpose(Overall):
    """Tokens as features and features as tokens: (T, F) to (F, T). ONNX Transpose; Tolstikhin et al. 2021."""

    name: ClassVar[str] = "transpose"
    ranks: ClassVar[Ranks] = TOKENS
    rank_help: ClassVar[Mapping[int, str]] = _MAKE_TOKENS
    view: ClassVar[bool] = True

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        tokens, features = inputs[0]
        return features, tokens


@dataclass(frozen=True, slots=True)
class Attention(Overall):
    """Multi-head self-attention over tokens (T, F). ONNX Attention; Vaswani et al. 2017, section 3.2.

    Queries, keys and values are learned affine maps of the tokens, cut into heads of F / heads features. Each head
    gives softmax(Q K^T / sqrt(F / heads)) V; the heads side by side go through a last affine map. The weights are named
    as in PyTorch's `nn.MultiheadAttention`. It does not count when the depth of a network is stated.
    """

    heads: int = attribute(IntKind(least=1), "number of heads; it divides the features")
    bias: bool = attribute(BoolKind(), "add learned numbers to queries, keys, values and the result", default=True)
    init: Initializer = attribute(
        InitKind(), "initial weight of each of the four maps, by itself F x F", default=XavierUniform()
    )
    bias_init: Initializer = attribute(InitKind(of_bias=True), "initial bias of each of the four maps", default=Zeros())
    weight_decay: float = decays("weight")
    bias_decay: float = decays("bias")

    name: ClassVar[str] = "attention"
    ranks: ClassVar[Ranks] = TOKENS
    rank_help: ClassVar[Mapping[int, str]] = _MAKE_TOKENS
    two_meanings: ClassVar[Mapping[str, str]] = {
        "num_heads": "write `heads`",
        "embed_dim": "leave it out: the features are inferred",
        "key_dim": "leave it out: each head has the features divided by `heads`",
        "use_bias": "write `bias`",
        "qkv_bias": "write `bias`, which is for queries, keys, values and the result",
        "proj_bias": "write `bias`, which is for queries, keys, values and the result",
        "num_attention_heads": "write `heads`",
        "use_scale": "leave it out: products are divided by the root of a head's features",
        "scale": "leave it out: products are divided by the root of a head's features",
        "score_mode": "leave it out if it is dot; no other is in the language",
        "batch_first": "leave it out: shapes stand without the batch",
        "attention_axes": "leave it out: it goes over the tokens",
        "flash_attention": "leave it out: what is computed is the same",
        **dict.fromkeys(
            (
                "causal",
                "is_causal",
                "sliding_window",
                "use_causal_mask",
                "mask",
                "attn_mask",
                "attention_mask",
                "key_padding_mask",
            ),
            "masks are not in the language: all tokens see all others",
        ),
        **dict.fromkeys(
            ("kv_heads", "num_kv_heads", "num_key_value_heads", "kv_num_heads", "q_num_heads", "num_query_heads"),
            "not in the language: keys and values have as many heads as queries, which is `heads`",
        ),
        **dict.fromkeys(
            (
                "kdim",
                "vdim",
                "value_dim",
                "head_dim",
                "output_shape",
                "qk_norm",
                "add_bias_kv",
                "add_zero_attn",
                "use_gate",
            ),
            "not in the language: queries, keys and values are affine maps of the same tokens, of F / heads features",
        ),
        **dict.fromkeys(
            ("dropout", "attention_dropout", "attn_drop"),
            "dropout of attention's weights is not in the language; `- dropout` after it is",
        ),
    }

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        _, features = inputs[0]
        if features % self.heads:
            raise ShapeError(
                f"has {self.heads} heads, which do not divide the {int(features)} features",
                "E0504",
                "choose a number of heads that divides the features",
            )
        return inputs[0]

    def weights(self, inputs: Sequence[Shape]) -> tuple[Weight, ...]:
        features = inputs[0][1]
        square = (features, features)  # the maps are drawn one by one
        three = (3 * features, features)
        within = Weight("in_proj_weight", three, self.init, fan_shape=square, decay=self.weight_decay)
        out = Weight("out_proj.weight", square, self.init, decay=self.weight_decay)
        if not self.bias:
            return within, out
        biases = (
            Weight("in_proj_bias", (3 * features,), self.bias_init, fan_shape=square, decay=self.bias_decay),
            Weight("out_proj.bias", (features,), self.bias_init, fan_shape=square, decay=self.bias_decay),
        )
        return within, biases[0], out, biases[1]

    def macs(self, inputs: Sequence[Shape], output: Shape) -> int:
        tokens, features = inputs[0]
        return 4 * tokens * features**2 + 2 * tokens**2 * features


@dataclass(frozen=True, slots=True)
class ClassToken(Op):
    """A learned token, put before the others: (T, F) to (T + 1, F). ONNX Expand + Concat; Dosovitskiy et al. 2021."""

    init: Initializer = attribute(InitKind(by_fan=False), "initial token", default=Zeros())

    name: ClassVar[str] = "class_token"
    ranks: ClassVar[Ranks] = TOKENS
    rank_help: ClassVar[Mapping[int, str]] = _MAKE_TOKENS

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        tokens, features = inputs[0]
        return tokens + 1, features

    def reach(self, inputs: Sequence[Shape]) -> tuple[Reach, ...]:
        return ((shifted(1),),)

    def weights(self, inputs: Sequence[Shape]) -> tuple[Weight, ...]:
        return (Weight("weight", (inputs[0][1],), self.init),)


@dataclass(frozen=True, slots=True)
class PositionEmbedding(Placewise):
    """Adds a learned number to each feature of each token, so that the size of the input is fixed. ONNX Add."""

    init: Initializer = attribute(InitKind(by_fan=False), "initial numbers", default=Normal(0.02))

    name: ClassVar[str] = "position_embedding"
    ranks: ClassVar[Ranks] = TOKENS
    rank_help: ClassVar[Mapping[int, str]] = _MAKE_TOKENS
    sized: ClassVar[bool] = True

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        return inputs[0]

    def weights(self, inputs: Sequence[Shape]) -> tuple[Weight, ...]:
        return (Weight("weight", inputs[0], self.init),)


@dataclass(frozen=True, slots=True)
class SelectToken(Op):
    """One token of the sequence: (T, F) to (F,). ONNX Gather."""

    index: int = attribute(IndexKind(), "which one, counted from 0, or from the end where it is negative", default=0)

    name: ClassVar[str] = "select_token"
    ranks: ClassVar[Ranks] = TOKENS
    rank_help: ClassVar[Mapping[int, str]] = _MAKE_TOKENS
    view: ClassVar[bool] = True

    def infer_shape(self, inputs: Sequence[Shape]) -> Shape:
        tokens, features = inputs[0]
        if not -tokens <= self.index < tokens:
            raise ShapeError(
                f"has the index {self.index}, its input has {tokens} tokens",
                help=f"choose an index from {-tokens} to {tokens - 1}",
            )
        return (features,)

    def reach(self, inputs: Sequence[Shape]) -> tuple[Reach, ...]:
        return ((only(self.index % inputs[0][0]),),)
