"""Make one convolution, or dense layer, of several that take the same tensor and whose results are added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from archspec.ir.dead_code import eliminate_dead_code
from archspec.ir.def_use import Node
from archspec.ir.graph import LayerGraph
from archspec.ir.op import Op
from archspec.ir.ops.linear import Conv, Dense
from archspec.ir.ops.merges import Add
from archspec.ir.scope import Layer
from archspec.passes.inference.channel_maps import ChannelMap, channel_numbers, is_channel_map, with_bias
from archspec.passes.inference.rewriting import copies_of_layers, rewritten, sole_uses, users_of_weights
from archspec.passes.pipeline import Property

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Position: TypeAlias = tuple[slice, ...]
"""Where the elements of one kernel lie in another, along each axis."""


@dataclass(frozen=True, slots=True)
class AddedBranch:
    """What is added: a product, a channel map, or the tensor itself where there is no path."""

    path: str
    op: Conv | Dense | ChannelMap | None
    position: Position
    """Of its kernel in that of the one that stays."""


@dataclass(frozen=True, slots=True)
class MergeIntoOne:
    """The weights of a product that does the work of all that are added to it.

    `w x + b + (v x + c)` is `(w + v) x + (b + c)`, where `v`'s kernel lies within `w`'s, the rest of it being zeros.
    What only multiplies each channel is a product of one element for each; the tensor itself has the factor 1.
    """

    product: str
    op: Conv | Dense
    branches: tuple[AddedBranch, ...]

    def apply(self, weights: dict[str, Any]) -> None:
        """Change the product's weights, and take the others out."""
        import numpy as np

        weight = np.array(weights[f"{self.product}.weight"], np.float64)
        bias = np.zeros(len(weight))
        if self.op.bias:
            bias += np.asarray(weights[f"{self.product}.bias"], np.float64)
        for branch in self.branches:
            bias += _added(weight, _groups(self.op), branch, weights)
        weights[f"{self.product}.weight"], weights[f"{self.product}.bias"] = weight, bias


