"""Weights that are made to fit other input channels, classes and positions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec import WeightsError
from archspec.cli import main
from archspec.spec import load_text
from archspec.weights import read_weights, write
from archspec.weights.adaptation import Adaptation, input_channels
from archspec.weights.resampling import Way, interpolated, interpolated_offsets
from tests.needed import lazily, needs

torch: Any = lazily("torch")


def test_sums_and_repeats_keep_what_gray_images_give() -> None:
    draw = np.random.default_rng(0)
    kernel, plane = draw.normal(size=(5, 3, 2, 2)).astype(np.float32), draw.normal(size=(2, 2)).astype(np.float32)
    wanted = (kernel * plane).sum(axis=(1, 2, 3))
    for channels in (1, 2, 4, 5, 6, 9):
        found = input_channels(kernel, channels)
        assert found.shape == (5, channels, 2, 2)
        if channels in (1, 6, 9):
            np.testing.assert_allclose((found * plane).sum(axis=(1, 2, 3)), wanted, rtol=1e-5, atol=1e-5)
    assert np.array_equal(input_channels(kernel, 4)[:, 3], kernel[:, 0] * np.float32(0.75))


@needs("torch")
@pytest.mark.parametrize(
    ("way", "given"),
    [("antialiased", {"antialias": True}), ("corners", {"align_corners": True}), ("centers", {"align_corners": False})],
)
@pytest.mark.parametrize(
    ("old", "new"), [((14, 14), (16, 16)), ((14, 14), (7, 9)), ((3, 3), (24, 5)), ((2, 2), (1, 1))]
)
def test_positions_are_interpolated_as_pytorch_does_it(
    old: tuple[int, int], new: tuple[int, int], way: Way, given: dict[str, bool]
) -> None:
    numbers = np.random.default_rng(1).normal(size=(1, 2 + old[0] * old[1], 6)).astype(np.float32)
    grid = torch.from_numpy(numbers[:, 2:]).reshape(1, *old, 6).permute(0, 3, 1, 2)
    wanted = torch.nn.functional.interpolate(grid, size=new, mode="bicubic", **given)
    found = interpolated(numbers, old, new, way)
    assert np.array_equal(found[:, :2], numbers[:, :2])
    flat = wanted.permute(0, 2, 3, 1).reshape(1, -1, 6).numpy()
    np.testing.assert_allclose(found[:, 2:], flat, rtol=0, atol=2e-6)


def test_a_classifier_is_drawn_anew_or_keeps_some_classes(tmp_path: Path) -> None:
    arrays = archspec.init_weights("resnet18", seed=1)
    fresh = archspec.compile("resnet18", classes=3)
    with pytest.raises(WeightsError, match="--adapt head makes them fit"):
        read_weights(arrays, fresh)
    found, report = read_weights(arrays, fresh, adapt=["head"])
    assert np.array_equal(found["fc.weight"], archspec.init_weights(fresh, seed=0)["fc.weight"])
    assert np.array_equal(found["layer1.0.conv1.weight"], arrays["layer1.0.conv1.weight"])
    assert report.complete
    assert report.notes == ("fc.weight drawn anew, for 3 classes", "fc.bias drawn anew, for 3 classes")
    some, _ = read_weights(arrays, fresh, adapt=["head=7,999,0"])
    assert np.array_equal(some["fc.weight"], arrays["fc.weight"][[7, 999, 0]])
    assert np.array_equal(some["fc.bias"], arrays["fc.bias"][[7, 999, 0]])
    for wrong, message in (("head=1,2", "2 classes are asked for"), ("head=1,2,1000", "class 1000 is asked for")):
        with pytest.raises(WeightsError, match=message):
            read_weights(arrays, fresh, adapt=[wrong])


def test_the_first_convolution_takes_other_channels_and_no_other_does() -> None:
    arrays = archspec.init_weights("resnet18", seed=1)
    gray = archspec.compile("resnet18", in_channels=1, classes=5)
    with pytest.raises(WeightsError, match="--adapt channels --adapt head makes them fit"):
        read_weights(arrays, gray)
    found, report = read_weights(arrays, gray, adapt=["channels", "head"])
    assert np.array_equal(found["conv1.weight"], arrays["conv1.weight"].sum(axis=1, keepdims=True))
    assert "conv1.weight of 3 channels, for 1" in report.notes
    wrong = {**arrays, "layer1.0.conv1.weight": arrays["layer1.0.conv1.weight"][:, :3]}
    with pytest.raises(WeightsError, match=r"layer1\.0\.conv1\.weight is 64x3x3x3"):
        read_weights(wrong, archspec.compile("resnet18"), adapt=["channels", "head"])


@pytest.mark.parametrize("how", ["positions", "positions=torchvision"])
def test_a_transformer_takes_images_of_another_size(how: str) -> None:
    arrays = archspec.init_weights("vision_transformer", seed=1, variant="ti_16")
    larger = archspec.compile("vision_transformer", size=288, variant="ti_16")
    with pytest.raises(WeightsError, match="--adapt positions makes them fit"):
        read_weights(arrays, larger)
    found, report = read_weights(arrays, larger, adapt=[how])
    name = "encoder.pos_embedding"
    assert found[name].shape == (1, 1 + 18 * 18, 192)
    assert np.array_equal(found[name][:, 0], arrays[name][:, 0])
    assert f"{name} interpolated from 14x14 to 18x18, as by {how.partition('=')[2] or 'timm'}" in report.notes


REGISTERS = """
archspec: 1
name: registers
input: {{channels: 3, height: {size}, width: {size}}}
layers:
  - conv: {{filters: 8, kernel: 4, stride: 4}}
  - to_tokens
  {items}
  - select_token
