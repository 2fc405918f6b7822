"""The backend as archspec sees it. Keras itself is imported only when a model is built (`model.py`)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archspec.bench.lazy_models import LazyTimedModels
from archspec.codegen.escaping import one_of
from archspec.codegen.lazy_models import LazyTraining
from archspec.codegen.simplify import fixed_params
from archspec.errors import BackendError, Diagnostic, did_you_mean
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import FEATURES
from archspec_keras.layer_groups import layer_groups
from archspec_keras.layer_names import layer_name
from archspec_keras.memory_layout import keras_sizes
from archspec_keras.names import INFERENCE_MODEL, function_name
from archspec_keras.ops.linear import kinds
from archspec_keras.source import module_of, write
from archspec_keras.stored_weights import stored_weights
from archspec_keras.training_program.program import write_program

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays
    from archspec.training.plan import TrainingPlan
    from archspec.weights.stored_weights import StoredWeight

_TITLES: Final = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


class KerasBackend(LazyTimedModels, LazyTraining):
    """Keras 3: functions of the functional API, on whichever of its own backends Keras runs."""

    models = "archspec_keras.model"
    frameworks = ("keras",)
    name = "keras"
    title = "Keras"
    suffix = ".py"
    weights_suffix = ".weights.h5"
    engines = tuple(_TITLES)

    def layer_name(self, path: str, graph: LayerGraph) -> str:
        """See `archspec.weights.stored_weights`."""
        return layer_name(path, graph)

    def layer_groups(self, graph: LayerGraph) -> Mapping[str, str] | None:
        """See `archspec.weights.stored_weights`."""
        return layer_groups(graph, module_of(graph))

    def stored_weights(self, graph: LayerGraph) -> Mapping[str, StoredWeight]:
        """See `archspec.weights.stored_weights`."""
        return stored_weights(graph)

    def environment(self, engine: str) -> Mapping[str, str]:
        """See `archspec.codegen.backend`, for this and all that follows."""
        # TensorFlow's own allocator for oneDNN keeps what it once had: another process may need it.
        return {"KERAS_BACKEND": engine, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ONEDNN_USE_SYSTEM_ALLOCATOR": "1"}

    def timed_environment(self, engine: str) -> Mapping[str, str]:
        """TensorFlow with its own allocator, which takes a fifth off the time of MobileNetV2."""
        return {"KERAS_BACKEND": engine, "TF_CPP_MIN_LOG_LEVEL": "3"}

    def require(self, engine: str | None = None) -> None:
        """Keras, and what it runs on."""
        help = "install it with `pip install keras tensorflow`"
        if find_spec("keras") is None:
            raise BackendError(Diagnostic("E0602", "Keras is not installed", help=help))
        engine = engine or _engine()
        if engine not in _TITLES:
            raise BackendError(
                Diagnostic("E0603", f"Keras does not run on `{engine}`", help=did_you_mean(engine, _TITLES))
            )
        if find_spec(engine) is None:
            message = f"{_TITLES[engine]}, on which Keras is to run, is not installed"
            help += f"; or let Keras run on another, as with KERAS_BACKEND={'jax' if engine == 'torch' else 'torch'}"
            raise BackendError(Diagnostic("E0602", message, help=help))

    def render(self, graph: LayerGraph) -> str:
        """A function for each block, and one that makes the network."""
        return write(graph)

    def fixed_params(self, graph: LayerGraph) -> dict[str, str]:
        """The params that the network's function has no argument for, each with what it decides."""
        return fixed_params(graph, lambda nodes: kinds(nodes, graph))

    def variants(self, engine: str) -> Mapping[str, str]:
        """See `archspec.bench.backend`, for this and what follows."""
        compiled = {"tensorflow": "a graph", "jax": "compiled by XLA", "torch": "as it is"}
        return {"": compiled[engine]} | ({"xla": "compiled by XLA"} if engine == "tensorflow" else {})

    def lacks_variant(self, engine: str, variant: str, dtype: str, *, training: bool) -> str:
        """Nothing that an engine is here for."""
        return ""

    def render_training(self, graph: LayerGraph, plan: TrainingPlan) -> dict[str, str]:
        """`compile` and `fit`; see `archspec.training.backend`, for this and what follows."""
        return write_program(graph, plan)

    def to_checkpoint(self, graph: LayerGraph, weights: Arrays) -> Arrays:
        """By the paths of Keras's variables."""
        self.require()
        found: Arrays = self._models().to_checkpoint(self.render(graph), graph, weights)
        return found

    def from_checkpoint(self, graph: LayerGraph, arrays: Arrays) -> Arrays:
        """By canonical name."""
        self.require()
        found: Arrays = self._models().from_checkpoint(self.render(graph), graph, arrays)
        return found

    def load_usage(self, path: str) -> str:
        """`load_weights` of the model."""
        return f"model.load_weights({path!r})"

    def dtype_usage(self, dtype: str) -> str:
        """The policy of layers."""
        return f'keras.config.set_dtype_policy("{dtype}")'

    def usage(self, graph: LayerGraph, module: str) -> Sequence[str]:
        """Import, construct, call, and get ready to train."""
        name = function_name(graph)
        arrays = []
        for path in graph.inputs:
            type = graph.nodes[path].type
            sizes = ", ".join(map(str, (1, *keras_sizes(type))))
            drawn = f"randint(({sizes}), 0, {type.vocabulary})" if type.is_ids else f"normal(({sizes}))"
            arrays.append(f"keras.random.{drawn}")
        arguments = arrays[0] if len(arrays) == 1 else f"[{', '.join(arrays)}]"
        return (
            "import keras",
            f"from {module} import {', '.join([INFERENCE_MODEL] * bool(graph.training_outputs) + [name])}",
            f"model = {name}()",
            *_evaluated(graph, arguments),
            *_training(graph),
        )

    def versions(self) -> Mapping[str, str]:
        """The versions of Keras and of what it runs on."""
        import keras

        engine = keras.backend.backend()
        return {"keras": keras.__version__, engine: version(engine)}


def _evaluated(graph: LayerGraph, arguments: str) -> Iterator[str]:
    """Lines that call the model, without what it gives in training alone."""
    called = f"{INFERENCE_MODEL}(model)" if graph.training_outputs else "model"
    yield f"output = {called}({arguments}){one_of(evaluated(graph))}"


def _training(graph: LayerGraph) -> Iterator[str]:
    """A line that readies the model for `fit`."""
    last = graph.nodes[next(iter(graph.outputs.values()))]
    if len(graph.outputs) > 1 or not graph.all_weights:
        return  # only who trains it knows which of them has which loss
    decay = any(weight.decay for weight in graph.all_weights.values())
    loss = "mse"
    if last.type.axes == FEATURES and last.type.channels > 1:
        logits = last.op.name != "softmax"
        loss = f"keras.losses.SparseCategoricalCrossentropy({'from_logits=True' if logits else ''})"
    loss = repr(loss) if loss == "mse" else loss
    then = ", which adds the spec's weight decay to the loss" if decay else ""
    yield f"model.compile('sgd', {loss})  # to train: then model.fit(inputs, targets){then}"


def _engine() -> str:
    """What Keras runs on, found out as Keras does it, without importing it."""
    loaded = sys.modules.get("keras")
    if loaded is not None:
        return str(loaded.backend.backend())
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"]
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        return str(json.loads((home / "keras.json").read_text(encoding="utf-8")).get("backend", "tensorflow"))
    except (OSError, ValueError, AttributeError):
        return "tensorflow"
