"""What a backend is, and how backends are found.

A backend turns a layer graph into source, and source into a running model. It is registered under the entry-point
group `archspec.backends`; those that come with archspec are registered exactly as anyone else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

from archspec.errors import BackendError, Diagnostic, did_you_mean
from archspec.ir.graph import LayerGraph

if TYPE_CHECKING:
    import numpy as np

GROUP: Final = "archspec.backends"
_MEANT: Final = {"pytorch": "torch", "tensorflow": "keras", "tf": "keras", "jax": "keras", "onnxruntime": "onnx"}
"""Names of frameworks, each with the backend for it: Keras runs on TensorFlow and on JAX."""
DTYPES: Final = ("float16", "bfloat16", "float32", "float64")
"""What a model may be built in; all of archspec's own backends know these."""


Arrays: TypeAlias = "Mapping[str, np.ndarray[Any, Any]]"
"""Tensors by name; images NCHW, convolutions OIHW, as PyTorch has them."""

Source: TypeAlias = str | Any
"""What a backend writes: the text of a module or, where `holds_weights`, bytes.

Not `str | bytes`, which everyone who knows the backend would have to take apart.
"""

Task: TypeAlias = Literal["inference", "training", "gradients"]
"""What may be asked of a model: a forward pass in either mode, or the gradients of a loss, in training mode."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model gave for a batch: its outputs by name, and its running statistics afterwards."""

    outputs: Arrays
    statistics: Arrays
    nodes: Arrays = field(default_factory=dict[str, Any])
    """The tensors of the graph's nodes by path, where they were asked for; not those that the model did not compute.

    For reading, and in whatever order of memory a framework has them: they may be its own.
    """


@dataclass(frozen=True, slots=True)
class Gradients:
    """The gradients of a loss with respect to what a model was given and what it owns."""

    loss: float
    inputs: Arrays
    """By the paths of the graph's inputs."""
    weights: Arrays
    """By canonical name, in canonical layout; of trainable weights only."""
    nodes: Arrays = field(default_factory=dict[str, Any])
    """With respect to the tensors of the graph's nodes, where they were asked for and the framework can give them."""


