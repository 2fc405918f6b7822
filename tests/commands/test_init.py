"""`archspec init`, and `archspec build --seed`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

import archspec
from tests.commands.conftest import Run


def test_init_writes_what_the_seed_gives(run: Run, tmp_path: Path) -> None:
    code, out, err = run("init", "resnet18", "--seed", "4", "--set", "classes=10", "-o", "w.safetensors")
    assert (code, err) == (0, "")
    expected = archspec.init_weights("resnet18", seed=4, classes=10)
    found = load_file(tmp_path / "w.safetensors")
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    for part in (
        "11,181,642 and 9,600 running statistics",
        "kaiming_normal(fan_out): 20 weights, 11,166,912 numbers",
        "ones: 40 weights, 9,600 numbers",
        "seed        4",
        "w.safetensors (drawn in",
    ):
        assert part in out


def test_the_same_bytes_in_every_process(run: Run, tmp_path: Path) -> None:
    run("init", "lenet", "-o", "here.safetensors")
    command = [sys.executable, "-m", "archspec.cli", "init", "lenet", "-o", "there.safetensors"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "here.safetensors").read_bytes() == (tmp_path / "there.safetensors").read_bytes()


def test_where_the_file_goes(run: Run, tmp_path: Path) -> None:
    assert run("init", "lenet")[0] == 0
    assert run("init", "lenet", "-o", "folder")[0] == 0
    assert run("init", "resnet18", "-o", "folder", "--taps", "layer1")[0] == 0
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")} == {
        "lenet.safetensors",
        "folder/lenet.safetensors",
        "folder/resnet18_taps.safetensors",
    }
    assert len(load_file(tmp_path / "folder" / "resnet18_taps.safetensors")) == 25


def test_a_file_is_not_overwritten_unasked(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"mine")
    code, _, err = run("init", "lenet", "-o", "w.safetensors")
    assert code == 1
    assert "E0604" in err
    assert "--force" in err
    assert path.read_bytes() == b"mine"
    assert run("init", "lenet", "-o", "w.safetensors", "--force")[0] == 0
    assert len(load_file(path)) == 10


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["init", "lenet", "-o", "w.pt"], "ends in .safetensors"),
        (["init", "lenet", "--seed", "half"], "invalid int value"),
        (["build", "lenet", "--seed", "1", "--weights", "w.safetensors"], "one of the two"),
        (["build", "lenet", "--seed", "1", "--check"], "--seed writes a weights file"),
        (["build", "lenet", "--seed", "1", "-o", "-"], "--seed writes a weights file"),
        (["build", "lenet", "--seed", "1", "--partial"], "--partial is for --weights"),
    ],
)
def test_wrong_usage(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], wanted: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2
    assert wanted in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_build_with_a_seed_writes_weights_beside_the_source(run: Run, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    code, out, _ = run("build", "lenet", "--seed", "4")
    assert code == 0
    path = tmp_path / "generated" / "torch" / "lenet.pt"
    assert "model.load_state_dict(torch.load('generated/torch/lenet.pt', weights_only=True))" in out
    found = torch.load(path, weights_only=True)
    expected = archspec.init_weights("lenet", seed=4)
    assert all(np.array_equal(found[name].numpy(), expected[name]) for name in expected)
    assert run("build", "lenet", "--seed", "5")[0] == 0
    assert not np.array_equal(torch.load(path, weights_only=True)["conv1.weight"].numpy(), expected["conv1.weight"])
