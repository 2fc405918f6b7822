"""Classes whose members have names that no attribute has, and rows of members that a loop names."""

from __future__ import annotations

from typing import Any

import pytest

import archspec
from archspec.codegen.backend import BuildsModels, KnowsLimits
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.spec.loading import load_text

torch = pytest.importorskip("torch")

HEAD = "archspec: 1\nname: named\n"
KEYED = """
input: {channels: 8, height: 12, width: 12}
blocks:
  unit:
    unit: [filters, stride]
    params: {stride: 1, projected: false}
    layers:
      - batch_norm: {name: preact}
      - add:
          - when: projected
            layers: [conv: {name: 0_conv, filters: filters, kernel: 1, stride: stride}]
            else: [{from: input, layers: [{max_pool: {name: pool, kernel: 1, stride: stride}, when: stride > 1}]}]
          - - conv: {name: 1_conv, filters: filters, kernel: 3, stride: stride, padding: 1}
            - relu: {name: 1-relu}
            - conv: {name: "2", filters: filters, kernel: 3, padding: 1}
  keys:
    layers:
      - add: [[conv: {name: keys, filters: channels, kernel: 1}], [conv: {name: 1-x, filters: channels, kernel: 1}]]
layers:
  - unit: {unit: [16, 2], projected: true}
  - unit: {unit: [16, 2]}
  - unit: {unit: [16]}
  - keys
"""
ROW = """
params: {width: 1.0, classes: 5}
input: {channels: 3, height: 32, width: 32}
blocks:
  residual:
    unit: [filters, stride, kernel, act]
    layers:
      - conv: {name: conv, filters: filters, kernel: kernel, stride: stride, padding: kernel // 2}
      - batch_norm: {name: bn}
      - {relu: {}, when: act == 'relu', else: hard_swish}
layers:
  - conv: {name: stem, filters: 8, kernel: 3, padding: 1}
  - relu
  - residual: {name: block_1, unit: "(make_divisible(16 * width), 2, 3, 'relu')"}
  - residual: {name: block_2, unit: "(make_divisible(24 * width), 1, 3, 'relu')"}
  - residual: {name: block_3, unit: "(make_divisible(24 * width), 1, 5, 'hard_swish')"}
  - residual: {name: block_4, unit: "(make_divisible(40 * width), 2, 5, 'relu')"}
  - residual: {name: block_5, unit: "(make_divisible(40 * width), 1, 3, 'hard_swish')"}
  - residual: {name: block_6, unit: "(make_divisible(80 * width), 1, 5, 'hard_swish')"}
  - residual: {name: block_7, unit: "(make_divisible(96 * width), 2, 3, 'relu')"}
  - residual: {name: block_8, unit: "(make_divisible(96 * width), 1, 5, 'hard_swish')"}
  - conv: {name: last, filters: 64, kernel: 1}
  - relu
  - global_avg_pool
  - flatten
  - dense: {name: head, units: classes}
"""


BARE = """
input: {channels: 8, height: 4, width: 4}
blocks:
  positions: {layers: [relu: {name: 0-act}, position_embedding: {name: p, bare: true}]}
  token: {layers: [relu: {name: 0-act}, class_token: {name: "1", bare: true}, relu: {name: act}]}
  alone: {layers: [conv: {name: c, filters: 8, kernel: 1}, scale: {name: 3-s, learned: channel, bare: true}]}
layers:
  - alone
  - to_tokens
  - positions
  - token
  - dense: {units: 4}
"""
COUNTED = """
input: {channels: 8, height: 4, width: 4}
blocks:
  again:
    params: {times: {}}
    layers:
      - conv: {name: 0_c, filters: 8, kernel: 1}
      - {name: step, layers: [conv: {filters: 8, kernel: 1}, relu]}
      - repeat: {times: times, layers: [reuse: step]}
layers: [again: {name: two, times: 2}, again: {name: three, times: 3}]
"""
GROWING = """
params: {width: 8}
input: {channels: 3, height: 8, width: 8}
blocks:
  unit:
    params: {filters: {}, k: 3}
    layers: [conv: {name: c, filters: filters, kernel: k, padding: same}, relu]
layers:
  - conv: {name: stem, filters: width, kernel: 3}
  - repeat: {inline: true, times: 5, names: "{i}_x", layers: [unit: {filters: width + 4 * i, k: "[3, 5, 3, 7, 1][i]"}]}
  - name: last
    layers: [conv: {name: c, filters: width + 20, kernel: 1}, conv: {name: 2_c, filters: width + 24, kernel: 1}]
  - batch_norm: {name: bn}
"""
OTHERS = {"keyed": KEYED, "row": ROW, "bare": BARE, "counted": COUNTED, "growing": GROWING}


def graph_of(text: str, **params: Any) -> LayerGraph:
    return archspec.compile(load_text(HEAD + text, overrides=params))


def source_of(text: str) -> str:
    return str(archspec.generate(graph_of(text), "torch"))


def traced(graph: LayerGraph, model: Any) -> dict[str, Any]:
    """The tensors of all nodes."""
    from archspec_torch.trace import traced as trace

    inputs = [torch.randn(2, *node.type.sizes) for node in graph.input_nodes]
    with torch.no_grad():
        return trace(model, graph, inputs, lambda tensor: tensor)[1]