"""
TOKENS = {
    "learned before": "- register_tokens: {count: 4}\n  - class_token\n  - position_embedding: {name: positions}",
    "learned after": "- position_embedding: {name: positions}\n  - register_tokens: {count: 4}\n  - class_token",
    "between two": "- class_token\n  - position_embedding\n  - register_tokens: {count: 9}\n"
    "  - position_embedding: {name: positions}",
}


@pytest.mark.parametrize(("kind", "before"), [("learned before", 5), ("learned after", 0), ("between two", 10)])
@pytest.mark.parametrize(("old", "new"), [(20, 12), (12, 20), (12, 24)])
def test_positions_of_learned_tokens_stay(kind: str, before: int, old: int, new: int) -> None:
    """Registers and class tokens that stand before those of the image; that follows from the graph, not from squares.

    9 tokens of an image behind 9 registers and more could be taken for others.
    """
    small, large = (archspec.compile(load_text(REGISTERS.format(size=size, items=TOKENS[kind]))) for size in (old, new))
    arrays = archspec.init_weights(small, seed=1)
    found, report = read_weights(arrays, large, adapt=["positions"])
    name = "positions.weight"
    assert f"{name} interpolated from {old // 4}x{old // 4} to {new // 4}x{new // 4}, as by timm" in report.notes
    assert np.array_equal(found[name][:before], arrays[name][:before])
    side, wide = old // 4, new // 4
    wanted = interpolated(arrays[name][before:], (side, side), (wide, wide), "antialiased")
    assert np.array_equal(found[name][before:], wanted)


WINDOWS = """
archspec: 1
name: windows
input: {{channels: 6, height: 24, width: 24}}
layers:
  - window_attention: {{name: attn, heads: 2, window: {}}}
