"""A network in which one param has another value: which layers are others, and whether the rest fits to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from archspec.codegen.anti_unification import without_sizes
from archspec.codegen.body_context import LAYERS
from archspec.expr import Const, Expr, ExprError, Value, evaluate, fold, names
from archspec.ir.attributes import AttributeValueError, PaddingKind
from archspec.ir.graph import LayerGraph, NetworkParam
from archspec.ir.mapping import map_layers
from archspec.ir.op import Op, ShapeError
from archspec.ir.ops.linear import Convolution
from archspec.ir.ops.pools import AdaptivePool, AvgPool, MaxPool
from archspec.ir.scope import Body, Choice, Layer, Loop, Scope, iteration_at
from archspec.ir.tensor_type import TensorType
from archspec.limits import Budget

WORDS: Final = ("same", "valid")
"""What frameworks take as the padding of a convolution."""
_WINDOWS: Final = frozenset({"kernel", "stride", "dilation"})
"""The attributes of what slides along the axes that whole numbers may be given for."""


class NotRightError(Exception):
    """Another value gives another network: `what` it decides. `refused`: the spec has none with that value, either."""

    def __init__(self, what: str, *, refused: bool = False) -> None:
        super().__init__(what)
        self.what, self.refused = what, refused


def with_value(graph: LayerGraph, param: NetworkParam, value: Value, budget: Budget) -> Mapping[str, Op]:
    """The layers that are others where a param has this value, by path; all else fits to what they give.

    Args:
        graph: the network.
        param: one of its params.
        value: a word for a padding, a whole number, or a list of whole numbers.
        budget: what working on expressions may take.

    Raises:
        NotRightError: something does not fit, or is not a word for a padding, or the size of a window.
    """
    frame: dict[str, Value] = {other.name: other.value for other in graph.params}
    found = _ByAnotherValue(budget)
    frame, other = found.quantities(graph.root, frame | {param.name: value}, {param.name: param.value}, "the network")
    changed = dict(found.inside(graph.root.body, frame, other))

    def in_place(layer: Layer, arriving: Sequence[TensorType]) -> Layer:
        before = graph.input_types(graph.nodes[layer.path])
        op = changed.get(layer.path, without_sizes(layer.op))
        try:
            op = op.resolved(arriving)
            types = op.infer_types(arriving)
        except ShapeError:
            raise NotRightError(f"the sizes that arrive at {layer.path}", refused=True) from None
        differs = tuple(arriving) != tuple(before)
        weights = [weight.shape for weight in op.weights(arriving)] != [weight.shape for weight in op.weights(before)]
        channels = [type.channels for type in arriving] != [type.channels for type in before]
        if differs and (op.sized or weights or (channels and layer.exprs)):
            raise NotRightError(f"the sizes that arrive at {layer.path}")
        return replace(layer, op=op, types=types)

    if changed:
        map_layers(graph, in_place)
    return changed


@dataclass(slots=True)
class _ByAnotherValue:
    """Goes through the items of a network in which one param has another value."""

    budget: Budget

    def quantities(
        self, scope: Scope, frame: Mapping[str, Value], other: Mapping[str, Value], what: str
    ) -> tuple[dict[str, Value], dict[str, Value]]:
        """The frame with a scope's own quantities, and what has other values in it."""
        found, mine = dict(frame), dict(other)
        for name, let in scope.lets.items():
            found[name] = let.value
            if self._differs(let.expr, found, mine):
                found[name] = self._value(let.expr, found, f"the {name} of {what}")
                mine |= {name: let.value} if found[name] != let.value else {}
        return found, mine

    def inside(self, body: Body, frame: Mapping[str, Value], other: Mapping[str, Value]) -> Iterator[tuple[str, Op]]:
        """The layers of a body that are others, by path.

        `other` are the names that have other values in a frame, with those that they have in the network.
        """
        for item in body.items:
            if isinstance(item, Scope) and item.index is not None:
                name, number = item.index
                frame = {**frame, name: number}
            match item:
                case Layer():
                    if (op := self._layer(item, frame, other)) is not None:
                        yield item.path, op
                case Scope(kind="block"):
                    values = {name: binding.value for name, binding in item.bindings.items()}
                    mine: dict[str, Value] = {}
                    for name, binding in item.bindings.items():
                        if self._differs(binding.expr, frame, other):
                            values[name] = self._value(binding.expr, frame, f"the {name} of {item.path}")
                            mine |= {name: binding.value} if values[name] != binding.value else {}
                    values, mine = self.quantities(item, values, mine, item.path)
                    if mine:
                        yield from self.inside(item.body, values, mine)
                case Scope():
                    yield from self.inside(item.body, frame, other)
                case Choice():
                    if self._differs(item.condition, frame, other):
                        outcome = self._value(item.condition, frame, LAYERS)
                        if outcome is not item.taken:
                            raise NotRightError(LAYERS)
                    if item.repetition is not None and self._differs(item.repetition.times, frame, other):
                        count = len({iteration_at(inner.location) for inner in item.body.items})
                        if self._value(item.repetition.times, frame, LAYERS) != count:
                            raise NotRightError(LAYERS)
                    yield from self.inside(item.body, frame, other)
                case Loop():
                    what = f"how often {item.path} runs" if item.times is None or not item.structure else LAYERS
                    if any(self._differs(expr, frame, other) for expr in item.structure):
                        raise NotRightError(what)
                    asked = item.times is not None and self._differs(item.times, frame, other)
                    if (
                        item.times is not None
                        and asked
                        and self._value(item.times, frame, what) != len(item.iterations)
                    ):
                        raise NotRightError(what)
                    for number, scope in enumerate(item.iterations):
                        yield from self.inside(Body((scope,), ()), {**frame, item.index: number}, other)

    def _layer(self, layer: Layer, frame: Mapping[str, Value], other: Mapping[str, Value]) -> Op | None:
        """A layer with other values for what its window is and how it is padded; None where it stays."""
        op: Any = layer.op
        changed: dict[str, Any] = {}
        for name, expr in layer.exprs.items():
            if not self._differs(expr, frame, other):
                continue
            what = f"the {name} of {layer.path}"
            value, kind = self._value(expr, frame, what), op.attributes()[name].kind
            padding = isinstance(kind, PaddingKind)
            is_window = isinstance(op, Convolution | MaxPool | AvgPool) and (padding or name in _WINDOWS)
            is_pooled = isinstance(op, AdaptivePool) and name == "size"
            if not (padding and value in WORDS) and not is_window and not is_pooled:
                raise NotRightError(what)
            try:
                changed[name] = kind.spread(kind.read(value), len(op.size if is_pooled else op.kernel))
            except AttributeValueError:
                raise NotRightError(what, refused=True) from None
        return replace(op, **changed) if changed else None

    def _differs(self, expr: Expr, frame: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
        """Whether an expression of a frame is another one than in the network: `len(kernels)` may be the same."""
        mentioned = names(expr, self.budget)
        if mentioned.isdisjoint(other):
            return False
        known = {name: frame[name] for name in mentioned if name in frame}
        now, before = (
            fold(expr, self.budget, {name: Const(value) for name, value in values.items()})
            for values in (known, {**known, **{name: other[name] for name in known if name in other}})
        )
        return now != before

    def _value(self, expr: Expr, frame: Mapping[str, Value], what: str) -> Value:
        """What an expression gives, if it can be worked out without channels."""
        try:
            return evaluate(expr, frame, self.budget)
        except ExprError:
            raise NotRightError(what) from None
