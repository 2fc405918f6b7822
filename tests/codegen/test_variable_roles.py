"""Variables of generated source are named after what they hold, where the graph says it."""

from __future__ import annotations

import pytest

import archspec
from archspec.spec.loading import load_text

HEAD = "archspec: 1\nname: roles\ninput: {channels: 8, height: 16, width: 16}\n"


def source_of(text: str, backend: str) -> str:
    return str(archspec.generate(archspec.compile(load_text(HEAD + text)), backend))


UNIT = """
blocks:
  unit:
    params: {filters: {}, stride: 1}
    layers:
      - add:
          - - conv: {name: conv1, filters: filters, kernel: 3, stride: stride, padding: 1}
            - batch_norm: {name: bn1}
            - relu
            - conv: {name: conv2, filters: filters, kernel: 3, padding: 1}
          - when: stride != 1 or channels != filters
            conv: {name: project, filters: filters, kernel: 1, stride: stride}
layers:
  - unit: {filters: 8}
  - unit: {filters: 16, stride: 2}
"""


def test_the_branch_with_the_layers_is_the_residual_and_the_other_the_shortcut() -> None:
    torch = source_of(UNIT, "torch")
    assert "residual = self.relu(self.bn1(self.conv1(x)))" in torch
    assert "return self.conv2(residual) + self.project(x)" in torch
    keras = source_of(UNIT, "keras")
    assert "    shortcut = x\n    if stride != 1 or x.shape[-1] != filters:\n        shortcut = conv2d(" in keras
    assert "([residual, shortcut])" in keras
    assert "    y = " not in keras


GATE = """
layers:
  - multiply:
      - []
      - [global_avg_pool, conv: {name: fc, filters: channels, kernel: 1}, sigmoid]
"""


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_what_a_product_takes_from_a_sigmoid_is_the_gate(backend: str) -> None:
    found = source_of(GATE, backend)
    assert "gate = " in found
    assert "    y = " not in found


BRANCHES = """
layers:
  - concat:
      - conv: {name: point, filters: 4, kernel: 1}
      - [conv: {filters: 4, kernel: 1}, conv: {name: wide, filters: 4, kernel: 3, padding: 1}]
"""


def test_joined_branches_are_called_by_what_gives_them() -> None:
    found = source_of(BRANCHES, "keras")
    assert "([point, wide])" in found


def test_branches_without_names_are_counted() -> None:
    text = "layers: [concat: [conv: {filters: 4, kernel: 1}, conv: {filters: 4, kernel: 3, padding: 1}]]\n"
    assert "([branch1, branch2])" in source_of(text, "keras")


def test_a_name_that_something_else_has_is_none_of_a_branch() -> None:
    blocks = "blocks:\n  residual: {layers: [conv: {filters: channels, kernel: 1}, relu]}\n"
    found = source_of(blocks + "layers: [add: [[residual, dropout: {rate: 0.1}], []]]\n", "keras")
    compile(found, "roles.py", "exec")
    assert 'residual(inputs, name="residual")' in found
    assert "residual = residual(" not in found


def test_levels_that_meet_in_a_sum_are_no_residuals() -> None:
    text = """
inputs:
  fine: {channels: 8, height: 16, width: 16}
  coarse: {channels: 8, height: 8, width: 8}
layers:
  - add:
      - conv: {filters: 8, kernel: 1}
      - {from: coarse, layers: [upsample: {factor: 2}]}
"""
    found = str(archspec.generate(archspec.compile(load_text("archspec: 1\nname: roles\n" + text)), "keras"))
    assert "residual" not in found


EQUAL = """
blocks:
  unit:
    params: {filters: {}}
    layers:
      - when: channels == filters
        add: [[conv: {name: conv, filters: filters, kernel: 1}, dropout: {name: drop, rate: 0.1}], []]
        else: [conv: {name: conv, filters: filters, kernel: 1}, dropout: {name: drop, rate: 0.1}]
layers: [unit: {filters: 8}, unit: {filters: 4}]
"""


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_what_both_sides_of_a_condition_begin_with_is_written_once(backend: str) -> None:
    found = source_of(EQUAL, backend)
    body = found[found.index("class Unit(" if backend == "torch" else "def unit(") :]
    assert body.count("kernel_size=1" if backend == "torch" else 'name=f"{name}_conv"') == 1
    assert "out = " in body
    assert "else:" not in body


def test_sides_that_are_the_same_in_all_are_no_condition() -> None:
    text = """
blocks:
  unit:
    params: {filters: {}, kind: 1}
    layers:
      - {when: kind == 1, relu: {name: act}, else: [relu: {name: act}]}
      - conv: {filters: filters, kernel: 1}
layers: [unit: {filters: 8}, unit: {filters: 4, kind: 2}]
"""
    found = source_of(text, "torch")
    assert "if " not in found[found.index("class Unit") : found.index("class Roles")]
    archspec.build(load_text(HEAD + text), backend="torch")


TWO_WAYS = """
blocks:
  way:
    layers: [conv: {filters: channels, kernel: 3, padding: 1}, batch_norm, relu]
layers:
  - add: [[way: {name: long1}, way: {name: long2}], [way: {name: short}]]
"""


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_of_two_ways_the_shorter_is_no_shortcut(backend: str) -> None:
    found = source_of(TWO_WAYS, backend)
    assert "residual" not in found
    assert "shortcut" not in found


OUTPUTS = """
blocks:
  down:
    outputs: [skip]
    layers: [conv: {filters: channels, kernel: 3, padding: 1}, tap: skip, max_pool: {kernel: 2}]
  merge:
    inputs: [other]
    layers: [upsample: {factor: 2}, concat: [[], {from: other}]]
layers:
  - down: {name: down1}
  - down: {name: down2}
  - tap: deep
  - from: down1.skip
  - tap: fine
  - from: down2.skip
  - tap: coarse
  - from: deep
  - merge: {other: coarse}
  - merge: {other: fine}
"""


