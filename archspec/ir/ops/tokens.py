"""Ops on sequences of tokens (T, F), such as words of a text or patches of an image: what transformers are made of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from archspec.ir.attributes import BoolKind, IndexKind, InitKind, IntKind, attribute
from archspec.ir.footprint import Footprint, only, shifted
from archspec.ir.initializers import FanInUniform, Initializer, Normal, XavierUniform, Zeros
from archspec.ir.op import Example, Op, OpKind, ShapeError, Sign, Weight
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Overall, Placewise, decays
from archspec.ir.tensor_type import (
    FEATURE_MAPS,
    FEATURES,
    ID_SEQUENCES,
    SEQUENCES,
    SPATIAL,
    TOKENS,
    Accepted,
    Axes,
    TensorType,
    features,
    image,
    signal,
    tokens,
)

_MAKE_TOKENS: Final[Mapping[Axes, str]] = {
    FEATURES: "leave out the `flatten` or pooling before it",
    **dict.fromkeys(SPATIAL, "put `to_tokens` before it"),
}
_NO_IDS: Final = "ids come in by an input: `input: {tokens: 128, ids: 30522}`, where `ids` is how many there are"


@register
@dataclass(frozen=True, slots=True)
class Embedding(Placewise):
    """A learned vector for each id, looked up for each token: ids (T,) to (T, F). ONNX Gather.

    The input says how many ids there are. The weight has the shape (ids, F), and no id is apart from the others: the
    vector of an id that stands for padding is learned as all are.
    """

    features: int = attribute(IntKind(least=1), "number of features of each token")
    init: Initializer = attribute(InitKind(by_fan=False), "initial vectors", default=Normal(1.0))
    weight_decay: float = decays("weight")

    name: ClassVar[str] = "embedding"
    kind: ClassVar[OpKind] = "other"
    example: ClassVar[Example] = Example((64,), "embedding: {features: 16, init: {normal: 0.02}}", ids=1000)
    takes: ClassVar[Accepted] = ID_SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = {
        TOKENS: f"{_NO_IDS}; `dense` without a bias maps tokens of features",
        **dict.fromkeys((FEATURES, *SPATIAL), _NO_IDS),
    }
    two_meanings: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("num_embeddings", "input_dim", "vocab_size", "vocabulary", "vocabulary_size", "ids"),
            "leave it out: the input says how many ids there are, as in `input: {tokens: 128, ids: 30522}`",
        ),
        **dict.fromkeys(
            ("embedding_dim", "output_dim", "embed_dim", "embedding_size", "units", "width", "dim"), "write `features`"
        ),
        **dict.fromkeys(
            ("padding_idx", "mask_zero", "padding"),
            "not in the language: the vector of padding is learned as all are, and there are no masks",
        ),
        "embeddings_initializer": "write `init`",
        "embeddings_regularizer": "write `weight_decay`, which is twice Keras's L2",
        "input_length": "leave it out: the input says how many tokens there are",
        "max_norm": "not in the language: vectors are not cut to a norm",
        "norm_type": "not in the language: vectors are not cut to a norm",
        "scale_grad_by_freq": "leave it out: gradients are not divided by how often an id occurs",
        "sparse": "leave it out: what is computed is the same",
        "_weight": "leave it out, and give it to `archspec.build`",
        "_freeze": "leave it out: how a network is trained is no part of a spec",
        "lora_rank": "leave it out: how a network is trained is no part of a spec",
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        return tokens(inputs[0].sizes[0], self.features)

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        return (Weight("weight", (inputs[0].channels, self.features), self.init, decay=self.weight_decay),)

    def detail(self) -> str:
        return f" {self.features}"


@register
@dataclass(frozen=True, slots=True)
class ToTokens(Placewise):
    """The places of a feature map as tokens: pixels row by row, (C, H, W) to (H W, C). ONNX Reshape + Transpose."""

    name: ClassVar[str] = "to_tokens"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "to_tokens")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = FEATURE_MAPS
    view: ClassVar[bool] = True

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        return tokens(math.prod(inputs[0].places), inputs[0].channels)


@register
@dataclass(frozen=True, slots=True)
class ToImage(Placewise):
    """Tokens as the pixels of an image, row by row: (H W, C) to (C, H, W). ONNX Transpose + Reshape."""

    height: int = attribute(IntKind(least=1), "height of the image in tokens", spatial=True)
    width: int = attribute(IntKind(least=1), "width of the image in tokens", spatial=True)

    name: ClassVar[str] = "to_image"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((64, 16), "to_image: {height: 8, width: 8}")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = _MAKE_TOKENS
    view: ClassVar[bool] = True

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        count, width = inputs[0].sizes
        if count != self.height * self.width:
            raise ShapeError(
                f"makes {self.height}x{self.width} = {self.height * self.width} pixels of "
                f"{self.height * self.width} tokens; its input has {count}",
                help="give a height and a width whose product is the number of tokens; a class token is no pixel",
            )
        return image(width, self.height, self.width)

    def detail(self) -> str:
        return f" {self.height}x{self.width}"


@register
@dataclass(frozen=True, slots=True)
class ToSignal(Placewise):
    """Tokens as the elements of a signal, whose channels are their features: (T, F) to (F, T). ONNX Transpose.

    So `conv` and pools go along the words of a text. `to_tokens` is the way back.
    """

    name: ClassVar[str] = "to_signal"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((64, 16), "to_signal")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = _MAKE_TOKENS
    view: ClassVar[bool] = True

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        count, width = inputs[0].sizes
        return signal(width, count)


@register
@dataclass(frozen=True, slots=True)
class Transpose(Overall):
    """Tokens as features and features as tokens: (T, F) to (F, T). ONNX Transpose; Tolstikhin et al. 2021."""

    name: ClassVar[str] = "transpose"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((64, 16), "transpose")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = _MAKE_TOKENS
    view: ClassVar[bool] = True

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        count, width = inputs[0].sizes
        return tokens(width, count)


@register
@dataclass(frozen=True, slots=True)
class Attention(Overall):
    """Multi-head attention of tokens (T, F) to each other, or to others. ONNX Attention; Vaswani et al. 2017.

    Queries, keys and values are learned affine maps of the tokens, cut into heads of F / heads features, or of
    `key_size` and `value_size`. Each head gives softmax(Q K^T / sqrt(size of a key)) V; the heads side by side go
    through a last affine map. In `branches: [[], {from: memory}]` keys and values are of the second branch's tokens:
    cross-attention. The weights are named as in PyTorch's `nn.MultiheadAttention`; where there are other tokens, sizes,
    or an `out_bias`, they are `q_proj`, `k_proj`, `v_proj` and `o_proj`. It does not count when the depth of a network
    is stated.
    """

    heads: int = attribute(IntKind(least=1), "number of heads; it divides the features")
    bias: bool = attribute(BoolKind(), "add learned numbers to queries, keys, values and the result", default=True)
    out_bias: bool | None = attribute(
        BoolKind(), "add learned numbers to the result; as `bias` says, unless given", default=None
    )
    key_size: int | None = attribute(
        IntKind(least=1),
        "features of a head's queries and keys; the features divided by `heads` unless given",
        default=None,
    )
    value_size: int | None = attribute(
        IntKind(least=1), "features of a head's values; the features divided by `heads` unless given", default=None
    )
    init: Initializer = attribute(
        InitKind(), "initial weight of each of the four maps, by itself F x F", default=XavierUniform()
    )
    bias_init: Initializer = attribute(InitKind(of_bias=True), "initial bias of each of the four maps", default=Zeros())
    weight_decay: float = decays("weight")
    bias_decay: float = decays("bias")

    most_inputs: ClassVar[int | None] = 2
    name: ClassVar[str] = "attention"
    kind: ClassVar[OpKind] = "attention"
    example: ClassVar[Example] = Example((64, 16), "attention: {heads: 4}")
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = _MAKE_TOKENS
    two_meanings: ClassVar[Mapping[str, str]] = {
        "num_heads": "write `heads`",
        "embed_dim": "leave it out: the features are inferred",
        "key_dim": "write `key_size`: the features of a head; leave it out where it is the features divided by `heads`",
        "use_bias": "write `bias`",
        "qkv_bias": "write `bias`, and `out_bias` where the result's is another",
        **dict.fromkeys(("proj_bias", "output_bias"), "write `out_bias`"),
        "value_dim": "write `value_size`: the features of a head",
        "head_dim": "write `key_size` and `value_size`: the features of a head",
        **dict.fromkeys(
            ("kdim", "vdim"), "leave it out: the features of the other tokens are inferred, those of branch 2"
        ),
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
                "output_shape",
                "qk_norm",
                "add_bias_kv",
                "add_zero_attn",
                "use_gate",
            ),
            "not in the language: queries, keys and values are affine maps of tokens, and the result has the features "
            "that arrive",
        ),
        **dict.fromkeys(
            ("dropout", "attention_dropout", "attn_drop"),
            "dropout of attention's weights is not in the language; `- dropout` after it is",
        ),
    }

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        width = inputs[0].channels
        if width % self.heads and (self.key_size is None or self.value_size is None):
            raise ShapeError(
                f"has {self.heads} heads, which do not divide the {int(width)} features",
                "E0504",
                "choose a number of heads that divides the features, or give `key_size` and `value_size`",
            )
        if self.is_apart(len(inputs)) and isinstance(self.bias_init, FanInUniform):
            raise ShapeError(
                "has a bias_init of fan_in_uniform, which goes by one number of inputs; here the maps have several",
                "E0411",
                "write `zeros`, or `uniform` with a number",
                "bias_init",
            )
        return inputs[0]

    def is_apart(self, inputs: int) -> bool:
        """Whether the four maps have weights apart, as they do for so many inputs or where an attribute asks for it."""
        return inputs > 1 or any(given is not None for given in (self.out_bias, self.key_size, self.value_size))

    def sizes(self, width: int) -> tuple[int, int]:
        """The features of all heads' keys and of all heads' values."""
        key = width if self.key_size is None else self.heads * self.key_size
        return key, width if self.value_size is None else self.heads * self.value_size

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        everywhere: Footprint = "everywhere"
        return (everywhere,) * len(inputs)

    def structural(self) -> tuple[str, ...]:
        return ("bias",) if self.out_bias is not None else ()

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        width = inputs[0].channels
        if self.is_apart(len(inputs)):
            return tuple(self._maps(width, inputs[-1].channels))
        square = (width, width)  # the maps are drawn one by one
        three = (3 * width, width)
        within = Weight("in_proj_weight", three, self.init, fan_shape=square, decay=self.weight_decay)
        out = Weight("out_proj.weight", square, self.init, decay=self.weight_decay)
        if not self.bias:
            return within, out
        biases = (
            Weight("in_proj_bias", (3 * width,), self.bias_init, fan_shape=square, decay=self.bias_decay),
            Weight("out_proj.bias", (width,), self.bias_init, fan_shape=square, decay=self.bias_decay),
        )
        return within, biases[0], out, biases[1]

    def _maps(self, width: int, others: int) -> Iterator[Weight]:
        """The four maps' weights, each with its bias."""
        key, value = self.sizes(width)
        last = self.bias if self.out_bias is None else self.out_bias
        maps = {"q": (key, width), "k": (key, others), "v": (value, others), "o": (width, value)}
        for name, shape in maps.items():
            yield Weight(f"{name}_proj.weight", shape, self.init, decay=self.weight_decay)
            if last if name == "o" else self.bias:
                yield Weight(f"{name}_proj.bias", shape[:1], self.bias_init, fan_shape=shape, decay=self.bias_decay)

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        (count, width), (others, features) = inputs[0].sizes, inputs[-1].sizes
        key, value = self.sizes(width)
        maps = count * width * (key + value) + others * features * (key + value)
        return maps + count * others * (key + value)

    def detail(self) -> str:
        return f", {self.heads} heads"

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        return f"attention, {self.heads} heads"


