"""Whatever lies where weights should be: one clear error, soon, and the model stays as it was."""

from __future__ import annotations

import json
import os
import pickle
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import archspec
from archspec import WeightsError
from archspec.codegen.backend import ExchangesWeights
from archspec.codegen.registry import backend
from archspec.parity import random_weights
from archspec.spec import load_text
from archspec.weights import fit, read_weights
from tests.pace import within_seconds

SPEC = """
archspec: 1
name: net
input: {channels: 3, height: 8, width: 8}
layers: [{conv: {filters: 4, kernel: 3}}, batch_norm, flatten, {dense: {name: fc, units: 5}}]
"""


@cache
def expected() -> archspec.LayerGraph:
    return archspec.compile(load_text(SPEC))


@cache
def right() -> dict[str, Any]:
    return {name: array.astype(np.float32) for name, array in random_weights(expected()).items()}


def safetensors(path: Path, header: object, body: bytes = b"", length: int | None = None) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text + body)


def entry(shape: list[int], start: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def truncated(path: Path) -> None:
    save_file(right(), path)
    path.write_bytes(path.read_bytes()[:-100])


def sparse(path: Path) -> None:
    size = 4 * 10**11
    safetensors(path, {"fc.weight": entry([10**11], 0, size)})
    os.truncate(path, path.stat().st_size + size)


def many(path: Path) -> None:
    safetensors(path, {f"t{index}": entry([0], 0, 0) for index in range(200_000)})


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}, 2))
        archive.writestr("archive/version", "3\n")
        with archive.open("archive/data/0", "w") as file:
            for _ in range(200):
                file.write(bytes(10**6))


