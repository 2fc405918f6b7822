"""Files with bits turned over, parts left out and ends cut off: an error of ours, or weights that can be loaded."""

from __future__ import annotations

import re
import tracemalloc
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec import WeightsError
from archspec.checkpoints import SUFFIXES, write_as
from archspec.spec import load_text
from archspec.weights import read_weights
from archspec.weights.translation import named_by
from tests.needed import lazily, needs

h5py: Any = lazily("h5py")
SPEC = """
archspec: 1
name: net
input: {channels: 3, height: 4, width: 4}
layers:
  - {conv: {name: conv1, filters: 2, kernel: 3}}
  - {batch_norm: {name: bn1}}
  - flatten
  - {dense: {name: fc, units: 3}}
"""
TRIALS = 150
CUTS = 60
MEMORY = 2**25
"""Bytes that reading a file of some kB may take."""
NEEDED = {
    "torch": ("torch",),
    "onnx": ("onnx",),
    "keras": ("h5py", "pyfive"),
    "keras archive": ("h5py", "pyfive"),
}
FORMATS = (
    *("hdf5", "keras", "keras archive", "tensorflow index", "tensorflow data"),
    *("numpy", "safetensors", "torch", "onnx"),
)


@cache
def graph() -> archspec.LayerGraph:
    return archspec.compile(load_text(SPEC))


def legacy(path: Path) -> None:
    """What Keras 2 saves: a group for each layer, and the names in attributes."""
    named = named_by(None, graph(), archspec.init_weights(graph(), seed=1))
    layers: dict[str, list[str]] = {}
    for name in named:
        layers.setdefault(name.partition("/")[0], []).append(f"{name}:0")
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.encode() for layer in layers]
        for layer, names in layers.items():
            group = file.create_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name in names:
                group[name] = named[name.removesuffix(":0")]


def sound(format: str, folder: Path) -> tuple[Path, Path]:
    """A file of a format, and the one of its files that is damaged."""
    if format == "hdf5":
        pytest.importorskip("h5py")
        pytest.importorskip("pyfive")
        legacy(folder / "w.h5")
        return folder / "w.h5", folder / "w.h5"
    for library in NEEDED.get(format, ()):
        pytest.importorskip(library)
    path = folder / f"w{SUFFIXES[format.partition(' ')[0]][0]}"
    write_as(format.partition(" ")[0], path, archspec.init_weights(graph(), seed=1), graph())
    if format == "keras archive":
        inner = path.rename(folder / "model.weights.h5")
        path = folder / "w.keras"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("metadata.json", "{}")
            archive.writestr("config.json", "{}")
            archive.write(inner, inner.name)
    part = {"tensorflow index": ".index", "tensorflow data": ".data-00000-of-00001"}.get(format, "")
    return path, path.with_name(path.name + part)


@pytest.mark.parametrize("format", FORMATS)
def test_damage_is_an_error_or_weights(format: str, tmp_path: Path) -> None:
    path, part = sound(format, tmp_path)
    wanted = archspec.init_weights(graph(), seed=1)
    whole = part.read_bytes()
    found, _ = read_weights(path, graph())
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
    draw = np.random.default_rng(0)
    errors: list[WeightsError] = []
    for trial in range(TRIALS):
        data = bytearray(whole)
        place = int(draw.integers(len(data)))
        if trial % 3 == 0:
            del data[place:]
        elif trial % 3 == 1:
            del data[place : place + int(draw.integers(1, 9))]
        else:
            for _ in range(int(draw.integers(1, 4))):
                data[int(draw.integers(len(data)))] ^= 1 << int(draw.integers(8))
        part.write_bytes(data)
        try:
            found, report = read_weights(path, graph())
        except WeightsError as error:
            errors.append(error)
        else:
            assert report.complete
            assert found.keys() == wanted.keys()
            if format == "tensorflow data" or format == "numpy":
                assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
    assert len(errors) > TRIALS // 3
    assert all(len(error.diagnostics) == 1 for error in errors)


WITHOUT_CHECKSUMS = ("hdf5", "keras", "safetensors", "onnx", "torch before 1.6")
"""Formats in which a number with another bit is another number. `docs/weights.md` says so."""


