"""archspec: write a network once, as YAML; get readable PyTorch and Keras source, and proof that both agree."""

from archspec._version import __version__
from archspec.api import build, compile, count, diff, generate, init_weights, load, load_weights, save_weights
from archspec.errors import (
    ArchspecError,
    BackendError,
    Diagnostic,
    InternalError,
    OutputError,
    ParityError,
    SpecError,
    WeightsError,
)
from archspec.ir.graph import LayerGraph
from archspec.limits import Limits
from archspec.spec import Spec
from archspec.weights import PartialWeightsWarning, WeightsReport

__all__ = [
    "ArchspecError",
    "BackendError",
    "Diagnostic",
    "InternalError",
    "LayerGraph",
    "Limits",
    "OutputError",
    "ParityError",
    "PartialWeightsWarning",
    "Spec",
    "SpecError",
    "WeightsError",
    "WeightsReport",
    "__version__",
    "build",
    "compile",
    "count",
    "diff",
    "generate",
    "init_weights",
    "load",
    "load_weights",
    "save_weights",
]
