"""The verifier: what must hold of every graph, checked after every pass. A finding is a bug of ours."""

from __future__ import annotations

import keyword
from collections.abc import Sequence

from archspec.errors import InternalError
from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph
from archspec.ir.op import ShapeError
from archspec.ir.scope import Choice, Item, Layer, Loop, Scope, walk, walk_layers
from archspec.ir.tensor_type import TensorType
from archspec.reserved_names import is_item_name


def verify(graph: LayerGraph) -> None:
    """Check references, paths, arity, shapes, inputs and outputs.

    Raises:
        InternalError: something does not hold; the message says what and where.
    """
    for name in (graph.name, graph.class_name, *graph.inputs, *(param.name for param in graph.params), *graph.blocks):
        if not is_name(name):  # it goes into source as it is
            raise InternalError(f"{name!r} is no name")
    for name in graph.inputs:
        if graph.inputs.count(name) > 1:
            raise InternalError(f"two inputs are called {name}")
    if len(graph.output_names) != len(graph.root.body.results):
        raise InternalError(f"{len(graph.root.body.results)} tensors are given, as outputs {graph.output_names}")
    first = len(graph.output_names) - len(graph.training_outputs)
    if first < 1 or graph.output_names[first:] != graph.training_outputs:
        raise InternalError(f"{graph.training_outputs} are no last of the outputs {graph.output_names}")
    for name, path in graph.outputs.items():
        if graph.types[path].is_ids:
            raise InternalError(f"the output {name} is ids, which no layer computes")
    inferred: set[tuple[int, ...]] = set()
    for node in graph.nodes.values():  # tracing them raises where a reference stands for nothing
        _verify_node(graph, node, inferred)
    _verify_paths(graph.root.path, graph.root.body.items)
    _verify_sharing(graph)
    for name, path in graph.taps.items():
        if path not in graph.types:
            raise InternalError(f"the tap {name} is {path}, which is no tensor")


def is_name(text: str) -> bool:
    """Whether generated source can have it as a name."""
    return text.isascii() and text.isidentifier() and not keyword.iskeyword(text)


def _verify_node(graph: LayerGraph, node: Node, inferred: set[tuple[int, ...]]) -> None:
    """Check one node; `inferred` has the identities of ops and types that were found to fit, as in equal iterations."""
    op, count = node.op, len(node.inputs)
    if op.name == "input":
        if node.path not in graph.inputs:
            raise InternalError(f"{node.path} is an input that the graph does not list")
        return
    if count < op.least_inputs or (op.most_inputs is not None and count > op.most_inputs):
        raise InternalError(f"{node.path}: {op.name} has {count} inputs")
    arriving = graph.input_types(node)
    known = (id(op), id(node.types), *map(id, arriving))  # all of them live as long as the graph
    if known not in inferred:
        _verify_types(node, arriving)
        inferred.add(known)
    if not node.shared:
        return
    for name, weight in graph.parameters_of(node).items():
        first = graph.all_weights[name]
        if weight.shape != first.shape:
            raise InternalError(f"{node.path} has {weight.shape} for {name}, which is {first.shape}")
        if (weight.trainable, weight.decay) != (first.trainable, first.decay):
            raise InternalError(f"{node.path} has {name} with another weight decay, or it is not trained in both")
        if (name.rpartition(".")[0] if weight.name else name) in ("", *graph.inputs):
            raise InternalError(f"{node.path} shares {name}, which is no name of a parameter")
    if unknown := node.shared.keys() - {weight.name for weight in graph.weights(node)}:
        raise InternalError(f"{node.path} shares {', '.join(sorted(unknown))}, which {op.name} does not have")


def _verify_types(node: Node, arriving: Sequence[TensorType]) -> None:
    """The op is that for what arrives, and gives what the node is said to give."""
    op = node.op
    try:
        if op.fitted(arriving) is not op:
            raise InternalError(f"{node.path}: {op.name} is not brought to the axes of its input")
        types = op.output_types(arriving)
    except ShapeError as error:
        raise InternalError(f"{node.path} {error}") from error
    if types != node.types:
        raise InternalError(f"{node.path}: its type is {node.types}, its op gives {types}")


def _verify_sharing(graph: LayerGraph) -> None:
    """What is computed once more has the parameters of the layers in the same places."""
    for item in walk(graph.root):
        if not isinstance(item, Scope | Loop) or not item.shares:
            continue
        for layer in walk_layers(item):
            node, first = graph.nodes[layer.path], graph.nodes.get(item.shares + layer.path[len(item.path) :])
            if first is None:  # nothing needs it
                continue
            names = graph.parameters_of(node).keys()
            if type(first.op) is not type(node.op) or graph.parameters_of(first).keys() != names:
                raise InternalError(f"{node.path} does not have the parameters of {first.path}, as {item.path} says")


def _verify_paths(around: str, items: Sequence[Item]) -> None:
    """An item's path is that of the scope around it, and its name; items have locations of their own."""
    locations: set[int] = set()
    for item in items:
        if item.location in locations:
            raise InternalError(f"two items of {around or 'the network'} stand at the location {item.location}")
        locations.add(item.location)
        path = around
        if not isinstance(item, Choice):
            if not is_item_name(item.name):
                raise InternalError(f"{item.name!r} in {around or 'the network'} is no name")
            path = f"{around}.{item.name}" if around else item.name
            if item.path != path:
                raise InternalError(f"{item.path} stands where {path} should")
        match item:
            case Layer():
                pass
            case Loop():
                _verify_paths(path, item.iterations)
            case Scope(block=str() as block) if not is_name(block):
                raise InternalError(f"{block!r} is no name of a block")
            case _:
                _verify_paths(path, item.body.items)