class Backend(Protocol):
    """One target of generation. Arrays go in and out in PyTorch's layout: images NCHW, convolutions OIHW."""

    name: str
    """As it is named on the command line, and the folder under `generated/`."""
    title: str
    """As people write it."""
    suffix: str
    """Of the files it writes, with the dot."""
    weights_suffix: str
    """Of the framework's own weights files; empty where `holds_weights`."""
    holds_weights: bool
    """What it writes is no source but a model, bytes, and its file holds the weights too: see `packed`."""

    @property
    def engines(self) -> Sequence[str]:
        """What its models can run on, the usual one first; one at least."""
        ...

    def environment(self, engine: str) -> Mapping[str, str]:
        """The environment variables with which a new process runs models on this engine."""
        ...

    def lacks(self, task: Task, dtype: str) -> str:
        """Why the engine of this process cannot do a task in a dtype, as people read it; empty if it can."""
        ...

    def require(self, engine: str | None = None) -> None:
        """See that the framework can be imported, without importing it.

        Args:
            engine: one of `engines`, which must be there, too; what models run on in this process if None.

        Raises:
            BackendError: it is not installed; the message says how to install it.
        """
        ...

    def render(self, graph: LayerGraph, *, dtype: str = "float32", functions: bool = False) -> Source:
        """The source of a module for this graph, without archspec's header. Imports no framework.

        Where `holds_weights`, it is a model without weights, whole; the framework is then what writes it. Source may be
        a `Marked` text (`archspec.codegen.marks`), which knows what its lines are there for; it need not.

        Args:
            graph: the network.
            dtype: of weights and computation; source is the same for all.
            functions: a function for each block, where a model can do without; source always has them.

        Raises:
            BackendError: the backend lacks an op of the graph, or cannot spell one of its names.
        """
        ...

    def verify(self, source: Source, graph: LayerGraph) -> None:
        """Import the source, build its model where that costs no memory, and compare it with the graph.

        Raises:
            InternalError: a parameter's name or shape, or an output's shape, differs.
        """
        ...

    def build(
        self,
        source: Source,
        graph: LayerGraph,
        *,
        weights: Arrays | None = None,
        device: str | None = None,
        dtype: str | None = None,
    ) -> Any:
        """The model of the source, its weights initialised as the spec says, or those given.

        Raises:
            WeightsError: the weights do not fit.
        """
        ...

    def packed(self, model: Any, name: str, *, external: bool = False) -> Mapping[str, bytes]:
        """The files that hold a model with its weights, by name, the model itself first; only where `holds_weights`.

        Args:
            model: as `build` gave it.
            name: of the model's file.
            external: keep the weights in a file of their own beside it.
        """
        ...

    def load_weights(self, model: Any, graph: LayerGraph, weights: Arrays) -> None:
        """Put canonical weights into a model. They have been checked against the graph."""
        ...

    def export_weights(self, model: Any, graph: LayerGraph) -> Arrays:
        """A model's weights under their canonical names, in canonical layout.

        A model of another network gives other names; whoever calls holds them against the graph.
        """
        ...

    def save_weights(self, model: Any, path: Path) -> None:
        """Write a model's weights in the framework's own form, whole or not at all; not where `holds_weights`."""
        ...

    def load_usage(self, path: str) -> str:
        """One line of code that loads such a file into `model`; not where `holds_weights`."""
        ...

    def run(self, model: Any, graph: LayerGraph, inputs: Arrays, *, training: bool, nodes: bool = False) -> Outcome:
        """One forward pass. In training, batch norm uses the batch's statistics and updates its own.

        Nothing is dropped, in training neither, whatever rates the model has; it keeps them.

        Args:
            model: as `build` gave it.
            graph: the network; its sizes may be others than those that the source was generated for.
            inputs: a batch for each of the graph's inputs by path, (N, C, H, W) or (N, features).
            training: in training mode.
            nodes: also give the tensor of every node.
        """
        ...

    def gradients(
        self, model: Any, graph: LayerGraph, inputs: Arrays, targets: Arrays, *, nodes: bool = False
    ) -> Gradients:
        """The gradients of a loss in training mode; nothing is dropped, running statistics are updated, as by `run`.

        The loss is the sum over the outputs of the mean cross-entropy of its numbers as logits, (N, classes), where the
        output's target is whole numbers (N,), and of the mean squared error where it has the output's own shape.
        Weight decay is no part of it.

        Args:
            model, graph, inputs: as for `run`.
            targets: by the outputs' names.
            nodes: also give the gradients with respect to the tensors of nodes.
        """
        ...

    def train(
        self,
        model: Any,
        graph: LayerGraph,
        batches: Iterable[tuple[Arrays, Arrays]],
        *,
        learning_rate: float,
        momentum: float,
    ) -> list[float]:
        """Train by the framework's own SGD with momentum, one step for each batch of inputs and targets.

        The batches are taken one at a time: when the next is asked for, the model has the weights and the running
        statistics after the step before it. Nothing is dropped. The loss is that of `gradients`, and decay / 2 times
        the squares of the weights that have a weight decay.

        Returns:
            The loss of each batch, before its step.
        """
        ...

    def usage(self, graph: LayerGraph, module: str) -> Sequence[str]:
        """A few lines of code that run the generated module, name its result `output`, and show how it is trained.

        Where there are several outputs, `output` is one of them. A line that begins with `model = ` makes the model.
        `module` is the module's name or, where `holds_weights`, the file's.
        """
        ...

    def versions(self) -> Mapping[str, str]:
        """The versions of what it runs on, by name."""
        ...


