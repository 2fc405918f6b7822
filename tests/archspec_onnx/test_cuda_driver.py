"""The CUDA driver's functions as TensorRT's models call them, on a library that stands for the driver's."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest

from archspec.errors import BackendError
from tests.needed import needs

pytestmark = needs("onnx")

CONTEXT, STREAM, OUT_OF_MEMORY = 0xC0, 0x57, 2


class Library:
    """Keeps what is allocated as bytes by address, and says what it was called for; it takes what `ctypes` passes."""

    def __init__(self, *, room: int = 10**6, fails: str = "") -> None:
        self.calls: list[str] = []
        self.held: dict[int, bytearray] = {}
        self.free, self.fails = room, fails

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if not name.startswith("cu") or name == "cuGetErrorName":
            return found

        def called(*arguments: Any) -> int:
            self.calls.append(name)
            return 999 if name == self.fails else int(found(*arguments))

        return called

    def cuInit(self, flags: int) -> int:  # noqa: N802 - the driver's names
        return int(flags)

    def cuDeviceGet(self, device: Any, number: int) -> int:  # noqa: N802
        device._obj.value = 10 + number
        return 0

    def cuDevicePrimaryCtxRetain(self, context: Any, device: Any) -> int:  # noqa: N802
        assert device.value == 10
        context._obj.value = CONTEXT
        return 0

    def cuDevicePrimaryCtxRelease_v2(self, device: Any) -> int:  # noqa: N802
        assert device.value == 10
        return 0

    def cuCtxSetCurrent(self, context: Any) -> int:  # noqa: N802
        assert context.value == CONTEXT
        return 0

    def cuStreamCreate(self, stream: Any, flags: int) -> int:  # noqa: N802
        stream._obj.value = STREAM
        return int(flags)

    def cuStreamDestroy_v2(self, stream: Any) -> int:  # noqa: N802
        assert stream.value == STREAM
        return 0

    def cuStreamSynchronize(self, stream: Any) -> int:  # noqa: N802
        assert stream.value == STREAM
        return 0

    def cuMemAlloc_v2(self, address: Any, size: Any) -> int:  # noqa: N802
        if size.value > self.free:
            return OUT_OF_MEMORY
        self.free -= size.value
        address._obj.value = 2**40 + len(self.held)  # more than an int of C holds
        self.held[address._obj.value] = bytearray(size.value)
        return 0

    def cuMemFree_v2(self, address: Any) -> int:  # noqa: N802
        self.free += len(self.held.pop(address.value))
        return 0

    def cuMemcpyHtoD_v2(self, address: Any, source: Any, size: Any) -> int:  # noqa: N802
        self.held[address.value][: size.value] = ctypes.string_at(source, size.value)
        return 0

    def cuMemcpyDtoH_v2(self, target: Any, address: Any, size: Any) -> int:  # noqa: N802
        ctypes.memmove(target, bytes(self.held[address.value][: size.value]), size.value)
        return 0

    def cuGetErrorName(self, code: int, name: Any) -> int:  # noqa: N802
        if code != OUT_OF_MEMORY:
            return 1
        name._obj.value = b"CUDA_ERROR_OUT_OF_MEMORY"
        return 0


def test_arrays_go_to_the_gpu_and_back() -> None:
    from archspec_onnx.tensorrt import CudaDriver

    driver = CudaDriver(Library())
    whole = np.arange(24, dtype=np.float32).reshape(4, 6)
    for array in (whole, whole[:, ::2], np.zeros((0, 3), np.float32), np.array(7, np.int64)):
        address = driver.room(array.nbytes)
        driver.put(array, address)
        found = np.full_like(array, 9, order="C")
        driver.take(found, address)
        np.testing.assert_array_equal(found, array)
    driver.wait()
    assert driver.stream == STREAM


def test_all_that_was_taken_is_given_back_the_last_first() -> None:
    from archspec_onnx.tensorrt import CudaDriver

    library = Library(room=100)
    driver = CudaDriver(library)
    driver.room(60)
    driver.room(40)
    driver.close()
    assert (library.held, library.free) == ({}, 100)
    freed = ["cuMemFree_v2", "cuMemFree_v2", "cuStreamDestroy_v2", "cuDevicePrimaryCtxRelease_v2"]
    assert library.calls[-4:] == freed
    driver.close()  # a second time there is nothing
    assert library.calls[-4:] == freed


def test_a_batch_that_the_gpu_does_not_hold_is_said_by_the_drivers_name_for_it() -> None:
    from archspec_onnx.tensorrt import CudaDriver

    driver = CudaDriver(Library(room=100))
    with pytest.raises(BackendError, match=r"driver's cuMemAlloc_v2 failed with CUDA_ERROR_OUT_OF_MEMORY"):
        driver.room(101)


@pytest.mark.parametrize(
    "function", ["cuInit", "cuDeviceGet", "cuDevicePrimaryCtxRetain", "cuCtxSetCurrent", "cuStreamCreate"]
)
def test_a_driver_that_cannot_start_says_where_and_keeps_nothing(function: str) -> None:
    from archspec_onnx.tensorrt import CudaDriver

    library = Library(fails=function)
    with pytest.raises(BackendError, match=f"the CUDA driver's {function} failed with 999"):
        CudaDriver(library)
    retained = function in ("cuCtxSetCurrent", "cuStreamCreate")
    assert library.calls.count("cuDevicePrimaryCtxRelease_v2") == retained
