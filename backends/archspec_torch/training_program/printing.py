"""Parts of training programs as text, and the imports of what was printed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.resources import files
from typing import Final

from archspec.codegen.pretty_printer import Bracket, lay_out

_PARTS: Final = "archspec_torch.training_program.parts"
_GROUPS: Final = (
    (
        "import argparse",
        "import copy",
        "import math",
        "import os",
        "import sys",
        "import time",
        "from collections.abc import Callable, Iterable, Iterator, Mapping",
        "from contextlib import contextmanager, nullcontext",
        "from pathlib import Path",
        "from typing import Any",
    ),
    (
        "import numpy as np",
        "import torch",
        "import torch.distributed as dist",
        "import torch.nn.functional as F",
        "from numpy.typing import NDArray",
        "from torch import Tensor, nn",
        "from torch.distributed.nn.functional import all_reduce",
        "from torch.nn.parallel import DistributedDataParallel",
        "from torch.utils._pytree import tree_leaves",
    ),
)
_OWN: Final = (
    "from data import Batches, Data, DataError, load, open_data",
    "from model import {network}",
    "from records import EarlyStopping, History, Interruption, Plateau, Progress, Watched, load_checkpoint, "
    "save_checkpoint",
)
"""All that a program may import, in the order of its imports; only what it mentions is printed."""


@cache
def part(name: str) -> str:
    """The definitions of a part, as they stand."""
    text = (files(_PARTS) / f"{name}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    blocks: list[str] = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            shown = lines[first - 1 : node.end_lineno]
            blocks.append("\n".join(line.partition("  # type: ignore")[0] for line in shown))
    return "\n\n\n".join(blocks)


def imports(body: str, network: str) -> str:
    """The imports of a program, before its body."""
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    own = [line.format(network=network) for line in _OWN]
    groups = [list(_statements(group, used)) for group in (*_GROUPS, own)]
    return "\n\n".join(["from __future__ import annotations", *("\n".join(group) for group in groups if group)])


def _statements(statements: Iterable[str], used: set[str]) -> Iterator[str]:
    for statement in statements:
        head, _, names = statement.rpartition("import ")
        if " as " in names or not head:
            if names.split(" as ")[-1] in used:
                yield statement
            continue
        found = [name for name in names.split(", ") if name in used]
        if found:
            line = f"{head}import {', '.join(found)}"
            many = Bracket("", tuple(found))
            yield line if len(line) <= 100 else "\n".join(lay_out(many, 0, f"{head}import "))
