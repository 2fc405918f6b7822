"""From the tree of scopes to nodes: which tensors the scopes' references stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from archspec.errors import InternalError, Span
from archspec.expr import Expr
from archspec.ir.op import Op
from archspec.ir.scope import Body, Choice, Layer, Loop, Operand, Ref, Scope, owners_of
from archspec.ir.tensor_type import Shape, TensorType
from archspec.records import record


@record
class Node:
    """A layer, or an input of the network, with the tensors that it takes, in the order of its op.

    A tensor has the path of its node, and where that has several results, the later ones a number (`value_name`).
    `types`, `exprs`, `span` and `shared` are the layer's (see `archspec.ir.scope.Layer`).
    """

    path: str
    op: Op
    inputs: tuple[str, ...]
    types: tuple[TensorType, ...]
    exprs: Mapping[str, Expr]
    span: Span | None
    shared: Mapping[str, str] = field(default_factory=dict[str, str])
    flat_name: str = ""
    """Its name where names are flat, as in Keras; empty where that is its path joined by `_`."""

    @property
    def type(self) -> TensorType:
        """That of its first result."""
        return self.types[0]

    @property
    def shape(self) -> Shape:
        """The sizes of its first result, without the batch."""
        return self.types[0].sizes

    @property
    def values(self) -> tuple[str, ...]:
        """The names of its results."""
        return tuple(value_name(self.path, index) for index in range(len(self.types)))

    @property
    def owner(self) -> str:
        """The path of the layer whose weights it computes with: its own, unless they are used again."""
        owners = owners_of(self.shared)
        return owners[0] if len(owners) == 1 else self.path


def node_of(layer: Layer, inputs: tuple[str, ...]) -> Node:
    """The node of a layer that takes these tensors."""
    flat_name = "" if layer.flat_name is None else str(layer.flat_name.value)
    return Node(layer.path, layer.op, inputs, layer.types, layer.exprs, layer.span, layer.shared, flat_name)


def producer(value: str) -> str:
    """The path of the node that gives a tensor."""
    return value.partition(":")[0]


def result_index(value: str) -> int:
    """Which of its node's results a tensor is."""
    return int(value.partition(":")[2] or 0)


def value_name(path: str, index: int) -> str:
    """What the `index`-th result of a node is called: the node's path, and `:1`, `:2` ... after the first."""
    return path if index == 0 else f"{path}:{index}"


class ScopeTensors(NamedTuple):
    """The nodes that a scope's operands and results stand for, by path."""

    operands: tuple[str, ...]
    results: tuple[str, ...]


@dataclass(slots=True, eq=False)
class DefUse:
    """Every scope's wires and every node, in an order of computation."""

    scopes: dict[str, ScopeTensors] = field(default_factory=dict[str, ScopeTensors])
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])


def trace_references(root: Scope, inputs: Sequence[Node]) -> DefUse:
    """Follow the references of all scopes from the network's inputs to its outputs.

    Raises:
        InternalError: a reference stands for nothing, or two layers have one path.
    """
    def_use = DefUse(nodes={node.path: node for node in inputs})
    operands = tuple(def_use.nodes)
    results = _body(root.body, operands, {}, def_use)
    def_use.scopes[root.path] = ScopeTensors(operands, results)
    return def_use


def pattern(scope: Scope) -> tuple[tuple[tuple[str, tuple[str, ...]], ...], tuple[str, ...]]:
    """How a scope is wired inside, wherever it stands: each layer with its inputs, then the results.

    Paths are those from the scope on; what enters it is called `#0`, `#1` ...
    """
    def_use = DefUse()
    results = _scope(scope, tuple(f"#{index}" for index in range(len(scope.operands))), def_use)

    def own(path: str) -> str:
        return path.removeprefix(f"{scope.path}.")

    layers = tuple((own(path), tuple(map(own, node.inputs))) for path, node in def_use.nodes.items())
    return layers, tuple(map(own, results))


def _body(body: Body, operands: tuple[str, ...], known: dict[int, tuple[str, ...]], def_use: DefUse) -> tuple[str, ...]:
    def resolve(refs: tuple[Ref, ...]) -> tuple[str, ...]:
        try:
            return tuple(
                [operands[ref.index] if isinstance(ref, Operand) else known[ref.location][ref.index] for ref in refs]
            )
        except (IndexError, KeyError):
            raise InternalError(f"one of {refs} stands for nothing") from None

    for item in body.items:
        match item:
            case Layer():
                if item.path in def_use.nodes:
                    raise InternalError(f"two layers are called {item.path}")
                inputs = resolve(item.operands)
                node = def_use.nodes[item.path] = node_of(item, inputs)
                many = len(item.types) > 1
                known[item.location] = node.values if many else (item.path,)
            case Scope():
                known[item.location] = _scope(item, resolve(item.operands), def_use)
            case Choice():
                # What its items give is known inside it alone. No copy of `known`: there may be many conditions.
                result = _body(item.body, operands, known, def_use)
                for inner in item.body.items:
                    del known[inner.location]
                known[item.location] = result
            case Loop():
                inside = resolve(item.operands)
                after: list[str] = []
                for scope in item.iterations:
                    if scope.operands[:1] != (Operand(0),):
                        raise InternalError(f"{scope.path} is wired past its loop")
                    inside = (_scope(scope, _entering(scope, inside), def_use)[0], *inside[1:])
                    after.append(inside[0])
                known[item.location] = (inside[0], *(after[mark] for mark in item.marks))
    return resolve(body.results)


def _entering(scope: Scope, inside: tuple[str, ...]) -> tuple[str, ...]:
    """What enters an iteration, of all that enters its loop."""
    refs = [ref for ref in scope.operands if isinstance(ref, Operand) and ref.index < len(inside)]
    if len(refs) < len(scope.operands):
        raise InternalError(f"{scope.path} is wired past its loop")
    return tuple(inside[ref.index] for ref in refs)


def _scope(scope: Scope, operands: tuple[str, ...], def_use: DefUse) -> tuple[str, ...]:
    results = _body(scope.body, operands, {}, def_use)
    def_use.scopes[scope.path] = ScopeTensors(operands, results)
    return results
