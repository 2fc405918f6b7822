"""Iterations that take the tensors of a list in turn: one loop in source, and one class where they are scopes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from archspec.spec.loading import load_text
from tests.needed import lazily, needs
from tests.reference.evaluate import evaluate

torch: Any = lazily("torch")

HEAD = "archspec: 1\nname: net\ninput: {channels: 8, height: 6, width: 5}\n"
BLOCK = """blocks:
  mix:
    params: {first: false}
    layers:
      - split: {parts: 4, outputs: parts}
      - repeat:
          inline: true
          times: 3
          collect: outputs
          layers:
            ITEM
            - conv: {name: "convs.{i}", filters: channels, kernel: 3, padding: 1}
            - batch_norm: {name: "norms.{i}"}
      - concat: [{from: outputs}, {from: "parts[-1]"}]
layers:
  - mix
  - mix: {first: true}
"""
"""Blocks whose rounds begin with some item."""
PLAIN = BLOCK.replace("    params: {first: false}\n", "").replace(": {first: true}", "")
ADDED = '- {from: "parts[i]", when: COND, else: [add: [[], {from: "parts[i]"}]]}'
ROUNDS = {
    "first or by a condition": (
        BLOCK.replace("ITEM", ADDED.replace("COND", "i == 0 or first")),
        ["output = parts[i] if i == 0 or self.first else output + parts[i]", "output = norm(conv(output))"],
    ),
    "others and by a condition": (
        BLOCK.replace(
            "ITEM", '- {add: [[], {from: "parts[i]"}], when: i > 0 and not first, else: [{from: "parts[i]"}]}'
        ),
        ["output = output + parts[i] if i > 0 and self.has_residual else parts[i]", "output = norm(conv(output))"],
    ),
    "first": (
        PLAIN.replace("ITEM", ADDED.replace("COND", "i == 0")),
        ["output = parts[i] if i == 0 else output + parts[i]", "output = norm(conv(output))"],
    ),
    "always": (
        PLAIN.replace("ITEM", '- add: [[], {from: "parts[i]"}]'),
        ["x = output + parts[i]", "output = norm(conv(x))"],
    ),
}
"""Spec texts whose rounds carry a tensor, and what each round says before it appends that."""
OTHER_ROUNDS = {
    "apart": PLAIN.replace("ITEM", '- from: "parts[i]"'),
    "two lists": """layers:
  - tap: whole
  - conv: {name: gate, filters: 8, kernel: 1}
  - split: {parts: 4, outputs: gates}
  - from: whole
  - split: {parts: 4, outputs: parts}
  - repeat:
      inline: true
      times: 4
      collect: outputs
      layers:
        - multiply: [{from: "parts[i]"}, {from: "gates[i]"}]
        - conv: {name: "convs.{i}", filters: channels, kernel: 3, padding: 1}
  - concat: [{from: outputs}]
""",
    "one list twice": """layers:
  - split: {parts: 4, outputs: parts}
  - repeat:
      inline: true
      times: 4
      collect: outputs
      layers: [from: "parts[i]", conv: {name: "convs.{i}", filters: channels, kernel: 3, padding: 1}]
  - concat: [{from: outputs}]
  - split: {parts: 4, outputs: others}
  - repeat:
      inline: true
      times: 4
      collect: again
      layers:
        - add: [{from: "parts[i]"}, {from: "others[i]"}]
        - conv: {name: "more.{i}", filters: channels, kernel: 3, padding: 1}
        - relu
  - concat: [{from: again}]
""",
    "nothing is joined": """layers:
  - split: {parts: 4, outputs: parts}
  - repeat:
      inline: true
      times: 4
      layers: [add: [[], {from: "parts[i]"}], conv: {name: "convs.{i}", filters: channels, kernel: 3, padding: 1}]
  - relu
""",
    "nothing is taken": """layers:
  - conv: {name: stem.0, filters: 8, kernel: 1}
  - relu
  - repeat:
      inline: true
      times: 3
      collect: outputs
      layers: [conv: {name: "convs.{i}", filters: 8, kernel: 1}, gelu]
  - concat: [{from: outputs}]
""",
}
SPLIT = "layers:\n  - split: {parts: 4, outputs: parts}\n"
SCOPED = {
    "apart": SPLIT + '  - repeat: {name: tw, times: 4, collect: outs, layers: [from: "parts[i]", UNIT, relu]}\nJOIN',
    "carried": SPLIT + '  - repeat: {name: tw, times: 4, layers: [add: [[], {from: "parts[i]"}], UNIT, relu]}\n',
    "collected": SPLIT
    + '  - repeat: {name: tw, times: 4, collect: outs, layers: [add: [[], {from: "parts[i]"}], UNIT, relu]}\nJOIN',
    "from the second on": SPLIT
    + '  - repeat: {name: tw, times: 4, collect: outs, layers: [{add: [[], {from: "parts[i]"}], when: i > 0}, UNIT]}\n'
    + "JOIN",
    "otherwise at first": SPLIT
    + """  - repeat:
      name: tw
      times: 4
      collect: outs
      layers: [{from: "parts[i]", when: i == 0, else: [add: [[], {from: "parts[i]"}]]}, UNIT, relu]
