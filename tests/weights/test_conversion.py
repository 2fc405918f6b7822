"""`archspec weights`: what files hold and whose they are, and round trips over all formats, bit by bit."""

from __future__ import annotations

import json
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import archspec
from archspec import SpecError, WeightsError
from archspec.checkpoints import SUFFIXES, candidates, contents, write_as
from archspec.cli import main
from archspec.parity import random_weights
from archspec.weights import read_weights
from archspec.weights.crc32c import MULTIPLE, crc32c
from archspec.weights.translation import named_by
from archspec.weights.weight_maps import found_map, load_map, shipped_maps
from benchmarks.zoo import digest
from tests.needed import needs
from tests.weights.test_formats import SPEC, graph, right, same, slim, slim_variables

NEEDS = {"torch": "torch", "keras": "keras", "onnx": "onnx"}


def _written(format: str, folder: Path) -> Path:
    path = folder / f"w{SUFFIXES[format][0]}"
    files = write_as(format, path, right(), graph())
    assert all(file.is_file() for file in files)
    return files[0]


@pytest.mark.parametrize("format", [pytest.param(name, marks=needs(NEEDS.get(name, "numpy"))) for name in SUFFIXES])
def test_what_is_written_is_read_back(format: str, tmp_path: Path) -> None:
    found, report = read_weights(_written(format, tmp_path), graph())
    same(found)
    assert not report.doubts


