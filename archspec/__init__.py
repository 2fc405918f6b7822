"""archspec: write a network once, as YAML; get readable PyTorch and Keras source, and proof that both agree."""

from importlib import import_module

from archspec._version import __version__

TYPE_CHECKING = False  # what type checkers take for true; to import `typing` takes longer than all else here
if TYPE_CHECKING:
    from archspec.api import build, compile, generate, init_weights, load, load_weights, save_weights
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
    from archspec.ir.builder import GraphBuilder
    from archspec.ir.graph import LayerGraph
    from archspec.limits import Limits
    from archspec.spec import Spec
    from archspec.views import count, diff, draw, summary
    from archspec.weights import PartialWeightsWarning, WeightsReport, WeightsWarning

__all__ = [
    "ArchspecError",
    "BackendError",
    "Diagnostic",
    "GraphBuilder",
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
    "WeightsWarning",
    "__version__",
    "build",
    "compile",
    "count",
    "diff",
    "draw",
    "generate",
    "init_weights",
    "load",
    "load_weights",
    "save_weights",
    "summary",
]

_HOMES = (
    "archspec.errors",
    "archspec.api",
    "archspec.ir.graph",
    "archspec.ir.builder",
    "archspec.limits",
    "archspec.spec",
    "archspec.views",
    "archspec.weights",
)


def __getattr__(name: str) -> object:
    """A public name, imported when it is first used: pytest imports our plugin in every run, archspec or not."""
    if name in __all__:
        for home in _HOMES:
            module = import_module(home)
            if hasattr(module, name):
                found: object = getattr(module, name)
                globals()[name] = found
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__]
