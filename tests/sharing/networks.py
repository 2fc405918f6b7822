"""Networks that compute items more than once with the same weights."""

from __future__ import annotations

from archspec.spec import Spec, load_text

SIAMESE = """
archspec: 1
name: siamese
inputs:
  a: {channels: 1, height: 16, width: 16}
  b: {channels: 1, height: 16, width: 16}
blocks:
  tower:
    layers: [{conv: {filters: 4, kernel: 3}}, relu, global_avg_pool, flatten]
layers:
  - add: [[tower: {name: tower}], {from: b, layers: [reuse: tower]}]
"""

BRANCHED = """
archspec: 1
name: branched
input: {channels: 4, height: 6, width: 5}
blocks:
  steps:
    params: {more: {}}
    layers:
      - name: refine
        layers:
          - add: [[], [batch_norm, {conv: {filters: channels, kernel: 3, padding: 1}}]]
      - repeat: {times: more, layers: [reuse: refine]}
layers:
  - steps: {more: 1}
  - steps: {more: 3}
"""
"""A sequence that branches, computed again in a repeat: PyTorch has a class for it."""

PYRAMID = """
archspec: 1
name: pyramid
input: {channels: 4, height: 32, width: 32}
blocks:
  head:
    layers:
      - repeat: {times: 2, layers: [{conv: {filters: channels, kernel: 3, padding: same}}, relu]}
      - conv: {name: classes, filters: 6, kernel: 3, padding: same}
layers:
  - conv: {filters: 8, kernel: 3, stride: 2, padding: same}
  - tap: p3
  - conv: {filters: 8, kernel: 3, stride: 2, padding: same}
  - tap: p4
  - conv: {filters: 8, kernel: 3, stride: 2, padding: same}
  - head: {name: head}
  - tap: coarse
  - from: p4
    layers: [{reuse: head}, {tap: middle}]
  - from: p3
    layers: [{reuse: head}, {tap: fine}]
outputs: [coarse, middle, fine]
"""

ALL_KINDS = """
archspec: 1
name: kinds
params: {iterations: 2}
inputs:
  a: {channels: 4, height: 16, width: 16}
  b: {channels: 4, height: 16, width: 16}
  c: {channels: 4, height: 8, width: 8}
blocks:
  inner:
    params: {depth: {}, plain: false}
    layers:
      - conv: {name: c, filters: depth, kernel: 3, padding: same, weight_decay: 1e-4}
      - batch_norm
      - when: not plain
        layers:
          - relu
          - conv: {name: d, filters: depth, kernel: 1}
          - reuse: d
      - relu
  tower:
    outputs: [mid]
    params: {width: {}}
    layers:
      - inner: {name: unit, depth: width}
      - tap: mid
      - reuse: unit
  refine:
    inputs: [skip]
    layers:
      - conv: {filters: 4, kernel: 3, padding: 1}
      - add: [[], {from: skip}]
  steps:
    params: {times: {}}
    layers:
      - {name: step, layers: [{conv: {filters: channels, kernel: 3, padding: 1}}, batch_norm, relu]}
      - repeat: {times: times, layers: [reuse: step]}
layers:
  - tower: {name: tower, width: 4}
  - {name: tail, layers: [{conv: {filters: 4, kernel: 3, padding: 1}}, prelu]}
  - {name: branched, layers: [{tap: start}, {conv: {filters: 4, kernel: 1}}, {add: [[], {from: start}]}]}
  - stage: {name: row, block: inner, units: [{depth: 4}, {depth: 4, plain: true}]}
  - tap: first
  - from: b
    layers:
      - reuse: tower
      - reuse: tail
      - reuse: branched
      - {reuse: {item: row, name: second_row}}
  - tap: second
  - refine: {name: refine, skip: first}
  - repeat: {times: iterations, layers: [{reuse: {item: refine, with: {skip: second}}}]}
  - tap: merged
  - from: c
    layers:
      - {reuse: {item: tower, name: small}}
      - from: small.mid
        layers: [reuse: tail]
      - steps: {name: two, times: 2}
      - steps: {name: three, times: 3}
      - global_avg_pool
  - multiply: [{from: merged}, []]
"""


def spec(text: str) -> Spec:
    """A spec by its text."""
    return load_text(text, name="net.yaml")
