"""Tables of configurations are gone through by loops, calls in a row are one loop, channels grow in one local."""

from __future__ import annotations

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.spec.loading import load_text
from tests.conformance.test_ops import conforms
from tests.needed import needs

UNIT = """
blocks:
  unit:
    unit: [kernel, filters, stride]
    layers: [conv: {filters: filters, kernel: kernel, stride: stride, padding: kernel // 2}]
"""
TABLE = f"""{UNIT}
layers:
  - repeat: {{name: rows, times: len(table), layers: [{{unit: "(table[i][0], table[i][1], table[i][2])"}}, relu]}}
"""
WIDE = f"""{UNIT}
layers:
  - repeat:
      name: rows
      times: len(table)
      layers: [{{unit: "(table[i][0], make_divisible(table[i][1] * width), table[i][2])"}}, relu]
"""
NESTED = f"""{UNIT}
layers:
  - repeat:
      name: stages
      index: stage
      times: len(table)
      layers:
        - conv: {{filters: 8, kernel: 1}}
        - repeat:
            name: units
            times: 4
            layers: [{{conv: {{filters: 8, kernel: "table[stage][i][0]", padding: "table[stage][i][0] // 2"}}}}, relu]
"""
IN_A_ROW = """
blocks:
  unit:
    unit: [filters, stride]
    params: {stride: 1}
    layers: [conv: {filters: filters, kernel: 3, stride: stride, padding: 1}]
  wider:
    params: {growth: {}}
    layers: [concat: [[], [conv: {filters: growth, kernel: 3, padding: 1}]]]
layers:
  - name: features
    layers:
      - conv: {filters: 8, kernel: 3, padding: 1}
      - repeat: {inline: true, times: 6, layers: [unit: [8]]}
      - unit: [16, 2]
      - repeat: {inline: true, times: 5, layers: [wider: {growth: growth}]}
  - repeat: {inline: true, times: 5, names: "block{i + 4}", layers: [unit: [32]]}
"""
GROWING = """
blocks:
  wider:
    unit: [growth]
    layers: [concat: [[], [conv: {filters: growth, kernel: 3, padding: 1}]]]
  transition:
    layers: [{conv: {filters: in_channels // 2, kernel: 1}}, max_pool: {kernel: 2}]
layers:
  - name: features
    layers:
      - conv: {name: conv0, filters: 16, kernel: 3, padding: 1}
      - stage: {name: dense1, block: wider, units: "[(growth,)] * 6"}
      - transition: {name: transition1}
      - stage: {name: dense2, block: wider, units: "[(growth,)] * 8"}
      - transition: {name: transition2}
      - stage: {name: dense3, block: wider, units: "[(growth,)] * 4"}
      - batch_norm: {name: norm}
  - conv: {name: last, filters: 4, kernel: 1}
"""


def graph_of(text: str, params: str = "{}") -> LayerGraph:
    head = f"archspec: 1\nname: rows\nparams: {params}\ninput: {{channels: 8, height: 32, width: 32}}\n"
    return archspec.compile(load_text(head + text))


def source_of(graph: LayerGraph, name: str) -> str:
    """The source, checked against the graph: parameters, shapes."""
    found = str(archspec.generate(graph, name))
    backend(name, BuildsModels).verify(found, graph)
    return " ".join(found.split())


ROWS = "{table: {default: [[3, 8, 1], [5, 16, 2], [3, 24, 1], [5, 32, 2]]}, width: 1.0}"


@needs("torch")
def test_pytorch_goes_through_the_rows_of_a_table() -> None:
    found = source_of(graph_of(WIDE, ROWS), "torch")
    assert "rows = ((8, 3, 1), (16, 5, 2), (24, 3, 1), (32, 5, 2))" in found
    assert "for filters, kernel, stride in rows: out_channels = make_divisible(filters * width)" in found
    assert "Unit(channels, out_channels, kernel=kernel, stride=stride)" in found
    assert "channels = out_channels" in found


@needs("keras")
def test_keras_goes_through_the_rows_of_a_table() -> None:
    found = source_of(graph_of(WIDE, ROWS), "keras")
    assert "rows = ((8, 3, 1), (16, 5, 2), (24, 3, 1), (32, 5, 2))" in found
    assert "for i, (filters, kernel, stride) in enumerate(rows):" in found
    assert 'x = unit( x, make_divisible(filters * width), kernel=kernel, stride=stride, name=f"rows_{i}_0" )' in found


