"""Attention: tokens that look at tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final, NamedTuple

from archspec.ir.attributes import BoolKind, InitKind, IntKind, WordKind, attribute
from archspec.ir.footprint import Footprint
from archspec.ir.initializers import FanInUniform, Initializer, XavierUniform, Zeros
from archspec.ir.op import Example, OpKind, ShapeError, Weight
from archspec.ir.op_registry import register
from archspec.ir.ops.base import Overall, decays
from archspec.ir.ops.tokens import MAKE_TOKENS
from archspec.ir.tensor_type import SEQUENCES, Accepted, Axes, TensorType
from archspec.records import record

_MAPS: Final = {
    "torch": ("in_proj_weight", "in_proj_bias", "out_proj"),
    "timm": ("qkv.weight", "qkv.bias", "proj"),
}
"""The weight and the bias of queries, keys and values together, and the map of the result."""


class InputMap(NamedTuple):
    """A map of what comes to attention: its weight (rows, features), its bias (rows), and which rows of them it has."""

    weight: str
    bias: str
    rows: slice


@register
@record
class Attention(Overall):
    """Multi-head attention of tokens (T, F) to each other, or to others. ONNX Attention; Vaswani et al. 2017.

    Queries, keys and values are learned affine maps of the tokens, cut into heads of F / heads features, or of
    `key_size` and `value_size`. Each head gives softmax(Q K^T / sqrt(size of a key)) V; the heads side by side go
    through a last affine map. In `branches: [[], {from: memory}]` keys and values are of the second branch's tokens:
    cross-attention. The weights are named as in PyTorch's `nn.MultiheadAttention`, or as `names` says; where there are
    other tokens, sizes, or an `out_bias`, they are `q_proj`, `k_proj`, `v_proj` and `o_proj`, unless `maps` says
    otherwise. It does not count when the depth of a network is stated.
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
    maps: str | None = attribute(
        WordKind(words=("joint", "apart")),
        "the first three maps are one weight, `in_proj_weight` (`joint`), or three (`apart`)",
        default=None,
    )
    names: str = attribute(
        WordKind(words=tuple(_MAPS)),
        "what joint maps are called: `in_proj_weight` and `out_proj` (`torch`), or `qkv` and `proj` (`timm`)",
        default="torch",
    )
    init: Initializer = attribute(
        InitKind(), "initial weight of each of the four maps, by itself F x F", default=XavierUniform()
    )
    bias_init: Initializer = attribute(InitKind(of_bias=True), "initial bias of each of the four maps", default=Zeros())
    out_init: Initializer | None = attribute(
        InitKind(), "initial weight of the last map; as `init` says, unless given", default=None
    )
    fans: str = attribute(
        WordKind(words=("each", "joint")),
        "`init` counts the inputs and outputs of each map by itself, or of the joint matrix of the first three",
        default="each",
    )
    weight_decay: float = decays("weight")
    bias_decay: float = decays("bias")

    most_inputs: ClassVar[int | None] = 2
    name: ClassVar[str] = "attention"
    kind: ClassVar[OpKind] = "attention"
    example: ClassVar[Example] = Example((64, 16), "attention: {heads: 4}")
    takes: ClassVar[Accepted] = SEQUENCES
    type_help: ClassVar[Mapping[Axes, str]] = MAKE_TOKENS
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
        if self.maps == "joint":
            self._check_joint(inputs)
        self._check_names(inputs)
        self._check_joint_rule(inputs)
        if self.is_apart(len(inputs)) and isinstance(self.bias_init, FanInUniform):
            raise ShapeError(
                "has a bias_init of fan_in_uniform, which goes by one number of inputs; here the maps have several",
                "E0411",
                "write `zeros`, or `uniform` with a number",
                "bias_init",
            )
        return inputs[0]

    def _check_joint(self, inputs: Sequence[TensorType]) -> None:
        """See that the first three maps can be one weight: they are of as many features."""
        width, others = inputs[0].channels, inputs[-1].channels
        given = [name for name in ("key_size", "value_size", "out_bias") if getattr(self, name) is not None]
        if width == others and not given:
            return
        why = f"a {given[0]} of its own" if given else f"tokens of {int(width)} features, and others of {int(others)}"
        raise ShapeError(
            f"has {why}, and `maps: joint`: one weight is of maps that are alike",
            "E0411",
            "write `maps: apart`",
            "maps",
        )

    def _check_joint_rule(self, inputs: Sequence[TensorType]) -> None:
        """See that there is a joint matrix where initial weights speak of one."""
        given = "out_init" if self.out_init is not None else "fans" if self.fans == "joint" else ""
        if given and self.is_apart(len(inputs)):
            message = f"has `{given}`, which is for maps whose first three are one weight"
            raise ShapeError(message, "E0411", "leave it out, or write `maps: joint`", given)

    def _check_names(self, inputs: Sequence[TensorType]) -> None:
        """See that there is one map to be called `qkv`."""
        if self.names == "torch" or not (self.is_apart(len(inputs)) or len(inputs) > 1):
            return
        raise ShapeError(
            f"has `names: {self.names}`, and no map of queries, keys and values together",
            "E0411",
            "leave `names` out: it is for tokens that look at each other, with `maps: joint`",
            "names",
        )

    def is_apart(self, inputs: int) -> bool:
        """Whether the four maps have weights apart, as they do for so many inputs or where an attribute asks for it."""
        if self.maps is not None:
            return self.maps == "apart"
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
        square, three = (width, width), (3 * width, width)
        fans = three if self.fans == "joint" else square  # else the maps are drawn one by one
        joint, joint_bias, last = _MAPS[self.names]
        within = Weight(joint, three, self.init, fan_shape=fans, decay=self.weight_decay)
        out = Weight(f"{last}.weight", square, self.out_init or self.init, decay=self.weight_decay)
        if not self.bias:
            return within, out
        biases = (
            Weight(joint_bias, (3 * width,), self.bias_init, fan_shape=square, decay=self.bias_decay),
            Weight(f"{last}.bias", (width,), self.bias_init, fan_shape=square, decay=self.bias_decay),
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

    def input_maps(self, inputs: Sequence[TensorType], operand: int) -> tuple[InputMap, ...]:
        """The maps of what comes by one of its inputs: queries of the first, keys and values of the last.

        Args:
            inputs: what arrives.
            operand: which of them, from 0.
        """
        wanted = "qkv" if len(inputs) == 1 else ("q", "kv")[operand]
        if self.is_apart(len(inputs)):
            return tuple(InputMap(f"{name}_proj.weight", f"{name}_proj.bias", slice(None)) for name in wanted)
        width = inputs[0].channels
        weight, bias, _ = _MAPS[self.names]
        return (InputMap(weight, bias, slice("qkv".index(wanted[0]) * width, ("qkv".index(wanted[-1]) + 1) * width)),)

    def with_bias(self, inputs: int) -> Attention:
        """The same for so many inputs with biases of queries, keys and values; those that it gets begin with zeros."""
        if self.bias:
            return self
        out_bias = bool(self.out_bias) if self.is_apart(inputs) else None  # maps in one weight have all biases or none
        return replace(self, bias=True, bias_init=Zeros(), out_bias=out_bias)

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        (count, width), (others, features) = inputs[0].sizes, inputs[-1].sizes
        key, value = self.sizes(width)
        maps = count * width * (key + value) + others * features * (key + value)
        return maps + count * others * (key + value)

    def detail(self) -> str:
        return f", {self.heads} heads"

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        return f"attention, {self.heads} heads"
