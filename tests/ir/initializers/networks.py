"""Networks whose weights all have one initializer, and what was drawn for them."""

from __future__ import annotations

import archspec
from archspec.spec import load_text

HEAD = "archspec: 1\nname: net\ninput: {channels: 32, height: 4, width: 4}\n"
WEIGHTS = """
defaults:
  conv: {init: INIT}
  conv_transpose: {init: INIT}
  dense: {init: INIT}
  attention: {init: INIT}
  class_token: {init: zeros}
layers:
  - conv: {name: conv, filters: 384, kernel: 3, groups: 2, padding: 1}
  - conv: {name: few, filters: 32, kernel: 1, init: zeros}
  - conv_transpose: {name: transposed, filters: 200, kernel: [2, 4]}
  - conv: {name: wide, filters: 6400, kernel: 1, init: zeros}
  - conv: {name: depthwise, filters: 6400, kernel: 3, groups: 6400, padding: 1}
  - conv: {name: narrow, filters: 160, kernel: 1, init: zeros}
  - to_tokens
  - dense: {name: tokens, units: 320}
  - dense: {name: back, units: 160, init: zeros}
  - attention: {name: attention, heads: 4}
  - select_token
  - dense: {name: features, units: 320}
"""
DRAWN = (
    *("conv.weight", "transposed.weight", "depthwise.weight", "tokens.weight", "features.weight"),
    "attention.in_proj_weight",
)
"""The weights of at least 50,000 numbers."""

BIASES = """
defaults:
  conv: {init: zeros, bias_init: INIT}
  conv_transpose: {init: zeros, bias_init: INIT}
  dense: {init: zeros, bias_init: INIT}
layers:
  - conv: {name: conv, filters: 50000, kernel: [1, 3], groups: 4, padding: [0, 1]}
  - conv: {name: few, filters: 4, kernel: 1, bias: false}
  - conv_transpose: {name: transposed, filters: 50000, kernel: 3, groups: 4}
  - conv: {name: one, filters: 1, kernel: 1, bias: false}
  - flatten
  - dense: {name: dense, units: 50000}
"""

NORMS = """
defaults:
  batch_norm: {init: INIT, bias_init: INIT}
  group_norm: {init: INIT, bias_init: INIT}
  instance_norm: {init: INIT, bias_init: INIT}
  layer_norm: {init: INIT, bias_init: INIT}
layers:
  - conv: {name: wide, filters: 50000, kernel: 1, bias: false, init: zeros}
  - batch_norm: {name: batch}
  - batch_norm: {name: biased, variance: biased}
  - group_norm: {name: group, groups: 5}
  - instance_norm: {name: instance}
  - layer_norm: {name: layer}
  - batch_norm: {name: bare, affine: false}
  - global_avg_pool: {keep_axes: false}
  - batch_norm: {name: features}
  - layer_norm: {name: flat}
"""
NORMED = ("batch", "biased", "group", "instance", "layer", "features", "flat")


def network(layers: str, initializer: str) -> archspec.LayerGraph:
    """The network with this initializer, as a spec writes it."""
    return archspec.compile(load_text(HEAD + layers.replace("INIT", initializer)))
