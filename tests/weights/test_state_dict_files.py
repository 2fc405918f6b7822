"""Files that are written for PyTorch: what a state dict has beside the weights is in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import archspec
from archspec.checkpoints import write_as
from archspec.cli import main
from archspec.errors import SpecError
from archspec.ir.graph import LayerGraph
from archspec.weights import read_weights
from archspec.weights.safetensors_files import read
from archspec.weights.weight_maps import found_map, load_map
from benchmarks.zoo import digest, rows

SPEC = """
archspec: 1
name: windows
input: {channels: 3, height: 8, width: 8}
layers:
  - conv: {name: stem, filters: 8, kernel: 1}
  - batch_norm: {name: norm}
  - window_attention: {name: attn, heads: 2, window: [2, 4], shift: 1, SCORES}
  - global_avg_pool
  - flatten
  - dense: {name: head, units: 3}
"""


def graph(tmp_path: Path, scores: str) -> LayerGraph:
    path = tmp_path / "windows.yaml"
    path.write_text(SPEC.replace("SCORES", scores), encoding="utf-8")
    return archspec.compile(path)


SCORES = ["scores: dot", "scores: cosine", "names: maxvit"]


@pytest.mark.parametrize("scores", SCORES)
@pytest.mark.parametrize("format", ["torch", "safetensors"])
def test_a_state_dict_is_whole(scores: str, format: str, tmp_path: Path) -> None:
    """Strictly: each key of the model is there, with the shape, type and numbers that the model itself works out."""
    net = graph(tmp_path, scores)
    weights = archspec.init_weights(net, seed=1)
    path = tmp_path / ("w.pth" if format == "torch" else "w.safetensors")
    write_as(format, path, weights, net)
    if format == "torch":
        state = torch.load(path, weights_only=True)
    else:
        state = {name: torch.from_numpy(tensor.load()) for name, tensor in read(path, 100).items()}
    model = archspec.build(net, "torch", weights=weights)
    assert state.keys() == model.state_dict().keys()
    for name, wanted in model.state_dict().items():
        assert state[name].dtype == wanted.dtype
        assert torch.equal(state[name], wanted), name
    back, report = read_weights(path, net)
    assert report.complete
    assert all(np.array_equal(back[name], weights[name]) for name in weights)


MAP = """
archspec-map: 1
library: mine
layers: {stem: conv, norm: bn, head: fc}
weights:
  attn.{leaf:word}: block.{leaf}
  attn.{layer:word}.{leaf:word}: block.{layer}.{leaf}
derived:
  attn.relative_position_index: DERIVED
"""


@pytest.mark.parametrize(("derived", "saved"), [("block.index", True), ("{name: block.index, saved: false}", False)])
def test_a_map_says_what_is_derived(derived: str, saved: bool, tmp_path: Path) -> None:
    net = graph(tmp_path, "scores: dot")
    weights = archspec.init_weights(net, seed=1)
    path = tmp_path / "map.yaml"
    path.write_text(MAP.replace("DERIVED", derived), encoding="utf-8")
    names = load_map(path)
    assert names.check(net) == []
    assert names.idle(net) == []
    write_as("torch", tmp_path / "w.pth", weights, net, names=names)
    state = torch.load(tmp_path / "w.pth", weights_only=True)
    assert ("block.index" in state) is saved
    assert state["bn.num_batches_tracked"].dtype == torch.int64
    state["block.index"] = torch.zeros(64, dtype=torch.int64)  # as an older version of the library has it
    torch.save(state, tmp_path / "w.pth")
    back, report = read_weights(tmp_path / "w.pth", net, map=path)
    assert report.complete
    assert np.array_equal(back["attn.qkv.weight"], weights["attn.qkv.weight"])


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("attn.qkv.weight: block.other", "`attn.qkv.weight` is a weight, and not derived"),
        ("attn.relative_position_index: conv.weight", "have one name, `conv.weight`"),
    ],
)
def test_a_map_is_held_against_the_network(rule: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(MAP.replace("attn.relative_position_index: DERIVED", rule), encoding="utf-8")
    assert any(said in wrong for wrong in load_map(path).check(graph(tmp_path, "scores: dot")))


def test_a_rule_for_nothing_derived_is_idle(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(MAP.replace("attn.relative_position_index: DERIVED", "attn.mask: block.mask"), encoding="utf-8")
    assert load_map(path).idle(graph(tmp_path, "scores: dot")) == ["attn.mask"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (MAP.replace("DERIVED", "[a, b]"), "what is derived has a name"),
        (MAP.replace("DERIVED", "{name: a, saved: 1}"), "what is derived has a name"),
        (MAP.replace("DERIVED", "a").replace("library: mine", "library: mine\nlayout: keras"), "PyTorch's layout"),
    ],
)
def test_a_wrong_rule(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match=said):
        load_map(path)


def test_what_is_no_map(tmp_path: Path) -> None:
    path = tmp_path / "text.pth"
    path.write_text("hello\n", encoding="utf-8")
    with pytest.raises(archspec.ArchspecError) as caught:
        found_map(str(path))
    assert "is no map of weights: it is a text" in caught.value.diagnostics[0].message


def test_a_map_that_matches_nothing(tmp_path: Path) -> None:
    net = graph(tmp_path, "scores: dot")
    write_as("torch", tmp_path / "w.pth", archspec.init_weights(net), net)
    path = tmp_path / "map.yaml"
    path.write_text(MAP.replace("DERIVED", "block.index"), encoding="utf-8")
    with pytest.raises(archspec.ArchspecError) as caught:
        read_weights(tmp_path / "w.pth", net, map=path)
    notes = [note.message for note in caught.value.diagnostics[0].notes]
    assert notes[0].startswith("5 of 5 rules match no name of the file: `stem`, `norm`")
    assert notes[1] == "`stem` gives `conv.weight`; the nearest of the file's names is `stem.weight`"


def _lenet() -> tuple[LayerGraph, dict[str, Any]]:
    net = archspec.compile("lenet")
    return net, dict(archspec.init_weights(net, seed=3))


def test_numbers_beside_the_weights_are_passed_over(tmp_path: Path) -> None:
    """As those of `torch.optim.swa_utils.AveragedModel`, and of metrics in Lightning's checkpoints."""
    net, weights = _lenet()
    state = {f"module.{name}": torch.from_numpy(array) for name, array in weights.items()}
    torch.save({"n_averaged": torch.tensor(5), **state}, tmp_path / "w.pth")
    back, _ = read_weights(tmp_path / "w.pth", net)
    assert all(np.array_equal(back[name], weights[name]) for name in weights)
    torch.save({"criterion.weight": torch.ones(3), **state}, tmp_path / "w.pth")
    with pytest.raises(archspec.ArchspecError, match="--strip-prefix module"):
        read_weights(tmp_path / "w.pth", net)


