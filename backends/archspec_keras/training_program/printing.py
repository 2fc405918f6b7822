"""Parts of training programs as text, and the imports of what was printed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Final

from archspec.codegen.pretty_printer import WIDTH, Bracket, lay_out

_PARTS: Final = "archspec_keras.training_program.parts"
_GROUPS: Final = (
    (
        "import argparse",
        "import math",
        "import sys",
        "import time",
        "from collections.abc import Callable, Iterator",
        "from contextlib import AbstractContextManager, nullcontext",
        "from functools import partial",
        "from pathlib import Path",
        "from typing import Any",
    ),
    (
        "import keras",
        "import numpy as np",
        "from data import Batches, Data, DataError, load, open_data",
        "from keras import ops",
        "from model import {network}",
        "from numpy.typing import NDArray",
        "from records import EarlyStopping, History, Interruption, Plateau, Progress, Watched, load_checkpoint, "
        "save_checkpoint",
    ),
)
"""All that a program may import, in the order of its imports; only what it mentions is printed."""


@cache
def part(name: str) -> str:
    """The definitions of a part, as they stand."""
    text = (files(_PARTS) / f"{name}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    definitions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return "\n\n\n".join("\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in definitions)


def imports(body: str, network: str) -> str:
    """The imports of a program, before its body."""
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    groups = [list(_statements([line.format(network=network) for line in group], used)) for group in _GROUPS]
    return "\n\n".join("\n".join(group) for group in groups if group)


def _statements(statements: Iterable[str], used: set[str]) -> Iterator[str]:
    """Each statement with the names that are used; none where there are none."""
    for statement in statements:
        head, _, names = statement.rpartition("import ")
        found = [name for name in names.split(", ") if name.split(" as ")[-1] in used]
        if not found:
            continue
        line = f"{head}import {', '.join(found)}"
        many = Bracket("", tuple(found))
        yield line if len(line) <= WIDTH else "\n".join(lay_out(many, 0, f"{head}import "))
