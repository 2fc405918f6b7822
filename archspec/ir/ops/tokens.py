"""Ops on sequences of tokens (T, F), such as words of a text or patches of an image: what transformers are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from archspec.ir.attributes import IndexKind, InitKind, IntKind, attribute
from archspec.ir.footprint import Footprint, only, shifted
from archspec.ir.initializers import Initializer, Normal, Zeros
from archspec.ir.op import Example, Op, OpKind, ShapeError, Sign, Weight
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Overall, Placewise, bare, decays
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
from archspec.records import record

MAKE_TOKENS: Final[Mapping[Axes, str]] = {
    FEATURES: "leave out the `flatten` or pooling before it",
    **dict.fromkeys(SPATIAL, "put `to_tokens` before it"),
}
_NO_IDS: Final = "ids come in by an input: `input: {tokens: 128, ids: 30522}`, where `ids` is how many there are"


@register
@record
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
class ToTokens(Placewise):
    """The places of a feature map as tokens: pixels row by row, (C, H, W) to (H W, C). ONNX Reshape + Transpose."""

    __slots__ = ()
    name: ClassVar[str] = "to_tokens"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((16, 8, 8), "to_tokens")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = FEATURE_MAPS
    view: ClassVar[bool] = True

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        return tokens(math.prod(inputs[0].places), inputs[0].channels)


@register
@record
class ToImage(Placewise):
    """Tokens as the pixels of an image, row by row: (H W, C) to (C, H, W). ONNX Transpose + Reshape."""

    height: int = attribute(IntKind(least=1), "height of the image in tokens", spatial=True)
    width: int = attribute(IntKind(least=1), "width of the image in tokens", spatial=True)

    name: ClassVar[str] = "to_image"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((64, 16), "to_image: {height: 8, width: 8}")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = MAKE_TOKENS
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
class ToSignal(Placewise):
    """Tokens as the elements of a signal, whose channels are their features: (T, F) to (F, T). ONNX Transpose.

    So `conv` and pools go along the words of a text. `to_tokens` is the way back.
    """

    __slots__ = ()
    name: ClassVar[str] = "to_signal"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((64, 16), "to_signal")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = MAKE_TOKENS
    view: ClassVar[bool] = True

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        count, width = inputs[0].sizes
        return signal(width, count)


@register
class Transpose(Overall):
    """Tokens as features and features as tokens: (T, F) to (F, T). ONNX Transpose; Tolstikhin et al. 2021."""

    __slots__ = ()
    name: ClassVar[str] = "transpose"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((64, 16), "transpose")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = MAKE_TOKENS
    view: ClassVar[bool] = True

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        count, width = inputs[0].sizes
        return tokens(width, count)


class LearnedTokens(Op):
    """Learned tokens, put before those that arrive."""

    bare: bool

    kind: ClassVar[OpKind] = "other"
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = MAKE_TOKENS

    def added(self) -> int:
        """How many they are."""
        raise NotImplementedError

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        count, width = inputs[0].sizes
        return tokens(count + self.added(), width)

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        return ((shifted(self.added()),),)

    def structural(self) -> tuple[str, ...]:
        return ("bare",)


@register
@record
class ClassToken(LearnedTokens):
    """A learned token, put before the others: (T, F) to (T + 1, F). ONNX Expand + Concat; Dosovitskiy et al. 2021."""

    init: Initializer = attribute(InitKind(by_fan=False), "initial token", default=Zeros())
    bare: bool = bare("(1, 1, F)")

    name: ClassVar[str] = "class_token"
    example: ClassVar[Example] = Example((64, 16), "class_token")

    def added(self) -> int:
        return 1

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        width = inputs[0].channels
        return (Weight("", (1, 1, width), self.init) if self.bare else Weight("weight", (width,), self.init),)


@register
@record
class RegisterTokens(LearnedTokens):
    """Learned tokens, put before the others: (T, F) to (T + count, F). ONNX Expand + Concat; Darcet et al. 2023."""

    count: int = attribute(IntKind(least=1), "how many tokens")
    init: Initializer = attribute(InitKind(by_fan=False), "initial tokens", default=Normal(0.02))
    bare: bool = bare("(1, count, F)")

    name: ClassVar[str] = "register_tokens"
    example: ClassVar[Example] = Example((64, 16), "register_tokens: {count: 4}")

    def added(self) -> int:
        return self.count

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        shape = (self.count, inputs[0].channels)
        return (Weight("", (1, *shape), self.init) if self.bare else Weight("weight", shape, self.init),)


@register
@record
class PositionEmbedding(Placewise):
    """Adds a learned number to each feature of each token, so that the size of the input is fixed. ONNX Add."""

    init: Initializer = attribute(InitKind(by_fan=False), "initial numbers", default=Normal(0.02))
    bare: bool = bare("(1, T, F)")

    name: ClassVar[str] = "position_embedding"
    kind: ClassVar[OpKind] = "other"
    example: ClassVar[Example] = Example((64, 16), "position_embedding: {init: {truncated_normal: 0.02}}")
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = MAKE_TOKENS
    sized: ClassVar[bool] = True

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        return inputs[0]

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        sizes = inputs[0].sizes
        return (Weight("", (1, *sizes), self.init) if self.bare else Weight("weight", sizes, self.init),)

    def structural(self) -> tuple[str, ...]:
        return ("bare",)


@register
@record
class SelectToken(Op):
    """One token of the sequence: (T, F) to (F,). ONNX Gather."""

    index: int = attribute(IndexKind(), "which one, counted from 0, or from the end where it is negative", default=0)

    name: ClassVar[str] = "select_token"
    kind: ClassVar[OpKind] = "shape"
    example: ClassVar[Example] = Example((64, 16), "select_token: {index: 0}")
    sign: ClassVar[Sign] = "kept"
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = MAKE_TOKENS
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
