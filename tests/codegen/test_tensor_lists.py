"""Lists of tensors: what iterations give is collected, joined by a merge, taken by an index, and a list in source."""

from __future__ import annotations

from typing import Any

import pytest

import archspec
from archspec.errors import SpecError
from archspec.ir.graph import LayerGraph
from archspec.spec.loading import load_text
from tests.conformance.test_ops import conforms
from tests.needed import lazily, needs

torch: Any = lazily("torch")

CONV = "conv: {filters: 4, kernel: 3, padding: same}"
BLOCK = """
blocks:
  unit:
    params: {filters: {}}
    layers:
      - conv: {filters: filters, kernel: 3, padding: same}
      - relu
"""
COLLECTED = "  - repeat: {name: mid, times: TIMES, collect: outputs, layers: [unit: {filters: 8}]}\n"


def graph_of(items: str, params: str = "{}") -> LayerGraph:
    head = f"archspec: 1\nname: net\nparams: {params}\ninput: {{channels: 4, height: 6, width: 6}}\n"
    return archspec.compile(load_text(head + BLOCK + "layers:\n" + items))


def osa(times: int | str = 3, before: str = "{from: input}, ", after: str = "", params: str = "{}") -> LayerGraph:
    joined = f"  - concat: [{before}{{from: outputs}}{after}]\n  - {CONV}\n"
    return graph_of(COLLECTED.replace("TIMES", str(times)) + joined, params)


def body(graph: LayerGraph, name: str) -> str:
    source = str(archspec.generate(graph, name))
    return source[source.rindex("def forward" if name == "torch" else "inputs = ") :]


def test_a_merge_takes_all_of_a_list_in_order() -> None:
    units = tuple(f"mid.{index}.relu" for index in range(3))
    assert osa().nodes["concat"].inputs == ("input", *units)
    assert osa(after=", {from: 'outputs[0]'}").nodes["concat"].inputs == ("input", *units, units[0])


def test_as_long_as_a_param_says() -> None:
    assert len(osa("depth", params="{depth: 5}").nodes["concat"].inputs) == 6


def test_an_empty_list_leaves_what_else_is_joined() -> None:
    graph = osa(0)
    assert "concat" not in graph.nodes
    assert graph.nodes["conv"].inputs == ("input",)


@pytest.mark.parametrize(("index", "taken"), [("0", 0), ("-1", 2), ("depth - 2", 1)])
def test_an_index_takes_one(index: str, taken: int) -> None:
    items = COLLECTED.replace("TIMES", "depth") + f"  - from: outputs[{index}]\n  - {CONV}\n"
    assert graph_of(items, "{depth: 3}").nodes["conv"].inputs == (f"mid.{taken}.relu",)


def test_the_parts_of_a_tensor_are_a_list_of_any_length() -> None:
    items = """
  - split: {parts: scale, outputs: parts}
  - repeat:
      inline: true
      times: scale - 1
      names: "convs{i}"
      collect: outputs
      layers:
        - {from: "parts[0]", when: i == 0, else: [add: [[], {from: "parts[i]"}]]}
        - conv: {filters: 2, kernel: 3, padding: same}
  - concat: [{from: outputs}, {from: "parts[-1]"}]
"""
    graph = graph_of(items, "{scale: 2}")
    assert graph.nodes["concat"].inputs == ("convs0.conv", "split:1")
    graph = graph_of(items, "{scale: 4}".replace("4", "{default: 2, choices: [2, 4]}"))
    assert graph.nodes["convs0.conv"].inputs == ("split",)


def test_a_list_is_known_inside_of_a_repeat_that_is_inline() -> None:
    items = """
  - repeat:
      inline: true
      times: 3
      names: "dense{i}"
      collect: features
      layers:
        - concat: [{from: input}, {from: features}]
        - conv: {filters: 2, kernel: 3, padding: same}
  - concat: [{from: input}, {from: features}]
"""
    nodes = graph_of(items).nodes
    assert nodes["dense0.conv"].inputs == ("input",)
    assert nodes["dense2.concat"].inputs == ("input", "dense0.conv", "dense1.conv")
    assert nodes["concat"].inputs == ("input", "dense0.conv", "dense1.conv", "dense2.conv")


