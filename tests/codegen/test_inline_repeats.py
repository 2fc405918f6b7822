"""Repeats without a scope of their own in a block: a loop in its class, for whatever count."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

import archspec
from archspec.ir.graph import LayerGraph
from archspec.spec.loading import load_text
from tests.needed import lazily, needs

torch: Any = lazily("torch")

HEAD = """
archspec: 1
name: loops
input: {channels: 4, height: 9, width: 9}
blocks:
  row:
    params: {filters: {}, steps: 1}
    layers:
BODY
layers:
  - row: {name: a, filters: 6, steps: 2}
  - row: {name: b, filters: 5, steps: 3}
  - row: {name: c, filters: 7}
"""
BODIES: Final = {
    "numbers": """
      - repeat: {inline: true, times: steps, names: "{i}", layers: [conv: {filters: filters, kernel: 1}, relu]}
""",
    "numbers that go on": """
      - conv: {name: "0", filters: filters, kernel: 1}
      - repeat: {inline: true, times: steps, names: "{i + 1}", layers: [conv: {filters: filters, kernel: 1}, tanh]}
""",
    "a pattern": """
      - repeat: {inline: true, times: steps, names: "layer{i + 1}", layers: [conv: {filters: filters, kernel: 1}, tanh]}
""",
    "members around": """
      - conv: {name: stem, filters: filters, kernel: 3, padding: 1}
      - repeat: {inline: true, times: steps, names: "unit_{i}", layers: [conv: {filters: filters, kernel: 1}, tanh]}
      - batch_norm: {name: norm}
""",
    "the last is another": """
      - repeat:
          inline: true
          times: steps
          names: "step{i}"
          layers:
            - conv: {filters: "filters if i == steps - 1 else in_channels", kernel: 1}
            - {tanh: {}, when: i < steps - 1}
""",
    "residuals": """
      - conv: {name: stem, filters: filters, kernel: 1}
      - repeat:
          inline: true
          times: steps
          names: "layer{i}"
          layers: [add: [[], [conv: {filters: channels, kernel: 3, padding: 1}, tanh]]]
""",
    "another index": """
      - repeat:
          inline: true
          times: steps
          index: k
          names: "layer{k}"
          layers:
            - conv: {filters: filters, kernel: 1}
            - repeat: {name: inner, times: 2, layers: [conv: {filters: channels, kernel: 1, dilation: i + k + 1}]}
""",
}
"""All of them chains, which PyTorch has as an `nn.Sequential`."""
FREE: Final = {
    "widths that follow the index": """
      - repeat: {inline: true, times: steps, names: "layer{i}", layers: [conv: {filters: filters + 2 * i, kernel: 1}]}
""",
    "one more at the end": """
      - repeat: {inline: true, times: steps, names: "layer{i}", layers: [conv: {filters: channels, kernel: 1}]}
      - concat: [[], {from: input, layers: [conv: {filters: filters, kernel: 1}]}]
""",
    "collected": """
      - repeat:
          inline: true
          times: steps
          names: "layer{i}"
          collect: outputs
          layers: [concat: [{from: input}, {from: outputs}], conv: {filters: filters, kernel: 1}]
      - concat: [{from: input}, {from: outputs}]
""",
}
"""Bodies of which a class for each count is made."""


NETWORK = """
archspec: 1
name: towers
params: {steps: 3, filters: 5, start: 2}
input: {channels: 4, height: 9, width: 9}
layers:
  - name: tower
    layers:BODY
  - conv: {name: end, filters: start + filters, kernel: 1}
"""
SEQUENCES: Final = {
    **{name: body.replace("in_channels", "channels").replace("\n", "\n  ") for name, body in BODIES.items()},
    "names with a param": """
        - repeat: {inline: true, times: steps, names: "u{i + start}", layers: [conv: {filters: channels, kernel: 1}]}