def packed(path: Path) -> None:
    """LZMA in damage of its own kind: its reader raises neither what zip files do nor what the others do."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data/0", bytes(1000))
        archive.writestr(zipfile.ZipInfo("archive/data.pkl"), bytes(300), compress_type=zipfile.ZIP_LZMA)
    data = path.read_bytes()
    start = data.index(b"archive/data.pkl") + len("archive/data.pkl") + 4
    path.write_bytes(data[:start] + b"\xff" * 9 + data[start + 9 :])


def torch_file(make: Callable[[Any], Any]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        torch = pytest.importorskip("torch")
        torch.save(make(torch), path)

    return write


DAMAGED: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "truncated": ("safetensors", truncated),
    "empty": ("safetensors", Path.touch),
    "seven bytes": ("safetensors", lambda path: path.write_bytes(b"1234567")),
    "text": ("safetensors", lambda path: path.write_text(SPEC)),
    "zeros": ("safetensors", lambda path: path.write_bytes(bytes(10_000))),
    "a header of 2**63 bytes": ("safetensors", lambda path: safetensors(path, {}, length=2**63)),
    "a header of 2**64 - 1 bytes": ("safetensors", lambda path: safetensors(path, {}, length=2**64 - 1)),
    "no JSON": ("safetensors", lambda path: safetensors(path, b"{not json")),
    "no text": ("safetensors", lambda path: safetensors(path, b"\xff\xfe\x00")),
    "a list": ("safetensors", lambda path: safetensors(path, [1, 2])),
    "deep JSON": ("safetensors", lambda path: safetensors(path, b'{"a":' + b"[" * 100_000)),
    "packed by LZMA": ("pth", packed),
    "overlapping": (
        "safetensors",
        lambda path: safetensors(path, {"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12)),
    ),
    "backwards": ("safetensors", lambda path: safetensors(path, {"a": entry([2], 8, 0)}, bytes(8))),
    "negative": ("safetensors", lambda path: safetensors(path, {"a": entry([-2], 0, 8)}, bytes(8))),
    "past the end": ("safetensors", lambda path: safetensors(path, {"a": entry([10**12], 0, 4 * 10**12)}, bytes(8))),
    "past all numbers": ("safetensors", lambda path: safetensors(path, {"a": entry([2**40, 2**40], 0, 8)}, bytes(8))),
    "an unknown dtype": ("safetensors", lambda path: safetensors(path, {"a": entry([2], 0, 8, "X9")}, bytes(8))),
    "no dtype": ("safetensors", lambda path: safetensors(path, {"a": {"shape": [2]}}, bytes(8))),
    "more than was said": ("safetensors", lambda path: safetensors(path, {"a": entry([2], 0, 8)}, bytes(80))),
    "hundreds of gigabytes": ("safetensors", sparse),
    "very many tensors": ("safetensors", many),
    "another network's": (
        "safetensors",
        lambda path: save_file({**right(), "fc.weight": np.zeros((6, 144), "f4")}, path),
    ),
    "truth values": ("safetensors", lambda path: save_file({**right(), "fc.bias": np.zeros(5, bool)}, path)),
    "a folder": ("safetensors", Path.mkdir),
    "text as a state dict": ("pt", lambda path: path.write_text(SPEC)),
    "a zip that is none": ("pt", lambda path: path.write_bytes(b"PK\x03\x04" + bytes(100))),
    "a zip that bursts": ("pt", bomb),
    "a list of tensors": ("pt", torch_file(lambda torch: [torch.zeros(3)])),
    "numbers": ("pt", torch_file(lambda torch: {"fc.bias": 3})),
    "a sparse tensor": ("pt", torch_file(lambda torch: {"fc.bias": torch.eye(5).to_sparse()})),
    "a tensor on no device": ("pt", torch_file(lambda torch: {"fc.bias": torch.zeros(5, device="meta")})),
    "complex numbers": ("pt", torch_file(lambda torch: {"fc.bias": torch.zeros(5, dtype=torch.complex64)})),
    "a few numbers without end": (
        "pt",
        torch_file(lambda torch: {"fc.bias": torch.zeros(1, dtype=torch.bfloat16).expand(2**40)}),
    ),
}
if sys.platform != "win32":
    DAMAGED |= {
        "a pipe": ("safetensors", os.mkfifo),
        "a pipe as a state dict": ("pt", os.mkfifo),
        "a device": ("safetensors", lambda path: path.symlink_to("/dev/zero")),
        "a link to itself": ("safetensors", lambda path: path.symlink_to(path.name)),
    }


@pytest.fixture(scope="module", params=["torch", "keras"])
def model(request: pytest.FixtureRequest) -> tuple[str, Any]:
    pytest.importorskip(request.param)
    return request.param, archspec.build(expected(), backend=request.param)


@pytest.mark.parametrize(("suffix", "make"), DAMAGED.values(), ids=DAMAGED.keys())
def test_one_clear_error_and_the_model_as_it_was(
    suffix: str, make: Callable[[Path], Any], model: tuple[str, Any], tmp_path: Path
) -> None:
    name, network = model
    path = tmp_path / f"weights.{suffix}"
    make(path)
    before = backend(name, ExchangesWeights).export_weights(network, expected())
    with within_seconds(5), pytest.raises(WeightsError) as caught:
        archspec.load_weights(network, path, expected(), name)
    assert [found.code for found in caught.value.diagnostics] in (["E0701"], ["E0702"])
    assert len(str(caught.value)) < 3_000
    after = backend(name, ExchangesWeights).export_weights(network, expected())
    assert all(np.array_equal(after[key], before[key]) for key in before)


def refused_soon(path: Path, code: str = "E0701") -> str:
    with within_seconds(1), pytest.raises(WeightsError) as caught:
        archspec.load_weights(None, path, expected(), "torch")
    [found] = caught.value.diagnostics
    assert found.code == code
    return found.label


def test_a_large_checkpoint_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(b"PK\x03\x04")
    os.truncate(path, 10**11)
    assert "not whole" in refused_soon(path)


@pytest.mark.timing
def test_a_header_with_very_many_names(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    safetensors(path, {f"x{index}": entry([0], 0, 0) for index in range(300_000)})
    assert "a header of" in refused_soon(path)


@pytest.mark.timing
def test_a_header_at_the_limit_is_soon_gone_through(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    text = json.dumps({f"conv.weight{index}": entry([0], 0, 0) for index in range(110_000)}, separators=(",", ":"))
    assert 7_000_000 < len(text) < 2**23
    safetensors(path, text.encode())
    with within_seconds(5), pytest.raises(WeightsError) as caught:  # two of them in the garbage collector
        archspec.load_weights(None, path, expected(), "torch")
    assert caught.value.diagnostics[0].code == "E0702"


def pickled(path: Path, data: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", "3\n")


DICT = b"\x80\x02}q\x00"
# Each takes a few bytes and, if it is followed, without end: instructions, memory, comparing, or going through.
PICKLES = {
    "instructions": b"\x80\x02]q\0" + b"h\0h\0\x86" * 3_000_000 + b".",
    "in the form before 1.6": b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
    + b"\x80\x02]q\0"
    + b"h\0h\0\x86" * 3_000_000,
    "a key that is compared for ever": DICT + b")" + b"2\x86" * 60 + b"K\x01s.",
    "a tuple of tuples": b"\x80\x02)" + b"2\x86" * 90_000 + b".",
    "a place in the memo": b"\x80\x02Nr\xff\xff\xff\xff.",
    "a list in itself": b"\x80\x02]q\x00" + b"h\x00a" * 30_000 + b".",
    "a mapping in itself": DICT + b"X\x01\x00\x00\x00ah\x00s" * 1 + b".",
    "mappings of mappings": DICT
    + b"".join(
        b"}q"
        + bytes([k + 1])
        + b"("
        + b"".join(b"X\x01\x00\x00\x00" + bytes([c]) + b"h" + bytes([k]) for c in range(60, 120))
        + b"u"
        for k in range(40)
    )
    + b".",
    "a text that is not there": b"\x80\x02\x8d" + b"\xff" * 7 + b"\x7f" + b"a.",
    "no end": DICT * 1000,
    "a mark without an end": b"\x80\x02u.",
    "a number of very many digits": b"I" + b"9" * 1_000_000 + b"\n.",
    "numbers that collide": DICT
    + b"("
    + b"".join(b"\x8a\x0a" + (k * (2**61 - 1)).to_bytes(10, "little") + b"N" for k in range(20_000))
    + b"u.",
    "a size gone through again and again": b"\x80\x02ctorch\nSize\nq\x01]("
    + b"K\x01" * 40_000
    + b"eq\x00"
    + b"h\x01h\x00\x85R" * 10_000
    + b".",
    "a class": b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00echo\x85R.",
    "nothing": b"",
}


@pytest.mark.timing
@pytest.mark.parametrize("data", PICKLES.values(), ids=PICKLES.keys())
def test_a_pickle_that_would_take_for_ever(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    if data.startswith(b"\x80\x02\x8a\x0al\xfc"):
        path.write_bytes(data)
    else:
        pickled(path, data)
    with within_seconds(2), pytest.raises(WeightsError) as caught:
        archspec.load_weights(None, path, expected(), "torch")
    assert caught.value.diagnostics[0].code in ("E0701", "E0702")


@pytest.mark.timing
def test_an_archive_of_very_many_parts(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}, 2))
        for index in range(30_000):
            archive.writestr(f"archive/data/{index}", b"")
    assert "a directory of" in refused_soon(path)


def test_random_damage_is_one_error(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({key: torch.from_numpy(array) for key, array in right().items()}, tmp_path / "whole.pt")
    save_file(right(), tmp_path / "whole.safetensors")
    random = np.random.default_rng(0)
    for name in ("whole.pt", "whole.safetensors"):
        whole = (tmp_path / name).read_bytes()
        for _ in range(150):
            data = bytearray(whole[: random.integers(1, len(whole))] if random.random() < 0.3 else whole)
            for place in random.integers(0, len(data), random.integers(1, 8)):
                data[place] = random.integers(0, 256)
            path = tmp_path / f"damaged{Path(name).suffix}"
            path.write_bytes(data)
            with suppress(WeightsError):  # any other error is ours; damage of a number is none
                read_weights(path, expected())


def test_parameters_that_are_learnt_are_read(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({key: torch.nn.Parameter(torch.from_numpy(array)) for key, array in right().items()}, tmp_path / "w.pt")
    model = archspec.build(expected(), backend="torch", weights=tmp_path / "w.pt")
    found = backend("torch", ExchangesWeights).export_weights(model, expected())
    assert all(np.array_equal(found[key], right()[key]) for key in right())


def test_weights_that_lie_in_one_storage_are_read_each_by_itself(tmp_path: Path) -> None:
    """A training with flat parameters saves them so; to read all of it for each of them takes for ever."""
    torch = pytest.importorskip("torch")
    flat = torch.zeros(64 * 2**20)
    state, place = {}, flat.numel()
    for name, array in right().items():
        place -= array.size
        state[name] = flat[place : place + array.size].view(array.shape)
        state[name].copy_(torch.from_numpy(array))
    for legacy in (False, True):
        torch.save(state, tmp_path / "flat.pth", _use_new_zipfile_serialization=not legacy)
        tracemalloc.start()
        found, _ = read_weights(tmp_path / "flat.pth", expected())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert all(np.array_equal(found[name], right()[name]) for name in right())
        assert most < 2**27, "the legacy form may have 64 MiB of pickles read, and no more"


def test_tensors_of_pytorch_stand_for_arrays() -> None:
    torch = pytest.importorskip("torch")
    state = {name: torch.from_numpy(array).clone() for name, array in right().items()}
    learnt = {name: torch.nn.Parameter(tensor) for name, tensor in state.items()}
    assert all(np.array_equal(array, right()[name]) for name, array in read_weights(learnt, expected())[0].items())
    found, _ = read_weights({name: tensor.bfloat16() for name, tensor in state.items()}, expected())
    assert all(np.array_equal(array, state[name].bfloat16().float().numpy()) for name, array in found.items())


@pytest.mark.parametrize("wrong", [[[1.0, 2.0], [3.0]], None, "text", {}], ids=str)
def test_what_is_no_array_is_said(wrong: Any) -> None:
    with pytest.raises(WeightsError, match=r"1 cannot be weights \(.*\): fc\.bias"):
        read_weights({**right(), "fc.bias": wrong}, expected())


def test_a_mapping_inside_of_the_mapping_is_said_with_a_way_out() -> None:
    by_layer: dict[str, Any] = {}
    for name, array in right().items():
        layer, _, kind = name.rpartition(".")
        by_layer.setdefault(layer, {})[kind] = array
    wrongs: tuple[dict[str, Any], ...] = (by_layer, {"state_dict": right(), "epoch": 3})
    for wrong in wrongs:
        for read in (read_weights, fit):
            with pytest.raises(WeightsError) as caught:
                read(wrong, expected())
            [diagnostic] = caught.value.diagnostics
            assert diagnostic.code == "E0702"
            assert f"`{next(iter(wrong))}` is a mapping: give arrays by their whole names" in diagnostic.help


@pytest.mark.filterwarnings("error")
def test_doubtful_numbers_are_looked_for_without_noise() -> None:
    bias = right()["fc.bias"].copy()
    bias[:2] = np.inf, -np.inf
    assert read_weights({**right(), "fc.bias": bias}, expected())[1].doubts == ("infinite numbers in fc.bias (2 of 5)",)
    assert not read_weights({**right(), "fc.bias": np.full(5, 1e308)}, expected())[1].doubts