"""


@needs("torch")
def test_a_window_of_another_size_has_its_biases_interpolated(tmp_path: Path) -> None:
    """As Swin's own `load_pretrained` does it; what follows from the window, such as the file's indices, is not."""
    small, large = (archspec.compile(load_text(WINDOWS.format(size))) for size in (4, 6))
    name = "attn.relative_position_bias_table"
    arrays = {key: array.astype(np.float32) for key, array in archspec.init_weights(small, seed=1).items()}
    torch.save(
        {
            **{key: torch.from_numpy(array) for key, array in arrays.items()},
            "attn.relative_position_index": torch.zeros(256, dtype=torch.int64),
        },
        tmp_path / "w.pth",
    )
    with pytest.raises(WeightsError, match="--adapt positions makes them fit"):
        read_weights(tmp_path / "w.pth", large)
    found, report = read_weights(tmp_path / "w.pth", large, adapt=["positions"])
    table = torch.from_numpy(arrays[name]).T.reshape(1, 2, 7, 7)
    wanted = torch.nn.functional.interpolate(table, size=(11, 11), mode="bicubic").reshape(2, 121).T.numpy()
    np.testing.assert_allclose(found[name], wanted, rtol=0, atol=2e-6)
    assert report.notes[-1] == f"{name} interpolated from 7x7 to 11x11, as by Swin"
    assert all(np.array_equal(found[key], arrays[key]) for key in arrays if key != name)


def test_biases_of_windows_are_interpolated_as_timm_does_it() -> None:
    """Numbers of timm 1.0.31's `resize_rel_pos_bias_table` for the same table, from windows of 4 to windows of 6."""
    large = archspec.compile(load_text(WINDOWS.format(6)))
    name = "attn.relative_position_bias_table"
    arrays = archspec.init_weights(archspec.compile(load_text(WINDOWS.format(4))), seed=1)
    arrays[name] = ((np.arange(98) % 7 - 3) / 2).astype(np.float32).reshape(49, 2)
    found, report = read_weights(arrays, large, adapt=["positions=geometric"])
    wanted = [[-1.5, -1], [0.6666679, 1.166668], [-0.3333329, 0.1666671], [1.5, -1.5], [-0.1666671, 0.3333329]]
    wanted += [[-1.166668, -0.6666679], [1, 1.5]]
    np.testing.assert_allclose(found[name][::20], wanted, rtol=0, atol=1e-6)
    assert found[name].shape == (121, 2)
    assert report.notes[-1] == f"{name} interpolated from 7x7 to 11x11, as by timm"


