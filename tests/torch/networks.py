# ruff: noqa: E501 - YAML reads best in lines as long as its items
"""Networks of many families, each as a person would write it, to hold the compiler against.

Nothing here is a ResNet. Each brings something that could break the way from spec to source.
"""

from __future__ import annotations

from typing import Final

IMAGE: Final = "input: {channels: 3, height: 16, width: 16}\n"

NETWORKS: Final[dict[str, str]] = {}
"""The specs by name. A spec without `input` gets a 3x16x16 image."""


def network(name: str, text: str) -> None:
    assert name not in NETWORKS
    head = f"archspec: 1\nname: {name}\n"
    NETWORKS[name] = head + ("" if "\ninput" in text else IMAGE) + text.lstrip("\n")


network(
    "densenet",
    """
params: {growth: 12, classes: 10}
defaults:
  conv: {bias: false, init: {kaiming_normal: fan_in}}
blocks:
  dense_layer:
    doc: BN-ReLU-1x1, BN-ReLU-3x3; the new features are put beside those that arrive.
    params: {growth: 12, bottleneck: 4}
    layers:
      - concat:
          - []
          - - batch_norm: {name: norm1}
            - relu
            - conv: {name: conv1, filters: bottleneck * growth, kernel: 1}
            - batch_norm: {name: norm2}
            - relu
            - conv: {name: conv2, filters: growth, kernel: 3, padding: 1}
  dense_block:
    doc: Dense layers in a row; the channels grow by `growth` with each.
    unit: [layers]
    params: {growth: 12}
    layers:
      - repeat: {name: units, times: layers, layers: [{dense_layer: {growth: growth}}]}
  transition:
    layers:
      - batch_norm: {name: norm}
      - relu
      - conv: {name: conv, filters: channels // 2, kernel: 1}
      - avg_pool: {kernel: 2}
stem:
  - conv: {name: conv0, filters: 2 * growth, kernel: 3, padding: 1}
stages:
  - {name: block1, block: dense_block, units: [[4]], with: {growth: growth}}
  - transition: {name: transition1}
  - {name: block2, block: dense_block, units: [[6]], with: {growth: growth}}
  - transition: {name: transition2}
  - {name: block3, block: dense_block, units: [[5]], with: {growth: growth}}
head:
  - batch_norm: {name: norm}
  - relu
  - global_avg_pool
  - flatten
  - dense: {name: classifier, units: classes}
""",
)
network(
    "squeeze_excitation",
    """
params: {reduction: 4}
blocks:
  squeeze_excite:
    doc: Scales each channel by a gate that sees the whole image.
    params: {reduction: {}, width: {}}
    layers:
      - multiply:
          - []
          - - global_avg_pool
            - conv: {name: fc1, filters: width // reduction, kernel: 1}
            - relu
            - conv: {name: fc2, filters: width, kernel: 1}
            - sigmoid
  se_unit:
    unit: [depth, stride]
    params: {reduction: {}}
    layers:
      - add:
          - - conv: {name: conv1, filters: depth, kernel: 3, stride: stride, padding: 1, bias: false}
            - batch_norm: {name: bn1}
            - relu
            - conv: {name: conv2, filters: depth, kernel: 3, padding: 1, bias: false}
            - batch_norm: {name: bn2}
            - squeeze_excite: {name: se, reduction: reduction, width: depth}
          - name: shortcut
            when: stride != 1 or channels != depth
            layers: [{conv: {filters: depth, kernel: 1, stride: stride, bias: false}}, batch_norm]
      - relu
layers:
  - conv: {name: stem, filters: 16, kernel: 3, padding: 1}
  - stage: {name: stage1, block: se_unit, units: "[(16, 1)] * 2 + [(32, 2)]", with: {reduction: reduction}}
  - global_avg_pool: {keep_axes: false}
  - dense: {name: fc, units: 10}
""",
)
network(
    "inception",
    """
blocks:
  conv_bn:
    unit: [filters, kernel]
    params: {padding: 0}
    layers:
      - conv: {name: conv, filters: filters, kernel: kernel, padding: padding, bias: false}
      - batch_norm: {name: bn, eps: 1e-3}
      - relu
  inception:
    doc: Four ways side by side; the widths are those of each.
    unit: [one, three_in, three, pool]
    params: {double: false}
    layers:
      - concat:
          - {name: branch1x1, layers: [{conv_bn: {filters: one, kernel: 1}}]}
          - name: branch3x3
            layers:
              - conv_bn: {name: reduce, filters: three_in, kernel: 1}
              - conv_bn: {name: conv, filters: three, kernel: 3, padding: 1}
              - conv_bn: {name: again, filters: three, kernel: 3, padding: 1}
                when: double
          - - max_pool: {kernel: 3, stride: 1, padding: 1}
              when: double
              else: [{avg_pool: {kernel: 3, stride: 1, padding: 1}}]
            - conv_bn: {name: project, filters: pool, kernel: 1}
layers:
  - conv_bn: {name: stem, filters: 8, kernel: 3, padding: 1}
  - inception: {name: mixed1, one: 4, three_in: 4, three: 8, pool: 4}
  - inception: {name: mixed2, one: 8, three_in: 4, three: 8, pool: 8, double: true}
  - inception: {name: mixed3, one: 8, three_in: 8, three: 16, pool: 8}
  - dropout: {rate: 0.4}
  - global_avg_pool
  - flatten
  - dense: {name: fc, units: 10}
""",
)
network(
    "unet",
    """
params: {base: 8}
blocks:
  double_conv:
    params: {width: {}}
    layers:
      - conv: {name: conv1, filters: width, kernel: 3, padding: 1}
      - relu
      - conv: {name: conv2, filters: width, kernel: 3, padding: 1}
      - relu
layers:
  - name: encoder
    layers:
      - double_conv: {name: level1, width: base}
      - tap: level1
      - conv: {name: down, filters: 2 * base, kernel: 2, stride: 2}
      - name: inner
        layers:
          - double_conv: {name: level2, width: 2 * base}
          - tap: level2
          - double_conv: {name: level3, width: 4 * base}
          - tap: level3
  - conv: {name: middle, filters: 4 * base, kernel: 3, padding: 1}
  - name: decoder
    layers:
      - name: up3
        layers:
          - concat: [[], {from: level3}]
          - double_conv: {name: conv, width: 2 * base}
      - name: up2
        layers:
          - concat: [{from: level2}, []]
          - double_conv: {name: conv, width: base}
      - name: up1
        layers:
          - concat: [[], {from: level1, layers: [{max_pool: {kernel: 2}}]}]
          - double_conv: {name: conv, width: base}
  - conv: {name: head, filters: 2, kernel: 1}
""",
)
network(
    "mobilenet",
    """
params: {width: {default: 1.0, doc: multiplies all widths}, classes: 10}
defaults:
  conv: {bias: false}
blocks:
  inverted_residual:
    doc: Expand, filter each channel by itself, project.
    unit: [expand, depth, stride]
    layers:
      - add:
          - name: conv
            layers:
              - {layers: [{conv: {filters: channels * expand, kernel: 1}}, batch_norm, relu], when: expand != 1}
              - conv: {filters: channels, kernel: 3, stride: stride, padding: 1, groups: channels}
              - batch_norm
              - relu
              - conv: {filters: depth, kernel: 1}
              - batch_norm
          - []
        when: stride == 1 and channels == depth
        else:
          - name: conv
            layers:
              - {layers: [{conv: {filters: channels * expand, kernel: 1}}, batch_norm, relu], when: expand != 1}
              - conv: {filters: channels, kernel: 3, stride: stride, padding: 1, groups: channels}
              - batch_norm
              - relu
              - conv: {filters: depth, kernel: 1}
              - batch_norm
layers:
  - conv: {name: stem, filters: make_divisible(16 * width), kernel: 3, stride: 2, padding: 1}
  - name: features
    layers:
      - inverted_residual: {expand: 1, depth: make_divisible(8 * width), stride: 1}
      - inverted_residual: {expand: 6, depth: make_divisible(16 * width), stride: 2}
      - inverted_residual: {expand: 6, depth: make_divisible(16 * width), stride: 1}
      - inverted_residual: {expand: 6, depth: make_divisible(24 * width), stride: 1}
  - global_avg_pool
  - flatten
  - dropout: {rate: 0.2}
  - dense: {name: classifier, units: classes}
""",
)
network(
    "two_inputs",
    """
inputs:
  image: {channels: 3, height: 8, width: 8}
  depth_map: {channels: 1, height: 8, width: 8}
layers:
  - conv: {name: image_conv, filters: 8, kernel: 3, padding: 1}
  - relu
  - tap: image_features
  - concat:
      - []
      - from: depth_map
        layers: [{conv: {name: depth_conv, filters: 4, kernel: 3, padding: 1}}, relu]
  - conv: {name: fuse, filters: 12, kernel: 1}
  - tap: fused
  - global_avg_pool: {keep_axes: false}
  - dense: {name: fc, units: 5}
  - tap: logits
outputs: [logits, image_features, fused]
""",
)
network(
    "preactivation",
    """
blocks:
  preact:
    doc: The first BN-ReLU feeds both paths.
    unit: [depth, stride]
    params: {stride: 1}
    layers:
      - batch_norm: {name: bn1}
      - relu
      - tap: activated
      - add:
          - - conv: {name: conv1, filters: depth, kernel: 3, stride: stride, padding: 1, bias: false}
            - batch_norm: {name: bn2}
            - relu
            - conv: {name: conv2, filters: depth, kernel: 3, padding: 1, bias: false}
          - layers: [{layers: [{conv: {name: shortcut, filters: depth, kernel: 1, stride: stride}}], from: activated}]
            when: stride != 1 or channels != depth
            else: [{from: input}]
stem:
  - conv: {name: stem, filters: 16, kernel: 3, padding: 1, bias: false}
stages:
  - {name: group1, block: preact, units: "[(16,)] * 2"}
  - {name: group2, block: preact, units: "[(32, 2)] + [(32, 1)] * 2"}
head:
  - batch_norm: {name: bn}
  - relu
  - global_avg_pool
  - flatten
  - dense: {name: fc, units: 10}
""",
)
network(
    "blocks_in_blocks",
    """
blocks:
  unit:
    params: {width: {}, kernel: 3}
    layers:
      - conv: {name: conv, filters: width, kernel: kernel, padding: kernel // 2}
      - relu
  pair:
    params: {width: {}, kernel: 3}
    layers:
      - unit: {name: first, width: width, kernel: kernel}
      - unit: {name: second, width: 2 * width}
  group:
    params: {width: {}, count: 2}
    layers:
      - pair: {name: entry, width: width}
      - repeat: {name: pairs, times: count, layers: [{pair: {width: width, kernel: 1}}]}
layers:
  - group: {name: group1, width: 4}
  - group: {name: group2, width: 8, count: 3}
""",
)
network(
    "nested_repeats",
    """
layers:
  - repeat:
      name: outer
      times: 3
      layers:
        - conv: {name: entry, filters: 4 * (i + 1), kernel: 1}
        - repeat:
            name: inner
            times: 2
            layers:
              - conv: {filters: channels + 2, kernel: 3, padding: 1}
              - relu
        - batch_norm: {name: bn}
""",
)
network(
    "repeat_with_index",
    """
params: {count: 4}
blocks:
  unit:
    params: {width: {}, stride: 1, rate: 0.0}
    layers:
      - conv: {name: conv, filters: width, kernel: 3, stride: stride, padding: 1}
      - relu
      - dropout: {rate: rate}
layers:
  - repeat: {name: first, times: 3, layers: [{unit: {width: 8, stride: "2 if i == 0 else 1", rate: 0.1 * i}}]}
  - repeat: {name: second, times: count, layers: [{unit: {width: 8 + 4 * i}}]}
  - repeat: {name: third, times: 5, layers: [{conv: {filters: "8 if i % 2 == 0 else 12", kernel: 1}}, relu]}
""",
)
network(
    "unnamed_repeat",
    """
layers:
  - conv: {filters: 8, kernel: 3, padding: 1}
  - repeat: {times: 3, layers: [{conv: {filters: 8, kernel: 3, padding: 1}}, batch_norm, relu]}
  - conv: {filters: 16, kernel: 3, padding: 1}
  - repeat: {times: 2, layers: [{conv: {name: conv, filters: 16, kernel: 3, padding: 1}}, {batch_norm: {name: bn}}, relu]}
""",
)
network(
    "repeat_with_outer_tap",
    """
layers:
  - conv: {name: stem, filters: 8, kernel: 3, padding: 1}
  - tap: stem_features
  - repeat:
      name: rounds
      times: 3
      layers:
        - conv: {name: conv, filters: 8, kernel: 3, padding: 1}
        - add: [[], {from: stem_features}]
        - relu
  - conv: {name: head, filters: 4, kernel: 1}
""",
)
network(
    "repeat_with_two_outer_taps",
    """
params: {width: 8}
layers:
  - conv: {name: a, filters: width, kernel: 3, padding: 1}
  - tap: first
  - conv: {name: b, filters: 2 * width, kernel: 3, padding: 1}
  - tap: second
  - repeat:
      name: rounds
      times: 3
      layers:
        - concat: [[], {from: first}, {from: second}]
        - conv: {name: conv, filters: width + i, kernel: 3, padding: 1}
        - relu
  - add: [[], {from: first, layers: [{conv: {name: skip, filters: width + 2, kernel: 1}}]}]
""",
)
network(
    "unit_patterns",
    """
blocks:
  unit:
    unit: [depth, stride]
    layers:
      - conv: {name: conv, filters: depth, kernel: 3, stride: stride, padding: same}
      - relu
layers:
  - stage: {name: block1, block: unit, units: "[(8, 1)] * 3 + [(8, 2)]", unit_names: "unit_{i+1}"}
  - stage: {name: block2, block: unit, units: ["(16, 1) x 2", "(16, 2)"], unit_names: "unit_{i+1}"}
  - stage: {name: block3, block: unit, units: [{depth: 8, stride: 1}, {depth: 12, stride: 1, times: 3}]}
""",
)
network(
    "width_everywhere",
    """
params: {width: 8, count: 2, kernel: 3, big: false}
blocks:
  unit:
    params: {width: {}}
    layers:
      - conv: {name: conv, filters: width, kernel: 3, padding: 1}
      - batch_norm: {name: bn}
      - relu
stem:
  - conv: {name: stem, filters: width, kernel: kernel, padding: kernel // 2}
stages:
  - unit: {name: one, width: width}
  - unit: {name: two, width: 2 * width}
  - repeat: {name: more, times: count, layers: [{unit: {width: 2 * width}}]}
  - conv: {name: extra, filters: 64, kernel: 1}
    when: big
head:
  - global_avg_pool
  - flatten
  - dense: {name: hidden, units: 4 * width}
  - relu
  - dense: {name: fc, units: width}
""",
)
network(
    "choices",
    """
params:
  norm: {default: batch, choices: [batch, none]}
blocks:
  unit:
    params: {width: {}, order: {default: post, choices: [pre, post, none]}}
    layers:
      - {batch_norm: {name: pre_bn}, when: order == 'pre'}
      - conv: {name: conv, filters: width, kernel: 3, padding: 1}
      - {batch_norm: {name: post_bn}, when: order == 'post'}
      - relu
layers:
  - unit: {name: one, width: 8, order: pre}
  - unit: {name: two, width: 8}
  - unit: {name: three, width: 16, order: none}
  - {batch_norm: {name: last}, when: norm == 'batch'}
""",
)
network(
    "same_padding",
    """
input: {channels: 3, height: 17, width: 12}
layers:
  - conv: {name: a, filters: 4, kernel: 3, padding: same}
  - conv: {name: b, filters: 4, kernel: 4, padding: same}
  - conv: {name: c, filters: 4, kernel: 3, stride: 2, padding: same}
  - max_pool: {kernel: 3, stride: 1, padding: same}
  - avg_pool: {kernel: 2, stride: 1, padding: same}
  - avg_pool: {kernel: 3, stride: 1, padding: same, count_padding: true}
  - conv: {name: d, filters: 4, kernel: [5, 2], stride: [2, 1], padding: same, dilation: [1, 2]}
  - max_pool: {kernel: [3, 2], stride: 2, padding: same}
  - conv: {name: e, filters: 4, kernel: 1, stride: 2, padding: same}
""",
)
network(
    "asymmetric_padding",
    """
layers:
  - conv: {name: a, filters: 4, kernel: 3, padding: [0, 1, 2, 1]}
  - conv: {name: b, filters: 4, kernel: 3, padding: [1, 2], stride: [2, 1], bias: false}
  - max_pool: {kernel: 3, stride: 2, padding: [0, 1, 0, 1]}
  - avg_pool: {kernel: 3, stride: 1, padding: [1, 0, 1, 2]}
  - avg_pool: {kernel: 3, stride: 1, padding: [1, 0, 1, 2], count_padding: true}
  - avg_pool: {kernel: 2, stride: 1, padding: 2, count_padding: true}
  - max_pool: {kernel: 2, padding: 1}
  - avg_pool: {kernel: 3, padding: 1}
""",
)
network(
    "vgg",
    """
input: {channels: 3, height: 224, width: 224}
params: {classes: 10}
defaults:
  conv: {init: {kaiming_normal: fan_out}, bias_init: zeros}
  dense: {init: {normal: 0.01}, bias_init: zeros}
layers:
  - name: features
    layers:
      - repeat: {times: 1, layers: [{conv: {filters: 8, kernel: 3, padding: 1}}, relu]}
      - max_pool: {kernel: 2}
      - conv: {filters: 16, kernel: 3, padding: 1}
      - relu
      - max_pool: {kernel: 2}
      - conv: {filters: 32, kernel: 3, padding: 1}
      - relu
      - conv: {filters: 32, kernel: 3, padding: 1}
      - relu
      - max_pool: {kernel: 2}
      - max_pool: {kernel: 2}
      - conv: {filters: 512, kernel: 3, padding: 1}
      - relu
      - max_pool: {kernel: 2}
  - name: classifier
    layers:
      - flatten
      - dense: {units: 64}
      - relu
      - dropout
      - dense: {units: classes}
""",
)
network(
    "no_weights",
    """
blocks:
  shrink:
    params: {kernel: {}}
    layers: [{max_pool: {kernel: kernel}}, relu]
  gate:
    layers: [{multiply: [[], [sigmoid]]}]
layers:
  - shrink: {kernel: 2}
  - gate
  - shrink: {kernel: 4}
  - gate: {name: last_gate}
  - flatten
  - softmax
""",
)
network(
    "only_relu",
    """
layers: [relu]
""",
)
network(
    "both_sides",
    """
blocks:
  same_name:
    params: {deep: {}}
    layers:
      - {conv: {name: conv, filters: 8, kernel: 3, padding: 1}, when: deep, else: {conv: {name: conv, filters: 8, kernel: 1}}}
      - relu
  other_names:
    params: {deep: {}}
    layers:
      - {conv: {name: wide, filters: 8, kernel: 3, padding: 1}, when: deep, else: {conv: {name: narrow, filters: 4, kernel: 1}}}
      - relu
  several:
    params: {deep: {}}
    layers:
      - layers:
          - conv: {name: conv1, filters: 8, kernel: 3, padding: 1}
          - relu
          - conv: {name: conv2, filters: 8, kernel: 3, padding: 1}
        when: deep
        else:
          - conv: {name: only, filters: 8, kernel: 1}
          - sigmoid
      - batch_norm: {name: bn}
layers:
  - same_name: {name: a, deep: true}
  - same_name: {name: b, deep: false}
  - other_names: {name: c, deep: true}
  - other_names: {name: d, deep: false}
  - several: {name: e, deep: true}
  - several: {name: f, deep: false}
""",
)
network(
    "choice_keeps_input",
    """
blocks:
  unit:
    params: {gated: {}, deep: {}}
    layers:
      - conv: {name: entry, filters: 8, kernel: 1}
      - tap: start
      - layers:
          - conv: {name: conv1, filters: 8, kernel: 3, padding: 1}
          - add: [[], {from: start}]
          - {conv: {name: conv2, filters: 8, kernel: 1}, when: deep}
        when: gated
        else:
          - multiply: [[], [{conv: {name: gate, filters: 8, kernel: 1}}, sigmoid]]
      - add: [[], {from: start}, {from: input}]
layers:
  - conv: {name: stem, filters: 8, kernel: 1}
  - unit: {name: a, gated: true, deep: true}
  - unit: {name: b, gated: true, deep: false}
  - unit: {name: c, gated: false, deep: false}
""",
)
network(
    "nothing_repeated",
    """
params: {extra: 0}
layers:
  - conv: {name: stem, filters: 8, kernel: 1}
  - repeat: {name: none, times: extra, layers: [{conv: {filters: 8, kernel: 1}}]}
  - repeat: {name: one, times: 1, layers: [{conv: {filters: 8, kernel: 1}}]}
  - relu
""",
)
network(
    "repeat_counts_differ",
    """
blocks:
  group:
    params: {count: {}}
    layers:
      - repeat: {name: units, times: count, layers: [{conv: {filters: channels + 4, kernel: 1}}, relu]}
layers:
  - group: {name: a, count: 0}
  - group: {name: b, count: 1}
  - group: {name: c, count: 3}
""",
)
network(
    "initializers",
    """
params: {classes: 10}
defaults:
  conv: {init: {kaiming_normal: fan_out}}
blocks:
  attend:
    layers:
      - multiply:
          - []
          - - conv: {name: query, filters: channels, kernel: 1, init: {normal: 0.02}, bias_init: zeros}
            - sigmoid
  unit:
    params: {special: {}}
    layers:
      - name: body
        layers:
          - conv: {filters: channels, kernel: 3, padding: 1}
          - relu
          - conv: {filters: channels, kernel: 3, padding: 1, init: zeros, bias_init: zeros}
      - {conv: {name: extra, filters: channels, kernel: 1, init: {constant: 0.5}}, when: special}
layers:
  - conv: {name: stem, filters: 8, kernel: 3}
  - attend: {name: attention}
  - unit: {name: a, special: true}
  - unit: {name: b, special: false}
  - repeat:
      name: rounds
      times: 3
      layers:
        - conv: {name: first, filters: 8, kernel: 3, padding: 1}
        - conv: {name: second, filters: 8, kernel: 3, padding: 1, init: {normal: 0.1}}
  - global_avg_pool
  - flatten
  - dense: {name: hidden, units: 16}
  - relu
  - dense: {name: fc, units: classes, init: {normal: 0.01}, bias_init: zeros}
""",
)
network(
    "names_that_clash",
    """
params: {x: 4, self_: 3, module: 2, nn_: 1, in_channels: 3, layer: 2}
input: {channels: in_channels, height: 8, width: 8}
blocks:
  tensor:
    params: {F: {}, in_channels: {}, has_relu: false, torch: 1}
    layers:
      - conv: {name: y, filters: F, kernel: 1}
      - conv: {name: in_channels, filters: in_channels, kernel: 1}
      - {relu: {name: relu}, when: has_relu}
      - {layers: [{conv: {name: x, filters: torch, kernel: 1}}, relu], when: has_relu, else: [sigmoid, {conv: {name: z, filters: torch, kernel: 1}}]}
      - conv: {name: has_relu, filters: 4, kernel: 1}
layers:
  - conv: {name: x, filters: x, kernel: 1}
  - conv: {name: y, filters: self_ * module + nn_ + layer, kernel: 1}
  - tensor: {name: F, F: 4, in_channels: 5, has_relu: true}
  - tensor: {name: nn, F: 6, in_channels: 5, torch: 2}
""",
)
network(
    "split_variants",
    """
blocks:
  unit:
    params: {kernel: {}}
    layers:
      - {max_pool: {kernel: 2}, when: kernel == 2}
      - conv: {name: conv, filters: 8, kernel: kernel, padding: same}
      - inner: {name: inner, mode: kernel % 2}
  inner:
    params: {mode: {}}
    layers:
      - {conv: {name: odd, filters: 12, kernel: 1}, when: mode == 1, else: {conv: {name: even, filters: channels + 1, kernel: 1}}}
layers:
  - unit: {name: a, kernel: 1}
  - unit: {name: b, kernel: 2}
  - unit: {name: c, kernel: 3}
  - unit: {name: d, kernel: 4}
""",
)
network(
    "batch_norms",
    """
layers:
  - batch_norm: {name: a, eps: 1e-3, decay: 0.99}
  - batch_norm: {name: b, variance: biased}
  - conv: {name: c, filters: 4, kernel: 3}
  - flatten
  - batch_norm: {name: d, decay: 0.8}
  - batch_norm: {name: e, variance: biased}
  - dense: {name: f, units: 4, bias: false}
""",
)
network(
    "branches_in_sequences",
    """
layers:
  - name: body
    layers:
      - conv: {filters: 8, kernel: 3, padding: 1}
      - add:
          - []
          - {name: side, layers: [{conv: {filters: 8, kernel: 1}}, relu]}
      - repeat:
          times: 2
          layers:
            - add: [[], [{conv: {filters: 8, kernel: 1}}]]
            - relu
  - name: tail
    layers: [relu, {name: deep, layers: [sigmoid, {name: deeper, layers: [{conv: {filters: 2, kernel: 1}}]}]}]
""",
)
network(
    "long_merges",
    """
layers:
  - conv: {name: stem_with_a_long_name, filters: 8, kernel: 3, padding: 1}
  - concat:
      - [{conv: {name: branch_with_a_long_name_one, filters: 8, kernel: 1}}, relu]
      - [{conv: {name: branch_with_a_long_name_two, filters: 8, kernel: 3, padding: 1}}, relu]
      - [{conv: {name: branch_with_a_long_name_three, filters: 8, kernel: 5, padding: 2}}, relu]
      - [{max_pool: {kernel: 3, stride: 1, padding: 1}}]
      - []
  - add: [[], [relu], [sigmoid], [{conv: {name: last_branch, filters: 40, kernel: 1}}, relu, sigmoid]]
  - multiply: [[{add: [[], [relu]]}], [sigmoid]]
""",
)
network(
    "growth_by_index",
    """
params: {growth: 4}
blocks:
  pyramid:
    params: {count: {}, step: {}}
    layers:
      - repeat: {name: units, times: count, layers: [{conv: {filters: channels + step * (i + 1), kernel: 1}}, batch_norm, relu]}
layers:
  - conv: {name: stem, filters: 8, kernel: 1}
  - pyramid: {name: a, count: 3, step: growth}
  - pyramid: {name: b, count: 5, step: 2 * growth}
""",
)
network(
    "conditional_in_repeat",
    """
params: {count: 6}
blocks:
  unit:
    params: {index: {}}
    layers:
      - conv: {name: conv, filters: 8, kernel: 3, padding: 1}
      - {max_pool: {kernel: 2}, when: index % 2 == 1}
      - relu
layers:
  - repeat: {name: units, times: 4, layers: [{unit: {index: i}}]}
  - repeat:
      name: rounds
      times: count
      layers:
        - conv: {name: conv, filters: 8, kernel: 1}
        - {batch_norm: {name: bn}, when: i > 2}
        - relu
""",
)
network(
    "tap_out_of_block",
    """
blocks:
  unit:
    params: {width: {}}
    layers:
      - conv: {name: conv, filters: width, kernel: 3, padding: 1}
      - tap: before
      - relu
      - conv: {name: conv2, filters: width, kernel: 1}
      - add: [[], {from: before}]
layers:
  - {name: stage1, layers: [{unit: {width: 4}}, {tap: c2}, {max_pool: {kernel: 2}}]}
  - {name: stage2, layers: [{unit: {width: 8}}, {tap: c3}, {max_pool: {kernel: 2}}]}
  - {name: stage3, layers: [{unit: {width: 16}}, {tap: c4}]}
outputs: [c2, c3, c4]
""",
)
network(
    "flat_input",
    """
input: {shape: [20]}
params: {hidden: 16}
layers:
  - dense: {name: fc1, units: hidden}
  - relu
  - repeat: {name: blocks, times: 2, layers: [{add: [[], [{dense: {name: fc, units: hidden}}, relu]]}]}
  - concat: [[], {from: input}]
  - dense: {name: out, units: 3}
  - softmax
""",
)

