"""What a vision transformer is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from archspec.codegen.layout import Code, call
from archspec.expr import Binary, Const, Name
from archspec.ir.initializers import Initializer, Zeros
from archspec.ir.ops import Attention
from archspec_keras.ops.initializers import initial, weights
from archspec_keras.ops.row import FAN, Row, Site, Step, Variable


def _features(site: Site) -> Code:
    """The channels or features that arrive."""
    return site.printer.expr(Name(FAN))


def _to_tokens(site: Site) -> list[Step]:
    return [Step(call("layers.Reshape", f"(-1, {_features(site)})"))]


def _to_image(site: Site) -> list[Step]:
    size = f"({site.attribute('height')}, {site.attribute('width')}, {_features(site)})"
    return [Step(call("layers.Reshape", size))]


def _attention(site: Site) -> list[Step]:
    heads = site.use.exprs.get("heads") or Const(site.value("heads"))
    size = site.printer.expr(Binary("//", Name(FAN), heads))
    keywords = weights(site)
    initializer: Initializer = site.value("init")
    if initializer.by_fan:
        # Keras would count the heads of a kernel as it counts the pixels of a convolution's.
        keywords["kernel_initializer"] = call(site.helper("MatrixInitializer"), keywords["kernel_initializer"])
    head = "layers.MultiHeadAttention" if _keras_is_right(site) else site.helper("PreciseAttention")
    return [Step(call(head, site.attribute("heads"), size, **keywords), times=2)]


def _keras_is_right(site: Site) -> bool:
    """Whether Keras's own layer computes on TensorFlow what is meant, for any number of tokens.

    It has 1 / sqrt(size of a head) in float32 only, which must be exact. And where heads have one feature, it adds
    the biases of T heads along T tokens: `keras.ops.add` takes a (T, 1) operand for the bias of axis 1.

    Where the size may be another in generated code, it is not known to.
    """
    if not site.fixed("heads", "bias") or not isinstance(site.use.features[0], Const):
        return False
    for node in (site.graph.nodes[path] for path in site.use.paths):
        assert isinstance(node.op, Attention)
        size = node.shape[1] // node.op.heads
        if not _is_exact(size) or (size == 1 and node.op.heads > 1 and node.op.bias):
            return False
    return True


def _is_exact(size: int) -> bool:
    """Whether float32 holds 1 / sqrt(size): it is a power of 4."""
    return size & (size - 1) == 0 and size.bit_length() % 2 == 1


def _learned(site: Site, name: str) -> list[Step]:
    initializer: Initializer = site.value("init")
    given = [] if isinstance(initializer, Zeros) else [initial(site, initializer)]
    return [Step(call(site.helper(name), *given))]


_ATTENTION: Final[Mapping[str, str | Variable]] = {
    "in_proj_weight": Variable(("query_dense.kernel", "key_dense.kernel", "value_dense.kernel"), ((1, 2), (0,))),
    "in_proj_bias": Variable(("query_dense.bias", "key_dense.bias", "value_dense.bias"), ((0, 1),)),
    "out_proj.weight": Variable(("output_dense.kernel",), ((2,), (0, 1))),
    "out_proj.bias": "output_dense.bias",
}
"""Keras's kernels are (features, heads, size of a head), and (heads, size of a head, features) on the way out."""

ROWS: Final[dict[str, Row]] = {
    "to_tokens": Row(_to_tokens),
    "to_image": Row(_to_image),
    "transpose": Row(lambda site: [Step(call("layers.Permute", "(2, 1)"))]),
    "attention": Row(_attention, _ATTENTION),
    "class_token": Row(lambda site: _learned(site, "ClassToken"), {"weight": "weight"}),
    "position_embedding": Row(
        lambda site: _learned(site, "PositionEmbedding"), {"weight": Variable(("weight",), ((0,), (1,)))}
    ),
    "select_token": Row(lambda site: [Step(call(site.helper("SelectToken"), site.attribute("index")))]),
}