""",
    "letters by another index": """
        - repeat:
            inline: true
            index: k
            times: steps
            names: "u{['a', 'b', 'c', 'd'][k]}"
            layers: [conv: {filters: filters + k, kernel: 1}, tanh]
""",
}
"""Bodies of a named sequence of the network's own."""
FROM_ONE: Final = {SEQUENCES[name] for name in ("numbers", "a pattern")}
"""Those that leave other channels than arrive, so that no iteration would be another network."""
ANY_COUNT: Final = {SEQUENCES[name] for name in ("numbers that go on", "members around", "residuals")} | {
    SEQUENCES["names with a param"]
}
"""Those that are right with no iteration as well: what arrives has as many channels as what they leave."""


def graph_of(body: str) -> LayerGraph:
    text = HEAD.replace("\nBODY\n", body)
    return archspec.compile(load_text(text, name="loops.yaml"))


def network_of(body: str) -> LayerGraph:
    return archspec.compile(load_text(NETWORK.replace("BODY", body.rstrip()), name="towers.yaml"))


def classes(source: str) -> list[str]:
    return [line for line in source.splitlines() if line.startswith("class Row")]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@needs("torch")
def test_one_class_serves_all_counts(body: str) -> None:
    graph = graph_of(body)
    source = str(archspec.generate(graph, "torch"))
    [first] = [line for line in classes(source) if line.startswith("class Row(")]
    assert first == "class Row(nn.Sequential):"
    assert "steps: int = 1" in source
    assert "for " in source
    model = archspec.build(graph, "torch")
    expected = {weight.at(node.path): weight.shape for node in graph.nodes.values() for weight in graph.weights(node)}
    found = {name: tuple(tensor.shape) for name, tensor in model.named_parameters()}
    assert found == {name: shape for name, shape in expected.items() if name in found}
    assert len(found) == len({name for name in expected if "running" not in name and "num_batches" not in name})


@pytest.mark.parametrize("name", [name for name in (*BODIES, *FREE) if name != "collected"])
@needs("torch")
def test_what_is_computed_is_that_of_a_repeat_with_a_scope(name: str) -> None:
    """The same weights, by their order, in a network whose repeats have a scope."""
    body = {**BODIES, **FREE}[name]
    own = archspec.build(graph_of(body), "torch", seed=3).eval()
    [start, *_] = [line for line in body.splitlines() if "names:" in line]
    pattern = start[start.index("names:") :].split('"')[1]
    scoped = body.replace("inline: true", "name: scoped").replace(f'names: "{pattern}"', 'names: "{i}"')
    other = archspec.build(graph_of(scoped), "torch").eval()
    with torch.no_grad():
        for mine, its in zip(own.state_dict().values(), other.state_dict().values(), strict=True):
            its.copy_(mine)
        x = torch.rand(2, 4, 9, 9)
        assert torch.equal(own(x), other(x))


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@needs("torch")
def test_pytorchs_tools_take_it(body: str) -> None:
    model = archspec.build(graph_of(body), "torch", seed=1).eval()
    x = torch.rand(3, 4, 9, 9)
    expected = model(x)
    assert torch.equal(torch.jit.script(model)(x), expected)
    assert torch.equal(torch.fx.symbolic_trace(model)(x), expected)
    batch = torch.export.Dim("batch")
    exported = torch.export.export(model, (x,), dynamic_shapes=({0: batch},)).module()
    assert torch.allclose(exported(x[:2]), expected[:2], atol=1e-6)


