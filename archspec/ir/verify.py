"""The verifier: what must hold of every graph, checked after every pass. A finding is a bug of ours."""

from __future__ import annotations

from archspec.errors import InternalError
from archspec.ir.graph import LayerGraph
from archspec.ir.op import ShapeError
from archspec.ir.wiring import trace


def verify(graph: LayerGraph) -> None:
    """Check nodes, order, arity, shapes, outputs, and that the scopes describe the very same graph.

    Raises:
        InternalError: something does not hold; the message says what and where.
    """
    _verify_nodes(graph)
    for name, path in graph.outputs.items():
        if path not in graph.nodes:
            raise InternalError(f"output {name} is {path}, which is no node")
    _verify_scopes(graph)


def _verify_nodes(graph: LayerGraph) -> None:
    seen: set[str] = set()
    for path, node in graph.nodes.items():
        if node.path != path:
            raise InternalError(f"node {node.path} is filed under {path}")
        op = node.op
        count = len(node.inputs)
        if count < op.least_inputs or (op.most_inputs is not None and count > op.most_inputs):
            raise InternalError(f"{path}: {op.name} has {count} inputs")
        for source in node.inputs:
            if source not in seen:
                raise InternalError(f"{path}: its input {source} does not stand before it")
        seen.add(path)
        if op.name == "input":
            if path not in graph.inputs:
                raise InternalError(f"{path} is an input that the graph does not list")
            continue
        try:
            shape = op.output_shape(graph.input_shapes(node))
        except ShapeError as error:
            raise InternalError(f"{path} {error}") from error
        if shape != node.shape:
            raise InternalError(f"{path}: its shape is {node.shape}, its op gives {shape}")


def _verify_scopes(graph: LayerGraph) -> None:
    wiring = trace(graph)
    for path, node in graph.nodes.items():
        if path in graph.inputs:
            continue
        found = wiring.layers.get(path)
        if found != node.inputs:
            raise InternalError(f"{path}: the scopes wire it to {found}, the graph to {node.inputs}")
    extra = wiring.layers.keys() - graph.nodes.keys()
    if extra:
        raise InternalError(f"scopes hold layers that are no nodes: {sorted(extra)[:5]}")
    results = wiring.scopes[graph.root.path].results
    if results != tuple(graph.outputs.values()):
        raise InternalError(f"the scopes give {results}, the graph's outputs are {graph.outputs}")
