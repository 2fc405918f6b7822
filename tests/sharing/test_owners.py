"""Items that are called again: what makes them where the first is not needed, or stands under conditions."""

from __future__ import annotations

from dataclasses import replace
from time import process_time

import pytest

import archspec
from archspec.codegen.source_map import source_lines
from archspec.ir import GraphBuilder
from archspec.ir.graph import LayerGraph
from archspec.ir.mapping import map_layers
from archspec.ir.ops.linear import Conv
from archspec.ir.scope import Scope
from archspec.ir.tensor_type import image
from archspec.passes.pipeline import run_passes
from archspec.passes.remove_dead_layers import RemoveDeadLayers
from tests.fuzz.agreement import check, compiled
from tests.needed import needs
from tests.sharing.networks import spec

HEAD = "archspec: 1\nname: net\ninput: {channels: 4, height: 8, width: 8}\n"
CONV = "conv: {name: c, filters: 4, kernel: 3, padding: same}"
BLOCK = HEAD + "blocks:\n  b:\n    params: {x: {}}\n    layers:\n"
CALLS = "layers: [{b: {name: one, x: true}}, {b: {name: two, x: false}}]\n"

DEAD = {
    "of a block with params": HEAD + "blocks:\n  b:\n    params: {width: {}}\n"
    "    layers: [{conv: {filters: width, kernel: 1}}, {conv: {filters: 4, kernel: 1}}]\n"
    "layers:\n"
    "  - {from: input, layers: [{b: {name: one, width: 8}}, relu]}\n"
    "  - {from: input, layers: [sigmoid, {b: {width: 3}}, {reuse: one}, {reuse: one}]}\n",
    "used on both sides and after them": BLOCK + f"      - tap: start\n      - {CONV}\n"
    "      - {from: start, layers: [gelu]}\n"
    "      - {when: x, layers: [relu, reuse: c], else: [{reuse: {item: c, name: c9}}]}\n"
    "      - reuse: {item: c, name: c10}\n" + CALLS,
    "used on one side and after it": BLOCK
    + "      - tap: start\n      - {name: s, layers: [{conv: {filters: 4, kernel: 1}}, batch_norm]}\n"
    "      - from: start\n"
    "        layers: [{when: x, layers: [relu, reuse: s]}, {reuse: {item: s, name: last}}]\n" + CALLS,
    "used under conditions that exclude each other": BLOCK + "      - tap: start\n      - prelu: {name: c}\n"
    "      - {from: start, layers: [{reuse: c, when: x}, {when: not x, layers: [reuse: c, tanh]}]}\n" + CALLS,
    "repeated": HEAD
    + "layers:\n  - {name: s, layers: [{conv: {filters: 4, kernel: 3, padding: same}}, batch_norm, relu]}\n"
    "  - {from: input, layers: [relu, {repeat: {times: 3, layers: [{reuse: s}]}}, {reuse: s}]}\n",
    "repeated by a param": HEAD + "blocks:\n  b:\n    params: {count: {}}\n    layers:\n      - tap: start\n"
    "      - {name: s, layers: [{conv: {filters: 4, kernel: 1}}, relu]}\n"
    "      - {from: start, layers: [{repeat: {times: count, layers: [{reuse: s}]}}]}\n"
    "layers: [{b: {count: 1}}, {b: {count: 3}}]\n",
    "in what is called again": HEAD + "blocks:\n  b:\n    layers:\n      - tap: start\n"
    "      - {name: s, layers: [{conv: {filters: 4, kernel: 1}}, relu]}\n"
    "      - {from: start, layers: [{reuse: s}, tanh, {reuse: s}]}\n"
    "layers: [{b: {name: one}}, relu, {reuse: one}, {repeat: {times: 2, layers: [reuse: one]}}]\n",
}
CONDITIONAL = {
    "a layer by one name on both sides": BLOCK
    + "      - when: x\n        layers: [{conv: {name: a, filters: 4, kernel: 1}}, relu, {reuse: a}]\n"
    "        else: [{conv: {name: a, filters: 4, kernel: 3, padding: 1}}, gelu, {reuse: a}]\n" + CALLS,
    "a sequence by one name on both sides": BLOCK + "      - when: x\n"
    "        layers: [{name: a, layers: [{conv: {filters: 4, kernel: 1}}, batch_norm]}, {reuse: a}]\n"
    "        else: [{name: a, layers: [{conv: {filters: 4, kernel: 1}}, relu, batch_norm]}, gelu, {reuse: a}]\n"
    + CALLS,
    "a condition that is settled where it is called again": BLOCK
    + f"      - {{name: s, layers: [{{{CONV}}}, {{reuse: c, when: x}}]}}\n      - {{reuse: s, when: not x}}\n"
    + CALLS,
    "statistics in the order of calls under conditions": BLOCK
    + "      - tap: start\n      - batch_norm: {name: n}\n      - tap: first\n      - from: start\n"
    "        layers: [relu, {when: x, layers: [tanh, reuse: n], else: [{reuse: n}]}]\n      - tap: second\n"
    "      - from: start\n        layers: [gelu, {reuse: n}, {add: [[], {from: first}, {from: second}]}]\n" + CALLS,
    "one of a row of calls on a side": HEAD
    + "blocks:\n  u: {layers: [{conv: {filters: 4, kernel: 1}}, relu]}\n  b:\n    params: {x: {}}\n    layers:\n"
    "      - when: x\n        layers: [u: {name: u0}, u: {name: u1}, u: {name: u2}, u: {name: u3}, reuse: u1]\n"
    "        else: [tanh]\n" + CALLS,
    "names that two conditions give": BLOCK
    + "      - {conv: {name: a, filters: 4, kernel: 1}, when: x}\n      - relu\n"
    "      - {conv: {name: a, filters: 4, kernel: 3, padding: 1}, when: not x}\n" + CALLS,
    "a branching part whose repeats count": HEAD
    + "layers:\n  - name: part\n    layers:\n      - repeat:\n          times: 3\n          layers:\n"
    "            - when: i == 1\n              layers: [relu, {add: [[], {from: input}]}]\n"
    "              else: [{conv: {filters: 4, kernel: 1}}]\n"
    "            - tanh\n",
}