def test_names_that_are_no_attributes_make_a_dict_of_a_class() -> None:
    found = source_of(KEYED)
    assert "class Unit(nn.ModuleDict):" in found
    assert 'self["1_conv"] = nn.Conv2d(' in found
    assert 'self["preact"](x)' in found  # all members of a class are reached in one way
    assert 'self["1-relu"](self["1_conv"](y))' in found
    assert 'elif stride > 1:\n            self["pool"] = nn.MaxPool2d(' in found


def test_a_dict_has_no_key_that_is_a_method_of_it() -> None:
    found = source_of(KEYED)
    assert "class Keys(nn.Module):" in found
    assert "self.keys = nn.Conv2d(" in found
    assert 'getattr(self, "1-x")' in found


def test_a_parameter_has_no_key() -> None:
    found = source_of(BARE)
    assert found.count("(nn.ModuleDict):") == 2
    assert "nn.init.normal_(module.p, std=0.02)" in found
    assert 'nn.init.zeros_(getattr(module, "1"))' in found
    assert "class Alone(nn.Module):" in found  # all of its modules are attributes


def test_a_count_has_no_key() -> None:
    found = source_of(COUNTED)
    assert "class Again(nn.ModuleDict):" in found
    assert "self.repeat_times = times" in found


def test_channels_that_grow_are_a_local_of_a_dict_too() -> None:
    found = source_of(GROWING)
    assert "class Named(nn.ModuleDict):" in found
    assert 'channels += 4\n        self["3_x"] = Unit(channels, width + 12, k=7)\n' in found


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_keys_are_those_of_the_spec_and_each_node_is_found(text: str) -> None:
    graph = graph_of(text)
    backend("torch", BuildsModels).verify(source_of(text), graph)
    model: Any = archspec.build(graph, "torch")
    found = {name for name in model.state_dict() if not name.endswith("num_batches_tracked")}
    assert found == {*graph.all_weights}
    assert traced(graph, model).keys() == graph.types.keys()


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_they_can_be_captured(text: str) -> None:
    graph = graph_of(text)
    model: Any = archspec.build(graph, "torch").eval()
    x = torch.randn(2, *graph.input_nodes[0].type.sizes)
    with torch.no_grad():
        for captured in (torch.fx.symbolic_trace(model), torch.jit.script(model)):
            torch.testing.assert_close(captured(x), model(x))


def test_members_in_a_row_are_a_sequential_whose_loop_goes_through_a_table() -> None:
    found = source_of(ROW)
    assert "class Named(nn.Sequential):" in found
    assert '(16, 3, "relu", 2),' in found
    assert "for i, (filters, kernel, act, stride) in enumerate(rows, start=1):" in found
    assert "channels = 8\n" in found
    assert "out_channels = make_divisible(filters * width)" in found
    assert 'self.add_module(\n                f"block_{i}",' in found
    assert "self.last = nn.Conv2d(channels, 64, kernel_size=1)" in found
    assert "def forward" not in found[found.index("class Named") :]


@pytest.mark.parametrize("width", [0.5, 1.0, 1.4])
def test_a_table_is_right_for_other_arguments(width: float) -> None:
    source = source_of(ROW)
    names: dict[str, Any] = {"__name__": "named"}
    exec(compile(source, "named", "exec"), names)
    model = names["Named"](width=width, classes=3)
    wanted = graph_of(ROW, width=width, classes=3).all_weights
    assert {name: tuple(tensor.shape) for name, tensor in model.named_parameters()} == {
        name: weight.shape for name, weight in wanted.items() if "running" not in name
    }


def test_few_calls_that_are_shorter_stay_as_they_are() -> None:
    text = """
input: {channels: 8, height: 12, width: 12}
blocks:
  unit:
    unit: [filters, stride]
    params: {stride: 1}
    layers: [conv: {filters: filters, kernel: 3, stride: stride, padding: 1}, relu]
layers: [unit: [16, 2], unit: [16], unit: [16], unit: [16], unit: [16]]
"""
    found = str(archspec.generate(graph_of(text), "keras"))
    assert 'x = unit(inputs, stride=2, name="unit")' in found
    assert 'for i in range(2, 6):\n        x = unit(x, name=f"unit_{i}")' in found


@pytest.mark.parametrize("name", ["class", "def"])
def test_what_fx_cannot_do_with_keywords_is_said(name: str) -> None:
    """A path is written as Python by torch.fx, whatever the source does; the other tools take it."""
    text = f"""
input: {{channels: 4, height: 4, width: 4}}
layers:
  - {{name: heads, layers: [conv: {{name: {name}, filters: 4, kernel: 1}}, relu: {{name: a}}]}}
"""
    graph = graph_of(text)
    [limit] = backend("torch", KnowsLimits).limits(graph)
    assert f"`self.heads.{name}`" in limit
    model: Any = archspec.build(graph, "torch").eval()
    x = torch.randn(1, 4, 4, 4)
    with pytest.raises(SyntaxError):
        torch.fx.symbolic_trace(model)
    with torch.no_grad():
        torch.testing.assert_close(torch.jit.script(model)(x), model(x))
        torch.testing.assert_close(torch.compile(model, backend="eager")(x), model(x))
    torch.export.export(model, (x,))


def test_names_that_fx_can_write_have_no_limit() -> None:
    """Neither hyphens and digits, nor keywords of what is no module."""
    text = """
input: {channels: 4, height: 4, width: 4}
layers: [conv: {name: 1-a, filters: 4, kernel: 1}, add: {name: class, branches: [[], [relu: {name: "0"}]]}]
"""
    graph = graph_of(text)
    assert backend("torch", KnowsLimits).limits(graph) == ()
    torch.fx.symbolic_trace(archspec.build(graph, "torch"))
