"""Numbers that are read, turned and written some at a time: the same as at once, and never there twice."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archspec
from archspec.checkpoints import SUFFIXES, keeps_channels_last, write_as
from archspec.ir.graph import LayerGraph
from archspec.spec import load_text
from archspec.weights import crc32c, portions, read_weights
from archspec.weights.layouts import DEPTHWISE, LAYOUTS, Layout, as_it_is, joined, part_of, turned, view_of_part
from archspec.weights.portions import copy_tiles, fill_next, lying_at, reads_next
from archspec.weights.tensors import CODES, DamagedError
from tests.needed import needs

KINDS: Final = sorted(CODES.keys() - {"bfloat16"})
SHAPES: Final = st.one_of(
    st.lists(st.integers(0, 7), max_size=5).map(tuple),
    st.tuples(st.integers(60, 200), st.integers(10, 70)),
    st.tuples(st.integers(1, 3), st.integers(60, 130), st.integers(1, 2), st.integers(15, 35)),
)
"""Arrays of none and one number, small ones, and those that take several tiles."""
SIZES: Final = st.sampled_from([1, 40, 512, 2**20])
"""Bytes that are taken at once: by the last, which is the code's own, small arrays are taken whole."""


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    """An array of any type, whose axes lie in any order in memory, the first backwards or with gaps."""
    shape, kind = draw(SHAPES), draw(st.sampled_from(KINDS))
    numbers = np.random.default_rng(draw(st.integers(0, 9))).integers(-128, 127, shape).astype(CODES[kind])
    order = draw(st.permutations(range(len(shape))))
    lying = np.ascontiguousarray(numbers.transpose(order)).transpose(np.argsort(order)) if shape else numbers
    return lying[:: draw(st.sampled_from([1, -1, 2]))] if lying.ndim else lying