@pytest.mark.parametrize("format", [*FORMATS, "torch before 1.6"])
def test_a_turned_bit_is_an_error_or_harmless_where_the_format_has_checksums(format: str, tmp_path: Path) -> None:
    if format == "torch before 1.6":
        torch = pytest.importorskip("torch")
        path = part = tmp_path / "w.pth"
        weights = archspec.init_weights(graph(), seed=1)
        state = {name: torch.from_numpy(array.copy()) for name, array in weights.items()}
        torch.save(state, path, _use_new_zipfile_serialization=False)
    else:
        path, part = sound(format, tmp_path)
    wanted = archspec.init_weights(graph(), seed=1)
    whole = part.read_bytes()
    refused = taken = other = 0
    places = range(0, len(whole), max(1, len(whole) // 200))
    for place in places:
        data = bytearray(whole)
        data[place] ^= 1 << place % 8
        part.write_bytes(data)
        try:
            found, _ = read_weights(path, graph())
        except WeightsError as error:
            refused += len(error.diagnostics) == 1
        else:
            taken += 1
            other += not all(np.array_equal(found[name], wanted[name]) for name in wanted)
    assert refused
    assert refused + taken == len(places)
    assert (other > 0) == (format in WITHOUT_CHECKSUMS)


@needs("h5py", "pyfive")
def test_the_checksums_that_hdf5_may_have_are_compared(tmp_path: Path) -> None:
    path = tmp_path / "w.h5"
    legacy(path)
    with h5py.File(path, "r+") as file:
        group, name = file["fc"], "fc/kernel:0"
        numbers = group[name][()]
        del group[name]
        group.create_dataset(name, data=numbers, chunks=numbers.shape, fletcher32=True)
    found, _ = read_weights(path, graph())
    assert np.array_equal(found["fc.weight"], archspec.init_weights(graph(), seed=1)["fc.weight"])
    data = path.read_bytes()
    place = data.rindex(numbers.tobytes()) + 5  # before it lie those that were taken out
    path.write_bytes(data[:place] + bytes([data[place] ^ 16]) + data[place + 1 :])
    with pytest.raises(WeightsError, match="damaged"):
        read_weights(path, graph())


@needs("torch")
@pytest.mark.parametrize("left_out", ["all", "numbers"])
def test_a_file_of_pytorch_without_checksums_is_read(left_out: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    weights = archspec.init_weights(graph(), seed=1)
    state = {name: torch.from_numpy(array.copy()) for name, array in weights.items()}
    path = tmp_path / "w.pth"
    if left_out == "all":
        torch.serialization.set_crc32_options(False)
        try:
            torch.save(state, path)
        finally:
            torch.serialization.set_crc32_options(True)
    else:  # a place is made for the numbers, which are put in afterwards
        with torch.serialization.skip_data():
            torch.save(state, path)
        places = {name: tensor.untyped_storage() for name, tensor in state.items()}
        with zipfile.ZipFile(path) as archive, path.open("r+b") as file:
            for number, storage in enumerate(places.values()):
                entry = next(one for one in archive.infolist() if one.filename.endswith(f"/data/{number}"))
                assert not entry.CRC
                file.seek(entry.header_offset + 26)
                sizes = file.read(4)
                file.seek(int.from_bytes(sizes[:2], "little") + int.from_bytes(sizes[2:], "little"), 1)
                file.write(bytes(storage))
    found, _ = read_weights(path, graph())
    assert all(np.array_equal(found[name], weights[name]) for name in weights)


@needs("torch")
@pytest.mark.parametrize("kind", ["one storage", "every other number", "turned"])
def test_damage_beside_a_tensor_in_its_storage_is_seen(kind: str, tmp_path: Path) -> None:
    """PyTorch has a checksum of a storage, of which a tensor may be a part."""
    torch = pytest.importorskip("torch")
    weights = archspec.init_weights(graph(), seed=1)
    state = {name: torch.from_numpy(array.copy()) for name, array in weights.items()}
    if kind == "one storage":
        flat = torch.cat([tensor.reshape(-1) for tensor in state.values()])
        parts = torch.split(flat, [tensor.numel() for tensor in state.values()])
        state = {name: part.view(state[name].shape) for name, part in zip(state, parts, strict=True)}
    elif kind == "every other number":
        state = {name: torch.stack([tensor, tensor], -1)[..., 0] for name, tensor in state.items()}
    else:
        state = {name: tensor.mT.contiguous().mT if tensor.ndim > 1 else tensor for name, tensor in state.items()}
    path = tmp_path / "w.pth"
    torch.save(state, path)
    found, _ = read_weights(path, graph())
    assert all(np.array_equal(found[name], weights[name]) for name in weights)
    data = path.read_bytes()
    last = state["fc.weight"].numpy().reshape(-1)[-1:].tobytes()
    place = data.rindex(last)
    path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
    with pytest.raises(WeightsError, match="checksum") as caught:
        read_weights(path, graph())
    assert len(caught.value.diagnostics) == 1


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_that_ends_early_is_one_error_anywhere(format: str, tmp_path: Path) -> None:
    """In little memory, too: of ONNX and HDF5, whose ends hold nothing that is needed, or all numbers are there."""
    path, part = sound(format, tmp_path)
    wanted = archspec.init_weights(graph(), seed=1)
    whole = part.read_bytes()
    read_weights(path, graph())  # what is imported takes memory once
    tracemalloc.start()
    refused, whole_ones = 0, 0
    cuts = range(0, len(whole), max(1, len(whole) // CUTS))
    for length in cuts:
        part.write_bytes(whole[:length])
        try:
            found, _ = read_weights(path, graph())
        except WeightsError as error:
            refused += len(error.diagnostics) == 1
        else:
            whole_ones += 1
            assert all(np.array_equal(found[name], wanted[name]) for name in wanted), length
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused + whole_ones == len(cuts)
    assert whole_ones < len(cuts) // 8
    assert peak < MEMORY


@needs("h5py", "pyfive")
def test_a_file_that_asks_for_very_much_is_quietly_read(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """CPython prints an error of its own where room is made for what a file asks for, and there is none."""
    path = tmp_path / "w.weights.h5"
    write_as("keras", path, archspec.init_weights(graph(), seed=1), graph())
    # The length of what an object's description goes on with.
    data, count = re.subn(
        rb"(\x10\0\x10\0.{4}.{8}).{8}",
        lambda found: found[1] + (2**60).to_bytes(8, "little"),
        path.read_bytes(),
        flags=re.DOTALL,
    )
    assert count
    path.write_bytes(data)
    found, _ = read_weights(path, graph())  # what it has of it is enough
    wanted = archspec.init_weights(graph(), seed=1)
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
    assert capfd.readouterr().err == ""
