"""An item that is computed once more, on other tensors and with the parameters that it has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from archspec.ir.def_use import Node, node_of, producer, result_index, value_name
from archspec.ir.op import ShapeError
from archspec.ir.scope import Body, Choice, Item, Layer, Loop, Operand, Ref, Scope
from archspec.ir.tensor_type import TensorType


class Value(NamedTuple):
    """A tensor by the name that `Node.inputs` has for it, with its type."""

    name: str
    type: TensorType


Values = tuple[Value, ...]

_OWN: Final = "another item has weights of its own"
_OTHER_CHANNELS: Final = f"what arrives must have the axes and the channels that arrived there; {_OWN}"
_OTHER_SIZE: Final = f"what arrives has another size than what arrived there, and this depends on it; {_OWN}"


@dataclass(slots=True)
class Copy:
    """Makes an item anew: the same ops, whose parameters are those of the layers that it is made from.

    What arrives at each layer has the axes and the channels (or features) that it had; only heights, widths and numbers
    of tokens may differ. So conditions come out alike, weights fit, and one module serves both.
    """

    nodes: Mapping[str, Node]
    """The nodes of the graph so far, by path."""
    old: str
    """The path of the item."""
    new: str
    """The path of the copy."""
    made: dict[str, Node] = field(default_factory=dict[str, Node])
    """The nodes of the copy, by path, in order of computation."""

    def item(self, item: Layer | Scope | Loop, arriving: Values) -> tuple[Layer | Scope | Loop, Values]:
        """The copy, under its new path, and what it gives.

        Raises:
            ShapeError: it does not take what arrives, or its weights do not fit; the message begins with the path of
                the layer that this is said of.
        """
        match item:
            case Layer():
                return self._layer(item, arriving)
            case Scope():
                return self._scope(item, arriving)
            case Loop():
                return self._loop(item, arriving)

    def _path(self, path: str) -> str:
        """A path in the item as it is in the copy; one outside of it stays."""
        return self.new + path[len(self.old) :] if path == self.old or path.startswith(f"{self.old}.") else path

    def _layer(self, layer: Layer, arriving: Values) -> tuple[Layer, Values]:
        path, types = self._path(layer.path), [value.type for value in arriving]
        before = [self._type(name) for name in self.nodes[layer.path].inputs]
        try:
            for now, then in zip(types, before, strict=True):
                _same_features("gets", now, then, _OTHER_CHANNELS)
            op = layer.op.resolved(types)
            given = op.output_types(types)
            for now, then in zip(given, layer.types, strict=True):
                _same_features("gives", now, then, _OTHER_SIZE)
            weights = op.weights(types)
            for weight, first in zip(weights, layer.op.weights(before), strict=True):
                if weight.shape != first.shape:
                    message = (
                        f"would need a {weight.name or 'weight'} of {weight.shape}; the one it has is {first.shape}"
                    )
                    raise ShapeError(message, help=_OTHER_SIZE)
        except ShapeError as error:
            raise ShapeError(f"{path} {error}", error.code, error.help) from None
        shared = {weight.name: layer.shared.get(weight.name, weight.at(layer.path)) for weight in weights}
        names = tuple(value.name for value in arriving)
        made = replace(layer, path=path, op=op, types=given, shared=shared)
        self.made[path] = node_of(made, names)
        return made, tuple(Value(value_name(path, index), type) for index, type in enumerate(given))

    def _type(self, name: str) -> TensorType:
        return self.nodes[producer(name)].types[result_index(name)]

    def _scope(self, scope: Scope, operands: Values) -> tuple[Scope, Values]:
        body, given = self._body(scope.body, operands, {})
        shares = self._path(scope.shares) if scope.path != self.old else scope.shares or scope.path
        return replace(scope, path=self._path(scope.path), body=body, shares=shares), given

    def _body(self, body: Body, operands: Values, known: dict[int, Values]) -> tuple[Body, Values]:
        def values(refs: Sequence[Ref]) -> Values:
            return tuple(
                operands[ref.index] if isinstance(ref, Operand) else known[ref.location][ref.index] for ref in refs
            )

        items: list[Item] = []
        for item in body.items:
            if isinstance(item, Choice):
                inside, given = self._body(item.body, operands, known)
                for inner in item.body.items:
                    del known[inner.location]
                known[item.location] = given
                items.append(replace(item, body=inside))
                continue
            made, known[item.location] = self.item(item, values(item.operands))
            items.append(made)
        return Body(tuple(items), body.results), values(body.results)

    def _loop(self, loop: Loop, operands: Values) -> tuple[Loop, Values]:
        iterations: list[Scope] = []
        after: list[Value] = []
        for old in loop.iterations:
            scope, given = self._scope(old, operands)
            iterations.append(scope)
            after.append(given[0])
            operands = (given[0], *operands[1:])
        shares = self._path(loop.shares) if loop.path != self.old else loop.shares or loop.path
        made = replace(loop, path=self._path(loop.path), iterations=tuple(iterations), shares=shares)
        return made, (operands[0], *(after[mark] for mark in loop.marks))


def _same_features(verb: str, now: TensorType, then: TensorType, help: str) -> None:
    """See that a tensor has the axes and the channels of another; `help` is what to do where it has not.

    Raises:
        ShapeError: it has not.
    """
    if now.axes != then.axes:
        raise ShapeError(f"{verb} {now.text}, tensors of other axes than the first time, {then.text}", help=help)
    if now.channels != then.channels:
        what = "channels" if now.is_spatial else "ids" if now.is_ids else "features"
        raise ShapeError(
            f"{verb} {now.channels} {what} ({now.text}), where it had {then.channels} the first time ({then.text})",
            help=help,
        )
