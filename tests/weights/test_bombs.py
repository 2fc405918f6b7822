"""Files that promise little and would take much, or that lead elsewhere: one error each, within a second and 64 MB."""

from __future__ import annotations

import io
import json
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec import WeightsError
from archspec.checkpoints import write_as
from archspec.checkpoints.tensorflow_writing import write_checkpoint
from archspec.weights import read_weights
from archspec.wire_format import bytes_field, number_field
from tests.needed import lazily, needs
from tests.pace import within_seconds
from tests.weights.test_damaged import graph

h5py: Any = lazily("h5py")
MEMORY, SECONDS = 2**26, 5.0
HUGE = 2**40


def refused(path: Path, said: str = "") -> None:
    """Reading it is one error, soon, and in little memory."""
    tracemalloc.start()
    with within_seconds(SECONDS), pytest.raises(WeightsError, match=said) as caught:
        read_weights(path, graph())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(caught.value.diagnostics) == 1
    assert peak < MEMORY


def weights() -> dict[str, Any]:
    return dict(archspec.init_weights(graph(), seed=1))


def npy(shape: tuple[int, ...], numbers: bytes) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return file.getvalue() + numbers


def zipped(path: Path, parts: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return path


@pytest.mark.slow
def test_zeros_that_were_compressed(tmp_path: Path) -> None:
    """256 MB in 256 kB: of the right shape by the header alone, or of another."""
    zeros = bytes(2**28)
    own = {f"{name}.npy": npy(array.shape, array.tobytes()) for name, array in weights().items()}
    shape = weights()["fc.weight"].shape
    refused(zipped(tmp_path / "a.npz", {**own, "fc.weight.npy": npy(shape, zeros)}), "not as many bytes")
    refused(zipped(tmp_path / "b.npz", {**own, "fc.weight.npy": npy((2**26,), zeros)}), "of another shape")
    refused(
        zipped(tmp_path / "c.keras", {"metadata.json": b"{}", "config.json": b"{}", "model.weights.h5": zeros}),
        "compressed",
    )
    refused(zipped(tmp_path / "d.pt", {"w/data.pkl": zeros, "w/version": b"3"}))
    refused(zipped(tmp_path / "e.npz", {"x.npy": b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**31) + zeros}), "no array")


@pytest.mark.slow
def test_sizes_that_no_file_has(tmp_path: Path) -> None:
    entry = {"dtype": "F32", "shape": [HUGE, HUGE], "data_offsets": [0, 4]}
    text = json.dumps({"fc.weight": entry}).encode()
    (tmp_path / "a.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + bytes(4))
    refused(tmp_path / "a.safetensors", "not as many bytes")
    (tmp_path / "b.safetensors").write_bytes((2**62).to_bytes(8, "little") + b"{" + bytes(99))
    refused(tmp_path / "b.safetensors", "ends within its header")
    tensor = number_field(1, HUGE) + number_field(1, HUGE) + number_field(2, 1) + bytes_field(8, b"fc.weight")
    for numbers in (bytes_field(9, bytes(64)), bytes_field(4, bytes(64)), b""):
        model = number_field(1, 8) + bytes_field(7, bytes_field(5, tensor + numbers))
        (tmp_path / "c.onnx").write_bytes(model)
        refused(tmp_path / "c.onnx")
    refused(zipped(tmp_path / "d.npz", {"fc.weight.npy": npy((HUGE, HUGE), bytes(64))}), "not as many bytes")


def test_a_checkpoint_without_its_numbers_or_its_index(tmp_path: Path) -> None:
    index, _ = write_checkpoint(tmp_path / "m.ckpt", {"fc/kernel": np.zeros((8, 3), np.float32)})
    data = index.read_bytes()
    assert b"fc/kernel" in data
    (tmp_path / "m.ckpt.data-00000-of-00001").write_bytes(b"")
    refused(tmp_path / "m.ckpt")
    index.write_bytes(data[:-48] + b"\xff" * 40 + data[-8:])  # handles that lead far behind the end
    refused(tmp_path / "m.ckpt", "damaged")


def _external_link(file: Any, elsewhere: Path) -> None:
    file["layers/dense/vars/0"] = h5py.ExternalLink(str(elsewhere), "/x")


def _external_numbers(file: Any, elsewhere: Path) -> None:
    shape = weights()["fc.weight"].T.shape
    file["layers/dense/vars"].create_dataset(
        "0", shape=shape, dtype="f4", external=[(str(elsewhere), 0, h5py.h5f.UNLIMITED)]
    )


def _virtual(file: Any, elsewhere: Path) -> None:
    shape = weights()["fc.weight"].T.shape
    layout = h5py.VirtualLayout(shape=shape, dtype="f4")
    layout[:] = h5py.VirtualSource(str(elsewhere), "x", shape=shape)
    file["layers/dense/vars"].create_virtual_dataset("0", layout)


def _circle(file: Any, elsewhere: Path) -> None:
    file["layers/dense/circle"] = file["layers"]


def _leads_to_itself(file: Any, elsewhere: Path) -> None:
    file["layers/dense/vars/0"] = h5py.SoftLink("/layers/dense/vars/0")


def _huge(file: Any, elsewhere: Path) -> None:
    file["layers/dense/vars"].create_dataset(
        "0", shape=(2**20, 2**14), dtype="f4", chunks=(1024, 1024), compression="gzip"
    )


def _never_written(file: Any, elsewhere: Path) -> None:
    file["layers/dense/vars"].create_dataset("0", shape=weights()["fc.weight"].T.shape, dtype="f4")


@needs("h5py", "pyfive")
@pytest.mark.parametrize(
    "change", [_external_link, _external_numbers, _virtual, _circle, _leads_to_itself, _huge, _never_written]
)
def test_hdf5_that_leads_elsewhere(change: Callable[[Any, Path], None], tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "w.weights.h5", tmp_path / "elsewhere.h5"
    write_as("keras", path, weights(), graph())
    with h5py.File(elsewhere, "w") as file:
        file["x"] = np.ones(weights()["fc.weight"].T.shape, np.float32)
    with h5py.File(path, "a") as file:
        del file["layers/dense/vars/0"]
        change(file, elsewhere)
    refused(path)


@pytest.mark.parametrize("name", ["../w.safetensors", "/etc/passwd", "..", "a/b.safetensors", "", "w\0.safetensors"])
def test_an_index_that_leads_elsewhere(name: str, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    write_as("safetensors", tmp_path / "w.safetensors", weights(), graph())
    index = tmp_path / "inner" / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": dict.fromkeys(weights(), name)}))
    refused(index)


def test_numbers_of_a_model_that_lead_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "secret").write_bytes(bytes(96))
    (tmp_path / "inner" / "link").symlink_to(tmp_path / "secret")
    for name in ("../secret", str(tmp_path / "secret"), "link", "a/../../secret", ""):
        pairs = {"location": name, "offset": "0", "length": "96"}
        external = b"".join(
            bytes_field(13, bytes_field(1, key.encode()) + bytes_field(2, text.encode())) for key, text in pairs.items()
        )
        tensor = number_field(1, 3) + number_field(1, 8) + number_field(2, 1) + bytes_field(8, b"fc.weight") + external
        path = tmp_path / "inner" / "m.onnx"
        path.write_bytes(number_field(1, 8) + bytes_field(7, bytes_field(5, tensor)))
        with pytest.raises(WeightsError):
            read_weights(path, graph(), partial=True)
