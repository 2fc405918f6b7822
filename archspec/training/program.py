"""A training program: a folder of source that trains one network by one recipe, and imports archspec nowhere."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from archspec._version import __version__
from archspec.api import compile, generate
from archspec.atomic_files import whole_file
from archspec.codegen.backend import Arrays
from archspec.codegen.escaping import one_line
from archspec.codegen.registry import backend as find_backend
from archspec.digests import BLANK, check_writable, filled, state
from archspec.errors import Diagnostic, OutputError
from archspec.ir.graph import LayerGraph
from archspec.passes import run_passes
from archspec.passes.remove_decay import RemoveDecay
from archspec.passes.resize import Resize
from archspec.recipe import Recipe, ResolvedRecipe, resolve
from archspec.spec import Spec
from archspec.training.backend import WritesTraining
from archspec.training.data.conversion import data_config
from archspec.training.data.facts import data_facts
from archspec.training.data.module import data_module
from archspec.training.parts.records import save_checkpoint
from archspec.training.plan import TrainingPlan, plan_of
from archspec.training.printing import shared_modules

INITIAL: Final = "checkpoints/initial.safetensors"
HISTORY: Final = "history.jsonl"
_WIDTH: Final = 100


@dataclass(frozen=True, slots=True)
class TrainingProgram:
    """What is written into a run's folder."""

    graph: LayerGraph
    """The network, without the layers' own decay."""
    plan: TrainingPlan
    backend: WritesTraining
    files: Mapping[str, bytes]
    """By name, each with archspec's header."""

    def write(self, folder: Path, weights: Arrays, *, force: bool = False) -> None:
        """Writes the program and the weights that it begins with: all of it, or nothing.

        Args:
            folder: the run's; made if it is not there.
            weights: by canonical name, in canonical layout.
            force: files that were edited by hand are overwritten.

        Raises:
            OutputError: a file was edited by hand or is not archspec's, or the files cannot be written.
        """
        edited = [name for name in self.files if state(folder / name) == "edited"]
        if edited and not force:
            message = f"{folder / edited[0]} was edited by hand"
            command = f"python {folder / 'train.py'}"
            help = f"run the program as it is, `{command}`; write another with -o, or overwrite it with --force"
            raise OutputError(Diagnostic("E0604", message, help=help))
        for name in self.files:
            check_writable(folder / name, force=force)
        made = [path for path in (folder / "checkpoints", folder) if not path.exists()]
        try:
            with ExitStack() as whole:
                places = {name: whole.enter_context(whole_file(folder / name)) for name in (*self.files, INITIAL)}
                for name, data in self.files.items():
                    places[name].write_bytes(data)
                start = {"start": "the weights that a run begins with"}
                save_checkpoint(places[INITIAL], self.backend.to_checkpoint(self.graph, weights), start)
        except BaseException:
            for path in made:
                with suppress(OSError):  # something is in it
                    path.rmdir()
            raise

    def differing(self, folder: Path) -> list[str]:
        """The files of a run's folder that were edited by hand; it goes on with these.

        Raises:
            OutputError: the folder has no program, or one for another spec, recipe or backend.
        """
        edited: list[str] = []
        for name, data in self.files.items():
            path = folder / name
            found = state(path)
            if found == "absent":
                message = f"{folder} is no run that could be gone on with: it has no {name}"
                raise OutputError(Diagnostic("E0605", message, help="leave `--resume` out to begin one"))
            if found == "ours" and path.read_bytes() != data:
                message = f"{path} is not what would be written now: the run began with another network or recipe"
                help = f"give what it began with, or go on with it as it is: python {folder / 'train.py'} --resume"
                raise OutputError(Diagnostic("E0606", message, help=help))
            if found != "ours":
                edited.append(name)
        return edited


def make_program(
    spec: Spec,
    recipe: Recipe,
    backend: str,
    data: Path | None,
    adapt: Callable[[ResolvedRecipe, LayerGraph], ResolvedRecipe] | None = None,
) -> TrainingProgram:
    """The program that trains a network by a recipe, on data that are looked at.

    Args:
        spec, recipe: as they were loaded, with the values that their params were given.
        backend: `torch`, `keras`, or another that writes training programs.
        data: where the data are; None for those that need no folder.
        adapt: changes the recipe, whose values are worked out, for a network.

    Raises:
        SpecError: the network or the recipe is wrong, or they do not fit each other or the data.
        TrainingDataError: the data are not there, are damaged, or do not fit.
        BackendError: there is no such backend, or it lacks something that the network or the recipe asks for.
    """
    target = find_backend(backend, WritesTraining)
    graph, settings = compile(spec), resolve(recipe)
    if adapt is not None:
        settings = adapt(settings, graph)
    plan = plan_of(settings, graph, data_facts(settings, data))
    graph = run_passes(_sized(graph, plan), (RemoveDecay(),)).graph
    program = target.render_training(graph, plan)
    sources = {
        "data.py": data_module(data_config(plan)),
        **shared_modules(program),
        **program,
        "spec.yaml": _composed(spec),
        "recipe.yaml": _composed(recipe),
    }
    names = f"{one_line(graph.name)}, trained by the recipe {one_line(recipe.name)}"
    found = {"model.py": generate(graph, backend).encode()}
    found |= {name: _with_header(text, names) for name, text in sources.items()}
    return TrainingProgram(graph, plan, target, found)


def _sized(graph: LayerGraph, plan: TrainingPlan) -> LayerGraph:
    """The network for the size of the examples, where they all have one."""
    node, shape = graph.input_nodes[0], plan.data.training_shape
    sizes = tuple(size for size in shape[1:] if size is not None)
    if shape == tuple(node.shape) or plan.data.evaluation_shape != shape or len(sizes) != len(shape) - 1:
        return graph
    return run_passes(graph, (Resize({node.path: sizes}),)).graph


def _with_header(text: str, names: str) -> bytes:
    origin = f"Generated by archspec {__version__} for {names}. A file that is changed is not overwritten unasked."
    lines = textwrap.wrap(origin, _WIDTH, initial_indent="# ", subsequent_indent="#   ")
    return filled("\n".join([*lines, f"# digest: {BLANK}", text]).encode())


_WORKED_OUT: Final = ("extends", "include", "variants", "variant")
"""The keys of which what they give is in the text."""


def _composed(model: Spec | Recipe) -> str:
    """A spec or a recipe as one text: with what it extends and includes, and with the values that params were given."""
    import yaml

    data = {key: _values(value) for key, value in model.composed.items() if key not in _WORKED_OUT}
    for name, given in model.overrides.items():
        param = data["params"][name]
        data["params"][name] = {**(param if isinstance(param, dict) else {}), "default": _values(given.raw)}
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=120)
    return text


def _values(value: object) -> Any:
    """Mappings, lists and scalars without their places."""
    if isinstance(value, Mapping):
        return {key: _values(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_values(each) for each in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value