BARE = {
    "of the network": HEAD + "layers: [scale: {name: g, learned: channel, value: 0.5, bare: true}, tanh, reuse: g]\n",
    "of a sequence": HEAD + "layers: [{name: s, layers: [scale: {name: g-1, learned: channel, value: 0.5, bare: true}, "
    "tanh, reuse: g-1]}, {reuse: s}]\n",
    "under a condition": BLOCK + "      - scale: {name: g, learned: channel, value: 0.5, bare: true}\n"
    "      - when: x\n        layers: [tanh, reuse: g]\n        else: [relu, reuse: g, reuse: g]\n" + CALLS,
}
"""Parameters that have the name of their layer."""


@needs("torch", "keras", "onnx")
@pytest.mark.parametrize(
    "text", [*DEAD.values(), *CONDITIONAL.values(), *BARE.values()], ids=[*DEAD, *CONDITIONAL, *BARE]
)
def test_all_backends_compute_the_same(text: str) -> None:
    check(compiled(text))


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize(
    "text", [*DEAD.values(), *CONDITIONAL.values(), *BARE.values()], ids=[*DEAD, *CONDITIONAL, *BARE]
)
def test_each_layer_has_lines(text: str, backend: str) -> None:
    graph = archspec.compile(spec(text))
    found = source_lines(graph, backend).lines
    assert all(found[path] for path in graph.nodes)


def test_a_repeat_makes_what_it_calls_where_nothing_else_does() -> None:
    graph = archspec.compile(spec(DEAD["repeated"]))
    assert list(graph.all_weights)[:2] == ["s.0.weight", "s.0.bias"]
    source = archspec.generate(graph, "torch")
    assert "        x = self.s(self.relu(x))\n        for _ in range(2):\n            x = self.s(x)\n" in source
    assert source.count("self.s = nn.Sequential(") == 1


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_what_is_not_used_has_no_variable(backend: str) -> None:
    text = """
blocks:
  b: {layers: [{conv: {filters: 4, kernel: 1}}, {tap: kept}, relu], outputs: [kept]}
layers:
  - split: {parts: 2, outputs: [first, second]}
  - from: second
    layers: [{conv: {filters: 4, kernel: 1}}, {b: {name: one}}, {b: {name: two}}]
  - from: two.kept
    layers: [relu, {reuse: two}]
"""
    source = archspec.generate(archspec.compile(spec(HEAD + text)), backend)
    assert "_, second = " in source
    assert "x, _ = " in source
    assert "_, x = " in source  # a tap that the next layer alone takes names nothing


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_repeat_of_no_iterations_leaves_no_trace(backend: str) -> None:
    text = (
        HEAD
        + f"layers:\n  - {{name: s, layers: [{{{CONV}}}]}}\n"
        + ("  - repeat: {name: none, times: 0, layers: [{reuse: s}]}\n  - reuse: none\n  - relu\n")
    )
    source = archspec.generate(archspec.compile(spec(text)), backend)
    assert "none" not in source
    assert "nn.Sequential()" not in source


