"""What transformers are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from archspec.codegen.pretty_printer import Code, call
from archspec.expr import Binary, Const, Name
from archspec.ir.initializers import ByFan, Initializer, SlimVarianceScaling, Zeros
from archspec.ir.ops.attention import Attention
from archspec_keras.ops.decay import regularizers
from archspec_keras.ops.initializers import DEFAULT_KERNEL, initial, joint, weights
from archspec_keras.ops.row import FAN, KerasRow, LayerContext, LayerStep, VariableLayout


def _features(context: LayerContext) -> Code:
    """The channels or features that arrive."""
    return context.printer.expr(Name(FAN))


def _to_tokens(context: LayerContext) -> list[LayerStep]:
    return [LayerStep(call("layers.Reshape", f"(-1, {_features(context)})"))]


def _to_image(context: LayerContext) -> list[LayerStep]:
    size = f"({context.attribute('height')}, {context.attribute('width')}, {_features(context)})"
    return [LayerStep(call("layers.Reshape", size))]


def _attention(context: LayerContext) -> list[LayerStep]:
    if _is_apart(context):
        keywords = context.given(key_size="key_size", value_size="value_size", out_bias="output_bias")
        return [
            LayerStep(
                call(context.helper("ProjectedAttention"), context.attribute("heads"), **keywords, **weights(context))
            )
        ]
    heads = context.use.exprs.get("heads") or Const(context.value("heads"))
    size = context.printer.expr(Binary("//", Name(FAN), heads))
    keywords = weights(context)
    initializer: Initializer = context.value("init")
    last: Initializer | None = context.value("out_init")
    is_joint = context.value("fans") == "joint"
    if last is not None or (is_joint and initializer.by_fan):
        first, out = initial(context, initializer), initial(context, last or initializer)
        if is_joint and isinstance(initializer, ByFan | SlimVarianceScaling):
            first = joint(context, initializer, 3)
        helper = context.helper("AttentionInitializer")
        keywords["kernel_initializer"] = call(helper, first, out, context.attribute("heads"))
    elif initializer.by_fan:
        # Keras would count the heads of a kernel as it counts the pixels of a convolution's.
        keywords["kernel_initializer"] = call(
            context.helper("MatrixInitializer"), keywords.get("kernel_initializer", DEFAULT_KERNEL)
        )
    head = "layers.MultiHeadAttention" if _keras_is_right(context) else context.helper("PreciseAttention")
    return [LayerStep(call(head, context.attribute("heads"), size, **keywords), times=2)]


def _is_apart(context: LayerContext) -> bool:
    """Whether the four maps have weights apart."""
    if context.value("maps") is not None:
        return bool(context.value("maps") == "apart")
    names = ("out_bias", "key_size", "value_size")
    given = any(not context.fixed(name) or context.value(name) is not None for name in names)
    return given or len(context.use.operands) > 1


def _keras_is_right(context: LayerContext) -> bool:
    """Whether Keras's own layer computes on TensorFlow what is meant, for any number of tokens.

    It has 1 / sqrt(size of a head) in float32 only, which must be exact. And where heads have one feature, it adds
    the biases of T heads along T tokens: `keras.ops.add` takes a (T, 1) operand for the bias of axis 1.

    Where the size may be another in generated code, it is not known to.
    """
    if not context.fixed("heads", "bias") or not isinstance(context.use.features[0], Const):
        return False
    for node in (context.graph.nodes[path] for path in context.use.paths):
        assert isinstance(node.op, Attention)
        size = node.shape[1] // node.op.heads
        if not _is_exact(size) or (size == 1 and node.op.heads > 1 and node.op.bias):
            return False
    return True


def _is_exact(size: int) -> bool:
    """Whether float32 holds 1 / sqrt(size): it is a power of 4."""
    return size & (size - 1) == 0 and size.bit_length() % 2 == 1


def _learned(context: LayerContext, name: str, *arguments: Code) -> list[LayerStep]:
    initializer: Initializer = context.value("init")
    given = [] if isinstance(initializer, Zeros) else [initial(context, initializer)]
    return [LayerStep(call(context.helper(name), *arguments, *given))]


def _embedding(context: LayerContext) -> list[LayerStep]:
    keywords = {"embeddings_initializer": initial(context, context.value("init"))}
    keywords |= regularizers(context, weight="embeddings")
    vocabulary = context.printer.expr(context.use.features[0])  # a tensor of ids does not say how many there are
    return [LayerStep(call("layers.Embedding", vocabulary, context.attribute("features"), **keywords))]


_JOINT: Final = VariableLayout(("query_dense.kernel", "key_dense.kernel", "value_dense.kernel"), ((1, 2), (0,)))
_JOINT_BIAS: Final = VariableLayout(("query_dense.bias", "key_dense.bias", "value_dense.bias"), ((0, 1),))
_LAST: Final = VariableLayout(("output_dense.kernel",), ((2,), (0, 1)))
_ATTENTION: Final[Mapping[str, str | VariableLayout]] = {
    **dict.fromkeys(("in_proj_weight", "qkv.weight"), _JOINT),
    **dict.fromkeys(("in_proj_bias", "qkv.bias"), _JOINT_BIAS),
    **dict.fromkeys(("out_proj.weight", "proj.weight"), _LAST),
    **dict.fromkeys(("out_proj.bias", "proj.bias"), "output_dense.bias"),
    **{f"{name}_proj.weight": f"{name}_proj.kernel" for name in "qkvo"},
    **{f"{name}_proj.bias": f"{name}_proj.bias" for name in "qkvo"},
}
"""Keras's kernels are (features, heads, size of a head), and (heads, size of a head, features) on the way out."""

ROWS: Final[dict[str, KerasRow]] = {
    "embedding": KerasRow(_embedding, {"weight": VariableLayout(("embeddings",), ((0,), (1,)))}),
    "to_tokens": KerasRow(_to_tokens),
    "to_image": KerasRow(_to_image),
    "to_signal": KerasRow(lambda context: [LayerStep(call("layers.Identity"))]),  # tokens lie so already
    "transpose": KerasRow(lambda context: [LayerStep(call("layers.Permute", "(2, 1)"))]),
    "attention": KerasRow(_attention, _ATTENTION),
    "class_token": KerasRow(
        lambda context: _learned(context, "ClassToken"),
        {"weight": "weight", "": VariableLayout(("weight",), ((), (), (0,)))},
    ),
    "register_tokens": KerasRow(
        lambda context: _learned(context, "RegisterTokens", context.attribute("count")),
        {
            "weight": VariableLayout(("weight",), ((0,), (1,))),
            "": VariableLayout(("weight",), ((), (0,), (1,))),
        },
    ),
    "position_embedding": KerasRow(
        lambda context: _learned(context, "PositionEmbedding"),
        {
            "weight": VariableLayout(("weight",), ((0,), (1,))),
            "": VariableLayout(("weight",), ((), (0,), (1,))),
        },
    ),
    "select_token": KerasRow(
        lambda context: [LayerStep(call(context.helper("SelectToken"), context.attribute("index")))]
    ),
}