network(
    "conditional_numbers",
    """
blocks:
  unit:
    params: {expand: {}, norm: {}, deep: {}}
    layers:
      - name: body
        layers:
          - layers:
              - conv: {filters: channels * expand, kernel: 1}
              - {batch_norm: {}, when: norm}
              - relu
            when: expand != 1
          - conv: {filters: 8, kernel: 1}
          - {conv: {filters: 8, kernel: 3, padding: 1}, when: deep, else: [sigmoid, {conv: {filters: 8, kernel: 1}}]}
          - batch_norm
      - name: named
        layers:
          - {conv: {name: first, filters: 8, kernel: 1}, when: deep}
          - {batch_norm: {}, when: norm}
          - conv: {filters: 8, kernel: 1}
          - conv: {name: last, filters: 8, kernel: 1}
layers:
  - unit: {name: a, expand: 1, norm: true, deep: true}
  - unit: {name: b, expand: 2, norm: true, deep: false}
  - unit: {name: c, expand: 2, norm: false, deep: true}
  - unit: {name: d, expand: 3, norm: false, deep: false}
""",
)
network(
    "loops_in_loops",
    """
params: {width: 8}
blocks:
  leaf:
    params: {width: {}, kernel: {}}
    layers: [{conv: {name: conv, filters: width, kernel: kernel, padding: kernel // 2}}, relu]
  tree:
    params: {outer: {}, inner: {}, width: {}}
    layers:
      - repeat:
          name: rows
          times: outer
          layers:
            - repeat: {name: cells, times: inner, layers: [{leaf: {width: width + i, kernel: 3}}]}
            - conv: {name: mix, filters: width * (i + 1), kernel: 1}
layers:
  - tree: {name: a, outer: 2, inner: 3, width: width}
  - tree: {name: b, outer: 2, inner: 3, width: 2 * width}
""",
)
network(
    "growing_rows",
    """
blocks:
  triangle:
    params: {rows: {}}
    layers:
      - repeat:
          name: rows
          times: rows
          layers: [{repeat: {name: cells, times: i + 1, layers: [{conv: {filters: 8, kernel: 1}}]}}, relu]
layers:
  - triangle: {name: a, rows: 2}
  - triangle: {name: b, rows: 4}
""",
)
network(
    "growth_in_a_sequence",
    """
layers:
  - name: body
    layers:
      - conv: {filters: 4, kernel: 1}
      - repeat: {times: 4, layers: [{conv: {filters: channels + i, kernel: 1}}, relu]}
      - name: inner
        layers:
          - repeat: {name: more, times: 3, layers: [{concat: [[], [{conv: {filters: 2 + i, kernel: 1}}]]}]}
""",
)
network(
    "padding_by_param",
    """
blocks:
  unit:
    params: {p: {}, kernel: {default: [3, 3]}}
    layers:
      - conv: {name: a, filters: 4, kernel: kernel, padding: [0, p, p, 0]}
      - conv: {name: b, filters: 4, kernel: 3, padding: [p, 1]}
      - max_pool: {kernel: 3, stride: 1, padding: [p, 0, 0, p]}
      - avg_pool: {kernel: 3, stride: 1, padding: p}
layers:
  - unit: {name: first, p: 1}
  - unit: {name: second, p: 0, kernel: [1, 3]}
""",
)
network(
    "input_as_a_tap",
    """
blocks:
  unit:
    params: {width: {}}
    layers:
      - name: left
        layers:
          - conv: {name: conv, filters: width, kernel: 3, padding: 1}
          - concat: [[], {from: input}]
      - name: right
        layers:
          - {name: gate, layers: [{conv: {filters: width, kernel: 1}}, sigmoid]}
          - multiply: [[], {from: input, layers: [{conv: {name: fit, filters: width, kernel: 1}}]}]
      - {conv: {name: out, filters: width, kernel: 1, init: zeros}, when: width > 4}
layers:
  - unit: {name: a, width: 4}
  - unit: {name: b, width: 8}
  - concat: [[], {from: input}]
""",
)
network(
    "parts_in_numbered_rounds",
    """
layers:
  - repeat:
      name: outer
      times: 2
      layers:
        - conv: {name: entry, filters: 4 * (i + 1), kernel: 1}
        - repeat:
            name: inner
            times: 2
            layers:
              - {name: body, layers: [{repeat: {name: more, times: 3, layers: [{concat: [[], [{conv: {filters: 2 + i, kernel: 1}}]]}]}}]}
              - conv: {filters: channels + 2, kernel: 3, padding: 1}
              - relu
        - batch_norm: {name: bn}
""",
)
network(
    "stages_in_repeats",
    """
blocks:
  unit:
    unit: [depth]
    layers: [{conv: {name: conv, filters: depth, kernel: 1, init: {normal: 0.1}}}, {batch_norm: {name: bn, variance: biased}}]
layers:
  - repeat:
      name: rounds
      times: 3
      layers:
        - stage: {name: stage, block: unit, units: "[(8,)] * 2 + [(4,)]"}
        - unit: {name: extra, depth: 6}
  - conv: {name: last, filters: 3, kernel: 1}
""",
)
network(
    "side_with_branches",
    """
blocks:
  unit:
    params: {mode: {choices: [plain, dense, none]}}
    layers:
      - name: body
        when: mode != 'none'
        layers:
          - conv: {name: conv1, filters: 8, kernel: 3, padding: 1}
          - {concat: [[], {from: input}], when: mode == 'dense'}
          - relu
          - conv: {name: conv2, filters: 8, kernel: 1}
      - relu
layers:
  - unit: {name: a, mode: plain}
  - unit: {name: b, mode: dense}
  - unit: {name: c, mode: none}
""",
)
network(
    "words_of_the_framework",
    """
params: {growth: 4, ceil: 2, layers: 2}
blocks:
  sequential:
    doc: The class is called Sequential, and the params as nn.Module's methods are.
    params: {double: {}, train: {}, type: {}}
    layers:
      - {conv: {name: wide, filters: ceil(type / 2) * 2, kernel: 1}, when: double, else: [{conv: {name: narrow, filters: type, kernel: 1}}]}
      - {conv: {name: last, filters: train, kernel: 1}, when: train > 2}
  same_conv2d:
    layers: [{conv: {filters: channels, kernel: 3, stride: 2, padding: same}}]
  module:
    layers: [relu, sigmoid]
layers:
  - conv: {name: stem, filters: growth * ceil * layers, kernel: 1}
  - sequential: {name: a, double: true, train: 3, type: 3}
  - sequential: {name: b, double: false, train: 2, type: 4}
  - same_conv2d
  - module: {name: act}
""",
)
network(
    "shortcuts_by_pooling",
    """
blocks:
  unit:
    unit: [depth, stride]
    layers:
      - add:
          - - conv: {name: conv1, filters: depth, kernel: 3, stride: stride, padding: same}
            - relu
            - conv: {name: conv2, filters: depth, kernel: 3, padding: same}
          - name: shortcut
            layers:
              - {avg_pool: {kernel: stride}, when: stride != 1}
              - {conv: {filters: depth, kernel: 1}, when: channels != depth}
      - relu
layers:
  - stage: {name: s1, block: unit, units: "[(8, 1)] * 2"}
  - stage: {name: s2, block: unit, units: "[(16, 2)] + [(16, 1)]"}
  - stage: {name: s3, block: unit, units: "[(16, 2)]"}
""",
)

