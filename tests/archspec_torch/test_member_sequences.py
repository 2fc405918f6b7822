"""Members of sequences that others are called between: an `nn.ModuleList`, or a dict where names are no numbers."""

from __future__ import annotations

from typing import Any

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.spec.loading import load_text
from tests.archspec_torch.test_nodes import assert_every_node_is_found
from tests.zoo import NETWORKS

torch = pytest.importorskip("torch")

HEAD = "archspec: 1\nname: turns\ninput: {channels: 8, height: 12, width: 12}\n"
RES2NET = """
blocks:
  bottle2neck:
    unit: [planes, stride]
    params: {stride: 1}
    let: {width: planes // 4, is_first: stride > 1 or in_channels != planes * 4}
    layers:
      - conv: {name: conv1, filters: width * 3, kernel: 1, bias: false}
      - batch_norm: {name: bn1}
      - relu
      - split: {parts: 3, outputs: [first, second, third]}
      - conv: {name: convs.0, filters: width, kernel: 3, stride: stride, padding: 1, bias: false}
      - batch_norm: {name: bns.0}
      - relu
      - tap: a
      - when: is_first
        layers: [{from: second}]
        else: [add: [[], {from: second}]]
      - conv: {name: convs.1, filters: width, kernel: 3, stride: stride, padding: 1, bias: false}
      - batch_norm: {name: bns.1}
      - relu
      - concat:
          - from: a
          - []
          - from: third
            layers: [{avg_pool: {kernel: 3, stride: stride, padding: 1, count_padding: true}, when: is_first}]
      - conv: {name: conv3, filters: planes * 4, kernel: 1, bias: false}
      - batch_norm: {name: bn3}
      - add:
          - []
          - from: input
            layers:
              - name: downsample
                when: is_first
                layers: [conv: {filters: planes * 4, kernel: 1, stride: stride, bias: false}, batch_norm]
      - relu
layers:
  - bottle2neck: {name: b1, unit: [8]}
  - bottle2neck: {name: b2, unit: [8]}
  - bottle2neck: {name: b3, unit: [16, 2]}
"""


