"""Networks with weight decay of every kind, small enough to be trained in a test."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import archspec
from archspec.spec import load_text
from tests.zoo import NETWORKS

HEAD: Final = "archspec: 1\nname: net\ninput: {channels: 4, height: 8, width: 8}\n"
KERNELS: Final = (
    "defaults: {conv: {weight_decay: 2e-4}}\n"
    "layers: [conv: {name: a, filters: 4, kernel: 3}, batch_norm, relu, conv: {name: b, filters: 2, kernel: 1}]\n"
)
ALL_ALIKE: Final = (
    "defaults:\n"
    "  conv: {weight_decay: 1e-4, bias_decay: 1e-4}\n"
    "  batch_norm: {weight_decay: 1e-4, bias_decay: 1e-4}\n"
    "layers: [conv: {filters: 4, kernel: 3}, batch_norm, relu, conv: {filters: 2, kernel: 1, bias: false}]\n"
)
MOST: Final = (
    "defaults:\n"
    "  conv: {weight_decay: 0.1, bias_decay: 0.1}\n"
    "  batch_norm: {weight_decay: 0.1, bias_decay: 0.1}\n"
    "  dense: {weight_decay: 0.1}\n"
    "layers: [conv: {filters: 4, kernel: 3}, batch_norm, flatten, dense: {units: 3}, batch_norm]\n"
)
HELPERS: Final = """
defaults:
  conv: {weight_decay: 0.25}
  conv_transpose: {weight_decay: 0.5, bias_decay: 0.125}
  batch_norm: {weight_decay: 0.75, variance: biased}
layers:
  - conv: {filters: 4, kernel: 3, stride: 2, padding: same}
  - batch_norm
  - conv: {filters: 6, kernel: 3, padding: [0, 1, 2, 1], stride: 2, dilation: 2}
  - layer_norm: {weight_decay: 0.5, bias_decay: 0.25}
  - prelu
  - conv_transpose: {filters: 4, kernel: 4, stride: 2, padding: [0, 2, 1, 0], groups: 2}
  - instance_norm: {bias_decay: 0.5}
  - scale: {learned: channel}
  - group_norm: {groups: 2, affine: false, weight_decay: 9}
  - batch_norm: {affine: false}
"""
TOKENS: Final = """
layers:
  - conv: {name: patches, filters: 8, kernel: 4, stride: 4, weight_decay: 0.125}
  - to_tokens
  - class_token
  - position_embedding
  - layer_norm: {weight_decay: 0.5}
  - attention: {name: first, heads: 2, weight_decay: 0.25}
  - attention: {name: second, heads: 2, weight_decay: 0.25, bias_decay: 0.5}
  - attention: {name: bare, heads: 2, bias: false, weight_decay: 0.25, bias_decay: 0.75}
  - dense: {units: 8, weight_decay: 1, bias_decay: 0.125}
  - layer_norm
  - select_token
"""
ATTENTION_WITHOUT: Final = """
layers: [to_tokens, attention: {heads: 2}, dense: {units: 8, weight_decay: 1, bias_decay: 1}]
"""
BIASES_OF_SOME: Final = """
blocks:
  unit: {params: {b: {}}, layers: [conv: {name: c, filters: 4, kernel: 1, bias: b, bias_decay: 0.5}]}
layers: [unit: {name: p, b: false}, unit: {name: q, b: true}, flatten, dense: {units: 3, bias: false, bias_decay: 2}]
"""
NESTED: Final = """
blocks:
  inner:
    params: {d: 0.25, on: {}}
    layers:
      - {conv: {name: c, filters: 4, kernel: 1, weight_decay: d}, when: on}
      - {name: body, layers: [conv: {filters: 4, kernel: 1, weight_decay: d / 2}, batch_norm], when: not on}
  outer:
    params: {d: {}, on: {}}
    layers:
      - add: [[inner: {name: left, d: 2 * d, on: on}], [conv: {name: right, filters: 4, kernel: 1, bias_decay: d}]]
layers:
  - outer: {name: a, d: 0.5, on: true}
  - outer: {name: b, d: 0.5, on: false}
  - outer: {name: c, d: 0.25, on: true}
  - repeat: {name: r, times: 4, layers: [conv: {filters: 4, kernel: 1, weight_decay: i / 4}, batch_norm: {init: zeros}]}
"""
INDEXED: Final = """
layers:
  - repeat:
      name: r
      times: 3
      layers:
        - {conv: {name: c, filters: 4, kernel: 1, weight_decay: 0.5}, when: i > 0}
        - conv: {name: d, filters: 4, kernel: 1, weight_decay: 0.25 * i, bias_decay: 0.5}
"""
SPECS: Final[dict[str, str]] = {
    "kernels": HEAD + KERNELS,
    "all_alike": HEAD + ALL_ALIKE,
    "most": HEAD + MOST,
    "helpers": HEAD + HELPERS,
    "tokens": HEAD + TOKENS,
    "attention_without": HEAD + ATTENTION_WITHOUT,
    "biases_of_some": HEAD + BIASES_OF_SOME,
    "nested": HEAD + NESTED,
    "indexed": HEAD + INDEXED,
    "weight_decay": NETWORKS["weight_decay"],
}


@cache
def compiled(name: str, *overrides: tuple[str, Any]) -> archspec.LayerGraph:
    """A network of `SPECS`."""
    return archspec.compile(load_text(SPECS[name], name=f"{name}.yaml", overrides=dict(overrides)))


def graph_of(text: str, **overrides: Any) -> archspec.LayerGraph:
    """A network by what stands after its head."""
    return archspec.compile(load_text(HEAD + text, overrides=overrides))