def test_what_a_block_gives_is_called_by_the_tap_of_its_caller() -> None:
    found = source_of(OUTPUTS, "torch")
    assert "x, fine = self.down1(x)" in found
    assert "deep, coarse = self.down2(x)" in found
    assert "self.merge_2(x, fine)" in found
    assert "new_features" not in found  # what is raised is no more than what arrives


SUMS_OF_PARTS = """
blocks:
  unit:
    layers:
      - conv: {name: conv1, filters: 8, kernel: 1}
      - split: {parts: 2, outputs: [first, second]}
      - from: first
      - conv: {name: inner, filters: 4, kernel: 3, padding: 1}
      - tap: a
      - add: [[], {from: second}]
      - conv: {name: last, filters: 4, kernel: 3, padding: 1}
      - concat: [{from: a}, []]
      - conv: {name: conv3, filters: 8, kernel: 1}
      - add: [[], {from: input}]
layers: [unit]
"""


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_residual_goes_on_before_branches_that_take_each_others_tensors(backend: str) -> None:
    found = source_of(SUMS_OF_PARTS, backend)
    assert ("    residual = self.conv1(x)" if backend == "torch" else "    residual = conv2d(\n        8, 1, ") in found
    split = (
        "torch.chunk(residual, 2, dim=1)" if backend == "torch" else 'ChannelParts(2, name=f"{name}_split")(residual)'
    )
    assert f"first, second = {split}" in found


INPUTS = """
blocks:
  unit:
    inputs: [shortcut]
    layers: [conv: {filters: 8, kernel: 3, padding: 1}, add: [[], {from: shortcut}]]
  tree:
    params: {out: 8}
    layers:
      - tap: x
      - conv: {name: project, filters: out, kernel: 1}
      - tap: shortcut
      - from: x
      - unit: {name: tree1, shortcut: shortcut}
layers: [tree, tree: {out: 8}]
"""


def test_a_tap_that_is_a_blocks_further_input_names_its_variable() -> None:
    assert "shortcut = self.project(x)\n        return self.tree1(x, shortcut)" in source_of(INPUTS, "torch")
    assert 'x = unit(x, shortcut, name=f"{name}_tree1")' in source_of(INPUTS, "keras").replace(
        "return unit", "x = unit"
    )


NAMED_OUT = """
blocks:
  unit:
    params: {out: {}, residual: false}
    layers:
      - conv: {name: conv, filters: out, kernel: 3, padding: 1}
      - {when: residual, layers: [add: [[], {from: input}]]}
layers: [unit: {out: 4}, unit: {out: 4, residual: true}, unit: {out: 8}]
"""


def test_a_role_whose_name_a_param_has_is_no_doubled_word() -> None:
    found = source_of(NAMED_OUT, "keras")
    assert "out_out" not in found
    assert "    return output\n" in found


CONDITIONS = """
blocks:
  unit:
    params: {filters: {}, stride: 1, plain: false, act: {default: relu, choices: [relu, hard_swish]}}
    layers:
      - {batch_norm: {name: bn}, when: not plain}
      - conv: {name: conv, filters: filters, kernel: 3, stride: stride, padding: 1}
      - {when: act == 'relu', relu: {}, else: [hard_swish: {}]}
      - {conv: {name: after, filters: filters, kernel: 3, padding: 1, bias: false}, when: stride > 1 or filters > 8}
layers: [unit: {filters: 8}, unit: {filters: 16, stride: 2, plain: true, act: "'hard_swish'"}]
"""


def test_members_under_a_condition_are_one_expression_where_that_is_no_longer() -> None:
    found = source_of(CONDITIONS, "torch")
    assert "self.bn = nn.Identity() if plain else nn.BatchNorm2d(in_channels)" in found
    assert 'self.activation = nn.ReLU() if act == "relu" else nn.Hardswish()' in found
    assert "x = self.activation(" in found
    assert "self.after: nn.Module = nn.Identity()\n        if stride > 1 or filters > 8:\n" in found  # else longer
    model = archspec.build(load_text(HEAD + CONDITIONS), backend="torch")
    assert not [key for key in model.state_dict() if "activation" in key]


def test_a_tensor_that_is_padded_or_not_is_one_expression_in_keras() -> None:
    found = source_of(UNIT, "keras")
    assert 'residual = ZeroPadding2D(1, name=f"{name}_conv1_pad")(x) if stride > 1 else x' in found


THREE = """
blocks:
  unit:
    params: {act: {default: relu, choices: [relu, gelu, none]}}
    layers:
      - conv: {name: conv, filters: 8, kernel: 3, padding: 1}
      - when: act == 'relu'
        relu: {}
        else: [{gelu: {}, when: act == 'gelu'}]
layers: [unit, unit: {act: "'gelu'"}, unit: {act: "'none'"}]
"""


def test_one_of_several_activations_or_none_is_one_member_that_forward_calls() -> None:
    found = source_of(THREE, "torch")
    assert 'nn.ReLU() if act == "relu" else nn.GELU() if act == "gelu" else nn.Identity()' in found
    assert "        return self.activation(x)\n" in found or "return self.activation(self.conv(x))" in found
    archspec.build(load_text(HEAD + THREE), backend="torch")


def test_a_branch_is_not_called_after_what_all_layers_are() -> None:
    text = BRANCHES.replace("name: point", "name: conv_a").replace(
        "filters: 4, kernel: 1}, conv: {name: wide", "name: conv_b, filters: 4, kernel: 1}, conv: {name: conv_c"
    )
    assert "([branch1, branch2])" in source_of(text, "keras")
