"""What ONNX models can run on, and what they run on in this process."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

from archspec.bench.devices import lacks_gpu
from archspec.codegen.backend_errors import not_importable
from archspec.errors import BackendError, Diagnostic

ENGINE: Final = "ARCHSPEC_ONNX_RUNTIME"
"""The environment variable that says what models run on."""


class EngineInfo(NamedTuple):
    """What an engine is called, the package that it is imported from, and how that is installed."""

    title: str
    package: str = ""
    install: str = ""
    providers: tuple[str, ...] = ()
    """Those of ONNX Runtime that it is, the one that must be there first: what it lacks is left to the others."""
    device: str = "cpu"
    """Where its tensors are: the processor, or a GPU of NVIDIA's (`cuda`)."""


_CPU: Final = "CPUExecutionProvider"
_CUDA: Final = "CUDAExecutionProvider"
_GPU_PACKAGE: Final = (
    "`pip install onnxruntime-gpu` in place of `onnxruntime`, for a GPU of NVIDIA's with its driver, CUDA and cuDNN"
)
INFO: Final[Mapping[str, EngineInfo]] = {
    "onnxruntime": EngineInfo("ONNX Runtime", "onnxruntime", "`pip install onnxruntime`", (_CPU,)),
    "openvino": EngineInfo("OpenVINO", "openvino", "`pip install openvino`"),
    "reference": EngineInfo("ONNX's reference evaluator"),
    "cuda": EngineInfo("ONNX Runtime on CUDA", "onnxruntime", _GPU_PACKAGE, (_CUDA, _CPU), "cuda"),
    "tensorrt": EngineInfo(
        "ONNX Runtime on TensorRT",
        "onnxruntime",
        f"{_GPU_PACKAGE}, and with TensorRT's libraries (`pip install tensorrt`)",
        ("TensorrtExecutionProvider", _CUDA, _CPU),
        "cuda",
    ),
    "tensorrt-native": EngineInfo(
        "TensorRT", "tensorrt", "`pip install tensorrt`, for a GPU of NVIDIA's with its driver and CUDA", device="cuda"
    ),
}
ENGINES: Final = tuple(INFO)
_EXACT: Final[Mapping[str, str]] = {"NVIDIA_TF32_OVERRIDE": "0"}
"""What has NVIDIA's libraries compute float32 in float32: by default they round factors to ten bits on tensor cores."""


def current_engine() -> str:
    """What models run on in this process."""
    return os.environ.get(ENGINE) or ENGINES[0]


def environment_of(engine: str) -> Mapping[str, str]:
    """The environment variables of a process whose models run on an engine."""
    return {ENGINE: engine, **(_EXACT if INFO[engine].device == "cuda" else {})}


def require_engine(engine: str) -> None:
    """See that models can run on an engine here.

    Raises:
        BackendError: its package is not installed, lacks the provider, or there is no GPU; the message says so, and how
            to get it.
    """
    info = INFO[engine]
    if info.package and find_spec(info.package) is None:
        raise BackendError(Diagnostic("E0602", f"{info.title} is not installed", help=f"install it: {info.install}"))
    if info.device == "cpu":
        return
    if reason := lacks_gpu(info.device):
        message = f"{info.title} needs a GPU: {reason}"
        raise BackendError(Diagnostic("E0602", message, help=f"it comes by {info.install}"))
    # Only ONNX Runtime itself knows what it was built with, so that for a GPU it is imported here.
    if info.providers and info.providers[0] not in (known := onnxruntime().get_available_providers()):
        message = f"{info.title} needs ONNX Runtime's {info.providers[0]}, and the one installed has {', '.join(known)}"
        raise BackendError(Diagnostic("E0602", message, help=f"install it: {info.install}"))


def onnxruntime() -> Any:
    """ONNX Runtime.

    Raises:
        BackendError: it cannot be imported.
    """
    try:
        import onnxruntime as found
    except Exception as error:  # whatever it raises
        raise not_importable("ONNX Runtime", error) from error
    return found


def onnxruntime_session(
    model: bytes, engine: str, *, sizes: Mapping[str, int] | None = None, spins: bool = True, whole: bool = False
) -> Any:
    """A model opened by ONNX Runtime on one of the engines that it is.

    Args:
        model: the bytes of an ONNX model.
        engine: one with providers.
        sizes: of axes that the model leaves open, by the names that it gives them, where it is for these alone.
        spins: threads that wait do so busily, which is faster where a model runs again and again.
        whole: no layer may be left to the processor, as they are where a GPU's provider has no kernel for them: what is
            measured would be the processor and the copies to it.

    Raises:
        BackendError: it cannot be imported, its provider cannot start, in whose place ONNX Runtime would silently take
            the processor, or the model is to run on it as a whole and does not.
    """
    runtime, info = onnxruntime(), INFO[engine]
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors
    if not spins:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    for name, size in (sizes or {}).items():
        options.add_free_dimension_override_by_name(name, size)
    providers = [provider for provider in info.providers if not (whole and provider == _CPU)]
    if whole:
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        options.log_severity_level = 4  # it would print what it raises, too
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it warns of, that a provider is not there, is an error below
        try:
            session = runtime.InferenceSession(model, options, providers=providers)
        except Exception as error:  # its own, which have no base class
            if not whole or "fallback to CPU" not in str(error):
                raise
            message = f"{info.title} would leave layers, or all of them, to the processor"
            help = f"see that what it needs is there: {info.install}; and which layers {providers[0]} has no kernel for"
            raise BackendError(Diagnostic("E0602", message, help=help)) from None
    if info.providers[0] not in (started := session.get_providers()):
        message = f"{info.title} could not start {info.providers[0]}; ONNX Runtime would use {', '.join(started)}"
        raise BackendError(Diagnostic("E0602", message, help=f"see that what it needs is there: {info.install}"))
    return session


def openvino_model(model: Any, shapes: Mapping[str, Sequence[int]] | None = None) -> Any:
    """A model compiled by OpenVINO for the processor, in the precision that it is written in.

    Args:
        model: the bytes of an ONNX model, or an `openvino.Model`.
        shapes: of the inputs by name, where it is for these alone, which is a little faster; it changes the model.

    OpenVINO would take bfloat16 for float32 where the processor has it: another result, by three digits.

    Raises:
        BackendError: OpenVINO cannot be imported.
    """
    try:
        from archspec_onnx.openvino_import import openvino
    except Exception as error:  # whatever it raises
        raise not_importable("OpenVINO", error) from error
    core = openvino.Core()
    read = core.read_model(model) if isinstance(model, bytes) else model
    if shapes is not None:
        read.reshape({name: list(shape) for name, shape in shapes.items()})
    return core.compile_model(read, "CPU", {"PERFORMANCE_HINT": "LATENCY", "EXECUTION_MODE_HINT": "ACCURACY"})
