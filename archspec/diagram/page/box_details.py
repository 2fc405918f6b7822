"""What the page says of a box when it is pointed at or chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from archspec.analysis.counting import counts_of, layers_below
from archspec.analysis.graph_diff import attribute_text, value_text
from archspec.analysis.number_format import counted
from archspec.analysis.receptive_fields import Extent, Field, receptive_fields
from archspec.diagram.figure import Box
from archspec.diagram.text_width import shortened
from archspec.ir.def_use import Node, producer
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Choice, Layer, Loop, Scope, walk
from archspec.ir.tensor_type import shape_text


class BoxDetails:
    """What is said of the boxes of one network's figure."""

    def __init__(self, graph: LayerGraph) -> None:
        self.graph = graph
        self.parts: dict[str, Scope | Loop] = {
            item.path: item for item in walk(graph.root) if not isinstance(item, Layer | Choice) and item.path
        }

    @cached_property
    def _fields(self) -> Mapping[str, Mapping[str, Field]]:
        return receptive_fields(self.graph)

    @cached_property
    def _results(self) -> dict[str, str]:
        """The layer whose tensor each part gives."""
        scopes = self.graph.def_use.scopes
        found: dict[str, str] = {}
        for path, part in self.parts.items():
            inner = part.iterations[-1].path if isinstance(part, Loop) and part.iterations else path
            if inner in scopes and scopes[inner].results:
                found[path] = scopes[inner].results[0]
        return found

    def of(self, box: Box) -> dict[str, Any]:
        """Of one box: `what` it is in a few words, `kind`, its `attributes` and `facts` as pairs of texts."""
        layers = [self.graph.nodes[path] for path in box.paths if path in self.graph.nodes]
        part = self.parts.get(box.path)
        if part is not None and box.times == 1 and len(layers) > sum(1 for _ in layers_below(part)):
            part = None  # the middle of a long row, which begins with it
        if part is None and len(layers) == 1:
            node = layers[0]
            what, attributes, result = self.graph.caption(node), _attributes(node), node
        else:
            what = _called(part, box)
            attributes = _bound(part)
            result = (
                layers[-1] if part is None else self.graph.nodes[producer(self._results.get(box.path, layers[-1].path))]
            )
            if part is not None:
                layers = [self.graph.nodes[layer.path] for layer in layers_below(part)]
        return {
            "what": what,
            "kind": box.kind,
            "attributes": attributes,
            "facts": [list(fact) for fact in self._facts(layers, result, times=box.times)],
        }

    def _facts(self, layers: list[Node], result: Node, *, times: int) -> Iterator[tuple[str, str]]:
        if len(layers) > 1:
            yield "layers", f"{len(layers):,}"
        if times > 1:
            yield "stands for", f"{times} equal units"
        arriving = self.graph.input_shapes(result) if len(layers) == 1 else ()
        if arriving:
            yield "input", ", ".join(dict.fromkeys(map(shape_text, arriving)))
        yield "output", shape_text(result.shape)
        counts = counts_of(self.graph, [node.path for node in layers])
        if counts.parameters:
            yield "parameters", f"{counts.parameters:,}"
        if counts.macs:
            yield "MACs", counted(counts.macs)
        for source, field in self._fields[result.path].items():
            if result.path != source:
                of = f" in {source}" if len(self.graph.inputs) > 1 else ""
                yield f"receptive field{of}", _field_text(field)


def _attributes(node: Node) -> list[list[str]]:
    return [[name, shortened(attribute_text(node.op, name), 64)] for name, _ in node.op.given()]


def _bound(part: Scope | Loop | None) -> list[list[str]]:
    """What a block's params stand for in this call."""
    if not isinstance(part, Scope):
        return []
    return [[name, shortened(value_text(bound.value), 64)] for name, bound in part.bindings.items()]


def _called(part: Scope | Loop | None, box: Box) -> str:
    match part:
        case Scope(block=str(block)):
            return f"block {shortened(block)}"
        case Loop(iterations=iterations):
            return f"{len(iterations)} units in a row"
        case Scope():
            return "sequence"
        case None:
            return box.title


def _field_text(field: Field) -> str:
    """As `427x427, stride 32`."""
    strides = list(dict.fromkeys(_stride(extent) for extent in field))
    sizes = "x".join(f"{extent.size:,}" for extent in field)
    stride = "x".join(strides)
    return sizes if not stride else f"{sizes}, stride {stride}"


def _stride(extent: Extent) -> str:
    return "" if extent.stride is None else str(extent.stride)
