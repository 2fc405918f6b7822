"""The lines that are said to be a layer's, held against the lines that Python runs when it is made and called."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from types import FrameType
from typing import Any, Final, TypeAlias

import pytest

import archspec
from archspec import LayerGraph
from archspec.codegen.source_map import MappedSource, source_lines
from archspec.ir.scope import Choice, Item, Layer, Loop, Scope, walk
from archspec.parity import random_inputs
from archspec_keras.names import HELPERS as KERAS_HELPERS
from archspec_torch import constructors
from archspec_torch.names import HELPERS as TORCH_HELPERS
from tests.needed import lazily, needs

torch: Any = lazily("torch")
keras: Any = lazily("keras")
pytestmark = needs("torch", "keras")

NETWORKS: Final = (
    "block_outputs",
    "blocks_in_blocks",
    "both_sides",
    "branches_in_sequences",
    "choices",
    "conditional_in_repeat",
    "extra_layers_in_rounds",
    "growth_in_a_sequence",
    "inception",
    "names_among_numbers",
    "nested_repeats",
    "parts_in_numbered_rounds",
    "repeat_with_outer_tap",
    "same_padding",
    "sequences_in_stages",
    "stages_in_repeats",
    "two_inputs",
    "unit_patterns",
)
ADDED: Final = re.compile("_(pad|permute|reshape)$")
"""Ends of the names of Keras layers that a graph does not have, after the name of the layer that they serve."""
Range: TypeAlias = tuple[int, int]
"""First and last line."""


Ran: TypeAlias = dict[str, set[Range]]
"""The lines of the calls that make something and of those that call it, by path."""


def frames(start: FrameType | None) -> list[tuple[FrameType, Range]]:
    """The frames of generated source that are running, outermost first, with the lines of the call that each is in."""
    found: list[tuple[FrameType, Range]] = []
    while start is not None:
        if start.f_code.co_filename.startswith("<archspec_generated"):
            first, last, *_ = list(start.f_code.co_positions())[start.f_lasti // 2]
            assert first is not None
            assert last is not None
            found.insert(0, (start, (first, last)))
        start = start.f_back
    return found


def run_torch(graph: LayerGraph, patch: pytest.MonkeyPatch) -> Ran:
    """For every module of a node or a scope the innermost call that makes it, and the one that calls it."""
    made: dict[int, Range] = {}
    create: Callable[..., None] = torch.nn.Module.__init__

    def created(self: Any, *args: Any, **kwargs: Any) -> None:
        create(self, *args, **kwargs)
        outside = [lines for frame, lines in frames(sys._getframe()) if frame.f_locals.get("self") is not self]
        if outside:  # `super().__init__()` is a line of the class itself
            made[id(self)] = outside[-1]

    patch.setattr(torch.nn.Module, "__init__", created)
    model = archspec.build(graph, "torch", dtype="float64")
    patch.undo()
    calls: dict[str, list[Range]] = {}

    def watch(path: str, module: Any) -> None:
        calls[path] = []
        module.register_forward_pre_hook(lambda *_: calls[path].append(frames(sys._getframe())[-1][1]))

    paths = {*graph.nodes, *(item.path for item in walk(graph.root) if not isinstance(item, Choice))} - {""}
    modules = {path: module for path, module in model.named_modules() if path in paths}
    for path, module in modules.items():
        watch(path, module)
    arrays = random_inputs(graph, batch=2, seed=0)
    model.eval()(*(torch.from_numpy(arrays[path]) for path in graph.inputs))
    # One that is called again serves other layers, too.
    return {path: {made[id(modules[path])], *found} for path, found in calls.items() if len(found) <= 1}


def run_keras(graph: LayerGraph, patch: pytest.MonkeyPatch) -> Ran:
    """For every node the innermost call that makes its layer, and for the blocks around it the calls of functions."""
    owners = {path.replace(".", "_"): path for path in graph.nodes}
    blocks = dict(blocks_around(graph.root, ()))
    ran: Ran = {}
    call: Callable[..., Any] = keras.layers.Layer.__call__

    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        path = owners.get(self.name) or owners.get(ADDED.sub("", self.name))
        running = frames(sys._getframe())
        if path is not None:
            for owner, (_, lines) in zip((*blocks[path], path), running, strict=True):
                ran.setdefault(owner, set()).add(lines)
        return call(self, *args, **kwargs)

    patch.setattr(keras.layers.Layer, "__call__", called)
    archspec.build(graph, "keras")
    patch.undo()
    return ran


def blocks_around(item: Item, around: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The blocks' calls that each node stands in, outermost first."""
    match item:
        case Scope() | Choice():
            inner = (*around, item.path) if isinstance(item, Scope) and item.block is not None else around
            for part in item.body.items:
                yield from blocks_around(part, inner)
        case Loop():
            for scope in item.iterations:
                yield from blocks_around(scope, around)
        case Layer():
            yield item.path, around