def test_a_list_inside_of_a_condition_or_another_repeat_is_not_seen_outside() -> None:
    once = COLLECTED.replace("TIMES", "3").strip().removeprefix("- ")
    joined = "  - concat: [{from: input}, {from: outputs}]\n"
    for around in (f"  - {{{once}, when: true}}\n", f"  - repeat: {{times: 1, layers: [{once}, relu]}}\n"):
        with pytest.raises(SpecError, match="`outputs` has not been reached"):
            graph_of(around + joined)


def test_source_has_a_list() -> None:
    written = body(osa(), "torch")
    assert "outputs = [x]\n        for layer in self.mid:\n            outputs.append(layer(outputs[-1]))\n" in written
    assert "torch.cat(outputs, dim=1)" in written
    written = body(osa(), "keras")
    assert 'for i in range(3):\n        outputs.append(unit(outputs[-1], name=f"mid_{i}"))\n' in written
    assert '(name="concat")(outputs)' in written


def test_a_list_that_begins_with_nothing_and_others_after_it() -> None:
    graph = osa(before="", after=", {from: input}")
    assert "outputs = []\n        y = x\n" in body(graph, "torch")
    assert "torch.cat(outputs + [x], dim=1)" in body(graph, "torch")
    assert '(name="concat")([*outputs, inputs])' in body(graph, "keras")


ODD = {
    "the last is taken twice": COLLECTED + "  - tap: last\n  - concat: [{from: input}, {from: outputs}]\n"
    "  - {name: add, add: [[unit: {filters: 8}], {from: last}]}\n",
    "one is taken by itself": COLLECTED + "  - concat: [{from: outputs}, {from: 'outputs[1]'}]\n",
    "they are added": COLLECTED + "  - add: [{from: outputs}]\n",
    "what is joined first comes later": COLLECTED + f"  - {CONV}\n  - concat: [[], {{from: outputs}}]\n",
    "iterations of several items": "  - repeat:\n      name: mid\n      times: TIMES\n      collect: outputs\n"
    "      layers:\n        - unit: {filters: 4}\n        - add: [[], [sigmoid]]\n"
    "  - concat: [{from: input}, {from: outputs}]\n",
    "iterations take another tensor": "  - tap: start\n  - repeat:\n      name: mid\n      times: TIMES\n"
    "      collect: outputs\n      layers:\n        - unit: {filters: 4}\n        - add: [[], {from: start}]\n"
    "  - concat: [{from: input}, {from: outputs}]\n",
    "widths grow": "  - repeat:\n      name: mid\n      times: TIMES\n      collect: outputs\n"
    "      layers: [unit: {filters: 4 * (i + 1)}]\n  - concat: [{from: input}, {from: outputs}]\n",
    "two lists": COLLECTED + "  - repeat: {name: other, times: 3, collect: others, layers: [unit: {filters: 8}]}\n"
    "  - concat: [{from: input}, {from: outputs}, {from: others}]\n",
}


@needs("torch", "keras")
@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("times", [1, 2, 4])
def test_every_backend_computes_it(name: str, times: int) -> None:
    if name == "one is taken by itself" and times == 1:
        pytest.skip("there is no second one")
    items = ODD[name].replace("TIMES", str(times)).replace("{name: add, add:", "{add:")
    conforms(graph_of(items + f"  - {CONV}\n"))


