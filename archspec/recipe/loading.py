"""From a name, a path or a text to a recipe, as for networks."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from archspec.atomic_files import resolved
from archspec.errors import Span, SpecError
from archspec.limits import Budget, Limits
from archspec.recipe.model import Recipe
from archspec.recipe.settings import resolve
from archspec.spec.compose import Composer, is_recipe
from archspec.spec.loading import DocumentKind
from archspec.spec.loading import find as find_spec
from archspec.spec.located_data import LoadContext, LocatedDict
from archspec.spec.overrides import read_overrides
from archspec.spec.shipped_specs import RECIPES, shipped_folder

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
    return RECIPE.load(source, overrides, limits=limits, root=root, asked=asked, check=_resolved)


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
    return RECIPE.load_text(text, name, folder, overrides, limits=limits, check=_resolved)


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


def _check_recipe(data: LocatedDict, reading: LoadContext) -> bool:
    if is_recipe(data) or not data.keys() & {"layers", "stages", "input", "inputs"}:
        return True
    if "extends" in data and "recipe" in data:
        message = "this recipe extends a network, and a recipe extends recipes alone"
        reading.error("E0205", message, data.value_spans["extends"], help="name a recipe, or leave `extends` out")
    else:
        help = "give a network where one is asked for; a recipe begins with `archspec: 1` and `recipe: its_name`"
        reading.error("E0205", "this is a network, and no recipe: it has no key `recipe`", data.span, help=help)
    return False


def _resolved(recipe: Recipe, budget: Budget) -> object:
    return resolve(recipe)


RECIPE: Final = DocumentKind(RECIPES, Recipe, _composer, _check_recipe, read_overrides)