def _added(weight: Array, groups: int, branch: AddedBranch, weights: dict[str, Any]) -> Array | float:
    """Add a branch's weight to a product's, in place; its bias."""
    import numpy as np

    filters, each = weight.shape[:2]
    bias: Array | float = 0.0
    match branch.op:
        case Conv() | Dense():
            own = np.asarray(weights.pop(f"{branch.path}.weight"), np.float64)
            count = _groups(branch.op)
            if branch.op.bias:
                bias = np.asarray(weights.pop(f"{branch.path}.bias"), np.float64)
        case None:
            own, count = np.ones((filters, 1, *(1 for _ in branch.position))), filters
        case _:
            factor, bias = channel_numbers(branch.path, branch.op, weights)
            shape = (filters, 1, *(1 for _ in branch.position))
            own, count = np.broadcast_to(factor, (filters,)).reshape(shape), filters
    rows, columns = filters // count, own.shape[1]
    for group in range(count):
        at = slice(group * rows, (group + 1) * rows)
        first = group * columns - (group * groups // count) * each  # among the channels of the product's own group
        weight[(at, slice(first, first + columns), *branch.position)] += own[at]
    return bias


def _groups(op: Conv | Dense) -> int:
    return op.groups if isinstance(op, Conv) else 1


@dataclass(frozen=True, slots=True)
class _Sum:
    """An `add`, of which one product can do the work of some branches or of all."""

    index: int
    """Of its inputs, the product that does it."""
    kept: str
    op: Conv | Dense
    """Of that product."""
    branches: Mapping[int, AddedBranch]
    """What it takes in, by the places among the inputs of the addition."""
    others: tuple[int, ...]
    """The inputs that are still added, the product's among them."""


def _sums(graph: LayerGraph) -> dict[str, _Sum]:
    """The additions of which one product can do more than it does, by their paths; no layer is in two of them."""
    uses, users, copies = sole_uses(graph), users_of_weights(graph), copies_of_layers(graph)

    def is_alone(path: str) -> bool:
        """It stands in one place, with weights of its own."""
        node = graph.nodes[path]
        return copies[path] == {path} and node.owner == path and users[path] == {path}

    found: dict[str, _Sum] = {}
    for path, node in graph.nodes.items():
        if not isinstance(node.op, Add) or copies[path] != {path}:
            continue
        linear = {
            name: graph.nodes[name]
            for name in node.inputs
            if uses.get(name) is node and name in graph.nodes and _is_linear(graph, graph.nodes[name])
        }
        if merged := _merged(node.inputs, {name: each for name, each in linear.items() if is_alone(name)}):
            found[path] = merged
    return found


def _is_linear(graph: LayerGraph, node: Node) -> bool:
    return isinstance(node.op, Conv | Dense) or is_channel_map(graph, node)


def _merged(inputs: Sequence[str], linear: Mapping[str, Node]) -> _Sum | None:
    """The product among these that can take in the most of the others; None where none can take in any.

    What is not in `linear` may still be the very tensor that the product takes.
    """
    best: _Sum | None = None
    for index, kept in enumerate(inputs):
        if kept not in linear or not isinstance(product := linear[kept].op, Conv | Dense):
            continue
        source, branches = linear[kept].inputs[0], dict[int, AddedBranch]()
        for place, name in enumerate(inputs):
            node = linear.get(name)
            if place == index or (name if node is None else node.inputs[0]) != source:
                continue
            if (branch := _branch(name, node, product)) is not None:
                branches[place] = branch
        if branches and (best is None or len(branches) > len(best.branches)):
            others = tuple(place for place in range(len(inputs)) if place not in branches)
            best = _Sum(index, kept, product, branches, others)
    return best


def _branch(name: str, node: Node | None, product: Conv | Dense) -> AddedBranch | None:
    """What is added to a product, where its kernel lies within the product's."""
    op = None if node is None else node.op
    assert op is None or isinstance(op, Conv | Dense | ChannelMap)
    if isinstance(op, Conv | Dense):
        if type(op) is not type(product) or _groups(op) % _groups(product):
            return None
        if isinstance(op, Dense) and isinstance(product, Dense) and op.axis != product.axis:
            return None
    position = _position(op, product)
    return None if position is None else AddedBranch("" if node is None else name, op, position)


def _position(op: Op | None, product: Conv | Dense) -> Position | None:
    """Where the elements of a kernel lie in a product's: those that see the same elements of the input."""
    if isinstance(product, Dense):
        return ()
    rank = len(product.kernel)
    own, wide = ((0, 1, 1),) * rank if not isinstance(op, Conv) else _elements(op), _elements(product)
    stride = op.stride if isinstance(op, Conv) else (1,) * rank
    if own is None or wide is None or stride != product.stride:
        return None
    found: list[slice] = []
    for (first, step, count), (start, each, size) in zip(own, wide, strict=True):
        at, apart = divmod(first - start, each)
        times, rest = divmod(step, each) if count > 1 else (1, 0)
        last = at + times * (count - 1)
        if apart or rest or at < 0 or last >= size:
            return None
        found.append(slice(at, last + 1, times))
    return tuple(found)


def _elements(conv: Conv) -> tuple[tuple[int, int, int], ...] | None:
    """Along each axis how far the kernel's first element is from the place that is computed, how far they are apart,
    and how many there are; None where that goes by the size of the input.
    """
    if conv.padding.sides is None or (conv.padding.is_same and set(conv.stride) != {1}):
        return None
    sides = zip(conv.padding.sides, conv.dilation, conv.kernel, strict=True)
    return tuple((-before, apart, count) for (before, _), apart, count in sides)


NO_PARALLEL_PRODUCTS = Property(
    "no branches of a sum that one product can do",
    lambda graph: next((f"{path} has some" for path in _sums(graph)), ""),
)


class MergeParallelProducts:
    """One convolution does what several do that are added, as those of RepVGG (Ding et al. 2021): a convolution of 3x3,
    one of 1x1, and the tensor itself, normalized or not.

    They take the same tensor with the same stride, and the kernel of one holds those of the others. So do dense layers.
    What else is added stays in the sum.
    """

    __slots__ = ()
    name: ClassVar[str] = "merge_parallel_products"
    requires: ClassVar[tuple[Property, ...]] = ()
    ensures: ClassVar[tuple[Property, ...]] = (NO_PARALLEL_PRODUCTS,)

    def run(self, graph: LayerGraph) -> LayerGraph:
        """The graph itself where there are none."""
        while sums := _sums(graph):
            steps = tuple(MergeIntoOne(each.kept, each.op, (*each.branches.values(),)) for each in sums.values())
            change = {each.kept: _with_bias for each in sums.values()}
            operands = {path: each.others for path, each in sums.items() if len(each.others) > 1}
            merged = rewritten(graph, remove=dict(_removed(sums)), change=change, steps=steps, operands=operands)
            graph = replace(eliminate_dead_code(merged), depth=graph.depth)  # scopes that have nothing left in them
        return graph


def _with_bias(layer: Layer) -> Op:
    assert isinstance(layer.op, Conv | Dense)
    return with_bias(layer.op)


def _removed(sums: dict[str, _Sum]) -> Iterator[tuple[str, int]]:
    """The layers that go, each with the input that takes its place."""
    for path, each in sums.items():
        if len(each.others) == 1:
            yield path, each.index
        yield from ((branch.path, 0) for branch in each.branches.values() if branch.path)