@contextmanager
def changed(module: Any, name: str, value: object) -> Iterator[None]:
    """Another value of a module's, also within a test of many examples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, value)
        yield


def check_portions(array: Any, size: int) -> None:
    with changed(portions, "_AT_ONCE", size):
        found = b"".join(each.tobytes() for each in portions.portions(array))
    assert found == array.astype(array.dtype.newbyteorder("<")).tobytes()


def check_filling(array: Any, size: int) -> None:
    target = np.zeros_like(array)[::-1] if array.ndim else np.zeros_like(array)
    data = array.tobytes()
    with changed(portions, "_AT_ONCE", size):
        fill_next(target, array.dtype.name, reads_next(stream(data), "file"))
        assert target.tobytes() == data
        if data:
            with pytest.raises(DamagedError, match="not whole"):
                fill_next(target, array.dtype.name, reads_next(stream(data[:-1]), "file"))


def check_tiles(array: Any) -> None:
    for order in ("C", "F"):
        target = np.zeros(array.shape, array.dtype, order)
        with changed(portions, "_SMALL", 0):
            copy_tiles(array, target)
        assert target.tobytes() == array.tobytes()


def stream(data: bytes) -> BufferedReader:
    return BufferedReader(BytesIO(data))


@given(arrays(), SIZES, st.booleans())
@settings(max_examples=100, deadline=None)
def test_portions_are_the_bytes_in_the_order_of_axes(array: Any, size: int, big: bool) -> None:
    check_portions(array.astype(array.dtype.newbyteorder(">"), order="K") if big else array, size)


@given(arrays(), SIZES)
@settings(max_examples=100, deadline=None)
def test_what_is_read_comes_into_its_place(array: Any, size: int) -> None:
    check_filling(array, size)


@given(arrays())
@settings(max_examples=100, deadline=None)
def test_tiles_are_copied_into_any_order(array: Any) -> None:
    check_tiles(array)


LARGE: Final = np.arange(130 * 70, dtype=np.float32).reshape(130, 70).T
"""More than a tile along both axes, and no multiple of one."""


def _one_place_less(shape: Any, width: int) -> Any:
    return [*portions_places(shape, width)][:-1]


def _whole_tiles(source: Any, target: Any) -> None:
    rows = len(source) // 64 * 64
    target[:rows] = source[:rows]


portions_places = portions._places


@pytest.mark.parametrize(
    ("name", "fault", "check"),
    [
        ("_places", _one_place_less, lambda: check_portions(LARGE, 512)),
        ("_places", _one_place_less, lambda: check_filling(LARGE, 512)),
        ("copy_tiles", _whole_tiles, lambda: check_portions(LARGE, 2**20)),
        ("copy_tiles", _whole_tiles, lambda: check_filling(LARGE, 2**20)),
    ],
)
def test_a_planted_fault_is_found(name: str, fault: Any, check: Callable[[], None]) -> None:
    check()
    with changed(portions, name, fault), pytest.raises(AssertionError):
        check()


def test_bfloat16_is_widened_as_it_is_read() -> None:
    bits = np.arange(0, 2**16 - 1, 37, dtype="<u2")
    target = np.zeros(bits.shape, np.float32)
    with changed(portions, "_AT_ONCE", 64):
        fill_next(target, "bfloat16", reads_next(stream(bits.tobytes()), "file"))
    assert np.array_equal(target.view(np.uint32), bits.astype(np.uint32) << 16)


def test_numbers_lie_where_they_are_said_to(tmp_path: Path) -> None:
    path, array = tmp_path / "w", np.arange(24, dtype="<i4").reshape(2, 3, 4)
    path.write_bytes(b"head" + array.tobytes() + b"tail")
    tensor = lying_at(path, 4, array.shape, "int32")
    assert np.array_equal(tensor.load(), array)
    target = np.zeros((4, 2, 3), np.int32)
    assert tensor.fill is not None
    tensor.fill(target.transpose(1, 2, 0))
    assert np.array_equal(target, array.transpose(2, 0, 1))


def test_what_is_read_is_seen() -> None:
    seen: list[bytes] = []
    read = reads_next(stream(bytes(range(100))), "file", lambda data: seen.append(data.tobytes()))
    assert [bytes(read(count)) for count in (3, 60, 0, 37)] == seen
    assert b"".join(seen) == bytes(range(100))


@given(
    st.integers(1, 3),
    st.sampled_from([*LAYOUTS.values(), *DEPTHWISE.values(), *map(as_it_is, range(1, 5)), None]),
    st.data(),
)
@settings(max_examples=100, deadline=None)
def test_what_is_joined_is_parted_again(count: int, layout: Layout | None, data: st.DataObject) -> None:
    """Also without a turn: a view of what is turned lies in memory as the variable did."""
    axes = data.draw(st.integers(1, 5)) if layout is None else max(axis for group in layout for axis in group) + 1
    shape = tuple(data.draw(st.integers(1, 5)) for _ in range(axes))
    if layout in DEPTHWISE.values():
        count = 1
    variables = [np.random.default_rng(index).normal(size=shape).astype(np.float32) for index in range(count)]
    weight = joined(variables, layout)
    assert weight.flags.c_contiguous
    for index, variable in enumerate(variables):
        assert np.array_equal(part_of(weight, index, count, shape, layout), variable)
    back = view_of_part(turned(variables[0], layout), 0, 1, shape, layout)
    assert np.array_equal(back, variables[0])
    if layout not in DEPTHWISE.values():
        assert np.shares_memory(back, variables[0])
        assert back.flags.c_contiguous


POLYNOMIAL: Final = 0x82F63B78


def checksum(data: bytes) -> int:
    """CRC-32C, bit by bit."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (POLYNOMIAL if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@given(
    st.one_of(st.integers(0, 300), st.sampled_from([1023, 1024, 1025, 4095, 4096, 4097, 10_007, 65_537])),
    st.lists(st.sampled_from([0, 1, 2, 3, 5, 7, 8, 13, 1023, 4096, 70_000]), min_size=1, max_size=8),
    st.integers(0, 5),
)
@settings(max_examples=30, deadline=None)
def test_the_checksum_is_that_of_all_bytes_however_they_come(length: int, steps: list[int], seed: int) -> None:
    data = np.random.default_rng(seed).integers(0, 256, length, np.uint8)
    found, place = crc32c.Crc32c(length), 0
    for step in steps:
        found.update(data[place : place + step])
        place = min(length, place + step)
    found.update(data[place:])
    assert found.value == checksum(data.tobytes()) == crc32c.crc32c(data)
    assert crc32c.masked_crc32c(data) == crc32c.masked(found.value)


