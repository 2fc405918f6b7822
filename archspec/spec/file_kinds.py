"""What a file holds, seen without reading all of it as a network: is it a recipe?"""

from __future__ import annotations

from pathlib import Path

from archspec.errors import SpecError
from archspec.spec.compose import is_recipe
from archspec.spec.loading import find
from archspec.spec.located_data import LoadContext, LocatedDict
from archspec.spec.shipped_specs import RECIPES
from archspec.spec.yaml_reader import file_text, read_text


def names_recipe(name_or_path: str | Path) -> bool:
    """Whether this names a recipe: the path of a file that is one, or the bare name of one that ships."""
    try:
        path = find(name_or_path, RECIPES)
    except SpecError:
        return False
    load_context = LoadContext()
    try:
        text = file_text(path, load_context, None)
        if text is None or not ("recipe" in text or "\\" in text):  # an escape may stand for any letter
            return False
        data = read_text(text, str(path), load_context)
    except SpecError:  # too much is wrong to go on
        return False
    return isinstance(data, LocatedDict) and is_recipe(data)
