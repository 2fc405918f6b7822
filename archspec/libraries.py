"""Libraries of blocks: files that no network is in, checked as if one included them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from archspec.api import compile
from archspec.errors import SpecError
from archspec.ir.graph import LayerGraph
from archspec.limits import Limits
from archspec.spec import LocatedDict, load_text
from archspec.spec.compose import is_library
from archspec.spec.located_data import LoadContext
from archspec.spec.yaml_reader import read_file


def library(path: Path) -> LocatedDict | None:
    """What a file holds, if it is a library of blocks; None for all others, those that cannot be read included."""
    load_context = LoadContext()
    try:
        data = read_file(path, load_context)
    except SpecError:  # too much is wrong to go on
        return None
    return data if isinstance(data, LocatedDict) and not load_context.diagnostics and is_library(data) else None


def compile_library(
    path: Path,
    root: Path | None = None,
    overrides: Mapping[str, object] | None = None,
    *,
    limits: Limits | None = None,
) -> LayerGraph:
    """A network that includes a library of blocks, and so checks them.

    Raises:
        SpecError: the library is wrong, or `overrides` has params, which no library has.
    """
    folder = path.parent if root is None else root
    import json  # networks do not wait for it

    name = json.dumps(Path(os.path.relpath(path, folder)).as_posix())
    text = f"archspec: 1\nname: library\ninclude: [{name}]\ninput: {{shape: [1]}}\nlayers: [relu]\n"
    return compile(load_text(text, str(path), folder, overrides, limits=limits))