RUNS: Final = {"torch": run_torch, "keras": run_keras}
HELPERS: Final = {"torch": TORCH_HELPERS, "keras": KERAS_HELPERS}


def numbers(ranges: Iterable[Range]) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


def statements(tree: ast.Module) -> dict[int, Range]:
    """The lines of the innermost statement at each line; those of its body are not its own."""
    found: dict[int, Range] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            lines = node.lineno, body[0].lineno - 1 if body else node.end_lineno or node.lineno
            found |= dict.fromkeys(numbers([lines]), lines)
    return found


def helper_lines(tree: ast.Module, backend: str) -> set[int]:
    return numbers(
        (min(node.lineno, *(mark.lineno for mark in node.decorator_list), node.lineno), node.end_lineno or 0)
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name in HELPERS[backend].names
    )


def mistakes(graph: LayerGraph, mapped: MappedSource, ran: Ran, backend: str) -> list[str]:
    """Lines that ran for a path and are not its own, and a layer's own lines that did not run for it."""
    found: list[str] = []
    tree = ast.parse(mapped.text)
    whole, helpers = statements(tree), helper_lines(tree, backend)
    for path, calls in ran.items():
        own, due = numbers(mapped.lines[path]), numbers(calls)
        found += [f"{path}: line {number} ran" for number in sorted(due - own)]
        if path in graph.nodes:
            # Around a call that is a part of a statement may be the brackets of a pair, `("name", call)`.
            around = numbers((first - 2, last + 1) for first, last in calls)
            extra = own - helpers - (around & numbers(whole[number] for number in due))
            found += [f"{path}: line {number} did not run" for number in sorted(extra)]
    return found


@pytest.mark.parametrize("backend", RUNS)
def test_the_lines_are_those_that_run(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong: dict[str, list[str]] = {}
    for name in NETWORKS:
        graph = archspec.compile(f"tests/zoo/{name}.yaml")
        mapped, ran = source_lines(graph, backend), RUNS[backend](graph, monkeypatch)
        assert len(ran) > len(graph.nodes) / 4
        wrong[name] = mistakes(graph, mapped, ran, backend)
        moved = {path: tuple((first + 1, last + 1) for first, last in own) for path, own in mapped.lines.items()}
        found = mistakes(graph, replace(mapped, lines=moved), ran, backend)
        blamed = {text.partition(":")[0] for text in found}
        assert blamed >= ran.keys() & graph.nodes.keys()  # one line too low is seen at every layer
    assert {name: found for name, found in wrong.items() if found} == {}


def test_a_round_that_is_taken_for_another_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = archspec.compile("tests/zoo/conditional_in_repeat.yaml")
    ran = run_torch(graph, monkeypatch)
    monkeypatch.setattr(constructors, "inside", lambda paths, scopes: paths)
    assert any("did not run" in text for text in mistakes(graph, source_lines(graph, "torch"), ran, "torch"))
