"""ONNX models on TensorRT by its own Python package, for inputs of one size.

Memory of the GPU is had by the CUDA driver's functions, so that nothing but TensorRT need be installed.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from onnx import TensorProto, helper

from archspec.codegen.backend_errors import not_importable
from archspec.errors import BackendError, Diagnostic

_DRIVER: Final = {"linux": "libcuda.so.1", "win32": "nvcuda.dll"}


class CudaDriver:
    """The part of the CUDA driver that moves arrays to the first GPU and back, and waits for it.

    Attributes:
        stream: the address of the stream in which work is put.
    """

    def __init__(self, library: Any = None) -> None:
        """Take the first GPU.

        Args:
            library: the driver's functions by name, as `ctypes` has them; opened unless given.

        Raises:
            BackendError: there is no driver, or it has no GPU.
        """
        try:
            self._library = ctypes.CDLL(_DRIVER.get(sys.platform, "libcuda.so.1")) if library is None else library
        except OSError as error:
            raise _failed(f"the CUDA driver cannot be opened: {error}") from None
        self._undo: list[tuple[str, Any]] = []
        """What gives back all that was taken: a function and its argument for each, in the order of taking."""
        device, context, stream = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_void_p()
        self._call("cuInit", 0)
        self._call("cuDeviceGet", ctypes.byref(device), 0)
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)  # the one that TensorRT uses, too
        self._undo.append(("cuDevicePrimaryCtxRelease_v2", device))
        try:
            self._call("cuCtxSetCurrent", context)
            self._call("cuStreamCreate", ctypes.byref(stream), 0)
        except BackendError:
            self.close()
            raise
        self._undo.append(("cuStreamDestroy_v2", stream))
        self.stream = int(stream.value or 0)

    def room(self, size: int) -> int:
        """The address of so many bytes of the GPU's memory, which are kept until `close`."""
        address = ctypes.c_uint64()
        self._call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(max(size, 1)))
        self._undo.append(("cuMemFree_v2", address))
        return int(address.value)

    def close(self) -> None:
        """Give back memory, stream and GPU. What fails meanwhile is not said: that it failed before has been."""
        while self._undo:
            function, argument = self._undo.pop()
            getattr(self._library, function)(argument)

    def put(self, array: np.ndarray[Any, Any], address: int) -> None:
        """Copy an array to the GPU."""
        array = np.ascontiguousarray(array)
        self._call("cuMemcpyHtoD_v2", ctypes.c_uint64(address), _pointer(array), ctypes.c_size_t(array.nbytes))

    def take(self, array: np.ndarray[Any, Any], address: int) -> None:
        """Fill an array from the GPU."""
        self._call("cuMemcpyDtoH_v2", _pointer(array), ctypes.c_uint64(address), ctypes.c_size_t(array.nbytes))

    def wait(self) -> None:
        """Return when all that was asked of the GPU is done."""
        self._call("cuStreamSynchronize", ctypes.c_void_p(self.stream))

    def _call(self, function: str, *arguments: Any) -> None:
        if code := getattr(self._library, function)(*arguments):
            name = ctypes.c_char_p()
            said = "" if self._library.cuGetErrorName(code, ctypes.byref(name)) else (name.value or b"").decode()
            raise _failed(f"the CUDA driver's {function} failed with {said or code}")


