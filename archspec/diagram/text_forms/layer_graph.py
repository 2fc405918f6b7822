"""The layer graph for programs that work on graphs: networkx's node-link JSON, and GraphML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Any, Final

from archspec.analysis.counting import counts_of, layers_below
from archspec.analysis.receptive_fields import Field, receptive_fields, stride_number
from archspec.ir.attributes import Padding
from archspec.ir.def_use import producer, result_index
from archspec.ir.dump import initializer_text
from archspec.ir.graph import LayerGraph
from archspec.ir.initializers import Initializer
from archspec.ir.scope import Scope, walk
from archspec.ir.tensor_type import shape_text

_NOT_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""
_ABOUT: Final = ("name", "title")
"""What GraphML says of the graph as a whole."""


def node_link(graph: LayerGraph) -> str:
    """The graph as networkx's node-link data, a node or an edge a line; the same graph gives the same text.

    It is a directed multigraph: an edge for each operand of each layer, its `key` and `index` the operand's number. A
    node's `id` is the layer's path. `attributes` are those that differ from the op's defaults; padding is its sides
    (top, bottom, left, right of an image), an initializer its name with its options. `shape` is the output's without
    the batch. `parameters` are the trainable ones. `receptive_field` holds, by the path of each input that the layer
    depends on, `size`, `stride` and `start` along each axis (see `archspec.analysis.receptive_fields`); a stride that
    is no whole number is a string, as `1/2`. `scope` is the path of the block's call or named sequence that the layer
    stands in, `""` for the network itself, and `block` the block's name.
    """
    about = {
        "name": graph.name,
        "title": graph.title,
        "inputs": list(graph.inputs),
        "outputs": dict(graph.outputs),
        **({"training_outputs": list(graph.training_outputs)} if graph.training_outputs else {}),
        "parameters": graph.parameters,
        "macs": graph.macs,
    }
    edges = [{**edge, "key": edge["index"]} for edge in _edges(graph)]
    parts = [
        '"directed": true',
        '"multigraph": true',
        f'"graph": {json.dumps(about)}',
        f'"nodes": {_listed(_nodes(graph))}',
        f'"edges": {_listed(edges)}',
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def graphml(graph: LayerGraph) -> str:
    """The graph as GraphML, with what `node_link` says as plain numbers and strings, for yEd, Gephi and networkx.

    Shapes are written as 64x56x56, attributes and receptive fields as the JSON that `node_link` has.
    """
    nodes = [{name: _scalar(name, value) for name, value in node.items()} for node in _nodes(graph)]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">']
    keys = {name: "long" if isinstance(value, int) else "string" for name, value in nodes[0].items() if name != "id"}
    lines += (f'  <key id="{name}" for="node" attr.name="{name}" attr.type="{kind}"/>' for name, kind in keys.items())
    lines.append('  <key id="index" for="edge" attr.name="index" attr.type="long"/>')
    lines += (f'  <key id="graph_{name}" for="graph" attr.name="{name}" attr.type="string"/>' for name in _ABOUT)
    lines.append(f'  <graph id={_attribute(graph.name)} edgedefault="directed">')
    lines += (f'    <data key="graph_{name}">{_text(getattr(graph, name))}</data>' for name in _ABOUT)
    for path, node in zip(graph.nodes, nodes, strict=True):
        lines.append(f"    <node id={_attribute(path)}>")
        lines += (f'      <data key="{name}">{_text(str(node[name]))}</data>' for name in keys)
        lines.append("    </node>")
    for edge in _edges(graph):
        ends = f"source={_attribute(edge['source'])} target={_attribute(edge['target'])}"
        lines.append(f'    <edge {ends}><data key="index">{edge["index"]}</data></edge>')
    return "\n".join([*lines, "  </graph>", "</graphml>"]) + "\n"


def _nodes(graph: LayerGraph) -> Iterator[dict[str, Any]]:
    fields = receptive_fields(graph)
    homes: dict[str, Scope] = {}
    for scope in walk(graph.root):
        if isinstance(scope, Scope):  # a scope comes before those in it, which have the last word
            homes.update((layer.path, scope) for layer in layers_below(scope))
    for path, node in graph.nodes.items():
        home = homes.get(path, graph.root)  # an input is no item of the spec
        counts = counts_of(graph, [path])
        yield {
            "id": path,
            "op": node.op.name,
            "kind": node.op.kind,
            "attributes": {name: _value(value) for name, value in node.op.given()},
            "shape": list(node.shape),
            "parameters": counts.parameters,
            "macs": counts.macs,
            "receptive_field": {source: _field(found) for source, found in fields[path].items()},
            "scope": home.path,
            "block": home.block or "",
        }


def _edges(graph: LayerGraph) -> Iterator[dict[str, Any]]:
    for path, node in graph.nodes.items():
        for index, source in enumerate(node.inputs):
            several = len(graph.nodes[producer(source)].types) > 1
            which = {"result": result_index(source)} if several else {}
            yield {"source": producer(source), "target": path, "index": index, **which}


def _value(value: Any) -> Any:
    """An attribute's value in JSON."""
    match value:
        case Padding():
            return [number for side in value.sides or () for number in side]
        case Initializer():
            return initializer_text(value)
        case _:
            return value


def _field(field: Field) -> dict[str, list[int | str | None]]:
    return {
        "size": [extent.size for extent in field],
        "stride": [None if extent.stride is None else stride_number(extent.stride) for extent in field],
        "start": [extent.start for extent in field],
    }


def _listed(items: Iterable[Any]) -> str:
    return "[\n" + ",\n".join(f"  {json.dumps(item)}" for item in items) + "\n]"


def _scalar(name: str, value: Any) -> int | str:
    """The same value where there are only numbers and strings."""
    if isinstance(value, int | str):
        return value
    return shape_text(value) if name == "shape" else json.dumps(value)


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text), quote=False)


def _attribute(text: str) -> str:
    return f'"{escape(_NOT_XML.sub(chr(0xFFFD), text))}"'
