"""The instances of each block, gathered from a network's scopes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archspec.ir.scope import Choice, Item, Loop, Scope, walk


def by_block(root: Scope) -> list[tuple[int, list[Scope]]]:
    """The instances of each block, with the block's height: blocks that call none come first."""
    groups: dict[str, list[Scope]] = {}
    callees: dict[str, set[str]] = {}
    for item in walk(root):
        if isinstance(item, Scope) and item.block is not None:
            groups.setdefault(item.block, []).append(item)
            callees.setdefault(item.block, set()).update(_callees(item.body.items))
    height: dict[str, int] = {}
    for name in groups:
        _measure(name, callees, height)
    return [(height[name], scopes) for name, scopes in groups.items()]


def _callees(items: Sequence[Item]) -> Iterator[str]:
    """The blocks that items call themselves, not those that these call in turn."""
    for item in items:
        match item:
            case Scope(block=block) if block is not None:
                yield block
            case Scope(body=body) | Choice(body=body):
                yield from _callees(body.items)
            case Loop(iterations=iterations):
                yield from _callees(iterations)
            case _:
                pass


def _measure(name: str, callees: Mapping[str, set[str]], height: dict[str, int]) -> int:
    if name not in height:
        height[name] = 1 + max((_measure(inner, callees, height) for inner in callees[name]), default=0)
    return height[name]