@needs("torch")
def test_a_long_table_is_a_local_and_what_is_the_same_in_all_rows_is_no_part_of_it() -> None:
    table = "[" + ", ".join(f"[3, {8 * row}, {1 + row % 2}]" for row in range(1, 9)) + "]"
    found = source_of(graph_of(TABLE, f"{{table: {{default: {table}}}}}"), "torch")
    rows = ", ".join(f"({8 * row}, {1 + row % 2})" for row in range(1, 9))
    assert f"rows = ( {rows}, )" in found or f"rows = ({rows})" in found
    assert "for filters, stride in rows:" in found
    assert "kernel=3" in found[found.index("class Rows") :]


@needs("torch", "keras")
@pytest.mark.parametrize("name", ["torch", "keras"])
def test_a_table_in_a_table_is_gone_through_by_two_loops(name: str) -> None:
    kernels = [[1, 3, 5, 7], [3, 3, 5, 5], [7, 5, 3, 1], [1, 1, 3, 3]]
    table = "[" + ", ".join(f"[{', '.join(f'[{kernel}]' for kernel in row)}]" for row in kernels) + "]"
    found = source_of(graph_of(NESTED, f"{{table: {{default: {table}}}}}"), name)
    assert "table[" not in found
    assert found.count("(3,), (3,), (5,), (5,)") == 2  # in the header, and once where the loops go through it
    assert "(kernel,) in row" in found or "(kernel,) in enumerate(row)" in found


@needs("torch")
def test_calls_in_a_row_are_a_comprehension() -> None:
    found = source_of(graph_of(IN_A_ROW, "{growth: 4}"), "torch")
    assert "*(Unit(8, 8) for _ in range(6))" in found
    assert "*(Wider(16 + growth * i, growth) for i in range(5))" in found
    assert 'for i in range(5, 9): self.add_module(f"block{i}", Unit(32, 32))' in found
    assert "class Rows(nn.Sequential)" in found  # no `forward` has to know the names


@needs("keras")
def test_calls_in_a_row_are_a_loop() -> None:
    found = source_of(graph_of(IN_A_ROW, "{growth: 4}"), "keras")
    assert 'for i in range(1, 7): x = unit(x, 8, name=f"features_{i}")' in found
    assert 'for i in range(4, 9): x = unit(x, 32, name=f"block{i}")' in found


@needs("torch")
def test_channels_grow_in_one_local() -> None:
    found = source_of(graph_of(GROWING, "{growth: 4}"), "torch")
    assert "channels = 16 + 6 * growth" in found
    assert "channels = channels // 2 + 8 * growth" in found
    assert "self.features.norm = nn.BatchNorm2d(channels)" in found
    assert "channels_2" not in found


@needs("torch")
@pytest.mark.parametrize("growth", [4, 6])
def test_channels_that_grow_are_right_for_other_arguments(growth: int) -> None:
    source = str(archspec.generate(graph_of(GROWING, "{growth: 4}"), "torch"))
    module: dict[str, object] = {}
    exec(compile(source, "rows.py", "exec", dont_inherit=True), module)
    model = module["Rows"](growth=growth)  # type: ignore[operator]
    wanted = graph_of(GROWING, f"{{growth: {growth}}}").all_weights
    found = {name: tuple(value.shape) for name, value in model.state_dict().items() if "num_batches" not in name}
    assert found == {name: weight.shape for name, weight in wanted.items()}


MULTIPLES = """
blocks:
  unit:
    layers: [conv: {filters: in_channels, kernel: 3, padding: 1, groups: in_channels}, batch_norm]
  wider:
    layers: [concat: [[], [conv: {filters: in_channels, kernel: 1}]]]
layers:
  - name: features
    layers:
      - conv: {name: "0", filters: width, kernel: 3, padding: 1}
      - repeat: {name: "1", times: 2, layers: [unit]}
      - wider: {name: "2"}
      - repeat: {name: "3", times: 2, layers: [unit]}
      - wider: {name: "4"}
      - repeat: {name: "5", times: 2, layers: [unit]}
      - wider: {name: "6"}
      - repeat: {name: "7", times: 2, layers: [unit]}
  - batch_norm: {name: norm}
  - conv: {name: last, filters: 4, kernel: 1}
"""


@needs("torch")
def test_a_multiple_of_one_name_is_written_where_it_is_needed() -> None:
    found = source_of(graph_of(MULTIPLES, "{width: 8}"), "torch")
    assert "nn.BatchNorm2d(8 * width)" in found
    assert "Wider(4 * width)" in found
    assert "channels =" not in found
    assert ".append(" not in found


