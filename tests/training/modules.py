"""What the modules of a training program import of each other."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from graphlib import TopologicalSorter


def in_order(files: Mapping[str, str]) -> list[str]:
    """The modules of a program, each after those that it imports.

    Raises:
        CycleError: two import each other, so the program could not begin.
    """
    needs = {
        name.removesuffix(".py"): {
            node.module or "" for node in ast.parse(text).body if isinstance(node, ast.ImportFrom)
        }
        for name, text in files.items()
    }
    return list(TopologicalSorter(needs).static_order())