def test_a_list_of_state_dicts(tmp_path: Path) -> None:
    net, weights = _lenet()
    torch.save(({name: torch.from_numpy(array) for name, array in weights.items()}, {"lr": 0.1}), tmp_path / "w.pth")
    back, report = read_weights(tmp_path / "w.pth", net)
    assert report.notes == ("the file's key `0`",)
    assert all(np.array_equal(back[name], weights[name]) for name in weights)


def test_a_folder_of_the_hub(tmp_path: Path) -> None:
    """A clone, a folder with an index, and a repository in the hub's cache; a part alone names the index."""
    net, weights = _lenet()
    folder = tmp_path / "models--a--b"
    inside = folder / "snapshots" / "abc"
    inside.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc", encoding="utf-8")
    names = [*weights]
    parts = {"model-00001-of-00002.safetensors": names[:2], "model-00002-of-00002.safetensors": names[2:]}
    from safetensors.numpy import save_file

    for part, held in parts.items():
        save_file({name: weights[name] for name in held}, inside / part)
    index = {"weight_map": {name: part for part, held in parts.items() for name in held}}
    (inside / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    for path in (folder, inside):
        back, _ = read_weights(path, net)
        assert all(np.array_equal(back[name], weights[name]) for name in weights)
    with pytest.raises(archspec.ArchspecError, match="part 1 of 2, one of several files: give the index"):
        read_weights(inside / "model-00001-of-00002.safetensors", net)


@pytest.mark.parametrize("there", [True, False])
def test_a_part_alone_is_called_so(there: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safetensors.numpy import save_file

    _, weights = _lenet()
    path = tmp_path / "model-00002-of-00003.safetensors"
    save_file({name: weights[name] for name in [*weights][:2]}, path)
    index = tmp_path / "model.safetensors.index.json"
    if there:
        index.write_text("{}", encoding="utf-8")
    assert main(["weights", "inspect", str(path)]) == 0
    out = capsys.readouterr().out
    assert "part 2 of 3: the index `model.safetensors.index.json`" in out
    assert ("which is not beside it" in out) is not there
    assert "its names or shapes are others" not in out
    assert main(["weights", "inspect", str(path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["part"] == [2, 3]
    assert main(["weights", "convert", str(path), "lenet", "-o", str(tmp_path / "w.npz")]) == 1
    err = capsys.readouterr().err
    assert "it is part 2 of 3" in err
    assert ("give the index of all" if there else "download the other parts and their index") in err
    whole = path.with_name("model-00001-of-00001.safetensors")
    save_file(weights, whole)
    assert main(["weights", "inspect", str(whole)]) == 0
    if not there:
        assert " of 1: " not in capsys.readouterr().out


TORCHVISION = {"resnet18": "resnet18", "swin_t": "swin", "swin_v2_t": "swin_v2"}


@pytest.mark.parametrize("builder", TORCHVISION)
def test_a_written_file_is_a_whole_state_dict(builder: str, tmp_path: Path) -> None:
    """Strictly, for the source that is written, and with the keys that torchvision's network has."""
    (row,) = (row for row in rows() if row["builder"] == builder)
    net = archspec.compile(TORCHVISION[builder], **row["params"])
    weights = archspec.init_weights(net, seed=5)
    write_as("torch", tmp_path / "w.pth", weights, net)
    state = torch.load(tmp_path / "w.pth", weights_only=True)
    model = archspec.build(net, "torch")
    model.load_state_dict(state, strict=True)
    assert all(np.array_equal(model.state_dict()[name].numpy(), weights[name]) for name in weights)
    # The digest in the table is of all keys and shapes but counters of steps.
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    assert digest(shapes) == row["keys"]
    name = next(iter(net.saved_derived), next(iter(weights)))
    for broken in ({**state, "more": state[name]}, {key: state[key] for key in state if key != name}):
        with pytest.raises(RuntimeError, match=r"Unexpected key|Missing key"):
            model.load_state_dict(broken, strict=True)


def test_a_file_without_a_head(tmp_path: Path) -> None:
    net, weights = _lenet()
    last = [*weights][-1].rpartition(".")[0]
    body = {name: array for name, array in weights.items() if not name.startswith(last)}
    with pytest.raises(archspec.ArchspecError, match="--adapt head"):
        read_weights(body, net)
    back, report = read_weights(body, net, adapt=["head"])
    assert {*report.drawn} == weights.keys() - body.keys()
    assert all(np.array_equal(back[name], body[name]) for name in body)