class Reference(torch.nn.Module):  # type: ignore[misc, name-defined]
    """A block of Res2Net as timm writes it, of scale 3."""

    def __init__(self, channels: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        nn, width, out = torch.nn, planes // 4, planes * 4
        self.is_first = stride > 1 or channels != out
        self.conv1 = nn.Conv2d(channels, width * 3, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width * 3)
        self.relu = nn.ReLU()
        self.convs = nn.ModuleList([nn.Conv2d(width, width, 3, stride, 1, bias=False) for _ in range(2)])
        self.bns = nn.ModuleList([nn.BatchNorm2d(width) for _ in range(2)])
        self.pool = nn.AvgPool2d(3, stride, 1) if self.is_first else nn.Identity()
        self.conv3 = nn.Conv2d(width * 3, out, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        shortcut = [nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out)]
        self.downsample = nn.Sequential(*shortcut) if self.is_first else nn.Identity()

    def forward(self, x: Any) -> Any:
        """All splits but the last in turn."""
        splits = torch.chunk(self.relu(self.bn1(self.conv1(x))), 3, 1)
        found: list[Any] = []
        for i, (conv, norm) in enumerate(zip(self.convs, self.bns, strict=True)):
            y = splits[i] if i == 0 or self.is_first else found[-1] + splits[i]
            found.append(self.relu(norm(conv(y))))
        y = self.bn3(self.conv3(torch.cat([*found, self.pool(splits[-1])], 1)))
        return self.relu(y + self.downsample(x))


def graph_of(text: str) -> LayerGraph:
    return archspec.compile(load_text(HEAD + text))


def source_of(graph: LayerGraph) -> str:
    torch_backend = backend("torch", BuildsModels)
    source = torch_backend.render(graph)
    torch_backend.verify(source, graph)
    return source


def test_keys_outputs_and_gradients_are_those_of_a_module_that_a_person_wrote() -> None:
    model = archspec.build(load_text(HEAD + RES2NET), backend="torch", seed=1).double()
    blocks = {"b1": Reference(8, 8), "b2": Reference(32, 8), "b3": Reference(32, 16, 2)}
    reference = torch.nn.ModuleDict(blocks).double()
    assert {*model.state_dict()} == {*reference.state_dict()}
    reference.load_state_dict(model.state_dict())
    x = torch.randn(3, 8, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = x
    for block in reference.values():
        y = block(y)
    torch.testing.assert_close(model(x), y, rtol=1e-12, atol=1e-12)
    model(x).square().sum().backward()
    y.square().sum().backward()
    given = dict(reference.named_parameters())
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, given[name].grad, rtol=1e-9, atol=1e-9, msg=name)


def test_what_is_the_same_is_a_comprehension() -> None:
    source = source_of(graph_of(RES2NET))
    assert "self.bns = nn.ModuleList(nn.BatchNorm2d(width) for _ in range(2))" in source
    assert source.count("class ") == 2  # one for all units
    assert "self.bns[1](self.convs[1](" in source


@pytest.mark.parametrize(
    ("layers", "line"),
    [
        (
            "[conv: {name: a.0, filters: 8, kernel: 1}, relu, conv: {name: a.1, filters: 16, kernel: 1}]",
            "self.a = nn.ModuleList([nn.Conv2d(8, 8, kernel_size=1), nn.Conv2d(8, 16, kernel_size=1)])",
        ),
        (
            "[conv: {name: a.1, filters: 8, kernel: 1}, relu, conv: {name: a.0, filters: 16, kernel: 1}]",
            "self.a = nn.ModuleList([nn.Conv2d(8, 16, kernel_size=1), nn.Conv2d(8, 8, kernel_size=1)])",
        ),
        (
            "[batch_norm: {name: a.0}, relu, batch_norm: {name: a.2}]",
            'self.a = nn.ModuleDict({"0": nn.BatchNorm2d(8), "2": nn.BatchNorm2d(8)})',
        ),
        (
            "[batch_norm: {name: a.first}, relu, batch_norm: {name: a.b-1}]",
            'self.a = nn.ModuleDict({"first": nn.BatchNorm2d(8), "b-1": nn.BatchNorm2d(8)})',
        ),
        (
            '[repeat: {inline: true, times: 4, layers: [conv: {name: "a.{i}", filters: 8 * i + 8, kernel: 1}, relu]}]',
            "*(nn.Conv2d(8 * i, 8 + 8 * i, kernel_size=1) for i in range(1, 4)),",
        ),
        (
            '[repeat: {inline: true, times: 4, layers: [relu, {dropout: {name: "a.{i}", rate: 0.1}}]}]',
            "self.a = nn.ModuleList(nn.Dropout(0.1) for _ in range(4))",
        ),
    ],
)
def test_a_sequence_is_written_as_a_person_writes_it(layers: str, line: str) -> None:
    assert line in source_of(graph_of(f"layers: {layers}\n"))


ROUNDS = """
layers:
  - repeat:
      inline: true
      times: 3
      layers:
        - relu
        - conv: {name: "convs.{i}", filters: 8, kernel: 1}
        - batch_norm: {name: "bns.{i}"}
        - add: [[], [sigmoid]]
  - add: [[], {from: input}]
"""


def test_equal_rounds_are_a_loop() -> None:
    source = source_of(graph_of(ROUNDS))
    assert (
        """
        y = x
        for conv, bn in zip(self.convs, self.bns):
            y = conv(self.relu(y))
            y = bn(y)
            y = y + self.sigmoid(y)
        return y + x
"""
        in source
    ), source
    assert "self.convs[" not in source


def test_a_round_that_differs_is_written_by_itself() -> None:
    layers = [
        "batch_norm: {name: a.0}",
        "relu",
        "batch_norm: {name: a.1}",
        "relu",
        "batch_norm: {name: a.2}",
        "sigmoid",
    ]
    source = source_of(graph_of("layers:\n" + "".join(f"  - {layer}\n" for layer in layers)))
    assert "for " not in source.split("def forward")[1]


def test_every_node_of_a_loop_is_found() -> None:
    assert_every_node_is_found(graph_of(ROUNDS))


@pytest.mark.parametrize("name", ["members_in_turn", "transformer_in_turn"])
def test_all_of_it_is_captured(name: str) -> None:
    model = archspec.build(load_text(NETWORKS[name]), backend="torch", seed=0).eval()
    size = 16 if name == "members_in_turn" else 8
    x = torch.randn(2, 3, size, size)
    expected = model(x)
    assert torch.equal(torch.jit.script(model)(x), expected)
    assert torch.equal(torch.fx.symbolic_trace(model)(x), expected)
    sizes = {0: torch.export.Dim("batch")}
    assert torch.equal(torch.export.export(model, (x,), dynamic_shapes=(sizes,)).module()(x), expected)


def test_names_of_the_items_of_iterations() -> None:
    graph = archspec.compile(load_text(NETWORKS["transformer_in_turn"]))
    assert [path for path in graph.nodes if path.startswith(("norms.", "attns."))] == [
        path for i in range(3) for path in (f"norms.{i}", f"attns.{i}")
    ]
    assert {"gelu", "gelu_2", "gelu_3"} <= graph.nodes.keys()


def test_the_builder_makes_such_graphs_too() -> None:
    from archspec.ir.builder import GraphBuilder
    from archspec.ir.ops.activations import Relu
    from archspec.ir.tensor_type import TensorType

    builder = GraphBuilder("built")
    x = builder.input(TensorType.of_shape((3, 4, 4)))
    x = builder.layer(Relu(), x, name="acts.0")
    x = builder.layer(Relu(), x, name="acts.1")
    with pytest.raises(ValueError, match="both an item and a sequence"):
        builder.layer(Relu(), x, name="acts")
    with pytest.raises(ValueError, match="no name"):
        builder.layer(Relu(), x, name="a.b.c")
    graph = builder.finish(x)
    assert [*graph.nodes][1:] == ["acts.0", "acts.1"]


def test_two_networks_differ_in_a_layer_of_a_sequence() -> None:
    one = graph_of("layers: [batch_norm: {name: a.0}, relu, conv: {name: a.1, filters: 8, kernel: 1}]\n")
    other = graph_of("layers: [batch_norm: {name: a.0}, relu, conv: {name: a.1, filters: 16, kernel: 1}]\n")
    same = archspec.diff(one, one)
    assert not same.layers
    [change] = archspec.diff(one, other).layers
    assert (change.before, change.after) == ("a.1", "a.1")
    assert [changed.name for changed in change.changes] == ["filters"]
