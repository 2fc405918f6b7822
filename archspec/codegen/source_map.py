"""Which lines of generated source are which layer's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archspec.codegen.backend import FILE_OPTIONS, PacksModels, Source
from archspec.codegen.files import header
from archspec.codegen.marked_text import marks_of
from archspec.codegen.registry import backend as find
from archspec.errors import SpecError
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Choice, walk
from archspec.limits import WorkError


@dataclass(frozen=True, slots=True)
class MappedSource:
    """Generated source, and which of its lines are which layer's."""

    text: str
    """What `archspec.generate` gives, header included."""
    lines: Mapping[str, tuple[tuple[int, int], ...]]
    """The first and last line of each part, counted from 1, in order; by the path of every node, scope and loop.

    For a layer the lines that make it, and those that call it; where it is of a helper's class, the class as well. For
    a block's call the whole class or function of the block, the lines that make it, and those that call it. For a
    stage, a repeat or a named sequence what makes it and calls it. What is in an `nn.Sequential` is called with it. The
    path of the network itself is empty. A scope that holds no layer may have no line. All are empty where the backend
    does not mark its source.
    """


def rendered(
    graph: LayerGraph, backend: str, *, dtype: str, functions: bool, opset: int | None = None
) -> tuple[Source, str]:
    """What a backend writes for a graph, and the header that goes before it; see `archspec.generate`."""
    target = find(backend)
    try:
        if isinstance(target, PacksModels):
            given = {"functions": functions, "opset": opset is not None}
            for option in FILE_OPTIONS:
                if given.get(option) and option not in target.file_options:
                    raise TypeError(f"{option} is for ONNX models; {target.title} has none")
            return target.render(graph, dtype=dtype, functions=functions, opset=opset), ""
        if opset is not None:
            raise TypeError(f"opset is for ONNX models; the backend `{backend}` writes source")
        source = target.render(graph)
        return source, header(source, graph)
    except WorkError as error:
        raise SpecError(error.diagnostic(span=graph.root.span)) from None


def source_lines(graph: LayerGraph, backend: str) -> MappedSource:
    """The source of a module for this graph, and which of its lines are which layer's. Imports no framework.

    Args:
        graph: the network.
        backend: `torch`, `keras`, or another that writes source.

    Raises:
        BackendError: there is no such backend, or it lacks an op of the graph.
        SpecError: its expressions take too much work.
        TypeError: the backend writes no source.
    """
    source, head = rendered(graph, backend, dtype="float32", functions=False)
    if not isinstance(source, str):
        raise TypeError(f"the backend `{backend}` writes a model, which has no lines")
    start = head.count("\n") + 1
    found: dict[str, list[tuple[int, int]]] = {path: [] for path in graph.nodes}
    found |= {item.path: [] for item in walk(graph.root) if not isinstance(item, Choice)}
    for first, last, paths in marks_of(source):
        for path in paths:
            found[path].append((start + first, start + last))
    return MappedSource(head + source, {path: joined(ranges) for path, ranges in found.items()})


def joined(ranges: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Ranges of lines in order, those that meet or overlap as one."""
    found: list[tuple[int, int]] = []
    for first, last in sorted(set(ranges)):
        if found and first <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], last)
        else:
            found.append((first, last))
    return tuple(found)
