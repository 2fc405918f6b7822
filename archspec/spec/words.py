"""Words that users of other libraries would write as keys of a spec, each with what to write here instead (E0412)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_INPUT: Final = "write `input: {channels: 3, height: 224, width: 224}`: each size has its name, and the batch has none"
_CLASSES: Final = "put it under `params`, as in `params: {classes: 1000}`, and use it: `dense: {units: classes}`"
_TRAINING: Final = "leave it out: how a network is trained is no part of a spec"
_TITLE: Final = "write `title` for one line, `doc` for more"
_UNITS: Final = 'write a tuple for each unit under `units`, as in `units: "[(256, 64, 2)] + [(256, 64, 1)] * 3"`'
_WITH: Final = "write `with`, the arguments of all units"

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
    "learning_rate": _TRAINING,
}
INPUT_WORDS: Final[Mapping[str, str]] = {
    "size": "write `height` and `width`",
    "image_size": "write `height` and `width`",
    "h": "write `height`",
    "w": "write `width`",
    "c": "write `channels`",
    "in_channels": "write `channels`",
    "depth": "write `channels`",
    "input_shape": "write `channels`, `height` and `width`, or `shape` without the batch",
    "batch": "leave it out: shapes stand without the batch",
    "batch_size": "leave it out: shapes stand without the batch",
    "dtype": "leave it out, and give it to `archspec.build`",
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
DEPTH_WORDS: Final[Mapping[str, str]] = {
    "layers": "write `value`",
    "depth": "write `value`",
    "formula": "write `rule`, as in `rule: 6n+2`",
    "n": "leave it out: `n` follows from `value` and `rule`",
}