class TensorrtModel:
    """An ONNX model built for a batch, with that batch on the GPU; a context manager, which gives its memory back."""

    def __init__(self, model: bytes, inputs: Mapping[str, np.ndarray[Any, Any]], *, driver: Any = None) -> None:
        """Build it.

        Args:
            model: the bytes of an ONNX model, which are parsed; what they compute in is what the model says.
            inputs: by name, in the types that the model takes.
            driver: what moves arrays; the CUDA driver unless given.

        Raises:
            BackendError: TensorRT or the driver cannot be had, or TensorRT refuses the model.
        """
        try:
            tensorrt: Any = import_module("tensorrt")
        except Exception as error:  # whatever it raises
            raise not_importable("TensorRT", error) from error
        self._driver = CudaDriver() if driver is None else driver
        self._runtime: Any = None
        self._engine: Any = None
        self._context: Any = None
        self._outputs: dict[str, tuple[np.ndarray[Any, Any], int]] = {}
        try:
            logger = tensorrt.Logger(tensorrt.Logger.ERROR)
            plan = _plan(tensorrt, logger, model, inputs)
            self._runtime = tensorrt.Runtime(logger)  # which the engine needs as long as it runs
            self._engine = _made(self._runtime.deserialize_cuda_engine(plan), "engine")
            self._context = _made(self._engine.create_execution_context(), "execution context")
            self._place(tensorrt, inputs)
        except BaseException:
            self.close()
            raise

    def _place(self, tensorrt: Any, inputs: Mapping[str, np.ndarray[Any, Any]]) -> None:
        """Put the batch on the GPU, and make room for what comes of it."""
        for name, array in inputs.items():
            self._context.set_input_shape(name, array.shape)
            address = self._driver.room(array.nbytes)
            self._driver.put(array, address)
            self._context.set_tensor_address(name, address)
        for name in _output_names(tensorrt, self._engine):
            shape = tuple(self._context.get_tensor_shape(name))
            array = np.empty(shape, _numpy_type(tensorrt, self._engine.get_tensor_dtype(name)))
            address = self._driver.room(array.nbytes)
            self._context.set_tensor_address(name, address)
            self._outputs[name] = array, address

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give its memory back; it cannot run any more."""
        self._context = self._engine = self._runtime = None  # TensorRT's own memory, in this order
        self._driver.close()

    def step(self) -> None:
        """Compute the batch once; it returns when all of it is computed."""
        if not self._context.execute_async_v3(self._driver.stream):
            raise _failed("TensorRT could not run the model")
        self._driver.wait()

    def outputs(self) -> dict[str, np.ndarray[Any, Any]]:
        """What the model gives for the batch, by name."""
        self.step()
        for array, address in self._outputs.values():
            self._driver.take(array, address)
        return {name: array for name, (array, _) in self._outputs.items()}


def _plan(tensorrt: Any, logger: Any, model: bytes, inputs: Mapping[str, np.ndarray[Any, Any]]) -> Any:
    """The model as TensorRT has it for inputs of these sizes: typed as it is written, float32 in float32."""
    builder = tensorrt.Builder(logger)
    # From version 10 on; a network is typed by what its model says, not by what is fast.
    typed = getattr(tensorrt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    network = builder.create_network(0 if typed is None else 1 << int(typed))
    parser = tensorrt.OnnxParser(network, logger)
    if not parser.parse(model):
        said = "; ".join(str(parser.get_error(index).desc()) for index in range(parser.num_errors))
        raise _failed(f"TensorRT does not read the model: {said}")
    config = builder.create_builder_config()
    config.clear_flag(tensorrt.BuilderFlag.TF32)
    profile = builder.create_optimization_profile()
    for name, array in inputs.items():
        profile.set_shape(name, array.shape, array.shape, array.shape)
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise _failed("TensorRT could not build the model")
    return plan


def _made(found: Any, what: str) -> Any:
    """What TensorRT gives, which is nothing where it fails: most often the GPU's memory does not hold it."""
    if found is None:
        raise _failed(f"TensorRT could not make the {what}: see whether the GPU's memory holds it")
    return found


def _output_names(tensorrt: Any, engine: Any) -> Sequence[str]:
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    return [name for name in names if engine.get_tensor_mode(name) == tensorrt.TensorIOMode.OUTPUT]


def _numpy_type(tensorrt: Any, kind: Any) -> Any:
    """What NumPy calls a type of TensorRT's, which says so itself but for bfloat16."""
    if kind == getattr(tensorrt.DataType, "BF16", None):
        return helper.tensor_dtype_to_np_dtype(TensorProto.BFLOAT16)
    return tensorrt.nptype(kind)


def _pointer(array: np.ndarray[Any, Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def _failed(message: str) -> BackendError:
    return BackendError(Diagnostic("E0602", message, help="see that TensorRT, the driver and the GPU fit each other"))
