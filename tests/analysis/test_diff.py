"""`archspec diff`: what differs between two networks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import archspec
from archspec.analysis.diff_text import ranges
from archspec.analysis.matching import MOST_COMPARED, match
from archspec.cli import main
from archspec.ir.graph import LayerGraph
from archspec.spec import load_text, shipped

Run = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, list[str]]:
        code = main(("diff", *arguments))
        return code, capsys.readouterr().out.splitlines()

    return command


def network(layers: str, head: str = "input: {channels: 4, height: 8, width: 8}") -> LayerGraph:
    return archspec.compile(load_text(f"archspec: 1\nname: net\n{head}\nlayers:\n{layers}"))


@pytest.mark.parametrize("name", shipped())
def test_a_network_equals_itself(name: str) -> None:
    graph = archspec.compile(name)
    found = archspec.diff(graph, graph)
    assert found.equal
    assert found.totals[0] == found.totals[1]


def test_where_the_stride_stands(run: Run) -> None:
    """He et al. 2015 against torchvision's v1.5: the one difference, listed once."""
    code, lines = run("resnet50", "resnet50", "--set-a", "stride_on=conv1")
    assert code == 3
    assert lines[:7] == [
        "resnet50, stride_on=conv1 -> resnet50",
        "",
        "param stride_on: 'conv1' -> 'conv2'",
        "",
        "layer2.0: conv1 stride 2 -> 1, conv2 stride 1 -> 2 (also layer3.0, layer4.0)",
        "  shape of conv1, bn1, relu: 128x28x28 -> 128x56x56",
        "",
    ]
    assert any(line.split() == ["MACs", "3.858", "G", "4.089", "G", "+231,211,008", "(+6.0", "%)"] for line in lines)


def test_exit_codes_and_sides(run: Run) -> None:
    assert run("resnet18", "resnet18") == (0, ["resnet18 and resnet18 are equal"])
    assert run("resnet18", "resnet18", "--set", "classes=10")[0] == 0
    assert run("resnet18", "resnet18", "--set-a", "classes=10", "--set-b", "classes=10")[0] == 0
    assert run("resnet18", "resnet18", "--set-b", "classes=10")[0] == 3
    assert run("resnet18", "nothing_like_it")[0] == 1


def test_units_that_one_alone_has(run: Run) -> None:
    _, lines = run("resnet50", "resnet101")
    assert lines[2] == "added layer3.6 to layer3.22 (bottleneck, 10 layers each)"
    _, lines = run("resnet101", "resnet50")
    assert lines[2].startswith("removed layer3.6 to layer3.22")


def test_json_has_every_layer(run: Run) -> None:
    code, lines = run("resnet50", "resnet50", "--set-a", "stride_on=conv1", "--format", "json")
    data = json.loads("\n".join(lines))
    assert (code, data["equal"]) == (3, False)
    strides = [
        (layer["before"], change["before"], change["after"]) for layer in data["layers"] for change in layer["changes"]
    ]
    assert strides == [
        (f"layer{stage}.0.{name}", *sides)
        for stage in (2, 3, 4)
        for name, sides in (("conv1", ("2", "1")), ("conv2", ("1", "2")))
    ]
    assert data["totals"]["after"]["macs"] - data["totals"]["before"]["macs"] == 231_211_008
    code, lines = run("lenet", "lenet", "--format", "json")
    assert (code, json.loads("\n".join(lines))["equal"]) == (0, True)


def test_other_names_for_the_same_layers() -> None:
    """torchvision's names against the TensorFlow 2 form's: layers are found by structure."""
    a, b = archspec.compile("resnet34"), archspec.compile("tf2_resnet34")
    found = match(a, b).layers
    assert found["layer1.0.conv1"] == "block1.unit_1.conv1"
    assert found["layer4.2.conv2"] == "block4.unit_3.conv2"
    assert found["layer2.0.downsample.0"] == "block2.unit_1.shortcut.0"
    assert archspec.diff(a, b).totals[0].parameters == archspec.diff(a, b).totals[1].parameters


def test_a_layer_put_between_two() -> None:
    """The numbers of a named sequence shift; what is listed is the layer that came."""
    conv = "{conv: {filters: 4, kernel: 3, padding: 1}}"
    a = network(f"  - {{name: features, layers: [{conv}, relu, {conv}]}}\n")
    b = network(f"  - {{name: features, layers: [{conv}, relu, batch_norm, {conv}]}}\n")
    found = archspec.diff(a, b)
    assert [(layer.kind, layer.before, layer.after) for layer in found.layers] == [
        ("added", "", "features.2"),
        ("changed", "features.2", "features.3"),
    ]
    moved = found.layers[1]
    assert moved.renamed
    assert moved.inputs is not None
    assert (moved.inputs.before, moved.inputs.after) == ("1", "2")


def test_wiring_attributes_inputs_and_outputs() -> None:
    a = network("  - {relu: {name: first}}\n  - add: [[], [sigmoid]]\n")
    b = network("  - {relu: {name: first}}\n  - add: [[sigmoid], []]\n")
    (change,) = archspec.diff(a, b).layers
    assert change.inputs is not None
    assert (change.name, change.inputs.before, change.inputs.after) == ("add", "first, sigmoid", "sigmoid, first")
    c = network("  - relu\n", "input: {channels: 5, height: 8, width: 8}")
    found = archspec.diff(a, c)
    assert [(changed.name, changed.before, changed.after) for changed in found.inputs] == [("input", "4x8x8", "5x8x8")]
    assert found.outputs[0].before == "4x8x8 of add"


def test_a_layer_that_moved_into_a_sequence() -> None:
    conv = "conv: {filters: 7, kernel: 3}"
    a = network(f"  - {conv}\n  - relu\n")
    b = network(f"  - {{name: stem, layers: [{{{conv}}}, relu]}}\n")
    assert match(a, b).layers == {"input": "input", "conv": "stem.0", "relu": "stem.1"}
    assert all(layer.kind == "changed" for layer in archspec.diff(a, b).layers)


def test_a_change_of_all_layers_is_told_once(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("archspec: 1\nname: mine\nextends: resnet50\ndefaults: {batch_norm: {eps: 1e-3}}\n")
    code, lines = run("resnet50", str(path))
    assert code == 3
    assert lines[:4] == ["resnet50 -> mine", "", "every batch_norm (53): eps 1e-05 -> 0.001", ""]


def test_long_chains_without_a_common_name_take_no_square_of_time() -> None:
    times = int(MOST_COMPARED**0.5) + 500
    limits = archspec.Limits(items=1_000_000)
    text = "archspec: 1\nname: net\ninput: {{shape: [4]}}\nlayers: [repeat: {{name: {0}, times: {1}, layers: [{2}]}}]\n"
    a = archspec.compile(load_text(text.format("one", times, "relu"), limits=limits))
    b = archspec.compile(load_text(text.format("other", times + 1, "sigmoid"), limits=limits))
    assert not archspec.diff(a, b).equal


def test_ranges() -> None:
    assert ranges(["a.0", "a.1", "b.2", "c", "d.4", "d.5", "d.6"]) == ["a.0", "a.1", "b.2", "c", "d.4 to d.6"]


def test_what_cannot_be_compared() -> None:
    with pytest.raises(TypeError):
        archspec.diff("resnet18", 3)  # type: ignore[arg-type]
