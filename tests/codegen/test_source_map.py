"""Which lines of generated source are which layer's, as far as the text shows; no framework is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

import archspec
from archspec.codegen import marked_text, source_map
from archspec.codegen.marked_text import Instances, Marked, inside, join, marks_of
from archspec.codegen.pretty_printer import Bracket, Infix, Keyword, call, lay_out, marked
from archspec.codegen.source_map import MappedSource, joined, source_lines
from archspec.errors import ArchspecError
from archspec.ir.scope import Choice, Item, Layer, Loop, Scope, walk
from archspec.spec import load_text
from tests.fuzz.agreement import text_of
from tests.fuzz.specs.networks import specs

BACKENDS = ("torch", "keras")
SPECS = [*archspec.spec.shipped(), *map(str, sorted(Path("tests/zoo").glob("*.yaml")))]
HEAD = "archspec: 1\nname: net\ninput: {channels: 3, height: 8, width: 8}\n"


def graph_of(text: str, head: str = HEAD) -> archspec.LayerGraph:
    return archspec.compile(load_text(head + text))


def lit(mapped: MappedSource, path: str) -> list[str]:
    """The lines of a path, without what indents them."""
    lines = mapped.text.splitlines()
    return [lines[number - 1].strip() for first, last in mapped.lines[path] for number in range(first, last + 1)]


def holds_a_layer(item: Item) -> bool:
    inside = item.iterations if isinstance(item, Loop) else [item] if isinstance(item, Scope) else []
    return any(isinstance(inner, Layer) for scope in inside for inner in walk(scope))


def mistakes(graph: archspec.LayerGraph) -> list[str]:
    """What is wrong with the maps of a graph, whatever its layers are."""
    return [f"{backend}: {wrong}" for backend in BACKENDS for wrong in _mistakes(graph, backend)]


def _mistakes(graph: archspec.LayerGraph, backend: str) -> Iterator[str]:
    mapped = source_lines(graph, backend)
    if mapped.text != archspec.generate(graph, backend) or type(mapped.text) is not str:
        yield "the text is another"
    items = [item for item in walk(graph.root) if not isinstance(item, Choice)]
    if mapped.lines.keys() != {*graph.nodes, *(item.path for item in items)}:
        yield "the paths are others"
    needed = {*graph.nodes, *(item.path for item in items if holds_a_layer(item))}
    yield from (f"{path} has no line" for path in needed if not mapped.lines[path])
    length = mapped.text.count("\n")
    for path, ranges in mapped.lines.items():
        numbers = [number for pair in ranges for number in pair]
        apart = all(before[1] + 1 < after[0] for before, after in pairwise(ranges))
        if numbers != sorted(numbers) or not apart or not all(0 < number <= length for number in numbers):
            yield f"{path} has the lines {ranges}"


@pytest.mark.slow
def test_everything_has_lines_and_the_text_is_what_is_generated() -> None:
    found = {spec: mistakes(archspec.compile(spec)) for spec in SPECS}
    assert {spec: wrong for spec, wrong in found.items() if wrong} == {}


def test_everything_has_lines_in_drawn_specs() -> None:
    checked: set[str] = set()

    @seed(6)
    @settings(max_examples=20, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(specs())
    def drawn(spec: dict[str, Any]) -> None:
        text = text_of(spec)
        try:
            graph = archspec.compile(load_text(text))
            wrong = mistakes(graph)
        except ArchspecError:
            return
        assert wrong == []
        checked.add(text)

    drawn()
    assert len(checked) >= 10


def test_pytorch() -> None:
    mapped = source_lines(archspec.compile("resnet50"), "torch")
    called = "residual = self.relu(self.bn1(self.conv1(x)))"
    made = "self.conv1 = nn.Conv2d(in_channels, width, kernel_size=1, bias=False)"
    assert lit(mapped, "layer1.0.conv1") == lit(mapped, "layer3.4.conv1") == [made, called]
    assert lit(mapped, "layer1.0.relu") == ["self.relu = nn.ReLU()", called]
    last = "return self.relu(residual + self.downsample(x))"
    assert lit(mapped, "layer1.0.relu_3") == ["self.relu = nn.ReLU()", last]
    assert lit(mapped, "layer1.0.add") == [last]
    assert lit(mapped, "layer2.0.downsample.1") == ["nn.BatchNorm2d(depth),", last]
    assert lit(mapped, "layer2.0.downsample")[0] == "self.downsample = nn.Sequential("
    assert lit(mapped, "input") == ["def forward(self, x: Tensor) -> Tensor:"]
    assert lit(mapped, "flatten") == ["x = torch.flatten(x, 1)"]
    units = "Bottleneck(64, 256, 64), *(Bottleneck(256, 256, 64) for _ in range(2))"
    assert lit(mapped, "layer1") == ["self.layer1 = nn.Sequential(", units, ")", "x = self.layer1(x)"]
    for unit in ("layer1.0", "layer1.2"):
        *block, constructed, through = lit(mapped, unit)
        assert (block[0], block[-1]) == ("class Bottleneck(nn.Module):", last)
        assert (constructed, through) == (units, "x = self.layer1(x)")
    assert lit(mapped, "")[0] == "class ResNet50(nn.Module):"
    assert mapped.lines[""][-1][1] == mapped.text.count("\n")


def test_keras() -> None:
    mapped = source_lines(archspec.compile("resnet50"), "keras")
    assert lit(mapped, "layer1.0.conv1") == lit(mapped, "layer3.4.conv1")
    assert lit(mapped, "layer1.0.conv1") == ['residual = conv2d(width, 1, name=f"{name}_conv1")(x)']
    assert lit(mapped, "layer1.0.add") == ['x = layers.Add(name=f"{name}_add")([residual, shortcut])']
    assert lit(mapped, "layer1.0.relu_3") == ['return layers.ReLU(name=f"{name}_relu_3")(x)']
    padded = ['x = ZeroPadding2D(3, name="conv1_pad")(inputs)', 'x = conv2d(64, 7, strides=2, name="conv1")(x)']
    assert lit(mapped, "conv1")[:2] == padded
    assert lit(mapped, "input") == ['inputs = keras.Input((*input_size, in_channels), name="input")']
    first, others = 'x = bottleneck(x, 512, 128, stride=2, name="layer2_0")', ["for i in range(1, 4):"]
    others.append('x = bottleneck(x, 512, 128, name=f"layer2_{i}")')
    assert lit(mapped, "layer2") == [first, *others]
    assert lit(mapped, "layer2.0")[0] == lit(mapped, "layer2.1")[0] == "def bottleneck("
    assert lit(mapped, "layer2.0")[-1] == first
    assert lit(mapped, "layer2.1")[-2:] == lit(mapped, "layer2.3")[-2:] == others
    *helper, line = lit(mapped, "layer1.0.bn1")
    assert helper[0] == "class BatchNormalization(layers.BatchNormalization):"
    assert helper[-1] == "return outputs"
    assert line == 'residual = batch_norm(name=f"{name}_bn1")(residual)'


def test_the_input_of_a_network_that_has_its_forward_from_torch_is_on_the_line_that_says_so() -> None:
    mapped = source_lines(graph_of('layers: [conv: {name: "0", filters: 4, kernel: 1}, relu: {name: "1"}]\n'), "torch")
    assert lit(mapped, "input") == ["class Net(nn.Sequential):"]
    assert "def forward" not in mapped.text


@pytest.mark.parametrize("text", ["layers: []", "layers: [{when: channels > 3, layers: [relu]}]"])
def test_a_network_of_no_layers_gives_its_input(text: str) -> None:
    mapped = source_lines(graph_of(f"{text}\n"), "torch")
    assert lit(mapped, "input") == ["def forward(self, x: Tensor) -> Tensor:"]
    assert mapped.text.endswith("    def forward(self, x: Tensor) -> Tensor:\n        return x\n")


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_number_of_filters_is_on_the_lines_of_its_layer(backend: str) -> None:
    text = "\n".join(f"  - conv: {{name: c{number}, filters: {number}, kernel: 1}}" for number in range(101, 130))
    graph = graph_of(f"layers:\n{text}\n")
    mapped = source_lines(graph, backend)
    for number in range(101, 130):
        found = set(re.findall(r"\b1\d\d\b", " ".join(lit(mapped, f"c{number}"))))
        arriving = {str(number - 1)} if backend == "torch" and number > 101 else set()
        assert found == {str(number)} | arriving


def test_rounds_that_are_written_apart_have_lines_of_their_own() -> None:
    graph = graph_of(
        "layers: [repeat: {name: r, times: 4, layers: [conv: {name: c, filters: 8, kernel: 1}, "
        "batch_norm: {name: the_norm}, relu6]}]\n"
    )
    torch, keras = (source_lines(graph, backend) for backend in BACKENDS)
    first, *others = (lit(torch, f"r.{index}.c") for index in range(4))
    assert first[0].startswith('"c": nn.Conv2d(3, 8')
    assert all(other[0].startswith('"c": nn.Conv2d(8, 8') for other in others)
    header = "for i in range(1, 4):"
    assert [header in lit(keras, f"r.{index}") for index in range(4)] == [False, True, True, True]
    assert [lit(keras, f"r.{index}.c")[-2] for index in range(2)] == ['name="r_0_c",', 'name=f"r_{i}_c",']


def test_a_row_that_is_cut_is_called_where_its_part_is() -> None:
    graph = archspec.compile("resnet18", taps=["layer1.0", "layer1"])
    mapped = source_lines(graph, "torch")
    assert lit(mapped, "layer1.0")[-1] == "layer1_0 = self.layer1[0](x)"
    assert lit(mapped, "layer1.1")[-1] == lit(mapped, "layer1")[-1] != lit(mapped, "layer1.0")[-1]


def test_a_layer_that_has_nothing_to_do_is_where_that_is_decided() -> None:
    graph = graph_of(
        "blocks:\n"
        "  b:\n"
        "    params: {f: {}}\n"
        "    layers:\n"
        "      - {when: f == 1, layers: [reshape: {shape: [8]}], else: [relu, sigmoid]}\n"
        "      - dense: {units: 8}\n"
        "layers: [b: {name: p, f: 1}, b: {name: q, f: 2}]\n",
        "archspec: 1\nname: net\ninput: {shape: [8]}\n",
    )
    assert lit(source_lines(graph, "torch"), "p.reshape") == ["if not self.has_reshape:"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_round_is_looked_for_among_all(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = "conv: {filters: '8 + channels % 7 + i % 3', kernel: 1}"
    graph = graph_of(f"layers: [{{name: s, layers: [repeat: {{name: r, times: 300, layers: [{layer}, relu]}}]}}]\n")
    asked: list[str] = []
    around = marked_text.around

    def counted(path: str) -> Iterator[str]:
        asked.append(path)
        return around(path)

    monkeypatch.setattr(marked_text, "around", counted)
    assert len(source_lines(graph, backend).lines) > 900
    assert len(asked) < 10 * len(graph.nodes)  # each round by itself, and each has its own text


def test_a_backend_that_marks_nothing_gives_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    class Listing:
        def render(self, graph: archspec.LayerGraph) -> str:
            return "".join(f"{path}\n" for path in graph.nodes)

    monkeypatch.setattr(source_map, "find", lambda name: Listing())
    mapped = source_lines(graph_of("layers: [relu]\n"), "listing")
    assert mapped.text.endswith("\ninput\nrelu\n")
    assert mapped.lines == {"input": (), "relu": (), "": ()}


def test_a_model_has_no_lines() -> None:
    pytest.importorskip("onnx")
    with pytest.raises(TypeError, match="no lines"):
        source_lines(graph_of("layers: [relu]\n"), "onnx")


# -- what the map is made of ---------------------------------------------------------------------


def test_code_that_is_broken_keeps_its_marks_in_place() -> None:
    long = "x" * 60
    code = marked(
        call("f", marked(call("g", long), ["g"]), Keyword("k", marked(Infix("+", (long, "h")), ["k"]))), ["f"]
    )
    lines = lay_out(code, 0)
    assert lines == lay_out(call("f", call("g", long), k=Infix("+", (long, "h"))), 0)
    paths = [sorted(path for _, _, paths in marks_of(line) for path in paths) for line in lines]
    assert paths == [["f"], ["f", "g"], ["f", "k"], ["f"]]
    [line] = lay_out(Bracket("a", ("b", marked("c", ["c"]))), 0)
    assert marks_of(line) == ((0, 0, ["c"]),)


def test_paths_are_found_by_the_rounds_that_they_stand_in() -> None:
    paths = Instances(f"a.{index}.{name}" for index in range(20) for name in ("x", "y.z"))
    for scopes in ({"a.1"}, {"a.1", "a.11"}, {f"a.{index}" for index in range(15)}, {"a.1.y"}, {"b"}):
        wanted = [path for path in paths if any(f"{path}.".startswith(f"{scope}.") for scope in scopes)]
        assert sorted(inside(paths, scopes)) == sorted(inside(list(paths), scopes)) == sorted(wanted)
    assert inside(paths, None) is paths


def test_joined_texts_count_their_lines() -> None:
    text = join(["one", Marked("two\nthree", [(1, 1, ["p"])]), "four", Marked("five", [(0, 0, ["q"])])])
    assert text == "one\ntwo\nthree\nfour\nfive"
    assert marks_of(text) == ((2, 2, ["p"]), (4, 4, ["q"]))
    assert joined([(4, 5), (1, 2), (3, 3), (7, 9), (8, 8)]) == ((1, 5), (7, 9))
