"""Words that users of other libraries would write as keys of a spec, each with what to write here instead (E0412)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_INPUT: Final = "write `input: {channels: 3, height: 224, width: 224}`: each size has its name, and the batch has none"
_CLASSES: Final = "put it under `params`, as in `params: {classes: 1000}`, and use it: `dense: {units: classes}`"
_TRAINING: Final = "leave it out: how a network is trained is said in a recipe: `archspec new mine --kind recipe`"
_TITLE: Final = "write `title` for one line, `doc` for more"
_UNITS: Final = 'write a tuple for each unit under `units`, as in `units: "[(256, 64, 2)] + [(256, 64, 1)] * 3"`'
_WITH: Final = "write `with`, the arguments of all units"

_DTYPE: Final = (
    "leave it out: inputs are floats, of the type that `archspec.build` is given, or ids, which `ids` says: "
    "`{tokens: 128, ids: 30522}`"
)
_IDS: Final = "write `ids`, how many different ids there are, as in `{tokens: 128, ids: 30522}`"
_SIGNAL: Final = (
    "write `{channels: 1, length: 16000}`, a signal for `conv` and pools, or `{shape: [tokens, features]}` for `dense` "
    "and `attention`"
)
_TOKENS: Final = "write `tokens` and `ids`, as in `{tokens: 128, ids: 30522}`, or `shape: [tokens, features]`"
_NO_MASK: Final = "leave it out: masks are not in the language; all tokens see all others"
_REUSE: Final = (
    "name the item whose weights are to be used again, as in `tower: {name: tower}`, and write `- reuse: tower` where "
    "it is computed once more"
)
_OUTPUTS: Final = "write `outputs: [name]`, a list of taps in the block; what its last item gives comes out in any case"
OWN_WORDS: Final[Mapping[str, str]] = {
    "channels": "`channels` are those that arrive at an item, and known there alone; those that a block receives are "
    "`in_channels`, anywhere in the block",
    "n": "`n` follows from the depth and its rule, as in `depth: {value: 20, rule: 6n+2}`; "
    "a number of your own is a param, as in `params: {count: 3}`",
    "in_channels": "`in_channels` are those that a block receives, and known in the block alone: in the network's own "
    "items write `channels`, those that arrive at the item",
    "i": "`i` is the number of the iteration inside of `repeat`, and that of the unit in the fields of a stage's "
    "`units`, counted from 0; how many units there are cannot depend on it",
    "unit_index": "`unit_index` is the number of a unit among those of all stages, known in the fields of `units` and "
    "in `with` of the network's own stages; a block is given it, as in `with: {rate: drop * unit_index / unit_count}`",
    "unit_count": "`unit_count` is how many units all stages have, known in the fields of `units` and in `with` of "
    "the network's own stages; a block is given it, as in `with: {rate: drop * unit_index / unit_count}`",
}
"""The names that the language itself gives a meaning, each with where it has one."""
TAKEN_NAMES: Final = tuple(word for word in OWN_WORDS if word != "in_channels")
"""Those of them that name nothing else anywhere; `in_channels` may be a param of the network."""
OTHER_NAMES: Final[Mapping[str, str]] = {"n": "count", "i": "index", "channels": "width", "in_channels": "incoming"}
"""What may be written for a name of one's own instead."""

PARAM_NAMES: Final[Mapping[str, str]] = {
    "num_classes": "classes",
    "n_classes": "classes",
    "num_outputs": "classes",
    "image_size": "size",
    "img_size": "size",
    "input_size": "size",
    "resolution": "size",
    "alpha": "width",
    "width_mult": "width",
    "width_multiplier": "width",
    "window_size": "window",
    "patch_size": "patch",
    "drop_path_rate": "drop_path",
    "drop_rate": "dropout",
}
"""Other libraries' words for what a param of a network is often called."""
CHANNEL_WORDS: Final = ("in_channels", "in_chans", "channels", "input_channels", "num_channels")
"""Other words for the channels of the input, which is no param where the spec says so."""