@pytest.mark.parametrize(("old", "new"), [(3, 23), (23, 3), (7, 15), (13, 11)])
def test_geometric_offsets_keep_the_middle_and_what_is_even(old: int, new: int) -> None:
    middle = np.random.default_rng(0).normal(size=(old * old, 2))
    found = interpolated_offsets(middle, (old, old), (new, new), "geometric")
    np.testing.assert_allclose(found[new * new // 2], middle[old * old // 2], rtol=0, atol=1e-12)
    assert found.min() >= middle.min()
    assert found.max() <= middle.max()
    mirrored = interpolated_offsets(middle[::-1], (old, old), (new, new), "geometric")
    np.testing.assert_allclose(mirrored, found[::-1], rtol=0, atol=1e-12)


HEADS = """
archspec: 1
name: net
params: {classes: 3, in_channels: 3}
input: {channels: in_channels, height: 8, width: 8}
layers: [FIRST, relu, global_avg_pool, flatten, LAST]
"""
CONV = "conv: {name: conv1, filters: 6, kernel: 3}"
DENSE = "dense: {name: fc, units: classes}"
NORM = "batch_norm: {name: bn}"


def net(first: str = CONV, last: str = DENSE, **given: int) -> archspec.LayerGraph:
    return archspec.compile(load_text(HEADS.replace("FIRST", first).replace("LAST", last), overrides=given))


def numbered(graph: archspec.LayerGraph, dtype: str = "float32") -> dict[str, Any]:
    """Weights that all differ."""
    draw = np.random.default_rng(0)
    return {name: draw.uniform(0.5, 1, weight.shape).astype(dtype) for name, weight in graph.all_weights.items()}


@pytest.mark.parametrize("last", [DENSE, f"{DENSE}, {NORM}", f"{DENSE}, {NORM}, softmax"])
def test_a_head_of_as_many_classes_is_adapted_as_well(last: str) -> None:
    graph = net(last=last)
    arrays = numbered(graph)
    found, report = read_weights(arrays, graph, adapt=["head=2,1,0"])
    heads = {name for name in arrays if not name.startswith("conv1")}
    assert {"fc.weight", "fc.bias"} <= heads
    for name, array in arrays.items():
        assert np.array_equal(found[name], array[[2, 1, 0]] if name in heads else array)
    assert "fc.weight of 3 of 3 classes" in report.notes
    assert report.drawn == ()
    found, report = read_weights(arrays, graph, adapt=["head"])
    fresh = archspec.init_weights(graph, seed=0)
    for name, array in arrays.items():
        assert np.array_equal(found[name], fresh[name] if name in heads else array)
    assert {*report.drawn} == heads
    for wrong, message in (
        ("head=0,7", "2 classes are asked for, and the network has 3"),
        ("head=0,1,3", "class 3 is"),
    ):
        with pytest.raises(WeightsError, match=message):
            read_weights(arrays, graph, adapt=[wrong])


def test_a_head_before_a_normalization_gets_other_classes() -> None:
    last = f"{DENSE}, {NORM}"
    arrays, graph = numbered(net(last=last, classes=5)), net(last=last)
    with pytest.raises(WeightsError, match="--adapt head makes them fit"):
        read_weights(arrays, graph)
    found, _ = read_weights(arrays, graph, adapt=["head=4,0,2"])
    for name in ("fc.weight", "fc.bias", "bn.weight", "bn.running_var"):
        assert np.array_equal(found[name], arrays[name][[4, 0, 2]])


def test_the_head_of_a_transposed_convolution_has_its_classes_on_the_second_axis() -> None:
    up = "conv_transpose: {name: up, filters: classes, kernel: 2, stride: 2}"
    spec = HEADS.replace("FIRST, relu, global_avg_pool, flatten, LAST", f"{CONV}, {up}")
    wide, graph = (archspec.compile(load_text(spec, overrides={"classes": count})) for count in (5, 2))
    arrays = numbered(wide)
    found, _ = read_weights(arrays, graph, adapt=["head=4,1"])
    assert np.array_equal(found["up.weight"], arrays["up.weight"][:, [4, 1]])
    assert np.array_equal(found["up.bias"], arrays["up.bias"][[4, 1]])


def test_classes_of_a_grouped_head_are_refused() -> None:
    spec = HEADS.replace(
        "FIRST, relu, global_avg_pool, flatten, LAST", "conv: {name: c, filters: classes, kernel: 3, groups: 3}"
    )
    graph = archspec.compile(load_text(spec))
    with pytest.raises(WeightsError, match="whose groups have a part of the features each"):
        read_weights(numbered(graph), graph, adapt=["head=0,1,2"])


def test_what_is_asked_for_in_vain_is_said() -> None:
    graph = net()
    _, report = read_weights(numbered(graph), graph, adapt=["channels", "positions"])
    assert [doubt.partition(":")[0] for doubt in report.doubts] == [
        "`--adapt channels` changed nothing",
        "`--adapt positions` changed nothing",
    ]
    headless = archspec.compile(
        load_text(HEADS.replace("FIRST, relu, global_avg_pool, flatten, LAST", "relu").replace("classes: 3, ", ""))
    )
    assert "`--adapt head` changed nothing" in read_weights({}, headless, adapt=["head"])[1].doubts[0]


@pytest.mark.parametrize("channels", [1, 2, 5, 6])
def test_the_first_convolution_behind_a_normalization_takes_other_channels(channels: int) -> None:
    first = f"{NORM}, {CONV}"
    arrays, graph = numbered(net(first=first)), net(first=first, in_channels=channels)
    with pytest.raises(WeightsError, match="--adapt channels makes them fit"):
        read_weights(arrays, graph)
    found, _ = read_weights(arrays, graph, adapt=["channels"])
    assert np.array_equal(found["conv1.weight"], input_channels(arrays["conv1.weight"], channels))
    for name in ("bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"):
        repeated = np.tile(arrays[name], 2)[:channels]
        wanted = arrays[name].mean(keepdims=True) if channels == 1 else repeated
        np.testing.assert_allclose(found[name], wanted, rtol=1e-6)


def test_a_convolution_of_one_position_and_one_filter_has_colors_as_any_other() -> None:
    one = "conv: {name: conv1, filters: 1, kernel: 1}"
    arrays = numbered(net(first=one))
    found, _ = read_weights(arrays, net(first=one, in_channels=1), adapt=["channels"])
    assert np.array_equal(found["conv1.weight"], arrays["conv1.weight"].sum(axis=1, keepdims=True))


def test_a_grouped_convolution_of_three_channels_each_has_no_colors() -> None:
    def grouped(channels: int) -> archspec.LayerGraph:
        return net(first="conv: {name: conv1, filters: 6, kernel: 3, groups: 2}", in_channels=channels)

    arrays = numbered(grouped(6))
    assert arrays["conv1.weight"].shape[1] == 3
    with pytest.raises(WeightsError, match=r"conv1\.weight is 6x3x3x3, the network's is 6x1x3x3"):
        read_weights(arrays, grouped(2), adapt=["channels"])


def test_kernels_of_more_than_three_channels_are_left_alone() -> None:
    with pytest.raises(WeightsError, match=r"conv1\.weight is 6x9x3x3, the network's is 6x1x3x3"):
        read_weights(numbered(net(in_channels=9)), net(in_channels=1), adapt=["channels"])


@pytest.mark.parametrize("dtype", ["float64", "float16", "float32"])
def test_the_type_of_numbers_stays(dtype: str) -> None:
    first = f"{NORM}, {CONV}"
    arrays = numbered(net(first=first, classes=7), dtype)
    for channels in (1, 4):
        for head in ("head", "head=6,1,2"):
            found, _ = read_weights(arrays, net(first=first, in_channels=channels), adapt=["channels", head])
            assert {array.dtype.name for array in found.values()} == {dtype}
    exact = input_channels(arrays["conv1.weight"].astype(np.float64), 1)
    assert np.array_equal(exact, arrays["conv1.weight"].astype(np.float64).sum(axis=1, keepdims=True))
    table = np.random.default_rng(0).normal(size=(1, 5, 3)).astype(dtype)
    assert interpolated(table, (2, 2), (3, 3), "antialiased").dtype == table.dtype


BLOCKS = """
archspec: 1
name: net
params: {classes: 3, in_channels: 3, width: 3}
let: {wide: 2 * width}
input: {channels: in_channels, height: 8, width: 8}
blocks:
  last:
    params: {units: 5}
    layers: [global_avg_pool, flatten, {dense: {name: fc, units: units}}]
layers:
  - {conv: {name: conv1, filters: 7, kernel: 3}}
  - {conv: {name: conv2, filters: 4 * width - 9, kernel: 3}}
  - {conv: {name: conv3, filters: wide + 1, kernel: 3}}
  - last: {name: head, units: classes}
"""


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"in_channels": 4}, "--set in_channels=4"),
        ({"classes": 4}, "--set classes=4"),
    ],
)
def test_the_hint_names_the_param_that_decides_the_weight(given: dict[str, int], hint: str) -> None:
    wanted = archspec.compile(load_text(BLOCKS))
    arrays = archspec.init_weights(archspec.compile(load_text(BLOCKS, overrides=given)), seed=0)
    with pytest.raises(WeightsError, match="do not fit") as caught:
        read_weights(arrays, wanted)
    [found] = caught.value.diagnostics
    assert [part for part in found.help.split("; ") if "--set" in part] == [f"the file may be of a network with {hint}"]


