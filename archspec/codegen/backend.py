"""What a backend is: small contracts, each for what some commands need of it.

`Backend` is enough to write source. A backend that does more satisfies further contracts, simply by having their
members. `archspec.codegen.registry` finds backends, and holds them against what a caller needs.

    Backend ── BuildsModels ─┬─ ExchangesWeights ─┬─ RunsModels ── TrainsModels
                             └─ PacksModels       └─ SavesWeights

Arrays go in and out in PyTorch's layout: images NCHW, convolutions OIHW.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, get_args, runtime_checkable

from archspec.ir.graph import LayerGraph

if TYPE_CHECKING:
    import numpy as np

Arrays: TypeAlias = "Mapping[str, np.ndarray[Any, Any]]"
"""Tensors by name; images NCHW, convolutions OIHW, as PyTorch has them."""

Source: TypeAlias = str | Any
"""What a backend writes: the text of a module or, where it `PacksModels`, bytes.

Not `str | bytes`, which everyone who knows the backend would have to take apart.
"""

Task: TypeAlias = Literal["inference", "training", "gradients"]
"""What may be asked of a model: a forward pass in either mode, or the gradients of a loss, in training mode."""

FileOption: TypeAlias = Literal["functions", "opset", "external"]
"""What only some formats of model files can have: see the arguments of `PacksModels`."""
FILE_OPTIONS: Final[tuple[FileOption, ...]] = get_args(FileOption)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a model gave for a batch: its outputs by name, and its running statistics afterwards."""

    outputs: Arrays
    statistics: Arrays
    nodes: Arrays = field(default_factory=dict[str, Any])
    """The tensors of the graph's nodes by name (`LayerGraph.types`), where they were asked for; not those that the
    model did not compute.

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


@runtime_checkable
class Backend(Protocol):
    """Writes a graph as source: all that `archspec build` needs."""

    name: str
    """As it is named on the command line, and the folder under `generated/`."""
    title: str
    """As people write it."""
    suffix: str
    """Of the files it writes, with the dot."""

    def render(self, graph: LayerGraph) -> Source:
        """The source of a module for this graph, without archspec's header. Imports no framework.

        It may be a `Marked` text (`archspec.codegen.marked_text`), which knows what its lines are there for; it need
        not.

        Raises:
            BackendError: the backend lacks an op of the graph, or cannot spell one of its names.
        """
        ...


@runtime_checkable
class OffersArguments(Backend, Protocol):
    """Says itself which params its source offers no argument for, where that is not as for others."""

    def fixed_params(self, graph: LayerGraph) -> dict[str, str]:
        """By name, what each of them decides; see `archspec.codegen.simplify.fixed_params`."""
        ...


@runtime_checkable
class BuildsModels(Backend, Protocol):
    """Makes the model of its source, so that `archspec build` can check it, and `archspec.build` returns it."""

    def require(self) -> None:
        """See that the framework can be imported, without importing it.

        Raises:
            BackendError: it is not installed; the message says how to install it.
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
        """The model of the source, its weights initialized as the spec says, or those given.

        Raises:
            WeightsError: the weights do not fit.
        """
        ...

    def usage(self, graph: LayerGraph, module: str) -> Sequence[str]:
        """A few lines of code that run the generated module, name its result `output`, and show how it is trained.

        Where there are several outputs, `output` is one of them. A line that begins with `model = ` makes the model.
        `module` is the module's name or, of a model that is packed, the file's.
        """
        ...

    def versions(self) -> Mapping[str, str]:
        """The versions of what it runs on, by name."""
        ...


@runtime_checkable
class KnowsLimits(Backend, Protocol):
    """Says what its framework cannot do with some of the models that it writes: `archspec build` shows it."""

    def limits(self, graph: LayerGraph) -> Sequence[str]:
        """What tools of the framework cannot do with the model of a graph, each in a line with what else can."""
        ...


@runtime_checkable
class ExchangesWeights(BuildsModels, Protocol):
    """Puts canonical weights into its models and takes them out: `archspec.load_weights`, `archspec.save_weights`."""

    def load_weights(self, model: Any, graph: LayerGraph, weights: Arrays) -> None:
        """Put canonical weights into a model. They have been checked against the graph."""
        ...

    def export_weights(self, model: Any, graph: LayerGraph) -> Arrays:
        """A model's weights under their canonical names, in canonical layout.

        A model of another network gives other names; whoever calls holds them against the graph.
        """
        ...


@runtime_checkable
class RunsModels(ExchangesWeights, Protocol):
    """Runs its models on arrays, so that they can be compared with those of other backends."""

    @property
    def engines(self) -> Sequence[str]:
        """What its models can run on, the usual one first; one at least."""
        ...

    def require(self, engine: str | None = None) -> None:
        """See that the framework and an engine can be imported, without importing them.

        Args:
            engine: one of `engines`; what models run on in this process if None.

        Raises:
            BackendError: one is not installed; the message says how to install it.
        """
        ...

    def environment(self, engine: str) -> Mapping[str, str]:
        """The environment variables with which a new process runs models on this engine."""
        ...

    def lacks(self, task: Task, dtype: str) -> str:
        """Why the engine of this process cannot do a task in a dtype, as people read it; empty if it can."""
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


@runtime_checkable
class TrainsModels(RunsModels, Protocol):
    """Trains its models, so that a comparison can include gradients and training runs."""

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


@runtime_checkable
class SavesWeights(ExchangesWeights, Protocol):
    """Writes weights as its framework does, into a file of their own: `archspec build --weights`."""

    weights_suffix: str
    """Of these files, with the dot."""

    def save_weights(self, model: Any, path: Path, form: str = "") -> None:
        """Write a model's weights in the framework's own form, whole or not at all.

        Args:
            model: the model.
            path: of the file.
            form: of the network, said in the file where its weights were made of those that are trained: `inference`.
        """
        ...

    def load_usage(self, path: str) -> str:
        """One line of code that loads such a file into `model`."""
        ...

    def dtype_usage(self, dtype: str) -> str:
        """One line of code after which models are made in this dtype."""
        ...


@runtime_checkable
class PacksModels(BuildsModels, Protocol):
    """Writes no source but models: files of bytes, which hold the weights, too."""

    file_options: frozenset[FileOption]
    """Those that its files can have; the others are left as they are by default."""

    def render(
        self, graph: LayerGraph, *, dtype: str = "float32", functions: bool = False, opset: int | None = None
    ) -> bytes:
        """A model without weights, whole; the framework is what writes it.

        Args:
            graph: the network.
            dtype: of weights and computation.
            functions: a function for each block, not one flat graph.
            opset: the version of the format's operators, the backend's own choice unless given.

        Raises:
            BackendError: the framework is missing, or the backend lacks an op of the graph or this version.
        """
        ...

    def usage(self, graph: LayerGraph, module: str, *, dtype: str = "float32") -> Sequence[str]:
        """A few lines of code that run the model, on what has its dtype; see `BuildsModels.usage`."""
        ...

    def packed(self, model: Any, name: str, *, external: bool = False) -> Mapping[str, bytes]:
        """The files that hold a model with its weights, by name, the model itself first.

        Args:
            model: as `build` gave it.
            name: of the model's file.
            external: keep the weights in a file of their own beside it.
        """
        ...
