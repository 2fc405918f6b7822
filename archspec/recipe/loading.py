"""From a name, a path or a text to a recipe, as for networks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from archspec.atomic_files import resolved
from archspec.errors import InternalError, Span, SpecError
from archspec.limits import Limits
from archspec.recipe.model import Recipe
from archspec.recipe.settings import resolve
from archspec.spec.compose import Composer, check_version, is_recipe
from archspec.spec.loading import bounded, check_root, read_overrides
from archspec.spec.loading import find as find_spec
from archspec.spec.located_data import LoadContext, LocatedDict
from archspec.spec.shipped_specs import RECIPES, shipped_folder
from archspec.spec.yaml_reader import read_text

ONE_OF: Final = frozenset({"optimizer", "loss", "losses.*", "clip", "source"})
"""The keys under which one word stands: a recipe that extends another and says another word replaces it."""


def load(
    source: str | Path,
    overrides: Mapping[str, object] | None = None,
    *,
    limits: Limits | None = None,
    root: str | os.PathLike[str] | None = None,
    asked: Callable[[Path], object] | None = None,
) -> Recipe:
    """The recipe at a path, or the shipped recipe of a bare name. Its values are not worked out: see `resolve`.

    Args:
        source: a path, or a name such as `cifar10_keras`.
        overrides: values for params. Strings are read as YAML's scalars, as from a command line.
        limits: what the recipe may ask for at most.
        root: the folder that the recipes it extends must not leave; its own folder if not given.
        asked: is called with each file that is looked for, before it is read and whether or not it is there.

    Raises:
        SpecError: with everything that is wrong.
    """
    path = find(source)
    if root is not None:
        check_root(Path(root))
    with bounded(limits, path) as reading:
        reading.asked = asked
        composer = _composer(reading, Path(root) if root is not None else path.parent)
        recipe = _validated(composer.file(path), reading, overrides)
    recipe._path = path
    return recipe


def load_text(
    text: str,
    name: str = "<text>",
    folder: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    *,
    limits: Limits | None = None,
) -> Recipe:
    """The recipe in a text.

    Args:
        text: YAML.
        name: what errors call the text.
        folder: where the paths in it start, and what they must not leave; the current folder if not given.
        overrides: as in `load`.
        limits: as in `load`.

    Raises:
        SpecError: with everything that is wrong.
    """
    with bounded(limits, name) as reading:
        data = read_text(text, name, reading)
        if data is not None or not reading.diagnostics:
            folder = folder or Path()
            data = _composer(reading, folder).data(data, folder, name)
        return _validated(data, reading, overrides)


def find(name_or_path: str | Path) -> Path:
    """The path of a recipe; a bare name is looked for among those that ship.

    Raises:
        SpecError: no recipe of that name ships.
    """
    return find_spec(name_or_path, RECIPES)


def shipped_recipes() -> list[str]:
    """The names of the recipes that ship, sorted."""
    return RECIPES.names()


def _composer(reading: LoadContext, root: Path) -> Composer:
    def parent(name: str, folder: Path, span: Span) -> Path | None:
        try:
            path = find(name)
        except SpecError as error:
            found = error.diagnostics[0]
            reading.error(found.code, found.message, span, help=found.help)
            return None
        return path if path.is_absolute() else folder / path

    def library(name: str, folder: Path, span: Span) -> Path | None:
        help = "leave it out: `extends` names the recipe that this one changes"
        reading.error("E0412", "`include` is not a key of a recipe", span, help=help)
        return None

    # Whatever is named must lie in one of these, links followed: a recipe is untrusted.
    roots = [resolved(folder) for folder in (root, shipped_folder()) if folder is not None]
    return Composer(reading, parent, library, roots, "a recipe", ONE_OF)


def _validated(data: LocatedDict | object, reading: LoadContext, overrides: Mapping[str, object] | None) -> Recipe:
    if not isinstance(data, LocatedDict):
        reading.diagnostics.raise_if_any(SpecError)
        raise InternalError("a recipe could not be read, and nobody said why")
    # Another version has other keys: to complain about them would mislead.
    if not check_version(data, "a recipe", reading):
        reading.diagnostics.raise_if_any(SpecError)
    if not is_recipe(data) and data.keys() & {"layers", "stages", "input", "inputs"}:
        if "extends" in data and "recipe" in data:
            message = "this recipe extends a network, and a recipe extends recipes alone"
            reading.error("E0205", message, data.value_spans["extends"], help="name a recipe, or leave `extends` out")
        else:
            help = "give a network where one is asked for; a recipe begins with `archspec: 1` and `recipe: its_name`"
            reading.error("E0205", "this is a network, and no recipe: it has no key `recipe`", data.span, help=help)
        reading.diagnostics.raise_if_any(SpecError)
    recipe = Recipe.read(data, reading)
    if recipe is None:
        reading.diagnostics.raise_if_any(SpecError)
        raise InternalError("a recipe is wrong, and nobody said why")
    recipe._overrides = read_overrides(recipe, overrides or {}, reading)
    recipe._sources, recipe._texts = reading.files, reading.texts
    recipe._limits = reading.limits
    if reading.diagnostics and not any(found.code.startswith("E01") for found in reading.diagnostics):
        _resolve_too(recipe, reading)
    reading.diagnostics.raise_if_any(SpecError)
    return recipe


def _resolve_too(recipe: Recipe, reading: LoadContext) -> None:
    """Note what is wrong with the values in the sound parts of a recipe; of a place that is wrong already no more."""
    recipe._refused = frozenset(reading.refused)
    try:
        resolve(recipe)
    except SpecError as error:
        noted = {found.span for found in reading.diagnostics}
        for found in error.diagnostics:
            if found.span not in noted:
                reading.error(found.code, found.message, found.span, notes=found.notes, help=found.help)