JOIN""",
    "a condition in the last": SPLIT
    + """  - repeat:
      name: tw
      times: 4
      collect: outs
      layers: [add: [[], {from: "parts[i]"}], UNIT, {relu: {}, when: i == 3}]
JOIN""",
    "shifted": SPLIT + '  - repeat: {name: tw, times: 3, layers: [add: [[], {from: "parts[i + 1]"}], UNIT, relu]}\n',
    "backwards": SPLIT + '  - repeat: {name: tw, times: 4, layers: [add: [[], {from: "parts[3 - i]"}], UNIT, relu]}\n',
    "with one for all": SPLIT
    + '  - repeat: {name: tw, times: 4, layers: [add: [[], {from: input}, {from: "parts[i]"}], UNIT, relu]}\n'.replace(
        "{from: input}", '{from: "parts[0]"}'
    ),
    "of a loop before": """layers:
  - repeat: {name: mid, times: 3, collect: outs, layers: [conv: {filters: 8, kernel: 3, padding: 1}, relu]}
  - repeat: {name: up, times: 3, layers: [add: [[], {from: "outs[i]"}], conv: {filters: 8, kernel: 1}, batch_norm]}
  - repeat: {name: tw, times: 3, layers: [add: [[], {from: "outs[2 - i]"}, {from: "outs[i]"}], UNIT8]}
""",
}
SCOPED = {
    name: text.replace("UNIT8", "conv: {filters: 8, kernel: 1}")
    .replace("UNIT", "conv: {filters: 2, kernel: 1}")
    .replace("JOIN", "  - concat: [{from: outs}]\n")
    for name, text in SCOPED.items()
}
NESTED = (
    SPLIT
    + """  - tap: low
  - repeat:
      name: tw
      times: 4
      collect: outs
      layers:
        - add: [[], {from: "parts[i]"}]
        - repeat:
            name: inner
            times: 3
            index: j
            layers: [add: [[], {from: "parts[j]"}, {from: "parts[i]"}], conv: {filters: 2, kernel: 1}]
        - relu
  - concat: [{from: outs}]
  - split: {parts: 4, outputs: later}
  - repeat:
      inline: true
      times: 3
      carry: {low: a, mid: b, top: c}
      names: "c{i}"
      layers:
        - add: [[], {from: "later[i]"}, {from: low}]
        - conv: {filters: 2, kernel: 1}
        - tap: a
        - add: [[], {from: mid}]
        - tap: b
        - add: [[], {from: top}]
        - tap: c
        - batch_norm
  - concat: [[], {from: low}, {from: mid}, {from: top}]
