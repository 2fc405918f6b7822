"""What a graph grows by: inputs, layers, and items that are computed once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

from archspec.errors import InternalError, Span
from archspec.ir.def_use import Node, node_of, producer, result_index, value_name
from archspec.ir.graph import BlockInfo, LayerGraph
from archspec.ir.iterations import Renaming
from archspec.ir.open_scopes import OpenLoop, OpenScope, Tensor, bring
from archspec.ir.reuse import Copy, Value
from archspec.ir.scope import Layer, Operand, Ref, Result, Scope
from archspec.ir.tensor_type import TensorType


class Place(NamedTuple):
    """Where an item goes: its location, its name (the spec's own if it is `named`), its path, and where it is
    written.
    """

    location: int
    name: str
    named: bool
    path: str
    span: Span | None = None


@dataclass(slots=True, eq=False)
class Assembly:
    """A graph that grows by items whose names, locations and types are known: lowering's, and a `GraphBuilder`'s."""

    name: str
    title: str = ""
    class_name: str = ""
    root: OpenScope = field(init=False)
    inputs: list[Node] = field(default_factory=list[Node])
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    """Inputs and layers so far, by path, in order of computation."""
    blocks: dict[str, BlockInfo] = field(default_factory=dict[str, BlockInfo])

    def __post_init__(self) -> None:
        self.root = OpenScope(None, 0, "", "", "network")

    def add_input(self, node: Node) -> Tensor:
        """One more input of the network."""
        self.inputs.append(node)
        self.nodes[node.path] = node
        return Tensor(self.root, Operand(len(self.inputs) - 1), node.path, node.type)

    def type_of(self, name: str) -> TensorType:
        """The type of a tensor by its name."""
        return self.nodes[producer(name)].types[result_index(name)]

    def add_layer(
        self,
        scope: OpenScope,
        layer: Layer,
        inputs: Sequence[Tensor],
    ) -> tuple[Tensor, ...]:
        """A layer at the end of a scope, which knows all the tensors that it takes; its results."""
        taken = tuple([tensor.path for tensor in inputs])
        self.nodes[layer.path] = node_of(layer, taken)
        scope.items.append(layer)
        if len(layer.types) == 1:  # as nearly all have
            return (Tensor(scope, Result(layer.location), layer.path, layer.types[0]),)
        return tuple(
            Tensor(scope, Result(layer.location, index), value_name(layer.path, index), type)
            for index, type in enumerate(layer.types)
        )

    def add_again(
        self,
        scope: OpenScope | OpenLoop,
        item: Layer | OpenScope | OpenLoop,
        place: Place,
        inputs: Sequence[Tensor],
    ) -> tuple[Tensor, ...]:
        """An item once more at the end of a scope, or as a loop's next iteration, with its parameters; its results.

        Args:
            scope: where the copy goes.
            item: what is copied, another item of this scope or, for an iteration, of the scope around the loop.
            place: the copy's.
            inputs: what it takes, which the scope knows, or the scope around the loop.

        Raises:
            ShapeError: it does not take them, or its weights do not fit; the message begins with a layer's path.
        """
        frozen = item if isinstance(item, Layer) else item.freeze()
        if isinstance(frozen, Scope) and isinstance(item, OpenScope) and isinstance(item.parent, OpenLoop):
            raise InternalError(f"{item.path} is an iteration, which is not computed once more by itself")
        copy = Copy(self.nodes, frozen.path, place.path)
        made, given = copy.item(frozen, tuple(Value(tensor.path, tensor.type) for tensor in inputs))
        made = replace(made, location=place.location, name=place.name, span=place.span or frozen.span)
        refs: tuple[Ref, ...] = tuple(tensor.ref for tensor in inputs)
        self.nodes.update(copy.made)
        if isinstance(scope, OpenLoop):
            assert isinstance(made, Scope)
            if not scope.iterations:  # all of them take the same, in the same places
                scope.operands[1:] = refs[1:]
            refs = tuple(Operand(index) for index in range(len(refs)))
            scope.iterations.append(replace(made, operands=refs))
            return (Tensor(scope.parent, Result(scope.location), given[0].name, given[0].type),)
        if isinstance(made, Layer):
            made = replace(made, named=place.named)
        scope.items.append(replace(made, operands=refs))
        return tuple(Tensor(scope, Result(place.location, k), value.name, value.type) for k, value in enumerate(given))

    def add_iteration(
        self, loop: OpenLoop, name: str, arriving: str, x: Tensor, layers: int, span: Span | None
    ) -> Tensor | None:
        """A loop's next iteration, equal to its last one but for its path, with weights of its own; what it gives.

        Args:
            loop: its last iteration takes one tensor, and its layers were the last that were added.
            name: the new iteration's.
            arriving: the tensor that enters the last iteration, by name.
            x: the one that enters this one: what the last iteration gives, of the type that enters that.
            layers: how many layers an iteration has.
            span: where the new one is written.

        Returns:
            None where another layer has the path of one of its layers; nothing is added then.
        """
        last = loop.iterations[-1]
        scope = last if isinstance(last, Scope) else last.freeze(iterations=(Operand(0),))
        renaming = Renaming(scope.path, f"{loop.path}.{name}", arriving, x.path)
        made = renaming.nodes([*islice(reversed(self.nodes.values()), layers)][::-1])
        if any(path in self.nodes for path in made):
            return None
        self.nodes.update(made)
        loop.iterations.append(replace(renaming.scope(scope), location=len(loop.iterations), name=name, span=span))
        return Tensor(loop.parent, Result(loop.location), renaming.tensor(x.path), x.type)

    def graph(self, outputs: Mapping[str, Tensor], **more: Any) -> LayerGraph:
        """The graph with these outputs; `more` are fields of `LayerGraph` that the builder has no say in."""
        results = tuple(bring(tensor, self.root).ref for tensor in outputs.values())
        given: dict[str, Any] = {
            "title": self.title,
            "class_name": self.class_name or class_name(self.name),
            "source": self.name,
            "params": (),
            "blocks": dict(self.blocks),
            **more,
        }
        return LayerGraph(
            self.name,
            input_nodes=tuple(self.inputs),
            output_names=tuple(outputs),
            root=self.root.freeze(results=results),
            **given,
        )


def class_name(name: str) -> str:
    """`resnet_v2_50` as a class: `ResnetV250`. A spec says `class: ResNetV2_50` where it knows better."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_")) or "Network"