def different(shared: str, *, dead: bool) -> LayerGraph:
    """A network whose last call differs from the one before it, so that no module serves both."""
    builder = GraphBuilder("net")
    x = builder.input(image(4, 8, 8))
    if shared == "layer":
        y = builder.layer(Conv(4, (1, 1)), x, name="first")
    else:
        with builder.sequence("first", x) as body:
            body.give(builder.layer(Conv(4, (1, 1)), *body.inputs, name="conv"))
        y = body.result
    [y] = builder.reuse("first", x if dead else y, name="second")
    [y] = builder.reuse("first", y, name="third")
    graph = run_passes(builder.finish(y), (RemoveDeadLayers(),)).graph
    path = "third" if shared == "layer" else "third.conv"
    strided = Conv(4, (1, 1), stride=(2, 2))
    return map_layers(
        graph,
        lambda layer, arriving: (
            replace(layer, op=strided.fitted(arriving), types=strided.fitted(arriving).output_types(arriving))
            if layer.path == path
            else layer
        ),
    )


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("dead", [False, True], ids=["needed", "not needed"])
@pytest.mark.parametrize("shared", ["layer", "scope"])
def test_what_computes_something_else_is_refused(shared: str, dead: bool, backend: str) -> None:
    graph = different(shared, dead=dead)
    assert ("first" in graph.def_use.scopes or "first" in graph.nodes) is not dead
    wanted = {
        "layer": r"third has first\.weight.*, and is not one layer of the same scope that is computed again",
        "scope": "third and first have the same parameters, and do not compute the same",
    }
    with pytest.raises(archspec.BackendError, match=wanted[shared]) as caught:
        archspec.generate(graph, backend)
    assert {found.code for found in caught.value.diagnostics} == {"E0601"}
    assert archspec.generate(graph, "onnx")


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_parameters_of_another_scope_are_refused(backend: str) -> None:
    builder = GraphBuilder("net")
    x = builder.input(image(4, 8, 8))
    with builder.sequence("outer", x) as outer:
        with builder.sequence("inner", *outer.inputs) as inner:
            inner.give(builder.layer(Conv(4, (1, 1)), *inner.inputs, name="conv"))
        outer.give(inner.result)
    with builder.sequence("again", outer.result) as again:
        shared = {name: f"outer.inner.conv.{name}" for name in ("weight", "bias")}
        again.give(builder.layer(Conv(4, (1, 1)), *again.inputs, name="conv", shared=shared))
    graph = builder.finish(again.result)
    items = [
        replace(item, shares="outer.inner") if isinstance(item, Scope) and item.name == "again" else item
        for item in graph.root.body.items
    ]
    graph = replace(graph, root=replace(graph.root, body=replace(graph.root.body, items=tuple(items))))
    message = r"again has the parameters of outer\.inner, which stands in another scope"
    with pytest.raises(archspec.BackendError, match=message):
        archspec.generate(graph, backend)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_numbered_part_is_not_called_again(backend: str) -> None:
    builder = GraphBuilder("net")
    x = builder.input(image(4, 8, 8))
    with builder.sequence("part", x) as part:
        y = builder.layer(Conv(4, (1, 1)), *part.inputs, name="0")
        [y] = builder.reuse("0", y, name="1")
        part.give(y)
    message = r"part\.1 is a numbered part, which cannot be one that is computed again"
    with pytest.raises(archspec.BackendError, match=message):
        archspec.generate(builder.finish(part.result), backend)


@pytest.mark.timing
@pytest.mark.parametrize("between", ["", "apart"])
def test_source_of_many_calls_takes_time_in_proportion(between: str) -> None:
    def seconds(count: int) -> float:
        body = "[{conv: {filters: 4, kernel: 3, padding: same}}, batch_norm, relu]"
        made = [f"  - {{name: s{number}, layers: {body}}}" for number in range(count)]
        again = [f"  - reuse: s{number}" for number in range(count)]
        lines = [*made, *again] if between else [line for pair in zip(made, again, strict=True) for line in pair]
        graph = archspec.compile(spec(HEAD + "layers:\n" + "\n".join(lines)))
        start = process_time()
        archspec.generate(graph, "keras")
        return process_time() - start

    seconds(20)  # imports
    assert seconds(400) < 8 * max(0.1, seconds(100))  # 4 in proportion, 16 where each looks at all others