@needs("torch", "keras", "onnx")
@pytest.mark.parametrize("suffix", SUFFIXES["keras"])
def test_over_all_pairs(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One walk that goes from each format to each other, by the command; the numbers stay what they are."""
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(SPEC)
    others = [name for name in SUFFIXES if name != "keras"] if suffix != SUFFIXES["keras"][0] else list(SUFFIXES)
    walk = ["safetensors"]
    for one, other in permutations(["keras", *others] if "keras" not in others else others, 2):
        walk += [one, other]
    write_as("safetensors", Path("w.safetensors"), right(), graph())
    for before, after in pairwise(walk):
        if before == after:
            continue
        source, target = (f"w{suffix if name == 'keras' else SUFFIXES[name][0]}" for name in (before, after))
        assert main(["weights", "convert", source, "net.yaml", "-o", target, "--force"]) == 0
    same(read_weights(target, graph())[0])


@needs("tensorflow")
def test_tensorflow_reads_what_is_written(tmp_path: Path) -> None:
    import tensorflow as tf

    arrays = random_weights(slim())
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    write_as("tensorflow", tmp_path / "m.ckpt", arrays, slim(), names=found_map("slim_resnet_v2"))
    reader = tf.train.load_checkpoint(str(tmp_path / "m.ckpt"))
    wanted = {name.partition("/")[2]: array for name, array in slim_variables().items()}
    assert reader.get_variable_to_shape_map().keys() == wanted.keys()
    for name, array in wanted.items():
        assert np.array_equal(reader.get_tensor(name), array), name  # it holds the checksums against the numbers


@needs("onnxruntime")
def test_onnx_runtime_runs_what_is_written(tmp_path: Path) -> None:
    import onnx
    import onnxruntime

    path = tmp_path / "m.onnx"
    write_as("onnx", path, right(), graph())
    onnx.checker.check_model(onnx.load(path), full_check=True)
    image = np.random.default_rng(0).standard_normal((2, 4, 8, 8)).astype(np.float32)
    other = archspec.build(graph(), "onnx", weights=right()).SerializeToString()
    found, wanted = (onnxruntime.InferenceSession(model).run(None, {"input": image}) for model in (path, other))
    assert np.array_equal(found[0], wanted[0])


def test_checksums() -> None:
    """Published values (RFC 3720), and lengths about where its ways end against the definition, byte by byte."""
    assert crc32c(np.frombuffer(b"123456789", "u1")) == 0xE3069283
    assert crc32c(np.zeros(32, "u1")) == 0x8A9136AA
    assert crc32c(np.full(32, 255, "u1")) == 0x62A8AB43
    for length in (0, 1, 1023, 1024, 1025, 1031, 9000, 8 * MULTIPLE[0] + 3, 2**20 + 1):
        data = np.random.default_rng(length).integers(0, 256, length, dtype=np.uint8)
        state = 0xFFFFFFFF
        for byte in data.tolist():
            state = TABLE[(state ^ byte) & 255] ^ state >> 8
        assert crc32c(data) == state ^ 0xFFFFFFFF
    terms = [_power(64 * power) for power in MULTIPLE]
    assert terms[0] ^ terms[1] ^ terms[2] ^ terms[3] == 0  # it is a multiple of the polynomial


def _shifted(state: int) -> int:
    return state >> 1 ^ (0x82F63B78 if state & 1 else 0)


def _power(exponent: int) -> int:
    """What x to this power leaves, the highest bit for x to the power of 0."""
    state = 1 << 31
    for _ in range(exponent):
        state = _shifted(state)
    return state


TABLE = list(range(256))
for _ in range(8):
    TABLE = [_shifted(state) for state in TABLE]


def test_a_file_says_whose_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lenet = archspec.compile("lenet")
    path = tmp_path / "w.npz"
    np.savez(path, allow_pickle=False, **random_weights(lenet))
    [first, *_] = candidates(path)
    assert (first.name, first.found, first.left, first.complete) == ("lenet", len(lenet.all_weights), 0, True)
    assert contents(path).numbers("") == lenet.parameters + lenet.buffers
    assert main(["weights", "inspect", str(path)]) == 0
    text = capsys.readouterr().out
    assert f"network     lenet: {len(lenet.all_weights)} of {len(lenet.all_weights)} weights" in text
    assert main(["weights", "inspect", str(path), "--format", "json", "--tensors"]) == 0
    [data] = json.loads(capsys.readouterr().out)
    assert data["networks"][0]["name"] == "lenet"
    assert data["mappings"][""]["tensors"].keys() == lenet.all_weights.keys()


def test_weights_of_another_network_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, allow_pickle=False, **random_weights(archspec.compile("lenet")))
    command = ["build", "espcn", "--backend", "torch", "--weights", str(path), "-o", str(tmp_path / "x.py")]
    assert main(command) == 1
    count = len(archspec.compile("lenet").all_weights)
    assert f"these are the weights of lenet ({count} of {count})" in capsys.readouterr().err
    assert not (tmp_path / "x.py").exists()


@pytest.mark.parametrize(
    "command",
    [
        "build espcn --backend torch --weights F -o made.py",
        "build espcn --backend keras --weights F -o made.py",
        "build espcn --backend onnx --weights F -o made.onnx",
        "build espcn --backend torch --weights F -o made.py --map order",
        "build espcn --backend torch --weights F -o made.py --strip-prefix net.",
        "predict squeezenet --weights F picture.png",
        "parity espcn --weights F",
        "weights convert F espcn -o made.npz",
        "bench espcn --weights F",
        "tune espcn --weights F",
        "push espcn --weights F -o made",
        "quantize espcn --weights F --images pictures -o made.onnx",
        "quantize espcn --weights F --images pictures --backend torch -o made.pth",
        "train digits_resnet --recipe digits --weights F -o made",
        "train digits_resnet --recipe digits --weights F --backend keras -o made",
        "evaluate digits_resnet --recipe digits --weights F",
        "evaluate digits_resnet --recipe digits --weights F --backend keras",
    ],
)
@needs("torch", "keras", "onnx", "onnxruntime")
def test_each_command_says_whose_weights_they_are(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the file is called, and however the weights are read."""
    monkeypatch.chdir(tmp_path)
    lenet = archspec.compile("lenet")
    np.savez("model.npz", allow_pickle=False, **random_weights(lenet))
    Path("pictures").mkdir()
    for picture in ("picture.png", "pictures/one.png"):
        Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(picture)
    assert main(command.replace(" F", " model.npz").split()) == 1
    said = capsys.readouterr().err
    assert f"these are the weights of lenet ({len(lenet.all_weights)} of {len(lenet.all_weights)})" in said
    assert not [*Path().glob("made*/*"), *Path().glob("made.*")]


@needs("torch")
def test_weights_of_another_network_are_named_where_some_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arrays = random_weights(archspec.compile("resnet18", classes=1000))
    np.savez("model.npz", allow_pickle=False, **arrays, extra=np.zeros(3))
    assert (
        main(["build", "resnet34", "--backend", "torch", "--weights", "model.npz", "--partial", "-o", "made.py"]) == 0
    )
    found = capsys.readouterr().err
    count = len(arrays)
    assert f"warning: these are the weights of resnet18 ({count} of {count}), and 1 other tensor" in found


def test_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("w.npz", allow_pickle=False, **random_weights(archspec.compile("lenet")))
    Path("mine.npz").write_text("mine")
    Path("mine.ckpt.index").write_text("mine")
    for target in ("mine.npz", "mine.ckpt"):
        assert main(["weights", "convert", "w.npz", "lenet", "-o", target]) == 1
        assert "was not written by archspec" in capsys.readouterr().err
    assert Path("mine.npz").read_text() == Path("mine.ckpt.index").read_text() == "mine"
    assert main(["weights", "convert", "w.npz", "lenet", "-o", "again.npz"]) == 0
    assert main(["weights", "convert", "w.npz", "lenet", "-o", "again.npz"]) == 0  # its own it replaces
    with pytest.raises(SystemExit):
        main(["weights", "convert", "w.npz", "lenet", "-o", "w.pth", "--to", "numpy"])
    with pytest.raises(SystemExit):
        main(["weights", "convert", "w.npz", "lenet"])


NETWORKS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "facebook_convnext": [("convnext", {"variant": name}) for name in ("tiny", "small", "base", "large")],
    "facebook_convnext_timm": [("convnext_timm", {"variant": "tiny"}), ("convnext_v2_timm", {"variant": "atto"})],
    "facebook_deit3": [("vit_timm", {"variant": f"deit3_{name}"}) for name in ("small", "base_384", "huge")],
    "microsoft_swin": [("swin", {"variant": name}) for name in ("t", "s", "b")],
    "microsoft_swin_timm": [("swin_timm", {"variant": "tiny"}), ("swin_v2_timm", {"variant": "tiny_16"})],
    "microsoft_swin_v2": [("swin_v2", {"variant": name}) for name in ("t", "b")],
    "slim_resnet_v2": [(f"resnet_v2_{depth}", {}) for depth in (50, 101, 152, 200)],
    "timm_convnext": [("convnext", {"variant": name}) for name in ("atto", "tiny", "small", "base", "large")],
    "timm_efficientnet": [("efficientnet", {"variant": name}) for name in ("b0", "b1", "b4")],
    "timm_mnasnet": [("mnasnet", {"variant": name}) for name in ("x0_5", "x1_0", "x1_3")],
    "timm_mobilenet_v2": [("mobilenet_v2", {})],
    "timm_regnet": [("regnet", {"variant": name}) for name in ("x_800mf", "y_400mf", "y_3_2gf")],
    "timm_swin": [("swin", {"variant": name}) for name in ("t", "s", "b")],
    "timm_swin_v2": [("swin_v2", {"variant": name}) for name in ("t", "b")],
    "timm_vgg": [("vgg", {"variant": "vgg11"}), ("vgg", {"variant": "vgg16_bn"})],
    "timm_vision_transformer": [
        ("vision_transformer", {"variant": name}) for name in ("ti_16", "b_16", "b_32", "l_16", "l_32", "h_14")
    ],
}
TIMM = json.loads((Path(__file__).parent / "timm_names.json").read_text())
"""What timm calls the weights of its models, as a digest: `python -m benchmarks.timm_names` prints it."""


