"""The instances of each block, gathered from a network's scopes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from archspec.ir.scope import Scope, walk


def by_block(root: Scope) -> list[tuple[int, list[Scope]]]:
    """The instances of each block, with the block's height: blocks that call none come first."""
    height: Counter[str] = Counter()
    groups: dict[str, list[Scope]] = {}
    order = [item for item in walk(root) if isinstance(item, Scope) and item.kind == "block"]
    for scope in order:
        assert scope.block is not None
        groups.setdefault(scope.block, []).append(scope)
    below: dict[str, set[str]] = {name: set() for name in groups}
    for scope in order:
        assert scope.block is not None
        below[scope.block] |= {
            inner.block for inner in walk(scope) if isinstance(inner, Scope) and inner.block not in (None, scope.block)
        }
    for name in groups:
        height[name] = _height(name, below)
    return [(height[name], scopes) for name, scopes in groups.items()]


def _height(name: str, below: Mapping[str, set[str]]) -> int:
    return 1 + max((_height(inner, below) for inner in below[name]), default=0)