def test_the_checksum_is_the_standards() -> None:
    """RFC 3720, B.4; and a megabyte, where whole portions are taken away."""
    assert crc32c.crc32c(np.zeros(32, np.uint8)) == 0x8A9136AA
    assert crc32c.crc32c(np.full(32, 255, np.uint8)) == 0x62A8AB43
    assert crc32c.crc32c(np.arange(32, dtype=np.uint8)) == 0x46DD794E
    data = np.random.default_rng(0).integers(0, 256, 3 * 2**20 + 5, np.uint8)
    whole, found = crc32c.crc32c(data), crc32c.Crc32c(len(data))
    for start in range(0, len(data), 2**20 - 3):
        found.update(data[start : start + 2**20 - 3])
    assert found.value == whole
    data[2**20] ^= 1
    assert crc32c.crc32c(data) != whole


def test_a_multiple_that_is_none_is_found() -> None:
    data = np.random.default_rng(0).integers(0, 256, 65_537, np.uint8)
    assert crc32c.crc32c(data) == checksum(data.tobytes())
    with changed(crc32c, "MULTIPLE", (5685, 1362, 427, 0)):
        assert crc32c.crc32c(data) != checksum(data.tobytes())


def peak(work: Callable[[], object]) -> int:
    """The most bytes that Python and NumPy hold at a time, beyond those that are there already."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_portions_of_a_turned_array_take_a_megabyte_or_two() -> None:
    array = np.ones((64, 512, 256), np.float32).transpose(2, 1, 0)

    def work() -> object:
        return [None for _ in portions.portions(array)]

    assert peak(work) < 3 * 2**20
    with changed(portions, "_AT_ONCE", array.nbytes):
        assert peak(work) > array.nbytes, "a whole turned copy would be seen"


def test_filling_a_turned_array_takes_a_megabyte_or_two() -> None:
    target, source = np.zeros((64, 512, 256), np.float32).transpose(2, 1, 0), stream(bytes(2**25))

    def work() -> None:
        source.seek(0)
        fill_next(target, "float32", reads_next(source, "file"))

    assert peak(work) < 3 * 2**20
    with changed(portions, "_AT_ONCE", target.nbytes):
        assert peak(work) > target.nbytes, "a whole turned copy would be seen"


LAYERS, WIDTH = 4, 1500
NETWORK: Final = f"archspec: 1\nname: wide\ninput: {{shape: [{WIDTH}]}}\nlayers:\n" + LAYERS * (
    f"  - dense: {{units: {WIDTH}}}\n"
)
"""36 MB of weights, in four of 9 MB."""


def _converted(first: str, second: str, folder: Path, graph: LayerGraph) -> None:
    arrays, _ = read_weights(folder / f"source{SUFFIXES[first][0]}", graph, as_stored=keeps_channels_last(second))
    write_as(second, folder / f"output{SUFFIXES[second][0]}", arrays, graph)


@needs("torch", "keras", "onnx")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("keras", "safetensors"),
        ("keras", "keras"),
        ("keras", "torch"),
        ("keras", "onnx"),
        ("numpy", "keras"),
        ("numpy", "tensorflow"),
        ("torch", "torch"),
        ("safetensors", "numpy"),
    ],
)
def test_converting_holds_the_weights_once(first: str, second: str, tmp_path: Path) -> None:
    """The promise: the size of the file, and of its largest tensor."""
    graph = archspec.compile(load_text(NETWORK))
    weights = archspec.init_weights(graph, seed=1)
    write_as(first, tmp_path / f"source{SUFFIXES[first][0]}", weights, graph)
    _converted(first, second, tmp_path, graph)  # what is imported by it is there
    size, largest = sum(array.nbytes for array in weights.values()), 4 * WIDTH**2
    assert size < peak(lambda: _converted(first, second, tmp_path, graph)) < size + largest + 2**21
    written = tmp_path / f"output{SUFFIXES[second][0]}"
    found, _ = read_weights(f"{written}.index" if second == "tensorflow" else written, graph)
    assert all(np.array_equal(found[name], array) for name, array in weights.items())


@needs("keras")
def test_a_whole_turned_copy_would_be_seen(tmp_path: Path) -> None:
    graph = archspec.compile(load_text(NETWORK))
    weights = archspec.init_weights(graph, seed=1)
    write_as("keras", tmp_path / "source.weights.h5", weights, graph)

    def twice() -> None:
        arrays, _ = read_weights(tmp_path / "source.weights.h5", graph, as_stored=True)
        copies = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        write_as("safetensors", tmp_path / "output.safetensors", copies, graph)

    assert peak(twice) > 1.9 * sum(array.nbytes for array in weights.values())