""".replace("- tap: low\n", "- tap: low\n  - tap: mid\n  - tap: top\n", 1)
)
"""A list that an inner and an outer loop take from, and one that three tensors are carried beside."""


def graph_of(text: str) -> LayerGraph:
    return archspec.compile(load_text(HEAD + text))


def source_of(graph: LayerGraph, name: str) -> str:
    return str(archspec.generate(graph, name))


def classes(source: str) -> list[str]:
    return [line.split()[1].partition("(")[0] for line in source.splitlines() if line.startswith("class ")]


@pytest.mark.parametrize("name", ROUNDS)
def test_rounds_that_carry_a_tensor_are_a_loop(name: str) -> None:
    text, wanted = ROUNDS[name]
    source = source_of(graph_of(text), "torch")
    loop = source[source.index("        outputs = []") :]
    head = ["outputs = []", "output = parts[0]", "for i, (conv, norm) in enumerate(zip(self.convs, self.norms)):"]
    tail = ["outputs.append(output)", "return torch.cat(outputs + [parts[-1]], dim=1)"]
    assert [line.strip() for line in loop.splitlines()[: len(wanted) + 5]] == [*head, *wanted, *tail]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("apart", ["outputs.append(norm(conv(parts[i])))"]),
        ("two lists", ["x = parts[i] * gates[i]", "outputs.append(conv(x))"]),
        ("one list twice", ["outputs.append(conv(parts[i]))", "again.append(self.relu(more(x)))"]),
        ("nothing is joined", ["y = x + parts[i]", "x = conv(y)"]),
        ("nothing is taken", ["for conv in self.convs:", "output = self.gelu(conv(output))"]),
    ],
)
def test_rounds_take_from_lists_and_append_to_them(name: str, lines: list[str]) -> None:
    source = source_of(graph_of(OTHER_ROUNDS[name]), "torch")
    written = [line.strip() for line in source.splitlines()]
    assert all(line in written for line in lines)
    assert "_0" not in source[source.rindex("def forward") :]


def test_rounds_that_differ_are_written_one_by_one() -> None:
    norm = "            - batch_norm"
    text = OTHER_ROUNDS["apart"].replace(norm, f"            - {{relu: {{}}, when: i == 2}}\n{norm}")
    source = source_of(graph_of(text), "torch")
    assert "for " not in source[source.rindex("def forward", 0, source.rindex("class ")) : source.rindex("class ")]


@pytest.mark.parametrize("name", SCOPED)
def test_iterations_that_take_a_tensor_each_are_one_class(name: str) -> None:
    graph = graph_of(SCOPED[name])
    source = source_of(graph, "torch")
    assert len([made for made in classes(source) if made.startswith("NetTw")]) <= 1
    forward = source[source.rindex("def forward") :]
    assert "layer(" in forward
    assert "parts_0, parts_1" not in forward or name == "backwards"
    keras = source_of(graph, "keras")
    assert "enumerate(" in keras


def test_a_list_is_taken_by_the_number_of_the_module() -> None:
    source = source_of(graph_of(SCOPED["shifted"]), "torch")
    assert "        for i, layer in enumerate(self.tw):\n            x = layer(x, parts[i + 1])\n" in source
    source = source_of(graph_of(SCOPED["of a loop before"]), "torch")
    assert "for layer, out in zip(self.up, (outs_0, outs_1, outs_2)):" in source
    assert "def forward(self, x: Tensor, out: Tensor) -> Tensor:" in source


EVERY = {**{key: text for key, (text, _) in ROUNDS.items()}, **OTHER_ROUNDS, "nested": NESTED}
EVERY |= {f"{key}, scoped": text for key, text in SCOPED.items()}


@needs("torch")
@pytest.mark.parametrize("name", EVERY)
def test_outputs_and_nodes_are_the_graph_s(name: str) -> None:
    graph = graph_of(EVERY[name])
    target = backend("torch", RunsModels)
    weights, inputs = random_weights(graph), random_inputs(graph, batch=2)
    model = target.build(archspec.generate(graph, "torch"), graph, weights=weights, dtype="float64")
    found = target.run(model, graph, inputs, training=False, nodes=True)
    wanted = evaluate(graph, weights, inputs, training=False)
    assert wanted.values.keys() <= found.nodes.keys()
    for path, value in wanted.values.items():
        np.testing.assert_allclose(found.nodes[path], value, rtol=1e-9, atol=1e-9, err_msg=path)


@needs("torch")
@pytest.mark.parametrize("name", EVERY)
def test_every_way_to_capture_a_model_takes_its_loops(name: str) -> None:
    graph = graph_of(EVERY[name])
    model = archspec.build(graph, "torch", weights=random_weights(graph)).eval()
    tensor = torch.randn(2, 8, 6, 5)
    wanted = model(tensor)
    assert torch.equal(torch.jit.script(model)(tensor), wanted)
    assert torch.equal(torch.fx.symbolic_trace(model)(tensor), wanted)
    exported = torch.export.export(model, (tensor,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    assert torch.equal(exported.module()(tensor), wanted)


@needs("keras")
@pytest.mark.parametrize("name", EVERY)
def test_keras_gives_the_same(name: str) -> None:
    graph = graph_of(EVERY[name])
    weights, inputs = random_weights(graph), random_inputs(graph, batch=2)
    target = backend("keras", RunsModels)
    model = target.build(archspec.generate(graph, "keras"), graph, weights=weights, dtype="float64")
    found = target.run(model, graph, inputs, training=False)
    wanted = evaluate(graph, weights, inputs, training=False)
    for label, path in graph.outputs.items():
        np.testing.assert_allclose(found.outputs[label], wanted.values[path], rtol=1e-9, atol=1e-9)


PARTS = """blocks:
  growing:
    params: {count: {}}
    layers:
      - repeat:
          inline: true
          times: count
          names: "l{i}"
          collect: outs
          layers: [concat: [{from: input}, {from: outs}], conv: {filters: 4, kernel: 3, padding: 1}, relu]
      - concat: [{from: input}, {from: outs}]
      - batch_norm
layers:
  - growing: {count: 3}
  - growing: {count: 1}
  - growing: {count: 5, name: q.0}
  - growing: {count: 5, name: q.1}
"""


def test_parts_of_different_instances_that_are_written_alike_are_one_class() -> None:
    source = source_of(graph_of(PARTS), "torch")
    names = classes(source)
    bodies = [part.partition(":\n")[2] for part in source.split("\nclass ")[1:]]
    assert len(set(bodies)) == len(bodies)
    assert not [name for name in names if name.endswith("B")]
    assert names.count("GrowingL1") == 1


def test_what_is_told_of_one_of_several_blocks_is_true_of_all_that_are_it() -> None:
    source = source_of(graph_of(PARTS), "torch")
    [told] = [line for line in source.splitlines() if "`count` is 3" in line]
    assert "Here" in told
    assert source.count("Here `count` is") == 3


def test_parts_of_images_and_of_features_are_two_classes() -> None:
    text = """blocks:
  normed:
    params: {flat: false}
    layers:
      - {flatten: {}, when: flat}
      - name: part
        layers: [add: [[], [batch_norm]]]
layers:
  - normed
  - normed: {flat: true}
"""
    source = source_of(graph_of(text), "torch")
    assert "nn.BatchNorm1d(" in source
    assert "nn.BatchNorm2d(" in source