@needs("torch")
@pytest.mark.parametrize("before", ["{from: input}, ", ""])
def test_it_is_open_to_capture(before: str) -> None:
    model = archspec.build(load_text(SCRIPTED.replace("BEFORE", before)), backend="torch").eval()
    x = torch.randn(2, 4, 6, 6)
    with torch.no_grad():
        wanted = model(x)
        assert torch.equal(torch.jit.script(model)(x), wanted)
        assert torch.equal(torch.fx.symbolic_trace(model)(x), wanted)
        exported = torch.export.export(model, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
        assert torch.allclose(exported.module()(torch.cat([x, x, x])), wanted.repeat(3, 1, 1, 1), atol=1e-5)


SCRIPTED = f"""
archspec: 1
name: net
input: {{channels: 4, height: 6, width: 6}}
{BLOCK.strip()}
layers:
{COLLECTED.replace("TIMES", "4")}
  - concat: [BEFORE{{from: outputs}}, {{from: input}}]
"""


BY_HAND = """
archspec: 1
name: net
input: {channels: 4, height: 6, width: 6}
blocks:
  unit:
    params: {filters: {}}
    layers:
      - conv: {filters: filters, kernel: 3, padding: same}
      - relu
  row:
    params: {filters: {}}
    layers:
      - unit: {name: "0", filters: filters}
      - tap: x0
      - unit: {name: "1", filters: filters}
      - tap: x1
      - unit: {name: "2", filters: filters}
      - tap: x2
      - concat: [{from: input}, {from: x0}, {from: x1}, {from: x2}]
layers:
  - row: {name: first, filters: 8}
  - row: {name: second, filters: 6}
"""
VARIED = {
    "all": BY_HAND,
    "another order": BY_HAND.replace("{from: x0}, {from: x1}", "{from: x1}, {from: x0}"),
    "one is not joined": BY_HAND.replace("{from: x1}, ", "").replace("      - tap: x1\n", ""),
    "another class within": BY_HAND.replace('- unit: {name: "1", filters: filters}', '- relu: {name: "1"}'),
    "widths of their own": BY_HAND.replace('{name: "1", filters: filters}', '{name: "1", filters: filters + 2}'),
    "the last goes on": BY_HAND.replace("{from: x2}]", "{from: x2}]\n      - concat: [[], {from: x2}]"),
}


def test_calls_in_a_row_that_are_joined_are_a_list_too() -> None:
    graph = archspec.compile(load_text(BY_HAND))
    source = str(archspec.generate(graph, "torch"))
    assert "xs = [x]\n        for layer in self.values():\n            xs.append(layer(xs[-1]))\n" in source
    source = str(archspec.generate(graph, "keras"))
    assert 'for i in range(3):\n        xs.append(unit(xs[-1], filters, name=f"{name}_{i}"))\n' in source


@needs("torch", "keras")
@pytest.mark.parametrize("name", VARIED)
def test_they_are_computed_alike(name: str) -> None:
    conforms(archspec.compile(load_text(VARIED[name])))


BRANCHES = """
archspec: 1
name: net
params: {on: true, off: false}
input: {channels: 4, height: 6, width: 6}
layers:
  - {tap: arriving}
  - repeat:
      {name: c, times: TIMES, collect: outputs, layers: [{from: arriving, layers: [conv: {filters: 4, kernel: 1}]}]}
  - add:
      - {from: outputs}
      - {from: arriving, layers: [batch_norm: {name: norm}], when: on, else: omit}
      - {from: arriving, layers: [conv: {name: scaled, filters: 4, kernel: 1}], when: off, else: omit}
"""


@pytest.mark.parametrize("times", [1, 2, 4])
@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("off", [True, False])
def test_a_list_is_joined_with_branches_that_may_be_left_out(times: int, on: bool, off: bool) -> None:
    overrides = {"on": on, "off": off}
    graph = archspec.compile(load_text(BRANCHES.replace("TIMES", str(times)), overrides=overrides))
    assert len([path for path in graph.nodes if path.startswith("add")]) == on + off + (times > 1)
    assert ("norm" in graph.nodes, "scaled" in graph.nodes) == (on, off)
    for backend in ("torch", "keras"):
        archspec.build(graph, backend)
