"""What archspec wrote is replaced as long as nobody has changed it; nothing else is, unless `--force` is given."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from archspec.digests import digest_follows, state, write_digest
from tests.commands.conftest import Run

SPEC = """\
archspec: 1
name: s
params: {k: 3}
input: {channels: 3, height: 8, width: 8}
layers: [{conv: {filters: k, kernel: 1}}, relu]
"""
SOURCE = ("build", "s.yaml", "--no-verify", "-o", "s.py")

WRITTEN = {
    "s.py": SOURCE,
    "k.py": ("build", "s.yaml", "--no-verify", "--backend", "keras", "-o", "k.py"),
    "dump.txt": ("build", "s.yaml", "--emit", "ir", "-o", "dump.txt"),
    "dump": ("build", "s.yaml", "--emit", "ir", "-o", "dump"),
    "schema.json": ("schema", "-o", "schema.json"),
    "s.safetensors": ("init", "s.yaml"),
    **{f"s.{suffix}": ("graph", "s.yaml", "-o", f"s.{suffix}") for suffix in ("svg", "html", "dot", "mmd", "json")},
    "s.graphml": ("graph", "s.yaml", "-o", "s.graphml"),
}
"""By the file what writes it, without a framework."""
OTHERS = {
    "s.png": ("graph", "s.yaml", "-o", "s.png"),
    "s.pdf": ("graph", "s.yaml", "-o", "s.pdf"),
    "s.onnx": ("build", "s.yaml", "--backend", "onnx", "--external-data", "-o", "s.onnx"),
    "s.onnx.data": ("build", "s.yaml", "--backend", "onnx", "--external-data", "-o", "s.onnx"),
    "s.pt": ("build", "s.yaml", "--seed", "0", "-o", "s.py"),
    "k.weights.h5": ("build", "s.yaml", "--backend", "keras", "--seed", "0", "-o", "k.py"),
}
NEEDS = {"s.png": "matplotlib", "s.pdf": "matplotlib", "s.pt": "torch", "k.weights.h5": "keras"}


@pytest.fixture(autouse=True)
def _spec(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SPEC, encoding="utf-8")


@pytest.mark.parametrize("name", [*WRITTEN, *OTHERS])
def test_each_kind_of_file_is_known_again(run: Run, tmp_path: Path, name: str) -> None:
    if name in OTHERS:
        pytest.importorskip(NEEDS.get(name, "onnx"))
    command, path = {**WRITTEN, **OTHERS}[name], tmp_path / name
    path.write_bytes(b"precious")
    code, _, err = run(*command)
    assert code == 1
    assert "E0604" in err
    assert f"{name} was not written by archspec" in err
    assert "-o" in err
    assert "--force" in err
    assert path.read_bytes() == b"precious"

    assert run(*command, "--force")[0] == 0
    first = path.read_bytes()
    assert state(path) == "ours"
    assert run(*command)[0] == 0
    assert path.read_bytes() == first  # the same bytes every time

    for place in (len(first) // 3, len(first) - 1):
        edited = bytearray(first)
        edited[place] ^= 1
        path.write_bytes(edited)
        assert state(path) in ("edited", "foreign")
        code, _, err = run(*command)
        assert code == 1
        assert "E0604" in err
        assert path.read_bytes() == edited
    for other in (first + b"\n", first[:-1], b"\n" + first):
        path.write_bytes(other)
        assert run(*command)[0] == 1
        assert path.read_bytes() == other


def test_weights_that_archspec_made_are_replaced_by_others(run: Run, tmp_path: Path) -> None:
    assert run("init", "s.yaml", "--seed", "1")[0] == 0
    code, out, _ = run("init", "s.yaml", "--seed", "2", "--set", "k=4")
    assert code == 0
    assert "replaced    weights with k=3 of seed 1" in out
    assert "replaced" not in run("init", "s.yaml", "--seed", "2", "--set", "k=4")[1]


def test_weights_of_a_training_are_not(run: Run, tmp_path: Path) -> None:
    import numpy as np

    import archspec
    from archspec.weights import write

    graph = archspec.compile(tmp_path / "s.yaml")
    arrays = {name: np.ones(weight.shape, "float32") for name, weight in graph.all_weights.items()}
    write(tmp_path / "s.safetensors", arrays, graph)
    before = (tmp_path / "s.safetensors").read_bytes()
    assert run("init", "s.yaml")[0] == 1
    assert (tmp_path / "s.safetensors").read_bytes() == before


@pytest.mark.parametrize("line", range(6))
@pytest.mark.parametrize(
    "text", ["# NOTE: mine", "#   mine", "", "x = 1", "# params: k=4", "# digest: 0123456789abcdef"]
)
def test_any_line_added_to_a_source_is_an_edit(run: Run, tmp_path: Path, line: int, text: str) -> None:
    path = tmp_path / "s.py"
    assert run(*SOURCE)[0] == 0
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[2].startswith("# digest: ")  # the places are before, among and after the lines of the header
    edited = "\n".join([*lines[:line], text, *lines[line:], ""])
    path.write_text(edited, encoding="utf-8")
    code, _, err = run(*SOURCE)
    assert code == 1
    assert "E0604" in err
    assert path.read_text(encoding="utf-8") == edited
    assert run(*SOURCE, "--check")[0] == 3


def test_so_is_another_value_in_the_header(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    assert run(*SOURCE)[0] == 0
    path.write_text(path.read_text(encoding="utf-8").replace("# params: k=3", "# params: k=5"), encoding="utf-8")
    assert state(path) == "edited"


@pytest.mark.parametrize("name", ["s.py", "s.svg", "s.html", "s.json", "s.dot", "s.mmd", "s.graphml", "dump.txt"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_line_ends_and_a_byte_order_mark_are_no_edit(
    run: Run, tmp_path: Path, name: str, bom: bytes, ends: bytes
) -> None:
    path = tmp_path / name
    assert run(*WRITTEN[name])[0] == 0
    written = path.read_bytes()
    path.write_bytes(bom + written.replace(b"\n", ends))
    assert state(path) == "ours"
    if name == "s.py":
        code, out, _ = run(*SOURCE, "--check")
        assert code == 0
        assert ("CRLF line ends" in out) == (ends != b"\n")
        assert ("a byte-order mark" in out) == bool(bom)
        code, out, _ = run(*SOURCE)
        assert code == 0
        assert ("replaced    a file with" in out) == (path.read_bytes() != bom + written.replace(b"\n", ends))
    assert run(*WRITTEN[name])[0] == 0
    assert path.read_bytes() == written
    path.write_bytes(bom + written.replace(b"\n", ends) + b"x")
    assert run(*WRITTEN[name])[0] == 1


@pytest.mark.skipif(os.name == "nt", reason="needs links")
@pytest.mark.parametrize("name", WRITTEN)
def test_a_link_is_said_and_stays(run: Run, tmp_path: Path, name: str) -> None:
    link, real = tmp_path / name, tmp_path / "elsewhere" / f"real{Path(name).suffix}"
    real.parent.mkdir()
    link.symlink_to(real)
    for content in (None, b"precious"):  # a link to what is not there, and to a file of another
        if content:
            real.write_bytes(content)
        code, _, err = run(*WRITTEN[name])
        assert code == 1
        assert f"{name} is a symbolic link to {real}" in err
        assert "-o" in err
        assert link.is_symlink()
        assert (real.read_bytes() if real.exists() else None) == content
    assert run(*WRITTEN[name], "--force")[0] == 0
    assert link.is_symlink()
    assert state(real) == "ours"
    assert run(*WRITTEN[name])[0] == 1
    link.unlink()
    link.symlink_to(name)
    for more in ((), ("--force",)):
        code, _, err = run(*WRITTEN[name], *more)
        assert code == 1
        assert "E0605" in err
        assert "symbolic links" in err


def test_another_networks_file_is_not_replaced_without_a_word(run: Run, tmp_path: Path) -> None:
    assert "replaced" not in run("build", "s.yaml", "--no-verify")[1]
    assert "replaced" not in run("build", "s.yaml", "--no-verify")[1]
    code, out, _ = run("build", "s.yaml", "--no-verify", "--set", "k=10")
    assert code == 0
    assert "  replaced    a file that was built with k=3\n" in out
    code, _, err = run("build", "s.yaml", "--no-verify", "--check")
    assert code == 3
    assert "s.py was built with k=10" in err
    assert run("build", "s.yaml", "--no-verify", "--set", "k=10", "--check")[0] == 0
    (tmp_path / "t.yaml").write_text(SPEC, encoding="utf-8")
    assert "built from s.yaml with k=10" in run("build", "t.yaml", "--no-verify")[1]
    assert run("build", "t.yaml", "--no-verify", "--taps", "relu")[0] == 0
    assert "s.svg written" in run("graph", "s.yaml")[1]
    assert "s.svg replaced" in run("graph", "s.yaml", "--set", "k=10")[1]


def test_a_models_file_neither(run: Run) -> None:
    pytest.importorskip("onnx")
    command = ("build", "s.yaml", "--backend", "onnx")
    assert "replaced" not in run(*command)[1]
    assert "replaced" not in run(*command)[1]
    assert "replaced    a model of the same name" in run(*command, "--set", "k=10")[1]


@pytest.mark.parametrize("size", [0, 1, 9_000_000])
def test_a_digest_that_follows_the_writing_is_the_same(tmp_path: Path, size: int) -> None:
    """What comes behind the place that is said to stay may still change; nine megabytes go to the disk meanwhile."""
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    plain, followed = tmp_path / "plain.h5", tmp_path / "followed.h5"
    plain.write_bytes(data)
    write_digest(plain, ".h5")
    followed.write_bytes(bytes(len(data)))
    with digest_follows(followed, ".h5") as written_to, followed.open("r+b", buffering=0) as file:
        for start in range(0, len(data), 1_000_003):
            written_to(start)
            file.write(data[start : start + 1_000_003])
    assert followed.read_bytes() == plain.read_bytes()
    assert state(followed) == "ours"
    if size:
        followed.write_bytes(b"x" + followed.read_bytes()[1:])
        assert state(followed) == "edited"