@pytest.mark.parametrize("body", [*BODIES.values(), *FREE.values()], ids=[*BODIES, *FREE])
@needs("torch", "keras")
def test_keras_has_the_loop_and_the_same_network(body: str) -> None:
    graph = graph_of(body)
    if body in BODIES.values():
        source = str(archspec.generate(graph, "keras"))
        assert source.count("def row(") == 1
        assert "for i in range(" in source
    ours = archspec.build(graph, "torch", seed=5).eval()
    weights = {name: tensor.numpy() for name, tensor in ours.state_dict().items() if "num_batches" not in name}
    theirs = archspec.build(graph, "keras", weights=weights)
    x = np.random.default_rng(0).random((2, 9, 9, 4), dtype=np.float32)
    found = np.moveaxis(np.asarray(theirs(x)), -1, 1)
    expected = ours(torch.from_numpy(np.moveaxis(x, -1, 1).copy())).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)


@needs("torch")
def test_other_counts_are_right_in_the_class_that_there_is() -> None:
    """The class as Python has it, with counts that the network does not have."""
    body = BODIES["the last is another"]
    namespace: dict[str, Any] = {}
    exec(str(archspec.generate(graph_of(body), "torch")), namespace)  # archspec's own source
    made = namespace["Row"](4, 8, steps=5)
    widths = [layer[0].out_channels for layer in made]
    assert widths == [4, 4, 4, 4, 8]
    assert [len(layer) for layer in made] == [2, 2, 2, 2, 1]
    assert made(torch.rand(1, 4, 9, 9)).shape == (1, 8, 9, 9)


@pytest.mark.parametrize("body", SEQUENCES.values(), ids=SEQUENCES)
@needs("torch", "keras")
def test_a_sequence_of_the_networks_own_is_a_loop_too(body: str) -> None:
    """Its count is an argument where any other would be right."""
    graph = network_of(body)
    for backend in ("torch", "keras"):
        source = str(archspec.generate(graph, backend))
        assert ("steps: int = 3" in source) is (body in ANY_COUNT | FROM_ONE), backend
        assert ("if steps < 1:" in source) is (body in FROM_ONE), backend
    ours = archspec.build(graph, "torch", seed=5).eval()
    names = {weight.at(node.path) for node in graph.nodes.values() for weight in graph.weights(node)}
    assert {name for name, _ in ours.named_parameters()} <= names
    x = torch.rand(2, 4, 9, 9)
    expected = ours(x)
    assert torch.equal(torch.jit.script(ours)(x), expected)
    assert torch.equal(torch.fx.symbolic_trace(ours)(x), expected)
    weights = {name: tensor.numpy() for name, tensor in ours.state_dict().items() if "num_batches" not in name}
    theirs = archspec.build(graph, "keras", weights=weights)
    found = np.moveaxis(np.asarray(theirs(np.moveaxis(x.numpy(), 1, -1))), -1, 1)
    np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-5)


@needs("torch")
def test_members_that_a_forward_calls_are_no_loop() -> None:
    """No `forward` calls members whose names a loop gives."""
    head = NETWORK[: NETWORK.index("  - name: tower")].replace(", start: 2", "")
    unit = """
  - repeat: {inline: true, times: steps, names: "unit{i}", layers: [conv: {filters: filters, kernel: 1}, relu]}
  - concat: [[], [conv: {name: more, filters: 5, kernel: 1}]]
"""
    text = head.rstrip() + unit
    graph = archspec.compile(load_text(text, name="towers.yaml"))
    source = str(archspec.generate(graph, "torch"))
    assert "steps" not in source.split("class Towers")[1]
    model = archspec.build(graph, "torch").eval()
    assert [*dict(model.named_children())] == ["unit0", "unit1", "unit2", "more"]
    assert model(torch.rand(1, 4, 9, 9)).shape == (1, 10, 9, 9)


def test_channels_that_the_last_iteration_leaves_follow_the_networks_param() -> None:
    text = HEAD.replace("\nBODY\n", BODIES["the last is another"]).replace("name: loops", "name: loops\nparams: {w: 6}")
    graph = archspec.compile(load_text(text.replace("filters: 6", "filters: w"), name="loops.yaml"))
    for backend in ("torch", "keras"):
        assert "w: int = 6" in str(archspec.generate(graph, backend))