def test_maps_name_every_weight_once() -> None:
    assert {each.path.stem for each in shipped_maps()} == NETWORKS.keys()
    for name, networks in NETWORKS.items():
        assert len(found_map(name).path.read_text().splitlines()) <= 25
        idle: set[str] | None = None
        for network, params in networks:
            graph = archspec.compile(network, **params)
            assert found_map(name).check(graph) == [], (network, params)
            idle = set(found_map(name).idle(graph)) & (idle if idle is not None else set(found_map(name).idle(graph)))
        assert not idle, name


@pytest.mark.parametrize("name", TIMM)
def test_names_and_shapes_are_those_of_timm(name: str) -> None:
    row = TIMM[name]
    graph = archspec.compile(row["spec"], **({"variant": row["variant"]} if row["variant"] else {}))
    empty = {path: np.broadcast_to(np.float32(0), weight.shape) for path, weight in graph.all_weights.items()}
    named = named_by(found_map(row["map"]), graph, empty)
    assert digest({path: array.shape for path, array in named.items()}) == row["keys"]


WRONG = {
    "archspec-map: 1\nlibrary: x\nlayers: {'a{n}': 'b{m}'}\n": "`m` stands in no braces",
    "archspec-map: 1\nlibrary: x\nlayers: {'a{n}': 'b{n +}'}\n": "error[E0703]",
    "archspec-map: 1\nlibrary: x\nlayers: {'a{N n}': b}\n": "is no place for a name",
    "archspec-map: 1\nlibrary: x\nlayers: {'a{n': b}\n": "the braces do not match",
    "archspec-map: 1\nlibrary: x\nlayers: {a: 3}\n": "a rule gives a name",
    "archspec-map: 1\nlibrary: x\nlayers: {a: [b, 3]}\n": "a rule gives a name",
    "archspec-map: 1\nlibrary: x\nlayers: {a: [{constant: 0}]}\n": "a rule gives a name",
    "archspec-map: 1\nlibrary: x\nlayers: {a: [b, {constant: c}]}\n": "a constant is a number",
    "archspec-map: 1\nlibrary: x\nlayer: {}\n": "did you mean `layers`?",
    "archspec-map: 1\nlibrary: x\nlet: {k: n + 1}\nlayers: {'a{m}': 'b{k}'}\n": "`n` stands in no braces",
    "archspec-map: 1\nlibrary: x\nlet: {k: 'n +'}\nlayers: {'a{n}': 'b{k}'}\n": "error[E0703]",
    "archspec-map: 1\nlibrary: x\nlayers: {a: {name: b, kernel: -1}}\n": "a kernel is a whole number",
    "archspec-map: 1\nlibrary: x\nignored: a\n": "is a list of the library's names",
    "archspec-map: 1\nlibrary: x\nignored: ['a{n']\n": "the braces do not match",
    "archspec-map: 2\nlibrary: x\n": "this version of maps is not known",
    "archspec-map: 1\n": "a map says whose names it has",
    "archspec-map: 1\nlibrary: x\nlayout: nchw\n": "there is no such layout",
    "library: x\n": "is no map of weights",
    "- 1\n": "is no map of weights",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items())
