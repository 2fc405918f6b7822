"""The backend as archspec sees it. ONNX itself is imported only when a model is written (`source.py`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

from archspec.bench.lazy_models import LazyTimedModels
from archspec.codegen.backend import FILE_OPTIONS, Arrays, FileOption, Task
from archspec.codegen.backend_errors import check_dtype
from archspec.errors import BackendError, Diagnostic, did_you_mean
from archspec.ir.graph import LayerGraph
from archspec.quantization.scheme import Quantization
from archspec_onnx.engines import ENGINES, INFO, current_engine, environment_of, require_engine
from archspec_onnx.opsets import OPSET, check_opset
from archspec_onnx.usage import onnxruntime_usage, openvino_usage


class OnnxBackend(LazyTimedModels):
    """ONNX: a model file, its weights inside. It runs on ONNX Runtime, OpenVINO, TensorRT, or ONNX's own evaluator."""

    models = "archspec_onnx.model"
    frameworks = ("onnx",)
    name = "onnx"
    title = "ONNX"
    suffix = ".onnx"
    engines = ENGINES
    file_options: frozenset[FileOption] = frozenset(FILE_OPTIONS)

    def environment(self, engine: str) -> Mapping[str, str]:
        """See `archspec.codegen.backend`, for this and all that follows."""
        return environment_of(engine)

    def lacks(self, task: Task, dtype: str) -> str:
        """The reference evaluator has all dtypes."""
        engine = current_engine()
        if engine in ("openvino", "tensorrt-native") and task != "inference":
            return f"{INFO[engine].title} only runs models"
        return _lacking(engine, dtype)

    def variants(self, engine: str) -> Mapping[str, str]:
        """One on each engine that is made to be fast."""
        return {} if engine == "reference" else {"": INFO[engine].title}

    def lacks_variant(self, engine: str, variant: str, dtype: str, *, training: bool) -> str:
        """ONNX models are for inference; the reference evaluator, to which the reason leads, is not timed."""
        return "an ONNX model is not trained" if training else _lacking(engine, dtype).partition(";")[0]

    def require(self, engine: str | None = None) -> None:
        """ONNX, and what models are set to run on."""
        help = "install it with `pip install onnx onnxruntime`"
        if find_spec("onnx") is None:
            raise BackendError(Diagnostic("E0602", "ONNX is not installed", help=help))
        chosen = engine or current_engine()
        if chosen not in self.engines:
            message = f"ONNX models do not run on `{chosen}`"
            raise BackendError(Diagnostic("E0603", message, help=did_you_mean(chosen, self.engines)))
        if engine is not None:
            require_engine(engine)

    def render(
        self,
        graph: LayerGraph,
        *,
        dtype: str = "float32",
        functions: bool = False,
        opset: int | None = None,
        training: bool = False,
    ) -> bytes:
        """A valid model whose weights are inputs.

        Args:
            graph: the network.
            dtype: of weights and computation.
            functions: a function for each block, not one flat graph.
            opset: the version of ONNX's operators, from 17 on; 23 unless given.
            training: batch norm by the statistics of the batch; the running ones afterwards are further outputs, named
                `bn1.running_mean.after`.
        """
        self.require()
        check_dtype(dtype)
        models = self._models()
        opset = OPSET if opset is None else opset
        check_opset(opset, dtype)
        found: bytes = models.render(graph, dtype=dtype, functions=functions, training=training, opset=opset)
        return found

    def watched(self, model: Any, graph: LayerGraph, tensors: Sequence[str]) -> Callable[[Arrays], Arrays]:
        """See `archspec.quantization.backend`, for this and what follows; by ONNX Runtime."""
        self.require("onnxruntime")
        found: Callable[[Arrays], Arrays] = self._models().watched(model, graph, tensors)
        return found

    def quantized(self, model: Any, graph: LayerGraph, quantization: Quantization) -> Any:
        """With nodes that round and make float32 again, and weights in int8."""
        return self._models().quantized(model, graph, quantization)

    def packed(self, model: Any, name: str, *, external: bool = False) -> Mapping[str, bytes]:
        """The model, or the model and `name.data` with its weights."""
        found: Mapping[str, bytes] = self._models().packed(model, name, external=external)
        return found

    def usage(self, graph: LayerGraph, module: str, *, dtype: str = "float32") -> Sequence[str]:
        """Open the model with ONNX Runtime, or with OpenVINO where that lacks the dtype, and run it."""
        if dtype == "bfloat16":
            return openvino_usage(graph, module)
        return onnxruntime_usage(graph, module)

    def versions(self) -> Mapping[str, str]:
        """The versions of ONNX and, where models run on it, of ONNX Runtime."""
        found = {"onnx": version("onnx")}
        package = INFO[current_engine()].package
        if package and find_spec(package) is not None:
            found[package] = _version(package)
        return found


def _lacking(engine: str, dtype: str) -> str:
    """Why an engine does not run models of a dtype; empty if it does."""
    title = INFO[engine].title
    if engine == "onnxruntime" and dtype in ("float64", "bfloat16"):
        return f"{title} has no convolution in {dtype}; `onnx:reference` has one"
    if engine == "openvino" and dtype == "float64":
        return f"{title} computes in float32 what is written in float64; `onnx:reference` does not"
    if engine in ("tensorrt", "tensorrt-native") and dtype == "float64":
        return f"{title} has no float64; `onnx:reference` has it"
    return ""


def _version(package: str) -> str:
    """The version of a package, whose distribution for GPUs may have a name of its own."""
    try:
        return version(package)
    except PackageNotFoundError:
        return version(f"{package}-gpu")
