"""The backend as archspec sees it. OpenVINO and ONNX are imported only when a model is made (`model.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from archspec.codegen.backend import FileOption, Task
from archspec.codegen.lazy_models import LazyModels
from archspec.errors import BackendError, Diagnostic
from archspec.ir.graph import LayerGraph
from archspec_onnx import backend as onnx_backend
from archspec_onnx.usage import openvino_usage


class OpenVinoBackend(LazyModels):
    """OpenVINO's intermediate representation (IR): a file of layers, `.xml`, and one of weights, `.bin`.

    The model is written as ONNX's, and read by OpenVINO. Its weights keep their canonical names.
    """

    models = "archspec_openvino.model"
    frameworks = ("onnx", "openvino")
    name = "openvino"
    title = "OpenVINO"
    suffix = ".xml"
    engines = ("cpu",)
    file_options: frozenset[FileOption] = frozenset()

    def require(self, engine: str | None = None) -> None:
        """ONNX and OpenVINO; see `archspec.codegen.backend`, for this and all that follows."""
        missing = [name for name in self.frameworks if find_spec(name) is None]
        if missing:
            help = f"install it with `pip install {' '.join(self.frameworks)}`"
            raise BackendError(
                Diagnostic("E0602", f"{title} is not installed", help=help)
                for title in ({"onnx": "ONNX", "openvino": self.title}[name] for name in missing)
            )

    def lacks(self, task: Task, dtype: str) -> str:
        """It computes in float32, and takes models of fewer bits."""
        if dtype == "float64":
            return "OpenVINO computes in float32 what is written in float64"
        return "OpenVINO only runs models" if task != "inference" else ""

    def render(
        self, graph: LayerGraph, *, dtype: str = "float32", functions: bool = False, opset: int | None = None
    ) -> bytes:
        """The ONNX model that OpenVINO reads."""
        self.require()
        return onnx_backend.render(graph, dtype=dtype, functions=functions, opset=opset)

    def packed(self, model: Any, name: str, *, external: bool = False) -> Mapping[str, bytes]:
        """The layers, and the weights beside them: `net.xml` and `net.bin`.

        Raises:
            OutputError: the name does not end in `.xml`, by which OpenVINO knows its files.
        """
        found: Mapping[str, bytes] = self._models().packed(model, name)
        return found

    def usage(self, graph: LayerGraph, module: str, *, dtype: str = "float32") -> Sequence[str]:
        """Read the files with OpenVINO, compile them, run them."""
        return openvino_usage(graph, module)

    def versions(self) -> Mapping[str, str]:
        """The versions of ONNX and OpenVINO."""
        return {"onnx": version("onnx"), "openvino": version("openvino")}
