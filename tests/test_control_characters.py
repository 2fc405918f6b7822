"""Names of files with ends of lines and control characters: no message prints them as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import archspec
from archspec.cli import main
from archspec.parity import random_weights
from archspec.spec.loading import find

ODD = "a\nerror[E0101]: b\x1b[31m\r\x07c"
"""What a terminal would show as an error of its own, in red, and ring for."""


@pytest.mark.parametrize(
    "command",
    [
        "summary|{odd}/none.yaml",
        "validate|{odd}/net.yaml",
        "validate|{odd}/wrong.yaml",
        "weights|inspect|{odd}/none.npz",
        "weights|inspect|{odd}/w.npz",
        "weights|inspect|{odd}/cut.npz",
        "weights|convert|{odd}/w.npz|{odd}/net.yaml|-o|{odd}/made.npz",
        "weights|convert|{odd}/w.npz|resnet18|-o|{odd}/made.npz",
        "build|{odd}/net.yaml|-o|{odd}/made.py",
        "build|{odd}/net.yaml|--weights|{odd}/none.npz|-o|{odd}/made.py",
        "build|{odd}/net.yaml|-o|{odd}/none/made.py",
        "build|{odd}/net.yaml|-o|{odd}/w.npz",
        "graph|{odd}/net.yaml|-o|{odd}/made.svg",
        "init|{odd}/net.yaml|-o|{odd}/made.safetensors",
        "schema|-o|{odd}/schema.json",
        "new|{odd}/new.yaml",
        "push|{odd}/net.yaml|--weights|{odd}/w.npz|-o|{odd}/repository",
        "train|{odd}/net.yaml|--recipe|{odd}/none.yaml",
    ],
)
def test_names_of_files_are_printed_on_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / ODD
    folder.mkdir()
    shutil.copy(find("lenet"), folder / "net.yaml")
    (folder / "wrong.yaml").write_text("archspec: 1\nname: wrong\nlayers: [nothing]\n", encoding="utf-8")
    np.savez(folder / "w.npz", allow_pickle=False, **random_weights(archspec.compile("lenet")))
    (folder / "cut.npz").write_bytes((folder / "w.npz").read_bytes()[:1000])
    main([part.format(odd=folder) for part in command.split("|")])
    out, err = capsys.readouterr()
    assert out or err
    assert not {*(out + err)} & {"\x1b", "\r", "\x07"}
    assert not any(line.startswith("error[E0101]: b") for line in (out + err).splitlines())
