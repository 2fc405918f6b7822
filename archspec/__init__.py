"""archspec: write a network once, as YAML; get readable PyTorch and Keras source, and proof that both agree."""

from importlib import import_module

from archspec._version import __version__
from archspec.display import register

TYPE_CHECKING = False  # what type checkers take for true; to import `typing` takes longer than all else here
if TYPE_CHECKING:
    from archspec.api import build, compile, generate, init_weights, load
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
    from archspec.hub import from_pretrained
    from archspec.inspection import count, diff, draw, summary
    from archspec.ir.builder import GraphBuilder
    from archspec.ir.graph import LayerGraph
    from archspec.limits import Limits
    from archspec.model_weights import load_weights, save_weights
    from archspec.prediction import preprocessing
    from archspec.spec import Spec
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
    "from_pretrained",
    "generate",
    "init_weights",
    "load",
    "load_weights",
    "preprocessing",
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
    "archspec.model_weights",
    "archspec.inspection",
    "archspec.weights",
    "archspec.hub",
    "archspec.prediction",
)

register("archspec.errors:ArchspecError", text="archspec.reporting:error_text")
register("archspec.spec.model:Spec", rich="archspec.spec.rich_view:renderable", svg="archspec.inspection:spec_svg")
register(
    "archspec.ir.graph:LayerGraph",
    text="archspec.ir.dump:dump",
    rich="archspec.analysis.summary:summarize",
    svg="archspec.inspection:graph_svg",
)
register(
    "archspec.analysis.summary:Summary",
    text="archspec.analysis.summary_table:to_text",
    markdown="archspec.analysis.summary_table:to_markdown",
    rich="archspec.analysis.summary_rich:Shown",
)
register(
    "archspec.analysis.counting:NetworkCounts",
    text="archspec.analysis.counting_table:to_text",
    markdown="archspec.analysis.counting_table:to_markdown",
)
register(
    "archspec.analysis.graph_diff:Difference",
    text="archspec.analysis.diff_text:to_text",
    markdown="archspec.analysis.diff_text:to_markdown",
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
