"""Errors about what is given from outside: by `--set`, by keyword, and in the place of a spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.cli import main
from archspec.errors import SpecError

TEXT = "archspec: 1\nname: net\nparams: {c: 3, size: 8}\ninput: {channels: c, height: size, width: 8}\nlayers: [relu]\n"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(TEXT, encoding="utf-8")
    return "net.yaml"


def test_a_size_from_the_command_line(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", path, "--set", "c=0"]) == 1
    err = capsys.readouterr().err
    assert "the channels of `input` are `0`" in err
    assert "--> --set:1:3" in err
    assert "--> net.yaml:4:19" in err


def test_a_list_from_the_command_line(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = TEXT.replace("layers: [relu]", "layers: [{conv: {filters: 'd[0]', kernel: d}}]").replace("{c:", "{d: 1, c:")
    Path(path).write_text(text, encoding="utf-8")
    for value in ("[3, 3]", "[3, 1 + 2]", "[1, 2] * 1 + []"):
        assert main(["validate", path, "--set", f"d={value}"]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("value", ["[", "[3", "[3, {a: x}]", "[]]", "[*a]", "[!x 3]"])
def test_no_list_from_the_command_line(value: str, path: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(path).write_text(TEXT.replace("[relu]", "[{conv: {filters: d, kernel: 1}}]").replace("{c:", "{d: 1, c:"))
    assert main(["validate", path, "--set", f"d={value}"]) == 1
    err = capsys.readouterr().err
    assert "--> --set:1:3" in err
    assert "internal" not in err


def test_a_word_from_the_command_line(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", path, "--set", "c=three"]) == 1
    assert "write `--set c=3`, or another number" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "help"),
    [
        (b"\x7fELF\2\1\0\xff\xfe", "a program or library of machine code"),
        (b"\1\2\0\xff\xfe", "a spec is a text in YAML"),
        (b"a: \xe9\n", "save it as UTF-8"),
        ("a: 1\n".encode("utf-16"), "it is UTF-16: save it as UTF-8"),
    ],
)
def test_no_text(content: bytes, help: str, path: str) -> None:
    Path("given").write_bytes(content)
    with pytest.raises(SpecError) as caught:
        archspec.load(Path("given"))
    (found,) = caught.value.diagnostics
    assert found.code == "E0101"
    assert help in found.help


@pytest.mark.parametrize("given", [".", "specs", "empty"])
def test_a_folder(given: str, path: str) -> None:
    for folder in ("specs", "empty"):
        Path(folder).mkdir()
    Path("specs/other.yaml").write_text(TEXT, encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        archspec.load(given)
    (found,) = caught.value.diagnostics
    named = {".": "name a file in it: `net.yaml`", "specs": "`specs/other.yaml`", "empty": "there is no YAML in it"}
    assert found.message == f"`{given}` is a folder, where a file must stand"
    assert named[given] in found.help


def test_a_size_by_keyword(path: str) -> None:
    with pytest.raises(SpecError) as caught:
        archspec.compile(path, size="2 - 3")
    text = str(caught.value)
    assert "the height of `input` is `-1`" in text
    assert "--> argument:1:6" in text
    assert "--set" not in text


def test_an_unknown_param_by_keyword(path: str) -> None:
    with pytest.raises(SpecError) as caught:
        archspec.load(path, d=1)
    assert "--> argument:1:1" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"), [({"name": "net"}, "given a dict"), (3, "given a int"), (None, "NoneType")]
)
def test_no_path(given: Any, words: str) -> None:
    with pytest.raises(TypeError, match="takes the path of a spec") as caught:
        archspec.load(given)
    assert words in str(caught.value)


def test_a_spec_that_is_loaded_already(path: str) -> None:
    spec: Any = archspec.load(path)
    with pytest.raises(TypeError, match="is loaded already"):
        archspec.load(spec)


def test_the_text_of_a_spec() -> None:
    with pytest.raises(SpecError, match="the text of a spec") as caught:
        archspec.load(TEXT)
    assert "load_text" in caught.value.diagnostics[0].help


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("nets.yaml", "did you mean `net.yaml`?"),
        ("net.yml", "did you mean `net.yaml`?"),
        ("net", "did you mean the file `net.yaml`?"),
        ("resnet50.yaml", "`resnet50` ships: name it without its folder and `.yaml`"),
        ("specs/other.yaml", "there is no folder `specs`"),
        ("quite-different.yaml", ""),
    ],
)
def test_a_file_that_is_not_there(name: str, help: str, path: str) -> None:
    with pytest.raises(SpecError) as caught:
        archspec.load(name)
    assert caught.value.diagnostics[0].help == help
