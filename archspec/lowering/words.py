"""What users of other libraries call ops and their attributes, and how a call is written here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from archspec.errors import did_you_mean
from archspec.ir.op import Op
from archspec.ir.ops import OPS
from archspec.spec.missing import block_help

_INITIAL: Final = "write `init`, as in `init: {kaiming_normal: fan_out}`"
_BATCH_NORM: Final = "write it as an item of its own, after this one: `- batch_norm`"
_KERAS_L2: Final = "write `{0}`, twice the factor of Keras's L2 and no other regularizer: L2(1e-4) is `{0}: 2e-4`"
_SLIM_L2: Final = "write `{0}`, the factor of slim's l2_regularizer and no other regularizer: 1e-4 is `{0}: 1e-4`"
_EITHER_L2: Final = (
    "write `weight_decay`: Keras's L2(1e-4) is `weight_decay: 2e-4`, slim's and PyTorch's 1e-4 is `weight_decay: 1e-4`"
)
ATTRIBUTE_WORDS: Final[Mapping[str, str]] = {
    "activation": "write it as an item of its own, after this one, as in `- relu`",
    "activation_fn": "write it as an item of its own, after this one, as in `- relu`",
    "act": "write it as an item of its own, after this one, as in `- relu`",
    "normalizer_fn": _BATCH_NORM,
    "norm": _BATCH_NORM,
    "input_shape": "leave it out: shapes follow from the network's `input`",
    "data_format": "leave it out: each backend keeps its framework's own order of axes",
    "dtype": "leave it out, and give it to `archspec.build`",
    "trainable": "leave it out: how a network is trained is no part of a spec",
    "kernel_regularizer": _KERAS_L2.format("weight_decay"),
    "gamma_regularizer": _KERAS_L2.format("weight_decay"),
    "bias_regularizer": _KERAS_L2.format("bias_decay"),
    "beta_regularizer": _KERAS_L2.format("bias_decay"),
    "weights_regularizer": _SLIM_L2.format("weight_decay"),
    "biases_regularizer": _SLIM_L2.format("bias_decay"),
    "regularizer": _EITHER_L2,
    "l2": _EITHER_L2,
    "l2_regularizer": _EITHER_L2,
    "kernel_initializer": _INITIAL,
    "weights_initializer": _INITIAL,
    "bias_initializer": "write `bias_init`",
    "inplace": "leave it out: what is computed is the same",
    "scope": "write `name`",
    "rate": "write `dilation`",
    "dilation_rate": "write `dilation`",
    "pad": "write `padding`: a number, `[vertical, horizontal]`, `[top, bottom, left, right]`, `valid` or `same`",
    "num_outputs": "write `filters` for a convolution, `units` for a dense layer",
}
"""Words that no op has, whatever it is; an op's own table comes first."""

# By their letters alone: `BatchNorm2d`, `batch_norm` and `batchnorm` are one word.
_OPS: Final[Mapping[str, str]] = {
    "convolution": "conv",
    "linear": "dense",
    "fc": "dense",
    "fullyconnected": "dense",
    "innerproduct": "dense",
    "gemm": "dense",
    "bn": "batch_norm",
    "batchnormalization": "batch_norm",
    "maxpooling": "max_pool",
    "averagepool": "avg_pool",
    "averagepooling": "avg_pool",
    "globalaveragepool": "global_avg_pool",
    "globalaveragepooling": "global_avg_pool",
    "gap": "global_avg_pool",
    "concatenate": "concat",
    "cat": "concat",
    "sum": "add",
    "mul": "multiply",
    "residual": "add",
    "shortcut": "add",
    "skip": "add",
    "max": "maximum",
    "swish": "silu",
    "lrn": "local_response_norm",
    "deconv": "conv_transpose",
    "deconvolution": "conv_transpose",
    "convtranspose": "conv_transpose",
    "upsampling": "upsample",
    "resize": "upsample",
    "interpolate": "upsample",
    "pixelshuffle": "depth_to_space",
    "pixelunshuffle": "space_to_depth",
    "stochasticdepth": "drop_path",
    "droppath": "drop_path",
    "layerscale": "scale",
    "multiheadattention": "attention",
    "selfattention": "attention",
    "mha": "attention",
    "zeropadding": "pad",
    "cropping": "crop",
    "chunk": "split",
    "permute": "transpose",
    "patchembed": "to_tokens",
    "posembed": "position_embedding",
    "positionalembedding": "position_embedding",
    "clstoken": "class_token",
}