def test_no_param_is_named_that_does_not_decide_the_weight() -> None:
    wanted = archspec.compile(
        load_text(BLOCKS.replace("in_channels: 3, ", "").replace("channels: in_channels", "channels: 3"))
    )
    arrays = archspec.init_weights(wanted, seed=0)
    arrays["conv1.weight"] = np.zeros((7, 4, 3, 3), np.float32)
    with pytest.raises(WeightsError, match="do not fit") as caught:
        read_weights(arrays, wanted)
    assert "--set" not in str(caught.value)


def test_words_that_mean_nothing_are_refused() -> None:
    for wrong in ("heads", "head=a", "channels=4", "positions=bilinear", ""):
        with pytest.raises(WeightsError, match="nothing that can be adapted"):
            Adaptation.parse([wrong])


def test_the_command_line_adapts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "w.safetensors", tmp_path / "gray.npz"
    write(file, archspec.init_weights("lenet", seed=1), archspec.compile("lenet"))
    given = [str(file), "lenet", "--set", "classes=4", "-o", str(out)]
    assert main(["weights", "convert", *given]) == 1
    assert "--adapt head" in capsys.readouterr().err
    assert main(["weights", "convert", *given, "--adapt", "head=3,1,2,0"]) == 0
    assert "of 4 of 10 classes" in capsys.readouterr().out
    with np.load(out) as held:
        assert len(held["fc3.weight" if "fc3.weight" in held else [n for n in held if n.endswith("bias")][-1]]) == 4
