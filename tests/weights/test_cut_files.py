"""Files that ended early: each says so when it is looked at, before any number is read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import archspec
from archspec.checkpoints import SUFFIXES, contents, write_as
from archspec.errors import WeightsError
from archspec.weights import read_weights

SAID = ("downloaded to the end", "not a whole safetensors file", "it is empty", "is not there")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of each format, of which the numbers are."""
    folder = tmp_path_factory.mktemp("whole")
    graph = archspec.compile("lenet")
    found = {}
    for format, (suffix, *_) in SUFFIXES.items():
        path = folder / f"w{suffix}"
        write_as(format, path, archspec.init_weights(graph), graph)
        found[format] = path if format != "tensorflow" else folder / "w.ckpt.data-00000-of-00001"
    return found


@pytest.mark.parametrize("format", SUFFIXES)
@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.95])
def test_a_cut_file(format: str, part: float, whole: dict[str, Path], tmp_path: Path) -> None:
    data = whole[format].read_bytes()
    path = tmp_path / whole[format].name
    path.write_bytes(data[: int(len(data) * part)])
    index = whole[format].parent / "w.ckpt.index"
    if format == "tensorflow":
        (tmp_path / index.name).write_bytes(index.read_bytes())
    with pytest.raises(WeightsError) as caught:
        contents(path)
    [found] = caught.value.diagnostics
    assert found.code == "E0701"
    assert any(said in found.label for said in SAID), found.label


@pytest.mark.parametrize("lacking", [1, 64, 512, 8192])
@pytest.mark.parametrize("format", SUFFIXES)
def test_the_last_bytes(format: str, lacking: int, whole: dict[str, Path], tmp_path: Path) -> None:
    """Without them a file is an error, or, where they are padding, has the numbers that it had."""
    source, graph = whole[format], archspec.compile("lenet")
    for other in source.parent.glob("w.ckpt*"):
        (tmp_path / other.name).write_bytes(other.read_bytes())
    path = tmp_path / source.name
    given = path if format != "tensorflow" else tmp_path / "w.ckpt.index"
    path.write_bytes(source.read_bytes())
    wanted, _ = read_weights(given, graph)
    path.write_bytes(source.read_bytes()[:-lacking])
    found = None
    with suppress(WeightsError):
        found, _ = read_weights(given, graph)
    if found is not None:
        assert lacking < 512
        assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.999])
def test_a_cut_file_of_older_pytorch(part: float, tmp_path: Path) -> None:
    """Which is no archive, but pickles and numbers one after another."""
    torch = pytest.importorskip("torch")
    arrays = archspec.init_weights("lenet")
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    path = tmp_path / "w.pth"
    torch.save(state, path, _use_new_zipfile_serialization=False)
    assert contents(path).mappings
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(WeightsError) as caught:
        contents(path)
    [found] = caught.value.diagnostics
    assert (found.code, found.severity) == ("E0701", "error")
    assert "early" in found.label or "downloaded to the end" in found.label or "damaged" in found.label, found.label


def test_numbers_that_are_not_there(whole: dict[str, Path], tmp_path: Path) -> None:
    index = tmp_path / "w.ckpt.index"
    index.write_bytes((whole["tensorflow"].parent / index.name).read_bytes())
    with pytest.raises(WeightsError, match=r"w\.ckpt\.data-00000-of-00001, in which its numbers lie, is not there"):
        contents(index)


def test_the_first_tensor_that_is_cut_is_named(whole: dict[str, Path], tmp_path: Path) -> None:
    data = whole["tensorflow"].read_bytes()
    (tmp_path / whole["tensorflow"].name).write_bytes(data[:-2])
    index = tmp_path / "w.ckpt.index"
    index.write_bytes((whole["tensorflow"].parent / index.name).read_bytes())
    with pytest.raises(
        WeightsError, match=rf"ends after {len(data) - 2:,} of {len(data):,} bytes, before the end of '"
    ):
        contents(index)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("w.pth", b"\x89PNG\r\n\x1a\n" + bytes(50), "an image (PNG)"),
        ("w.pth", b"\xff\xd8\xff\xe0" + bytes(50), "an image (JPEG)"),
        ("w.pth", b"RIFF\0\0\0\0WEBPVP8 " + bytes(50), "an image (WebP)"),
        ("README.md", b"# A model\n\nIts weights.\n", "Markdown, such as the card of a model"),
        ("w.pth", b"---\nlicense: mit\n---\n\n# A model\n", "Markdown, such as the card of a model"),
        ("w.pth", b"%PDF-1.7\n\xe2\xe3\xcf\xd3", "a PDF document"),
        ("w.json", b'{"error": "not found"}', "JSON, and no weights"),
    ],
)
def test_what_is_no_weights_file(name: str, data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(WeightsError) as caught:
        contents(tmp_path / name)
    [found] = caught.value.diagnostics
    assert said in found.label
    assert found.help
