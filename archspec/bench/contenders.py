"""What is measured: a backend's models on an engine in some way, or a model that somebody else has written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from archspec.bench.backend import TimesModels
from archspec.codegen.registry import backend as find
from archspec.errors import BackendError, Diagnostic, did_you_mean

DEFAULT: Final = (
    "torch",
    "torch+channels_last",
    "torch+compile",
    "torch+max-autotune",
    "torch+freezing",
    "torch+aot",
    "keras:tensorflow",
    "keras:tensorflow+xla",
    "keras:jax",
    "keras:torch",
    "onnx:onnxruntime",
    "onnx:openvino",
    "onnx:cuda",
    "onnx:tensorrt",
    "tensorrt",
)
"""Measured unless others are named, as far as they are installed."""

_OF_ITSELF: Final = {"tensorrt": "onnx:tensorrt-native"}
"""Engines that are known by a name of their own, each with the backend that has it."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One row of the table: `torch+compile`, `keras:tensorflow+xla`, `mine.py:make_model`, `mine.onnx`."""

    label: str
    backend: str = ""
    engine: str = ""
    variant: str = ""
    file: str = ""
    """A file of the user's: Python source whose `function` makes a model, or an ONNX model."""
    function: str = ""

    @classmethod
    def parse(cls, text: str) -> Contender:
        """From the form in which an engine is named on the command line.

        Raises:
            BackendError: there is no such backend, engine or variant.
        """
        name, _, variant = text.strip().partition("+")
        backend, _, engine = _OF_ITSELF.get(name, name).partition(":")
        target = find(backend, TimesModels)
        engine = engine or target.engines[0]
        if engine not in target.engines:
            help = did_you_mean(engine, target.engines) or f"choose one of {', '.join(target.engines)}"
            raise BackendError(Diagnostic("E0603", f"{target.title} does not run on `{engine}`", help=help))
        known = target.variants(engine)
        if variant not in known:
            ways = [way for way in known if way]
            help = did_you_mean(variant, ways) if ways else f"`{name}` alone can be measured"
            if not known:
                timed = [f"{backend}:{one}" for one in target.engines if target.variants(one)]
                message = f"{name} is not measured: it is there to compare outputs with"
                raise BackendError(Diagnostic("E0603", message, help=f"choose one of {', '.join(timed)}"))
            raise BackendError(Diagnostic("E0603", f"{name} cannot be measured with `{variant}`", help=help))
        return cls(text.strip(), backend, engine, variant)

    @classmethod
    def of_function(cls, text: str) -> Contender:
        """A function without arguments, in a Python file, that makes a PyTorch or a Keras model: `mine.py:make_model`.

        Raises:
            BackendError: it is not of that form, or there is no such file.
        """
        file, _, function = text.rpartition(":")
        if not file or not function.isidentifier():
            help = "as in --model mine.py:make_model, a function without arguments that returns a model"
            raise BackendError(Diagnostic("E0603", f"--model takes FILE.py:FUNCTION, this is `{text}`", help=help))
        return cls(text, file=_there(file), function=function)

    @classmethod
    def of_model(cls, path: str) -> Contender:
        """An ONNX model.

        Raises:
            BackendError: there is no such file.
        """
        return cls(path, "onnx", "onnxruntime", file=_there(path))

    def environment(self) -> Mapping[str, str]:
        """The environment variables of its process."""
        return find(self.backend, TimesModels).timed_environment(self.engine) if self.backend else {}

    def missing(self, dtype: str, *, training: bool) -> str:
        """Why it cannot be measured here, as people read it; empty if it can."""
        if not self.backend:
            return ""
        target = find(self.backend, TimesModels)
        try:
            target.require(self.engine)
        except BackendError as error:
            return "; ".join(
                filter(None, [part for found in error.diagnostics for part in (found.message, found.help)])
            )
        return target.lacks_variant(self.engine, self.variant, dtype, training=training)


def _there(path: str) -> str:
    if not Path(path).is_file():
        raise BackendError(Diagnostic("E0603", f"there is no file {path}", help="name one that is there"))
    return path