def test_a_wrong_map(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as caught:
        load_map(path)
    assert said in str(caught.value)
    assert "map.yaml" in str(caught.value)


def test_a_map_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text("archspec-map: 1\nlibrary: x\nlayers: {'conv{n}': 'c{n - 1}', 'fc{n}': same, idle: i}\n")
    lenet = archspec.compile("lenet")
    assert load_map(path).idle(lenet) == ["idle"]
    with pytest.raises(WeightsError, match="does not name"):
        write_as("numpy", tmp_path / "w.npz", random_weights(lenet), lenet, names=found_map("slim_resnet_v2"))
    assert not (tmp_path / "w.npz").exists()


@pytest.mark.parametrize(
    ("network", "params", "said"),
    [
        ("mobilenet_keras", {"width": 0.25, "classes": 10}, "mobilenet_keras --set width=0.25 --set classes=10"),
        ("mobilenet_keras", {"width": 0.35}, "mobilenet_keras --set width=0.35"),
        ("mobilenet_v2_keras", {"width": 0.35}, "mobilenet_v2_keras --set width=0.35"),
        ("mobilenet_v2_keras", {"width": 1.3}, "mobilenet_v2_keras --set width=1.3"),
        ("shufflenet_v2", {"classes": 4}, "shufflenet_v2 --set classes=4"),
        ("lenet", {"classes": 3}, "lenet --set classes=3"),
    ],
)
def test_a_network_with_other_params_is_named(
    network: str, params: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = archspec.compile(network, **params)
    arrays = archspec.init_weights(made, seed=1)
    write_as("safetensors", tmp_path / "w.safetensors", arrays, made)
    assert main(["weights", "inspect", str(tmp_path / "w.safetensors")]) == 0
    found = capsys.readouterr().out
    assert f"network     {said}: {len(arrays)} of {len(arrays)} weights\n" in found


@needs("torch")
def test_averages_beside_the_weights_do_not_make_it_another_network(tmp_path: Path) -> None:
    """Two mappings of one network have twice its shapes together: those of a deeper one."""
    import torch

    arrays = archspec.init_weights(archspec.compile("resnet18"), seed=1)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    torch.save({"model": tensors, "model_ema": tensors}, tmp_path / "w.pth")
    found = candidates(tmp_path / "w.pth")
    assert found[0].name == "resnet18"
    assert all(each.complete for each in found)


@needs("torch")
def test_a_backbone_beside_another_head_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    arrays = archspec.init_weights(archspec.compile("resnet18"), seed=1)
    last = list(arrays)[-2:]
    tensors = {f"backbone.{name}": torch.from_numpy(array) for name, array in arrays.items() if name not in last}
    torch.save({**tensors, "classifier.weight": torch.zeros(7, 512)}, tmp_path / "w.pth")
    found = candidates(tmp_path / "w.pth")[0]
    assert (found.name, found.found, found.wanted) == ("resnet18", len(arrays) - 2, len(arrays))
    assert "the prefix `backbone.` taken off" in found.notes[0]


@needs("torch")
def test_a_count_of_steps_does_not_hide_other_params(tmp_path: Path) -> None:
    import torch

    arrays = archspec.init_weights(archspec.compile("lenet", classes=3), seed=1)
    tensors = {f"module.{name}": torch.from_numpy(array) for name, array in arrays.items()}
    torch.save({"n_averaged": torch.tensor(5), **tensors}, tmp_path / "w.pth")
    assert [each.name for each in candidates(tmp_path / "w.pth")] == ["lenet --set classes=3"]


def test_the_library_whose_names_a_file_has_comes_first(tmp_path: Path) -> None:
    graph = archspec.compile("efficientnet_timm")
    empty = {name: np.broadcast_to(np.float16(0), weight.shape) for name, weight in graph.all_weights.items()}
    np.savez(tmp_path / "w.npz", allow_pickle=False, **empty)
    found = [each.name for each in candidates(tmp_path / "w.npz")]
    assert found[0] == "efficientnet_timm"
    assert "efficientnet" in found


@needs("torch")
def test_a_file_without_tensors_is_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import torch

    torch.save({"epoch": 3}, tmp_path / "w.pth")
    assert main(["weights", "inspect", str(tmp_path / "w.pth")]) == 0
    assert "of none that ships: it holds no tensors" in capsys.readouterr().out


def test_the_networks_own_file_is_not_called_anothers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With other params the file of a spec is said to be of those that it ships with."""
    np.savez(tmp_path / "w.npz", allow_pickle=False, **random_weights(archspec.compile("lenet")))
    command = ["build", "lenet", "--set", "classes=3", "--backend", "torch", "--weights", str(tmp_path / "w.npz")]
    assert main([*command, "-o", str(tmp_path / "x.py")]) == 1
    assert "these are the weights of lenet with the params that it ships with (10 of 10)" in capsys.readouterr().err


def test_params_are_held_against_the_whole_file(tmp_path: Path) -> None:
    """A planted fault: one weight is as in no network, whatever its params are."""
    arrays = archspec.init_weights(archspec.compile("lenet", classes=3), seed=1)
    name = next(name for name in arrays if name.startswith("conv2") and arrays[name].ndim == 4)
    np.savez(tmp_path / "w.npz", allow_pickle=False, **{**arrays, name: np.concatenate([arrays[name]] * 2, 1)})
    assert not any(each.complete for each in candidates(tmp_path / "w.npz"))


def test_a_slip_in_an_option_says_nothing_of_whose_the_weights_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "w.npz"
    np.savez(path, allow_pickle=False, **archspec.init_weights("lenet"))
    for option in ("--adapt haed", "--adapt head=a", "--map orderr", "--map none.txt"):
        assert main(["build", "resnet18", "--weights", str(path), "-o", str(tmp_path / "m.py"), *option.split()]) == 1
        assert "these are the weights of" not in capsys.readouterr().err, option
    assert main(["build", "resnet18", "--weights", str(path), "-o", str(tmp_path / "m.py")]) == 1
    assert "these are the weights of lenet" in capsys.readouterr().err