@needs("torch")
def test_locals_that_are_named_after_layers_are_in_lower_case() -> None:
    convs = [f"conv: {{name: Conv{place}, filters: make_divisible({place}8 * width), kernel: 3}}" for place in (1, 2)]
    text = (
        "layers: ["
        + ", ".join(f"{conv}, batch_norm, conv: {{filters: channels, kernel: 3, groups: channels}}" for conv in convs)
        + "]"
    )
    found = source_of(graph_of(text, "{width: 1.0}"), "torch")
    assert "conv1_channels = make_divisible(18 * width) conv2_channels = make_divisible(28 * width)" in found
    assert "self.Conv2 = nn.Conv2d(conv1_channels, conv2_channels, kernel_size=3)" in found


TURNS = """
blocks:
  unit:
    unit: [pad, gated]
    params: {rate: {}}
    layers:
      - add: [[], [{conv: {filters: in_channels, kernel: 3, padding: pad, dilation: pad}}, drop_path: {rate: rate}]]
      - {when: gated, layers: [sigmoid]}
stages:
  - name: a
    block: unit
    units: "[(i % 2 + 1, i % 2 == 0) for i in range(6)]"
    with: {rate: drop * unit_index / (unit_count - 1)}
  - name: b
    block: unit
    units: "[(1 + 2 * (i % 2), true) for i in range(5)]"
    with: {rate: drop * unit_index / (unit_count - 1)}
"""


@needs("torch", "keras")
@pytest.mark.parametrize(("name", "given", "named"), [("torch", "8, ", ""), ("keras", "x, ", ', name=f"{}_{{i}}"')])
def test_units_whose_arguments_take_turns_are_a_loop(name: str, given: str, named: str) -> None:
    found = source_of(graph_of(TURNS, "{drop: 0.2}"), name)
    first = f"{given}pad=1 + i % 2, gated=i % 2 == 0, rate=drop * i / 10{named.format('a')}"
    last = f"{given}pad=1 + i % 2 * 2, gated=True, rate=drop * (i + 6) / 10{named.format('b')}"
    assert first in found
    assert last in found
    assert "for i in range(6)" in found
    assert "for i in range(5)" in found


@needs("torch")
def test_three_values_take_turns_by_chance() -> None:
    text = TURNS.replace("range(6)", "range(3)").replace("range(5)", "range(3)")
    assert "i % 2" not in source_of(graph_of(text, "{drop: 0.2}"), "torch")


LETTERS = """
blocks:
  unit:
    params: {rate: {}}
    layers: [add: [[], [{conv: {filters: in_channels, kernel: 1}}, drop_path: {rate: rate}]]]
layers:
  - conv: {name: stem, filters: 8, kernel: 1}
  - repeat:
      inline: true
      times: 5
      names: "block2{['a', 'b', 'c', 'd', 'e'][i]}"
      layers: [unit: {rate: "rate * (i + 1) / 6"}]
"""


@needs("keras")
def test_letters_count_calls_in_a_row() -> None:
    found = source_of(graph_of(LETTERS, "{rate: 0.5}"), "keras")
    assert """for i in range(5): x = unit(x, rate=rate * (i + 1) / 6, name=f"block2{'abcde'[i]}")""" in found


FAMILY = """
layers:
  - conv: {filters: make_divisible(8 * width), kernel: 3, padding: 1}
  - conv: {filters: make_divisible(16 * width), kernel: 3, padding: 1}
  - batch_norm
  - conv: {filters: make_divisible(24 * width), kernel: 3, padding: 1}
  - batch_norm
  - conv: {filters: make_divisible(40 * width), kernel: 3, padding: 1}
  - batch_norm
  - conv: {filters: make_divisible(48 * width), kernel: 3, padding: 1}
  - batch_norm
  - conv: {filters: "max(64, make_divisible(64 * width))", kernel: 3, padding: 1}
  - batch_norm
"""