NETWORKS |= {
    "block_inputs": """
archspec: 1
name: block_inputs
params: {base: 4}
input: {channels: 3, height: 12, width: 12}
blocks:
  twice:
    params: {filters: {}}
    layers:
      - conv: {filters: filters, kernel: 3, padding: same}
      - relu
  merge:
    doc: Joins what the encoder kept.
    inputs: [skip]
    params: {filters: {}}
    layers:
      - conv: {filters: filters, kernel: 1}
      - concat: [{from: skip}, []]
      - twice: {filters: filters}
layers:
  - twice: {name: enc1, filters: base}
  - tap: enc1
  - twice: {name: enc2, filters: base * 2}
  - tap: enc2
  - twice: {name: mid, filters: base * 3}
  - merge: {name: dec2, filters: base * 2, skip: enc2}
  - merge: {name: dec1, filters: base, skip: enc1}
""",
    "block_outputs": """
archspec: 1
name: block_outputs
input: {channels: 3, height: 12, width: 12}
blocks:
  pyramid:
    outputs: [low, high]
    params: {deep: {}}
    layers:
      - conv: {filters: 8, kernel: 1}
      - tap: low
      - {relu: {}, when: deep}
      - conv: {filters: 8, kernel: 3}
      - tap: high
layers:
  - pyramid: {name: p, deep: true}
  - add: [[], [{from: p.high, layers: [sigmoid]}]]
  - name: inner
    layers:
      - pyramid: {name: q, deep: false}
      - relu
      - tap: shown
      - {from: q.low}
      - relu
  - tap: last
  - {from: p.low, layers: [relu]}
  - tap: early
outputs: [last, early, shown]
""",
    "block_ends_in_loops": """
archspec: 1
name: block_ends_in_loops
input: {channels: 4, height: 8, width: 8}
blocks:
  both:
    inputs: [a, b]
    outputs: [mid]
    layers:
      - add: [[], {from: a}]
      - tap: mid
      - multiply: [[], {from: b}, [relu]]
  one:
    inputs: [skip]
    params: {on: true}
    layers:
      - conv: {filters: 4, kernel: 3, padding: same}
      - {add: [[], {from: skip}], when: on}
layers:
  - conv: {filters: 4, kernel: 1}
  - tap: t
  - sigmoid
  - tap: u
  - repeat:
      name: r
      times: 2
      layers:
        - both: {name: c, a: t, b: u}
        - add: [[], {from: c.mid}]
  - repeat: {name: s, times: 3, layers: [one: {skip: t}]}
  - {one: {name: k, skip: u}, when: channels == 4}
  - stage: {name: st, block: one, units: [{on: true}, {on: false}], with: {skip: u}}
  - both: {name: same, a: t, b: t}
""",
}
network(
    "vit",
    """
params: {classes: 10, heads: 2, depth: 3}
defaults:
  layer_norm: {eps: 1e-6}
blocks:
  mlp:
    doc: Two dense layers for each token by itself.
    params: {hidden: {}}
    layers:
      - dense: {name: fc1, units: hidden, init: xavier_uniform, bias_init: {normal: 1e-6}}
      - gelu
      - dense: {name: fc2, units: hidden // 4, init: xavier_uniform, bias_init: {normal: 1e-6}}
  encoder_block:
    doc: Attention and an MLP, each after a layer norm and beside the identity.
    params: {heads: {}}
    layers:
      - add:
          - []
          - - layer_norm: {name: ln_1}
            - attention: {name: self_attention, heads: heads}
      - add:
          - []
          - - layer_norm: {name: ln_2}
            - mlp: {name: mlp, hidden: 4 * channels}
layers:
  - conv: {name: conv_proj, filters: 16 * heads, kernel: 4, stride: 4}
  - to_tokens
  - class_token: {name: class_token}
  - name: encoder
    layers:
      - position_embedding: {name: pos_embedding}
      - repeat: {name: layers, times: depth, layers: [encoder_block: {heads: heads}]}
      - layer_norm: {name: ln}
  - select_token
  - dense: {name: head, units: classes, init: zeros, bias_init: zeros}
""",
)
network(
    "mlp_mixer",
    """
params: {width: 24, classes: 10}
blocks:
  mlp:
    params: {hidden: {}, units: {}}
    layers:
      - dense: {name: fc1, units: hidden}
      - gelu
      - dense: {name: fc2, units: units}
  mixer_block:
    doc: One MLP over the tokens, one over the features.
    params: {tokens: {}, hidden_tokens: {}, hidden_features: {}}
    layers:
      - add:
          - []
          - - layer_norm: {name: norm1}
            - transpose
            - mlp: {name: token_mixing, hidden: hidden_tokens, units: tokens}
            - transpose
      - add:
          - []
          - - layer_norm: {name: norm2}
            - mlp: {name: channel_mixing, hidden: hidden_features, units: channels}
layers:
  - conv: {name: stem, filters: width, kernel: 4, stride: 4}
  - to_tokens
  - repeat:
      name: blocks
      times: 3
      layers: [mixer_block: {tokens: 16, hidden_tokens: 12, hidden_features: 4 * channels}]
  - layer_norm: {name: norm}
  - to_image: {height: 4, width: 4}
  - global_avg_pool: {keep_axes: false}
  - dense: {name: head, units: classes}
""",
)
