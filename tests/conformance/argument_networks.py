"""Networks whose params are arguments: words for paddings, widths that sums require, counts of blocks, first values."""

from __future__ import annotations

from typing import Final

BORDERS = """
archspec: 1
name: borders
params: {border: {default: valid, choices: [same, valid]}, outer: {default: same, choices: [same, valid]}, width: 4}
input: {channels: 3, length: 24}
blocks:
  cell:
    params: {filters: {}, edge: {default: same, choices: [same, valid]}}
    layers:
      - conv: {name: mix, filters: filters, kernel: 3, padding: edge}
      - batch_norm
  chain:
    params: {edge: {default: same, choices: [same, valid]}, filters: {}}
    layers:
      - cell: {filters: filters, edge: edge}
      - relu
      - cell: {filters: 2 * filters}
layers:
  - conv: {name: first, filters: width, kernel: 5, padding: outer}
  - repeat: {name: chains, times: 2, layers: [chain: {edge: border, filters: width * (i + 1)}]}
  - max_pool: {kernel: 2}
  - global_avg_pool
  - flatten
  - dense: {units: 5}
"""
STREAMS = """
archspec: 1
name: streams
params: {cells: 2, narrow: 4}
input: {channels: 6, height: 8, width: 8}
blocks:
  cell:
    params: {filters: {}}
    layers:
      - maximum:
          - - conv: {name: deep, filters: filters, kernel: 3, padding: 1}
            - batch_norm
          - []
  exchange:
    inputs: [small]
    outputs: [second]
    params: {width: 6, cells: {}}
    layers:
      - repeat: {name: fine, times: cells, layers: [cell: {filters: width}]}
      - tap: high
      - from: small
      - repeat: {name: coarse, times: cells, layers: [cell: {filters: 3 * width}]}
      - tap: low
      - add:
          - {from: high}
          - - conv: {name: up, filters: width, kernel: 1}
            - upsample: {factor: 2}
      - tap: joined
      - add:
          - from: high
            layers: [conv: {name: down, filters: 3 * width, kernel: 3, stride: 2, padding: 1}]
          - {from: low}
      - tap: second
      - from: joined
layers:
  - tap: x
  - conv: {name: start, filters: 18, kernel: 3, stride: 2, padding: 1}
  - tap: small
  - from: x
  - exchange: {name: middle, small: small, cells: cells}
  - concat: [[global_avg_pool], {from: middle.second, layers: [global_avg_pool]}]
  - conv: {name: last, filters: narrow, kernel: 1}
"""
STAGES = """
archspec: 1
name: stages
params: {lengths: {default: [2, 1, 3]}, base: 4}
input: {channels: 3, height: 8, width: 8}
blocks:
  unit:
    params: {filters: {}, keeps: true}
    layers:
      - when: keeps
        layers: [add: [[], [conv: {name: same, filters: filters, kernel: 3, padding: 1}]]]
        else: [conv: {name: other, filters: filters, kernel: 1}]
layers:
  - repeat:
      name: stages
      times: len(lengths)
      layers:
        - repeat:
            name: units
            times: "lengths[i]"
            index: j
            layers: [unit: {filters: base * (i + 2), keeps: j > 0}]
"""
ARMS = """
archspec: 1
name: arms
params: {scale: 3}
input: {channels: 4, height: 8, width: 8}
blocks:
  ending:
    params: {factor: {}, closes: true}
    layers:
      - conv: {name: before, filters: 4, kernel: 1}
      - {conv: {name: wide, filters: 4 * factor, kernel: 1}, when: closes}
      - {batch_norm: {name: norm}, when: not closes}
      - conv: {name: after, filters: in_channels, kernel: 1}
layers:
  - ending: {factor: scale}
  - ending: {factor: 2 * scale, closes: false}
  - ending: {factor: 2, closes: false}
"""
STARTS = """
archspec: 1
name: starts
params: {first: 0.25, deviation: 0.5}
input: {shape: [6, 8]}
blocks:
  gain:
    params: {number: {}}
    layers: [scale: {name: factor, learned: channel, value: number, bare: true}]
  part:
    params: {number: {}}
    layers:
      - dense: {name: map, units: channels}
      - gain: {number: number / 2}
layers:
  - class_token: {name: token, init: {normal: deviation}, bare: true}
  - repeat: {name: parts, times: 2, layers: [part: {number: first}]}
  - scale: {name: last, learned: channel, value: first, bare: true}
"""
TURNS = """
archspec: 1
name: turns
params: {rate: 0.5}
input: {shape: [6, 8]}
layers:
  - repeat:
      name: rows
      times: 5
      layers:
        - {when: i - 1 == 0, layers: [dense: {units: 8}], else: [gelu]}
        - layer_norm
        - dropout: {rate: rate}
"""
INLINED = """
archspec: 1
name: inlined
params: {step: 2, edge: {default: same, choices: [same, valid]}, width: 4}
input: {channels: 4, height: 16, width: 16}
blocks:
  start:
    params: {by: {}, wide: {}, border: {default: same, choices: [same, valid]}}
    layers:
      - conv: {name: first, filters: 2 * channels, kernel: 1}
      - conv: {name: down, filters: 4, kernel: 3, stride: by * in_channels // 4, padding: 1}
      - conv: {name: last, filters: wide, kernel: 3, padding: border}
layers:
  - start: {inline: true, by: step, wide: width, border: edge}
  - relu
"""
CHAINS = """
archspec: 1
name: chains
params: {convs: 3, steps: 2, width: 4, start: 1, ends: 2, wide: 2}
input: {channels: 3, height: 8, width: 8}
blocks:
  unit:
    params: {filters: {}}
    layers:
      - conv: {name: conv, filters: filters, kernel: 1}
      - batch_norm: {name: norm}
layers:
  - conv: {name: stem, filters: width, kernel: 3, padding: 1}
  - name: tower
    layers:
      - repeat:
          inline: true
          times: convs
          names: "{i}"
          layers:
            - conv: {name: "0", filters: channels, kernel: 3, padding: 1}
            - relu: {name: "1"}
  - name: named
    layers:
      - repeat:
          inline: true
          index: k
          times: steps
          names: "unit{k + start}"
          layers: [unit: {filters: channels}]
  - name: wider
    layers:
      - repeat: {inline: true, times: wide, names: "{i}", layers: [conv: {filters: 2 * width, kernel: 1}, relu]}
  - name: last
    layers:
      - repeat:
          inline: true
          times: ends
          names: "{i}"
          layers:
            - conv: {filters: "5 if i == ends - 1 else channels", kernel: 1}
            - {tanh: {}, when: i < ends - 1}
  - global_avg_pool
"""
ARGUMENT_NETWORKS: Final = {
    "borders": BORDERS,
    "streams": STREAMS,
    "stages": STAGES,
    "arms": ARMS,
    "starts": STARTS,
    "turns": TURNS,
    "inlined": INLINED,
    "chains": CHAINS,
}