class LazyModels:
    """The part of a backend that runs models: functions of a module, which is imported when one of them is called.

    So the framework itself is imported only then. `models` names the module; each method is its function of that name,
    and does what `Backend` says.
    """

    models: str
    title: str
    frameworks: Sequence[str]
    """The modules that `models` imports and that are not archspec's own."""
    weights_suffix = ""
    holds_weights = False

    def _models(self) -> Any:
        """The module `models`.

        Raises:
            BackendError: one of the frameworks raises when it is imported.
        """
        for name in self.frameworks:
            try:
                import_module(name)
            except Exception as error:  # whatever a framework raises
                raise not_importable(self.title, error) from error
        return import_module(self.models)

    def require(self, engine: str | None = None) -> None:
        """See `Backend`."""
        raise NotImplementedError

    def environment(self, engine: str) -> Mapping[str, str]:
        """See `Backend`."""
        return {}

    def lacks(self, task: Task, dtype: str) -> str:
        """See `Backend`."""
        return ""

    def verify(self, source: Source, graph: LayerGraph) -> None:
        """See `Backend`."""
        self.require()
        self._models().verify(source, graph)

    def build(
        self,
        source: Source,
        graph: LayerGraph,
        *,
        weights: Arrays | None = None,
        device: str | None = None,
        dtype: str | None = None,
    ) -> Any:
        """See `Backend`."""
        self.require()
        return self._models().build(source, graph, weights=weights, device=device, dtype=dtype)

    def packed(self, model: Any, name: str, *, external: bool = False) -> Mapping[str, bytes]:
        """See `Backend`."""
        raise NotImplementedError

    def load_weights(self, model: Any, graph: LayerGraph, weights: Arrays) -> None:
        """See `Backend`."""
        self._models().load_weights(model, graph, weights)

    def export_weights(self, model: Any, graph: LayerGraph) -> Arrays:
        """See `Backend`."""
        found: Arrays = self._models().export_weights(model, graph)
        return found

    def save_weights(self, model: Any, path: Path) -> None:
        """See `Backend`."""
        self._models().save_weights(model, path)

    def load_usage(self, path: str) -> str:
        """See `Backend`."""
        raise NotImplementedError

    def run(self, model: Any, graph: LayerGraph, inputs: Arrays, *, training: bool, nodes: bool = False) -> Outcome:
        """See `Backend`."""
        found: Outcome = self._models().run(model, graph, inputs, training=training, nodes=nodes)
        return found

    def gradients(
        self, model: Any, graph: LayerGraph, inputs: Arrays, targets: Arrays, *, nodes: bool = False
    ) -> Gradients:
        """See `Backend`."""
        found: Gradients = self._models().gradients(model, graph, inputs, targets, nodes=nodes)
        return found

    def train(
        self,
        model: Any,
        graph: LayerGraph,
        batches: Iterable[tuple[Arrays, Arrays]],
        *,
        learning_rate: float,
        momentum: float,
    ) -> list[float]:
        """See `Backend`."""
        found: list[float] = self._models().train(model, graph, batches, learning_rate=learning_rate, momentum=momentum)
        return found


def one_of(graph: LayerGraph) -> str:
    """How one tensor is taken, as code, out of what a model gives: where it has names, a mapping by them."""
    if not graph.gives_names:
        return ""
    names = list(graph.outputs)
    others = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"[{names[0]!r}]  # of a dict with {', '.join(names[:3])}{others}"


def backends() -> list[str]:
    """The names of all installed backends."""
    return sorted({point.name for point in entry_points(group=GROUP)})


@cache
def backend(name: str) -> Backend:
    """The backend of this name. What is installed is looked up once, which takes a hundredth of a second.

    Raises:
        BackendError: there is none.
    """
    for point in entry_points(group=GROUP):
        if point.name == name:
            found: Backend = point.load()
            return found
    meant = _MEANT.get(name.lower())
    help = f"write `{meant}`" if meant is not None else did_you_mean(name, backends())
    raise BackendError(Diagnostic("E0603", f"there is no backend `{name}`", help=help))


def check_dtype(name: str) -> None:
    """See that models can be built in this dtype.

    Raises:
        BackendError: they cannot.
    """
    if name not in DTYPES:
        help = did_you_mean(name, DTYPES) or f"choose one of {', '.join(DTYPES)}"
        raise BackendError(Diagnostic("E0411", f"no model can be built in the dtype `{name}`", help=help))


def not_importable(title: str, error: Exception) -> BackendError:
    """The error for a framework that is installed, and raises when it is imported."""
    said = " ".join(str(error).split())
    message = f"{title} is installed, and cannot be imported: {type(error).__name__}{f': {said}' if said else ''}"
    help = "its installation is damaged, or does not fit the rest of the environment; install it again"
    return BackendError(Diagnostic("E0602", message, help=help))


def no_device(name: str, reason: Exception, help: str) -> BackendError:
    """The error for a device that a framework does not know or does not find."""
    found = str(reason).strip().partition("\n")[0]
    return BackendError(Diagnostic("E0411", f"there is no device `{name}` here: {found}", help=help))
