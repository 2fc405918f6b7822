"""A spec names files in its own folder, or among those that ship: whatever else it names is an error, and soon."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import archspec
from archspec.cli import main
from archspec.errors import SpecError
from archspec.spec import load, load_text
from tests.pace import within_seconds

HEAD = "archspec: 1\nname: net\ninput: {channels: 3, height: 8, width: 8}\n"
LIBRARY = "archspec: 1\nblocks: {b: {layers: [relu]}}\n"
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="links, pipes and devices as POSIX has them")


def project(folder: Path) -> Path:
    """A folder `spec` with a neighbor that holds a base, a library and a secret; the spec's folder is given back."""
    (folder / "other").mkdir()
    (folder / "other" / "library.yaml").write_text(LIBRARY)
    (folder / "other" / "base.yaml").write_text(f"{HEAD}layers: [relu]\n")
    (folder / "spec" / "parts").mkdir(parents=True)
    (folder / "spec" / "parts" / "library.yaml").write_text(LIBRARY)
    return folder / "spec"


def refused(path: Path, text: str) -> list[str]:
    path.write_text(text)
    with within_seconds(1), pytest.raises(SpecError) as caught:
        archspec.compile(path)
    str(caught.value)
    assert all(found.span is not None for found in caught.value.diagnostics)
    return [found.code for found in caught.value.diagnostics]


@pytest.mark.parametrize("key", ["extends: {}", "include: [{}]"])
@pytest.mark.parametrize("name", ["../other/base.yaml", "parts/../../other/base.yaml", "ABSOLUTE", "../spec2/x.yaml"])
def test_a_path_does_not_leave_the_folder(tmp_path: Path, key: str, name: str) -> None:
    folder = project(tmp_path)
    (tmp_path / "spec2").mkdir()  # a name that merely begins like the folder's
    written = str(tmp_path / "other" / "base.yaml") if name == "ABSOLUTE" else name
    assert refused(folder / "net.yaml", f"{HEAD}{key.format(written)}\nlayers: []\n") == ["E0109"]


@POSIX
def test_nor_by_a_link(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "link.yaml").symlink_to(tmp_path / "other" / "library.yaml")
    (folder / "linked").symlink_to(tmp_path / "other")
    for name in ("link.yaml", "linked/library.yaml"):
        assert refused(folder / "net.yaml", f"{HEAD}include: [{name}]\nlayers: [b]\n") == ["E0109"]


def test_nor_in_a_library_of_a_library(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "parts" / "library.yaml").write_text("archspec: 1\ninclude: [../../other/library.yaml]\nblocks: {}\n")
    assert refused(folder / "net.yaml", f"{HEAD}include: [parts/library.yaml]\nlayers: [b]\n") == ["E0109"]


def test_what_is_inside_is_read(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "base.yaml").write_text(f"{HEAD}include: [parts/../parts/library.yaml]\nlayers: [b]\n")
    (folder / "net.yaml").write_text("archspec: 1\nname: child\nextends: parts/../base.yaml\n")
    assert len(archspec.compile(folder / "net.yaml").nodes) == 2


def test_a_root_lets_a_project_share_its_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = project(tmp_path)
    path = folder / "net.yaml"
    path.write_text("archspec: 1\nname: child\nextends: ../other/base.yaml\n")
    assert len(archspec.compile(path, root=tmp_path).nodes) == 2
    assert main(["validate", str(path), "--root", str(tmp_path)]) == 0
    assert main(["validate", str(path)]) == 1
    assert "E0109" in capsys.readouterr().err


@POSIX
def test_a_spec_that_is_a_link_itself_is_read(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (folder / "net.yaml").symlink_to(tmp_path / "other" / "base.yaml")
    assert load(folder / "net.yaml").name == "net"


def test_what_ships_may_be_named_from_anywhere(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text("archspec: 1\nname: mine\nextends: resnet18\n")
    assert len(archspec.compile(tmp_path / "net.yaml").nodes) > 10


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the names of sockets are short
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def _circle(path: Path) -> None:
    path.symlink_to(path.with_name("other-link.yaml"))
    path.with_name("other-link.yaml").symlink_to(path)


def _link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


STRANGE = {
    "a pipe": _fifo,
    "a socket": _socket,
    "a folder": Path.mkdir,
    "links in a circle": _circle,
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a device": _link_to("/dev/zero"),
    "a terminal": _link_to("/dev/tty"),
    "a file that waits": _link_to("/proc/kmsg"),
    "the kernel's log": _link_to("/dev/kmsg"),
    "standard input": _link_to("/dev/stdin"),
    "memory": _link_to("/proc/self/mem"),
    "a large file": lambda path: os.truncate(path.touch() or path, 10**13),
    "no permission": lambda path: path.touch(mode=0),
    "bytes": lambda path: path.write_bytes(bytes(range(256)) * 100),
    "a zip file": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(1000)),
    "utf-16": lambda path: path.write_text(HEAD, encoding="utf-16"),
    "nothing": Path.touch,
}


@POSIX
@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE.keys())
def test_strange_files_are_errors(tmp_path: Path, make: Callable[[Path], None]) -> None:
    strange = tmp_path / "strange.yaml"
    make(strange)
    for text in ("include: [strange.yaml]\nlayers: []\n", "extends: strange.yaml\n"):
        assert set(refused(tmp_path / "net.yaml", HEAD + text)) <= {
            "E0101",
            "E0102",
            "E0104",
            "E0109",
            "E0202",
            "E0205",
        }
    with within_seconds(1), pytest.raises(SpecError):
        load(strange)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "/".join("x" * 3000), "~", "con", "http://x.y/z.yaml", "-", " "])
def test_strange_names_are_errors(name: str) -> None:
    for text in (f"extends: {name!r}\n", f"include: [{name!r}]\nlayers: []\n"):
        with pytest.raises(SpecError) as caught:
            load_text(HEAD + text.replace("\\x00", "\\0").replace("'", '"'))
        assert {found.code for found in caught.value.diagnostics} <= {"E0101", "E0102", "E0106", "E0109"}