SPEC_WORDS: Final[Mapping[str, str]] = {
    "input_shape": _INPUT,
    "input_size": _INPUT,
    "image_size": _INPUT,
    "in_channels": "write `input: {channels: ...}`",
    "num_classes": _CLASSES,
    "n_classes": _CLASSES,
    "classes": _CLASSES,
    "num_outputs": _CLASSES,
    "output": "write `outputs: [name]`, a list of taps; without it the last tensor is the output",
    "version": "write `archspec: 1`, the version of the language",
    "description": _TITLE,
    "model": "write `name`",
    "network": "write `name`",
    "arguments": "write `params`",
    "variables": "write `params`",
    "hyperparameters": "write `params`",
    "import": "write `include`, a list of files with blocks",
    "imports": "write `include`, a list of files with blocks",
    "base": "write `extends`",
    "parent": "write `extends`",
    "arg_scope": "write `defaults: {conv: {bias: false}}`: what an op has unless it says otherwise",
    "backbone": "write `stem`, `stages` and `head`, or `layers`",
    "body": "write `layers`, or `stem`, `stages` and `head`",
    "modules": "write `layers`, or `blocks` for parts that are called by name",
    "classifier": "write `head`",
    "activation": "write it as an item, as in `- relu`",
    "momentum": "write `defaults: {batch_norm: {decay: 0.9}}`: "
    "decay = 1 - momentum (PyTorch), decay = momentum (Keras)",
    "output_stride": "give the units their strides: past the output stride that is wanted a stride of 1, "
    "with the convolutions' `dilation` multiplied by what it replaces",
    "data_format": "leave it out: sizes have names in a spec, and each backend keeps its framework's own order",
    "dtype": "leave it out, and give it to `archspec.build`",
    "weight_decay": "write `defaults: {conv: {weight_decay: 1e-4}}`: each op has its own, for its `weight`",
    "optimizer": _TRAINING,
    "loss": _TRAINING,
    "epochs": _TRAINING,
    "scheduler": _TRAINING,
    "batch_size": "leave it out: shapes stand without the batch",
    "device": "leave it out, and give it to `archspec.build`",
    "shared": _REUSE,
    "share": _REUSE,
    "reuse": _REUSE,
    "weights": "give them to `archspec.build`; where they lie is said under `pretrained`, as in "
    "`pretrained: {weights: hf://owner/name}`",
    "preprocessing": "write `pretrained: {size: 256, crop: 224, mean: [...], std: [...]}`",
    "length": "put it under `input`: " + _SIGNAL,
    "features": "write `input: {shape: [20]}`",
    "vocabulary": "write `input: {tokens: 128, ids: 30522}`",
    "vocab_size": "write `input: {tokens: 128, ids: 30522}`",
    "learning_rate": _TRAINING,
}
INPUT_WORDS: Final[Mapping[str, str]] = {
    "size": "write `height` and `width`",
    "image_size": "write `height` and `width`",
    "h": "write `height`",
    "w": "write `width`",
    "c": "write `channels`",
    "in_channels": "write `channels`",
    "input_shape": "write `channels`, `height` and `width`, or `shape` without the batch",
    "batch": "leave it out: shapes stand without the batch",
    "batch_size": "leave it out: shapes stand without the batch",
    "dtype": _DTYPE,
    "type": _DTYPE,
    "vocabulary": _IDS,
    "vocab_size": _IDS,
    "vocab": _IDS,
    "num_embeddings": _IDS,
    "classes": _IDS,
    "samples": _SIGNAL,
    "frames": "write `depth`: a video is a volume, `{channels: 3, depth: 16, height: 112, width: 112}`",
    "features": "write `shape: [20]`, without the batch",
    "units": "write `shape: [20]`, without the batch",
    "sequence_length": _TOKENS,
    "seq_len": _TOKENS,
    "max_len": _TOKENS,
    "words": _TOKENS,
    "mask": _NO_MASK,
    "masks": _NO_MASK,
    "name": "write `inputs: {name: {...}}`, inputs by name",
    "data_format": "leave it out: write `channels`, `height` and `width`",
}
BLOCK_WORDS: Final[Mapping[str, str]] = {
    "args": "write `params`",
    "arguments": "write `params`",
    "parameters": "write `params`",
    "defaults": "a param's default stands in `params: {stride: 1}`; those of ops stand in the spec's `defaults`",
    "fields": "write `unit`, the params that a tuple gives, in order",
    "body": "write `layers`",
    "description": "write `doc`",
    "output": _OUTPUTS,
    "return": _OUTPUTS,
    "returns": _OUTPUTS,
    "result": _OUTPUTS,
    "input": "leave it out: a tensor arrives in any case; `inputs: [name]` are further ones",
    "in_channels": "leave it out: `channels` are those that arrive",
    "channels": "leave it out: `channels` are those that arrive; a param needs another name",
    "filters": "put it under `params`, as in `params: {filters: {}}`",
    "stride": "put it under `params`, as in `params: {stride: 1}`",
}
STAGE_WORDS: Final[Mapping[str, str]] = {
    "num_units": _UNITS,
    "num_blocks": _UNITS,
    "blocks": _UNITS,
    "repeat": _UNITS,
    "times": _UNITS,
    "depth": _UNITS,
    "filters": _UNITS,
    "channels": _UNITS,
    "stride": f"{_UNITS}; in slim's lists the last unit of a stage carries its stride, in torchvision the first",
    "args": _WITH,
    "arguments": _WITH,
    "params": _WITH,
    "scope": "write `name`",
    "type": "write `block`",
}
REPEAT_WORDS: Final[Mapping[str, str]] = {
    "n": "write `times`",
    "count": "write `times`",
    "num": "write `times`",
    "repeats": "write `times`",
    "body": "write `layers`",
    "items": "write `layers`",
    "block": "write its call under `layers`, as in `layers: [{unit: {depth: 64}}]`",
}
_KEPT: Final = "leave it out: what is used again has the params and attributes that it has; `with` is for inputs"
REUSE_WORDS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("width", "depth", "filters", "units", "channels", "kernel", "stride", "padding", "rate"), _KEPT),
    "layer": "write `item`",
    "block": "write `item`, the name of the block's call",
    "of": "write `item`",
    "weights": "write `item`",
    "scope": "write `item`",
    "times": "write `repeat: {times: 3, layers: [reuse: NAME]}`",
    "inputs": "write `with`, the taps for the inputs of a block",
    "input": "write `{from: TAP, layers: [reuse: NAME]}`, to start from a tap",
    "from": "it stands around it: `{from: TAP, layers: [reuse: NAME]}`",
}
PARAM_WORDS: Final[Mapping[str, str]] = {
    "value": "write `default`",
    "values": "write `choices`",
    "enum": "write `choices`",
    "options": "write `choices`",
    "type": "leave it out: a value must suit where it is used, and be whole where the default is",
    "required": "leave out the default: a param without one is required",
    "description": "write `doc`",
    "help": "write `doc`",
}
_BYTES: Final = "write `range: 255` where numbers go from 0 to 255 before `mean` is subtracted, `range: 1` otherwise"
PRETRAINED_WORDS: Final[Mapping[str, str]] = {
    "url": "write `weights`",
    "file": "write `weights`",
    "path": "write `weights`",
    "hf_hub_id": "write `weights: hf://owner/name`",
    "digest": "write `sha256`",
    "hash": "write `sha256`, the beginning of the file's SHA-256",
    "deviation": "write `std`",
    "image_std": "write `std`",
    "image_mean": "write `mean`",
    "variance": "write `std`, its root",
    "rescale": _BYTES,
    "rescale_factor": _BYTES,
    "scale": _BYTES,
    "resize": "write `size`",
    "resize_size": "write `size`",
    "crop_size": "write `crop`",
    "center_crop": "write `crop`",
    "crop_pct": "write `size`, which images are resized to before the middle is cut out: `crop` / `crop_pct`",
    "input_size": "write `crop`, or `size: [height, width]`",
    "resample": "write `interpolation`",
    "labels": "write `classes`",
    "categories": "write `classes`",
    "class_names": "write `classes`",
    "licence": "write `license`",
    "order": "write `channels: rgb` or `channels: bgr`",
    "mode": "write what keras.applications' mode means: tf is `{mean: 0.5, std: 0.5}`, caffe "
    "`{channels: bgr, range: 255, mean: [103.939, 116.779, 123.68]}`",
}
DEPTH_WORDS: Final[Mapping[str, str]] = {
    "layers": "write `value`",
    "depth": "write `value`",
    "formula": "write `rule`, as in `rule: 6n+2`",
    "n": "leave it out: `n` follows from `value` and `rule`",
}
