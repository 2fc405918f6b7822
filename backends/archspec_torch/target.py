"""The backend as archspec sees it. PyTorch itself is imported only when a model is built (`model.py`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archspec.codegen.backend import Outcome
from archspec.errors import BackendError, Diagnostic
from archspec.ir.graph import LayerGraph
from archspec_torch.names import class_name
from archspec_torch.source import write

if TYPE_CHECKING:
    from torch import nn

    from archspec.codegen.backend import Arrays


class TorchBackend:
    """PyTorch: `nn.Module` classes."""

    name = "torch"
    title = "PyTorch"
    suffix = ".py"
    weights_suffix = ".pt"

    def require(self) -> None:
        """See `archspec.codegen.backend.Backend`, for this and all that follows."""
        if find_spec("torch") is None:
            help = "install it with `pip install 'archspec-nn[torch]'`; `build --no-verify` needs none"
            raise BackendError(Diagnostic("E0602", "PyTorch is not installed", help=help))

    def render(self, graph: LayerGraph) -> str:
        """A class for each block, and one for the network."""
        return write(graph)

    def verify(self, source: str, graph: LayerGraph) -> None:
        """Build the model on the meta device, where it takes no memory, and compare it with the graph."""
        self.require()
        from archspec_torch.model import verify

        verify(source, graph)

    def build(
        self,
        source: str,
        graph: LayerGraph,
        *,
        weights: Arrays | None = None,
        device: str | None = None,
        dtype: str | None = None,
    ) -> nn.Module:
        """An `nn.Module` in training mode, as constructors give it."""
        self.require()
        from archspec_torch.model import build

        return build(source, graph, weights=weights, device=device, dtype=dtype)

    def load_weights(self, model: Any, graph: LayerGraph, weights: Arrays) -> None:
        """Copy the weights into the model's own tensors, on their device and in their dtype."""
        from archspec_torch.model import load_weights

        load_weights(model, graph, weights)

    def export_weights(self, model: Any, graph: LayerGraph) -> Arrays:
        """The state dict without `num_batches_tracked`, which counts steps and is no part of the network."""
        from archspec_torch.model import export_weights

        return export_weights(model, graph)

    def save_weights(self, model: Any, path: Path) -> None:
        """A state dict, as `torch.save` writes it."""
        from archspec_torch.model import save_weights

        save_weights(model, path)

    def load_usage(self, path: str) -> str:
        """`load_state_dict` of what `torch.load` reads."""
        return f"model.load_state_dict(torch.load({path!r}, weights_only=True))"

    def run(self, model: Any, graph: LayerGraph, inputs: Arrays, *, training: bool) -> Outcome:
        """One forward pass without gradients."""
        from archspec_torch.model import run

        return run(model, graph, inputs, training=training)

    def usage(self, graph: LayerGraph, module: str) -> Sequence[str]:
        """Import, construct, call."""
        name = class_name(graph)
        shapes = [", ".join(str(size) for size in graph.nodes[path].shape) for path in graph.inputs]
        arguments = ", ".join(f"torch.randn(1, {shape})" for shape in shapes)
        return (
            "import torch",
            f"from {module} import {name}",
            f"model = {name}().eval()",
            f"output = model({arguments})",
        )

    def versions(self) -> Mapping[str, str]:
        """PyTorch's version."""
        import torch

        return {"torch": torch.__version__}