# What others have an op for and this language writes in another way, or not at all; by their letters, too.
_NOT_HERE: Final = "the language has no such op; `docs/ops.md` lists those it has"
_OTHER_FORMS: Final[Mapping[str, str]] = {
    "sequential": "write `layers: [...]`, a list of items",
    "modulelist": "write `layers: [...]`, a list of items",
    "subtract": "write `add`, with `scale: {value: -1}` at the end of the branch that is taken away",
    "sub": "write `add`, with `scale: {value: -1}` at the end of the branch that is taken away",
    "mean": "write `add`, and after it `scale: {value: 0.5}`, one by the number of branches",
    "average": "write `add`, and after it `scale: {value: 0.5}`, one by the number of branches",
    "exp": _NOT_HERE,
    "log": _NOT_HERE,
    "sqrt": _NOT_HERE,
    "maxunpool": _NOT_HERE,
    "maxunpooling": _NOT_HERE,
    "unpool": _NOT_HERE,
    "unpooling": _NOT_HERE,
    "lambda": _NOT_HERE,
}


def attribute_help(op: type[Op], name: str) -> str:
    """What to write instead of another library's word for an attribute; empty if it is none, or means nothing here."""
    if name in op.two_meanings:
        return op.two_meanings[name]
    help = ATTRIBUTE_WORDS.get(name, "")
    named = {"name", *op.attributes()} & set(re.findall(r"`(\w+)`", help))
    return help if named or not help.startswith("write `") else ""


def named_otherwise(op: type[Op], name: str, given: Iterable[str]) -> bool:
    """Another library's word for an attribute was given, so that its absence is no news."""
    return any(f"`{name}`" in attribute_help(op, word) for word in given if word not in op.attributes())


def op_help(name: str, blocks: Iterable[str], taps: Iterable[str]) -> str:
    """What may have been meant by a name that is neither an op nor a block."""
    if name in taps:
        return f"`{name}` is a tap: write `{{from: {name}}}`"
    found = _meant(name)
    if found in OPS:
        return f"write `{found}`" + (", a list of branches: `add: [[...], []]`" if found == "add" else "")
    return _OTHER_FORMS.get(_letters(name)) or block_help(name) or did_you_mean(name, [*OPS, *blocks])


def _letters(name: str) -> str:
    return re.sub(r"2d$", "", name.lower().replace("_", ""))


def _meant(name: str) -> str | None:
    """The op that another library calls so."""
    spelt = {known.replace("_", ""): known for known in OPS}
    flat = _letters(name)
    return spelt.get(name.lower().replace("_", "")) or spelt.get(flat) or _OPS.get(flat)


def example(name: str, value: object) -> str:
    """How a call is written whose attributes are given as a bare value, such as `dropout: 0.5`.

    A mapping holds attributes that stand beside the name instead of under it; empty if they are none of the op's.
    """
    op = OPS.get(name) or OPS.get(_meant(name) or "")
    if isinstance(value, Mapping):
        return _indented(name, op, value)
    if op is None:
        return _OTHER_FORMS.get(_letters(name)) or f"write `{name}: {{param: value}}`"
    if op.most_inputs is None or op.most_inputs > 1:
        return f"write `{op.name}: [[...], [...]]`, a list of branches"
    known = op.attributes()
    if not known:
        return f"`{op.name}` has no attributes: write `{op.name}`"
    values = value if isinstance(value, list) else [value]
    if len(values) > len(known) or not all(_plain(item) for item in values):
        return f"write `{op.name}: {{{next(iter(known))}: ...}}`"
    given = dict(zip(known, values, strict=False))
    return f"write `{op.name}: {{{', '.join([*(f'{key}: {given[key]}' for key in given), *_missing(op, given)])}}}`"


def _indented(name: str, op: type[Op] | None, given: Mapping[str, object]) -> str:
    if op is not None:
        known = {"name", "branches", *op.attributes()}
    else:  # a block's params are not known yet, but it has no mappings among them, as a second item would
        known = {key for key, value in given.items() if key not in OPS and value is not None and not _nested(value)}
    if not known.issuperset(given):
        return ""
    shown = ", ".join(f"{key}: {value if _plain(value) else '...'}" for key, value in list(given.items())[:8])
    return f"indent {'these' if len(given) > 1 else 'it'} under `{name[:40]}:`, or write `{name[:40]}: {{{shown}}}`"


def _nested(value: object) -> bool:
    return isinstance(value, Mapping)


def _plain(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool) and len(str(value)) <= 40


def _missing(op: type[Op], given: Iterable[str]) -> list[str]:
    return [f"{key}: ..." for key, info in op.attributes().items() if info.required and key not in given]