@needs("torch")
@pytest.mark.parametrize("width", [1.0, 1.7])
def test_locals_that_differ_in_a_number_are_a_table(width: float) -> None:
    graph = graph_of(FAMILY, "{width: 1.0}")
    found = source_of(graph, "torch")
    assert "dims = {c: make_divisible(c * width) for c in (8, 16, 24, 40, 48, 64)}" in found
    assert "nn.Conv2d(dims[8], dims[16], kernel_size=3, padding=1)" in found
    module: dict[str, object] = {}
    exec(compile(str(archspec.generate(graph, "torch")), "rows.py", "exec", dont_inherit=True), module)
    wanted = graph_of(FAMILY, f"{{width: {width}}}").all_weights
    shapes = {name: tuple(value.shape) for name, value in module["Rows"](width=width).state_dict().items()}  # type: ignore[operator]
    assert {name: weight.shape for name, weight in wanted.items()}.items() <= shapes.items()


NAMED = """
archspec: 1
name: named
params: {widths: {default: [8, 12, 24]}}
let: {depths: "[1, 2, 2]"}
input: {channels: 3, height: 8, width: 8}
blocks:
  unit:
    params: {filters: {}, residual: false, last: false}
    layers:
      - conv: {filters: filters, kernel: 3, padding: 1}
      - {sigmoid: {}, when: last}
      - when: residual
        layers: [add: [[], {from: input}]]
layers:
  - repeat:
      name: stages
      times: len(depths)
      index: s
      layers:
        - repeat:
            name: blocks
            times: "depths[s]"
            layers: [unit: {filters: "widths[s]", residual: i > 0, last: "i == depths[s] - 1"}]
"""


@needs("torch", "keras")
def test_a_value_that_is_compared_alone_is_called_after_what_it_counts() -> None:
    graph = archspec.compile(load_text(NAMED))
    torch, keras = (archspec.generate(graph, name) for name in ("torch", "keras"))
    assert "for i, depth in enumerate((1, 2, 2))" in torch
    assert "for i, depth in enumerate((1, 2, 2))" in keras
    for source in (torch, keras):  # and what its first iteration and all others are settles what is asked
        assert "depth == 1" in source
        assert "residual=True" in source
    conforms(graph)


ROWS_OF_ROWS = """
archspec: 1
name: net
params: {rows: {default: [[3], [4, 4], [5, 6]]}}
input: {channels: 3, height: 6, width: 6}
blocks: {unit: {params: {filters: {}}, layers: [conv: {name: conv, filters: filters, kernel: 1}, relu]}}
layers:
  - repeat:
      name: blocks
      index: row
      times: len(rows)
      layers:
        - repeat: {HOW times: "len(rows[row])", layers: [unit: {filters: "rows[row][i]"}]}
"""


@needs("torch", "keras")
@pytest.mark.parametrize("how", ["name: units,", 'inline: true, names: "{i}",'])
def test_channels_are_carried_through_loops_of_any_length_inside_of_others(how: str) -> None:
    graph = archspec.compile(load_text(ROWS_OF_ROWS.replace("HOW", how)))
    assert sum("conv" in path for path in graph.nodes) == 5
    conforms(graph)
    source = source_of(graph, "torch")
    assert source.count("class ") == 3
    assert "in_channels: int, filters: tuple[int, ...]" in source


BY_NUMBER = """
archspec: 1
name: net
params: {convs: 3}
input: {channels: 3, height: 6, width: 6}
blocks:
  unit: {params: {filters: {}}, layers: [conv: {name: conv, filters: filters, kernel: 1}, relu]}
  joined:
    params: {convs: {}}
    layers:
      - repeat: {inline: true, times: convs, collect: outputs, layers: [unit: {name: "mid.{i}", filters: 4}]}
      - concat: [{from: input}, {from: outputs}]
  pair:
    layers: [unit: {name: "0", filters: 4}, unit: {name: "1", filters: 4}]
layers: [joined: {convs: convs}, pair, pair]
"""


@needs("torch", "keras")
def test_names_with_a_dot_are_keras_names() -> None:
    graph = archspec.compile(load_text(BY_NUMBER))
    conforms(graph)
    assert 'name=f"{name}_mid_{i}"' in source_of(graph, "keras")
    assert '"""Block of `unit`.' in source_of(graph, "torch")


MANY_PARTS = """
archspec: 1
name: net
input: {shape: [4, 32]}
layers:
  - split: {parts: 16, outputs: pairs}
  - concat: [{from: "pairs[3]"}, {from: pairs}]
"""


@needs("torch", "keras")
@pytest.mark.parametrize("name", ["torch", "keras"])
def test_many_tensors_of_one_layer_are_a_list(name: str) -> None:
    graph = archspec.compile(load_text(MANY_PARTS))
    conforms(graph)
    source = str(archspec.generate(graph, name))
    assert " pairs = " in source
    assert max(map(len, source.splitlines())) <= 100
