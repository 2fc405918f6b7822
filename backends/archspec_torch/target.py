"""The backend as archspec sees it. PyTorch itself is imported only when a model is built (`model.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from keyword import iskeyword
from shutil import which
from typing import Final

from archspec.bench.lazy_models import LazyTimedModels
from archspec.codegen.backend import Arrays
from archspec.codegen.escaping import one_of
from archspec.codegen.lazy_models import LazyTraining
from archspec.codegen.simplify import fixed_params
from archspec.errors import BackendError, Diagnostic
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import TensorType
from archspec.quantization.scheme import Quantization
from archspec.training.plan import TrainingPlan
from archspec_torch.names import class_name
from archspec_torch.ops import ROWS
from archspec_torch.ops.padding import takes_words
from archspec_torch.parameter_groups import without_decay
from archspec_torch.source import write
from archspec_torch.training_program.program import render_training

VARIANTS: Final[Mapping[str, str]] = {
    "": "as it is",
    "channels_last": "images in the order NHWC",
    "compile": "torch.compile",
    "max-autotune": "torch.compile, which tries kernels",
    "freezing": "torch.compile, the weights constants",
    "aot": "AOTInductor: exported, compiled ahead",
}
COMPILED: Final = ("compile", "max-autotune", "freezing", "aot")


class TorchBackend(LazyTimedModels, LazyTraining):
    """PyTorch: `nn.Module` classes."""

    models = "archspec_torch.model"
    frameworks = ("torch",)
    name = "torch"
    title = "PyTorch"
    suffix = ".py"
    weights_suffix = ".pt"
    int8_suffix = ".pt2"
    engines = ("torch",)

    def require(self, engine: str | None = None) -> None:
        """See `archspec.codegen.backend`, for this and all that follows."""
        if find_spec("torch") is None:
            help = "install it with `pip install torch`"
            raise BackendError(Diagnostic("E0602", "PyTorch is not installed", help=help))

    def render(self, graph: LayerGraph) -> str:
        """A class for each block, and one for the network."""
        return write(graph)

    def limits(self, graph: LayerGraph) -> Sequence[str]:
        """Modules whose names torch.fx cannot write."""
        layers = (node for path, node in graph.nodes.items() if path not in graph.inputs)
        named = (node for node in layers if any(map(iskeyword, node.owner.split("."))))
        found = next((node.owner for node in named if ROWS[node.op.name].module or graph.weights(node)), "")
        if not found:
            return ()
        tools = "torch.fx and `.module()` of torch.export"
        return (f"{tools} write `self.{found}`, which is no Python; torch.compile, torch.jit and torch.export do more",)

    def fixed_params(self, graph: LayerGraph) -> dict[str, str]:
        """The params that the class of the network has no argument for, each with what it decides."""
        return fixed_params(without_decay(graph), words=takes_words, has_flat_names=False)

    def load_usage(self, path: str) -> str:
        """`load_state_dict` of what `torch.load` reads."""
        return f"model.load_state_dict(torch.load({path!r}, weights_only=True))"

    def dtype_usage(self, dtype: str) -> str:
        """The type of new tensors."""
        return f"torch.set_default_dtype(torch.{dtype})"

    def usage(self, graph: LayerGraph, module: str) -> Sequence[str]:
        """Import, construct, call; and the optimizer, where the spec states a weight decay."""
        name = class_name(graph)
        arguments = ", ".join(_example(node.type) for node in graph.input_nodes)
        lines = [
            "import torch",
            f"from {module} import {name}",
            f"model = {name}().eval()",
            f"output = model({arguments}){one_of(evaluated(graph))}",
        ]
        if any(weight.decay for weight in graph.all_weights.values()):
            # PyTorch's optimizers know no decay of a model's own, and forget it without a word.
            optimizer = "torch.optim.SGD(model.parameter_groups(), lr=0.1, momentum=0.9)"
            lines += ["model.train()  # to train, with the spec's weight decay:", f"optimizer = {optimizer}"]
        return lines

    def versions(self) -> Mapping[str, str]:
        """PyTorch's version."""
        import torch

        return {"torch": torch.__version__}

    def variants(self, engine: str) -> Mapping[str, str]:
        """See `archspec.bench.backend`, for this and what follows."""
        return VARIANTS

    def lacks_variant(self, engine: str, variant: str, dtype: str, *, training: bool) -> str:
        """To compile takes a C++ compiler; frozen and exported models are not trained."""
        if training and variant in ("freezing", "aot"):
            return f"{VARIANTS[variant]}: such a model is not trained"
        if variant in COMPILED and not any(map(which, ("c++", "g++", "clang++"))):
            return f"{VARIANTS[variant]}: there is no C++ compiler, which PyTorch compiles by"
        return ""

    def packed_int8(self, graph: LayerGraph, weights: Arrays, quantization: Quantization, inputs: Arrays) -> bytes:
        """See `archspec.quantization.backend`, for this and what follows: a program of `torch.export`."""
        from archspec_torch.quantization import exported

        model = self.build(self.render(graph), graph, weights=weights)
        return exported(model, graph, quantization, inputs)

    def run_int8(self, data: bytes, graph: LayerGraph, inputs: Arrays) -> Arrays:
        """By PyTorch as it is."""
        from archspec_torch.quantization import run_exported

        return run_exported(data, graph, inputs)

    def int8_usage(self, graph: LayerGraph, path: str) -> Sequence[str]:
        """Load and call; with torchao, int8 kernels."""
        arguments = ", ".join(_example(node.type) for node in graph.input_nodes)
        return [
            "import torch, torchao.quantization.pt2e  # torchao has the operators, and int8 kernels for them",
            "from torchao.quantization.pt2e.lowering import lower_pt2e_quantized_to_x86",
            f"model = torch.export.load({path!r}).module()  # rounds as int8 does, and computes in float32",
            f"model = lower_pt2e_quantized_to_x86(model, ({arguments},))",
            f"output = model({arguments}){one_of(evaluated(graph))}",
        ]

    def render_training(self, graph: LayerGraph, plan: TrainingPlan) -> dict[str, str]:
        """See `archspec.training.backend`, for this and all that follows: a plain loop."""
        return render_training(graph, plan)

    def to_checkpoint(self, graph: LayerGraph, weights: Arrays) -> Arrays:
        """The weights as they are: PyTorch's names and layout are the canonical ones."""
        return {name: weights[name] for name in graph.all_weights}

    def from_checkpoint(self, graph: LayerGraph, arrays: Arrays) -> Arrays:
        """The weights among the arrays."""
        return {name: arrays[name] for name in graph.all_weights if name in arrays}


def _example(type: TensorType) -> str:
    """A random batch of one."""
    shape = ", ".join(map(str, (1, *type.sizes)))
    return f"torch.randint({type.vocabulary}, ({shape}))" if type.is_ids else f"torch.randn({shape})"