@register
@dataclass(frozen=True, slots=True)
class ClassToken(Op):
    """A learned token, put before the others: (T, F) to (T + 1, F). ONNX Expand + Concat; Dosovitskiy et al. 2021."""

    init: Initializer = attribute(InitKind(by_fan=False), "initial token", default=Zeros())

    name: ClassVar[str] = "class_token"
    kind: ClassVar[OpKind] = "other"
    example: ClassVar[Example] = Example((64, 16), "class_token")
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = _MAKE_TOKENS

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        count, width = inputs[0].sizes
        return tokens(count + 1, width)

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        return ((shifted(1),),)

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        return (Weight("weight", (inputs[0].channels,), self.init),)


@register
@dataclass(frozen=True, slots=True)
class PositionEmbedding(Placewise):
    """Adds a learned number to each feature of each token, so that the size of the input is fixed. ONNX Add."""

    init: Initializer = attribute(InitKind(by_fan=False), "initial numbers", default=Normal(0.02))

    name: ClassVar[str] = "position_embedding"
    kind: ClassVar[OpKind] = "other"
    example: ClassVar[Example] = Example((64, 16), "position_embedding: {init: {truncated_normal: 0.02}}")
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = _MAKE_TOKENS
    sized: ClassVar[bool] = True

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        return inputs[0]

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        return (Weight("weight", inputs[0].sizes, self.init),)


@register
@dataclass(frozen=True, slots=True)
class SelectToken(Op):
    """One token of the sequence: (T, F) to (F,). ONNX Gather."""

    index: int = attribute(IndexKind(), "which one, counted from 0, or from the end where it is negative", default=0)

    name: ClassVar[str] = "select_token"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((64, 16), "select_token: {index: 0}")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = _MAKE_TOKENS
    view: ClassVar[bool] = True

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        count, width = inputs[0].sizes
        if not -count <= self.index < count:
            raise ShapeError(
                f"has the index {self.index}, its input has {count} tokens",
                help=f"choose an index from {-count} to {count - 1}",
            )
        return features(width)

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        return ((only(self.index % inputs[0].sizes[0]),),)

    def detail(self) -> str:
        return f" {self.index}"
