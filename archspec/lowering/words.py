"""What users of other libraries call ops and their attributes, and how a call is written here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from archspec.errors import did_you_mean
from archspec.ir.op import Op
from archspec.ir.ops import OPS

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


def attribute_help(op: type[Op], name: str) -> str:
    """What to write instead of another library's word for an attribute; empty if it is none, or means nothing here."""
    if name in op.two_meanings:
        return op.two_meanings[name]
    help = ATTRIBUTE_WORDS.get(name, "")
    named = {"name", *op.attributes()} & set(re.findall(r"`(\w+)`", help))
    return help if named or not help.startswith("write `") else ""


def op_help(name: str, blocks: Iterable[str], taps: Iterable[str]) -> str:
    """What may have been meant by a name that is neither an op nor a block."""
    if name in taps:
        return f"`{name}` is a tap: write `{{from: {name}}}`"
    spelt = {known.replace("_", ""): known for known in OPS}
    letters = name.lower().replace("_", "")
    flat = re.sub(r"2d$", "", letters)
    found = spelt.get(letters) or spelt.get(flat) or _OPS.get(flat)
    if found in OPS:
        return f"write `{found}`" + (", a list of branches: `add: [[...], []]`" if found == "add" else "")
    return did_you_mean(name, [*OPS, *blocks])


def example(name: str, value: object) -> str:
    """How a call is written whose attributes are given as a bare value, such as `dropout: 0.5`."""
    op = OPS.get(name)
    if op is None:
        return f"write `{name}: {{param: value}}`"
    if op.most_inputs is None or op.most_inputs > 1:
        return f"write `{name}: [[...], [...]]`, a list of branches"
    known = op.attributes()
    if not known:
        return f"`{name}` has no attributes: write `{name}`"
    values = value if isinstance(value, list) else [value]
    if len(values) > len(known) or not all(_plain(item) for item in values):
        return f"write `{name}: {{{next(iter(known))}: ...}}`"
    given = dict(zip(known, values, strict=False))
    return f"write `{name}: {{{', '.join([*(f'{key}: {given[key]}' for key in given), *_missing(op, given)])}}}`"


def _plain(value: object) -> bool:
    return isinstance(value, int | float | str) and not isinstance(value, bool) and len(str(value)) <= 40


def _missing(op: type[Op], given: Iterable[str]) -> list[str]:
    return [f"{key}: ..." for key, info in op.attributes().items() if info.required and key not in given]
