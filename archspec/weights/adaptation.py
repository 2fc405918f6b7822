"""Weights that are made to fit a network of other input channels, other classes, or other positions, where asked.

Source: timm/models/_manipulate.py `adapt_input_conv`; `resampling` has those of positions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Literal

from archspec.errors import Diagnostic, WeightsError, WeightsOptionError, did_you_mean
from archspec.initialization import draw
from archspec.ir.def_use import Node, producer
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.linear import Convolution
from archspec.ir.ops.windows import WindowAttention
from archspec.ir.tensor_type import Shape
from archspec.weights.resampling import Way, interpolated, interpolated_offsets, of_its_type, widened_floats
from archspec.weights.tensors import LazyTensor

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

CHANNELS: Final = "channels"
HEAD: Final = "head"
POSITIONS: Final = "positions"
FORMS: Final = (CHANNELS, HEAD, POSITIONS)
"""What can be adapted, as it is written."""
TORCHVISION: Final = "torchvision"
GEOMETRIC: Final = "geometric"
SEED: Final = 0
"""By which a head is drawn anew."""
_RGB: Final = 3
_POSITION_OP: Final = "position_embedding"
_LEARNED_TOKENS: Final = ("class_token", "register_tokens")
_TO_TOKENS: Final = "to_tokens"
_TABLE: Final = "relative_position_bias_table"
_HEADS: Final = ("conv", "conv_transpose", "dense")
"""The ops that give a number for each class."""
_IDLE: Final = {
    CHANNELS: "the first convolution has the file's channels, or the file's is of neither three colors nor one",
    HEAD: "the network ends in no layer whose weights the file has, other classes apart",
    POSITIONS: "the embeddings and biases of positions have the file's size, or are none of an image",
}
"""Why nothing was adapted."""
_TOKENS: Final[Mapping[bool, tuple[str, Way]]] = {False: ("timm", "antialiased"), True: (TORCHVISION, "corners")}
_OFFSETS: Final[Mapping[bool, tuple[str, Literal["centers", "geometric"]]]] = {
    False: ("Swin", "centers"),
    True: ("timm", "geometric"),
}
"""Whose way it is and which, by whether another than the usual one is asked for."""
_MOST_PREFIX: Final = 16
"""Tokens before those of the image: of the class, of distillation, registers."""


@dataclass(frozen=True, slots=True)
class Adaptation:
    """What may be adapted, and how."""

    channels: bool = False
    head: bool = False
    classes: tuple[int, ...] = ()
    """The file's classes that the network has, in its order; where there are none, the head is drawn anew."""
    positions: str = ""
    """`timm` or `torchvision`, by whose way positions are interpolated; empty: not at all.

    `geometric` is timm's for tokens, and for offsets within windows; all others interpolate those as Swin's authors.
    """

    @classmethod
    def parse(cls, given: Sequence[str]) -> Adaptation:
        """From words as `channels`, `head`, `head=281,282`, `positions` and `positions=geometric`.

        Raises:
            WeightsOptionError: one is none of these.
        """
        found = cls()
        for text in given:
            word, equals, value = text.partition("=")
            if word == CHANNELS and not equals:
                found = replace(found, channels=True)
            elif word == HEAD and (not equals or _is_list(value)):
                found = replace(found, head=True, classes=tuple(map(int, value.split(","))) if equals else ())
            elif word == POSITIONS and (not equals or value in ("timm", TORCHVISION, GEOMETRIC)):
                found = replace(found, positions=value or "timm")
            else:
                help = did_you_mean(word, FORMS) if word not in FORMS else ""
                help = help or "write channels, head, head=281,282, positions, positions=torchvision or =geometric"
                raise WeightsOptionError(
                    Diagnostic("E0702", f"`{text[:80]}` is nothing that can be adapted", help=help)
                )
        return found


def _is_list(text: str) -> bool:
    return all(part.isascii() and part.isdecimal() and len(part) < 10 for part in text.split(","))


@dataclass(frozen=True, slots=True)
class Changes:
    """What was done to weights so that they fit."""

    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    """What was asked for, and applied to nothing."""
    drawn: tuple[str, ...] = ()
    """The weights that are not the file's: they are drawn anew."""
    classes: int = 0
    """How many classes the file has, where some of them were taken."""


def adapted(
    given: Mapping[str, LazyTensor], graph: LayerGraph, wanted: Adaptation
) -> tuple[dict[str, LazyTensor], Changes]:
    """The tensors of a file, made to fit as far as is asked, and what was done.

    The head is drawn or put together whenever that is asked; the others are changed where they do not fit.

    Raises:
        WeightsError: the network has another number of classes than are asked for, or the file has not all of them.
    """
    found, notes, drawn, classes = dict(given), list[str](), list[str](), 0
    done: dict[str, bool] = {}
    """By what is asked, whether it applied to something."""
    reshaped = _reshaped(given, graph)
    if wanted.channels:
        kernels = {name: axis for name, (what, axis) in reshaped.items() if what == CHANNELS}
        done[CHANNELS] = bool(kernels)
        for name, axis in kernels.items():
            tensor, shape = given[name], graph.all_weights[name].shape
            change = input_channels if axis else channel_vector
            found[name] = _changed(tensor, shape, partial(change, channels=shape[axis]))
            notes.append(f"{name} of {tensor.shape[axis]} channels, for {shape[axis]}")
    if wanted.head:
        heads = _asked_heads(given, graph, wanted.classes)
        done[HEAD] = bool(heads)
        for name, axis in heads.items():
            held, shape = given.get(name), graph.all_weights[name].shape
            if wanted.classes and held is not None:
                found[name] = _changed(held, shape, partial(_of_classes, axis=axis, classes=wanted.classes))
                classes = held.shape[axis]
                notes.append(f"{name} of {len(wanted.classes)} of {classes:,} classes")
            else:
                kind = held.kind if held is not None and held.kind in ("float64", "float16") else "float32"
                found[name] = LazyTensor(shape, kind, partial(_drawn, graph, name, kind))
                notes.append(f"{name} drawn anew, for {shape[axis]:,} classes")
                drawn.append(name)
    if wanted.positions:
        tables = [name for name, (what, _) in reshaped.items() if what == POSITIONS]
        done[POSITIONS] = bool(tables)
        for name in tables:
            tensor, shape = given[name], graph.all_weights[name].shape
            if (sides := _offsets(tensor.shape, name, graph)) is not None:
                (old, new), is_geometric = sides, wanted.positions == GEOMETRIC
                who, way_of_offsets = _OFFSETS[is_geometric]
                change = partial(interpolated_offsets, old=old, new=new, way=way_of_offsets)
            else:
                (old, new), is_torchvision = _grids(tensor.shape, shape, name, graph), wanted.positions == TORCHVISION
                who, way = _TOKENS[is_torchvision]
                change = partial(interpolated, old=old, new=new, way=way)
            found[name] = _changed(tensor, shape, change)
            notes.append(f"{name} interpolated from {old[0]}x{old[1]} to {new[0]}x{new[1]}, as by {who}")
    idle = tuple(f"`--adapt {what}` changed nothing: {_IDLE[what]}" for what, some in done.items() if not some)
    return found, Changes(tuple(notes), idle, tuple(drawn), classes)


def possible(given: Mapping[str, LazyTensor], graph: LayerGraph) -> list[str]:
    """What would have to be adapted so that all tensors fit; empty where that is not enough."""
    wanted = graph.all_weights
    odd = {name for name in wanted if name in given and given[name].shape != wanted[name].shape}
    found = {name: what for name, (what, _) in _reshaped(given, graph).items()}
    if not odd or odd - found.keys() or given.keys() != wanted.keys():
        return []
    return [form for form in FORMS if form in found.values()]


def other_channels(given: Mapping[str, LazyTensor], graph: LayerGraph) -> int:
    """How many channels the images of a file's network have, where this alone differs; 0 where it does not."""
    wanted, first = graph.all_weights, {*_first_layers(graph)}
    odd = [name for name, weight in wanted.items() if name in given and given[name].shape != weight.shape]
    if len(odd) != 1 or wanted[odd[0]].layer_of(odd[0]) not in first or given.keys() != wanted.keys():
        return 0
    old, new = given[odd[0]].shape, wanted[odd[0]].shape
    return old[1] if len(new) > 2 and _agree(old, new, 1) else 0


def _reshaped(given: Mapping[str, LazyTensor], graph: LayerGraph) -> dict[str, tuple[str, int]]:
    """The weights of another shape that can be made to fit, with what they are, and the axis that differs.

    Of embeddings of positions the axis is not said.
    """
    found: dict[str, tuple[str, int]] = {}
    first, heads = {*_first_layers(graph)}, _heads(given, graph)
    for name, weight in graph.all_weights.items():
        tensor = given.get(name)
        if tensor is None or tensor.problem or tensor.shape == weight.shape or len(tensor.shape) != len(weight.shape):
            continue
        old, new, node = tensor.shape, weight.shape, graph.nodes[weight.layer_of(name)]
        axis = 0 if _by_channel(graph, node) else 1
        kernel = isinstance(node.op, Convolution) and getattr(node.op, "groups", 1) == 1 and len(new) > 2
        if node.path in first and (axis == 0 or kernel) and old[axis] in (1, _RGB) and _agree(old, new, axis):
            found[name] = CHANNELS, axis
        elif name in heads:
            found[name] = HEAD, heads[name]
        elif (node.op.name == _POSITION_OP and _grids(old, new, name, graph) != ((0, 0), (0, 0))) or _offsets(
            old, name, graph
        ) is not None:
            found[name] = POSITIONS, 0
    return found


def _heads(given: Mapping[str, LazyTensor], graph: LayerGraph) -> dict[str, int]:
    """The weights of the last layers that differ from the file's at most in the number of classes, and their axis."""
    last, found = {*_last_layers(graph)}, dict[str, int]()
    for name, weight in graph.all_weights.items():
        tensor, node = given.get(name), graph.nodes[weight.layer_of(name)]
        if node.path not in last or tensor is None or tensor.problem:
            continue
        axis = int(node.op.name == "conv_transpose" and len(weight.shape) > 1)
        if (node.op.name in _HEADS or _by_channel(graph, node)) and _agree(tensor.shape, weight.shape, axis):
            found[name] = axis
    return found


def _asked_heads(given: Mapping[str, LazyTensor], graph: LayerGraph, classes: tuple[int, ...]) -> dict[str, int]:
    """The weights of the head that are drawn, or get these classes: of some that do not fit those, otherwise all.

    Raises:
        WeightsError: it has another number of classes than are asked for, or the file has not all of them.
    """
    heads, wanted = _heads(given, graph), graph.all_weights
    odd = {wanted[name].layer_of(name) for name in heads if given[name].shape != wanted[name].shape}
    chosen = {name: axis for name, axis in heads.items() if not odd or wanted[name].layer_of(name) in odd}
    if not classes:
        return chosen or missing_head(given, graph)
    if grouped := next((path for path in _last_layers(graph) if getattr(graph.nodes[path].op, "groups", 1) > 1), None):
        message = f"classes are asked for of `{grouped}`, whose groups have a part of the features each"
        raise WeightsError(Diagnostic("E0702", message, help="`--adapt head` draws it anew"))
    fitting = {name: axis for name, axis in chosen.items() if wanted[name].shape[axis] == len(classes)}
    for name, axis in chosen.items():
        count = wanted[name].shape[axis]
        if name not in fitting and (odd or not fitting):
            message = f"{len(classes)} classes are asked for, and the network has {count:,}"
            param = next((param.name for param in graph.params if param.value == count), None)
            other = f", or `--set {param}={len(classes)}`" if param is not None else ""
            raise WeightsError(Diagnostic("E0702", message, help=f"give {count:,} of them{other}"))
        if name in fitting and max(classes) >= given[name].shape[axis]:
            message = f"class {max(classes)} is asked for, and `{name}` in the file has {given[name].shape[axis]:,}"
            raise WeightsError(Diagnostic("E0702", f"{message}, from 0"))
    return fitting


def missing_head(given: Mapping[str, LazyTensor], graph: LayerGraph) -> dict[str, int]:
    """The weights of the last layer, each with its axis of classes, where a file has all others, and none of these."""
    missing = [name for name in graph.all_weights if name not in given]
    owners = {graph.all_weights[name].layer_of(name) for name in missing}
    last = [path for path in _last_layers(graph) if graph.nodes[path].op.name in _HEADS]
    if len(owners) != 1 or not owners <= {*last} or given.keys() - graph.all_weights.keys():
        return {}
    transposed = graph.nodes[next(iter(owners))].op.name == "conv_transpose"
    return {name: int(transposed and len(graph.all_weights[name].shape) > 1) for name in missing}


def _agree(old: Shape, new: Shape, axis: int) -> bool:
    """Whether shapes are the same along all other axes."""
    return len(old) == len(new) > axis and all(
        size == other for place, (size, other) in enumerate(zip(old, new, strict=True)) if place != axis
    )


def _first_layers(graph: LayerGraph) -> Iterator[str]:
    """The layers with weights that an input reaches without passing another that mixes channels."""
    reached = set(graph.inputs)
    for path, node in graph.nodes.items():
        if path in reached or not any(value.partition(":")[0] in reached for value in node.inputs):
            continue
        shapes = _own_shapes(graph, node)
        if shapes:
            yield path
        if not shapes or _by_channel(graph, node):
            reached.add(path)


def _last_layers(graph: LayerGraph) -> Iterator[str]:
    """The layers with weights from which an output comes without passing another that mixes channels."""
    left, seen = [*graph.outputs.values()], set[str]()
    while left:
        path = left.pop().partition(":")[0]
        if path in seen or path in graph.inputs:
            continue
        seen.add(path)
        node = graph.nodes[path]
        shapes = _own_shapes(graph, node)
        if shapes:
            yield path
        if not shapes or _by_channel(graph, node):
            left += node.inputs


def _own_shapes(graph: LayerGraph, node: Node) -> list[Shape]:
    return [weight.shape for weight in node.op.weights(graph.input_types(node))]


def _by_channel(graph: LayerGraph, node: Node) -> bool:
    """Whether a layer's weights are numbers for each channel, as those of a batch normalization."""
    shapes = _own_shapes(graph, node)
    arriving = [type.channels for type in graph.input_types(node)]
    if node.op.name in _HEADS:
        return False  # those of one channel alone look alike
    return bool(shapes) and all(math.prod(shape[1:]) == 1 and shape[0] in arriving for shape in shapes)


def _changed(tensor: LazyTensor, shape: Shape, change: Callable[[Array], Array]) -> LazyTensor:
    return replace(tensor, shape=shape, load=lambda: change(tensor.load()))


def _drawn(graph: LayerGraph, name: str, kind: str) -> Array:
    return draw(graph, SEED, names={name})[name].astype(kind)


def input_channels(weight: Array, channels: int) -> Array:
    """The kernel of a first convolution, (out, 1 or 3, *kernel), for other input channels, of its own type.

    One channel gets the sum over those of the colors: a gray image gives what it gave as one of three equal channels.
    Other numbers get the colors' repeated, times 3 / channels. Where that is a multiple of three, an image whose
    channels are equal gives what it gave; otherwise about that, as some colors then count more than others. One of a
    gray image is shared out evenly: an image of equal channels gives what the gray one gave.
    """
    import numpy as np

    numbers = widened_floats(weight)
    given = weight.shape[1]
    if channels == 1:
        return of_its_type(numbers.sum(axis=1, keepdims=True), weight)
    repeated = np.concatenate([numbers] * math.ceil(channels / given), axis=1)[:, :channels]
    return of_its_type(repeated * numbers.dtype.type(given / channels), weight)


def channel_vector(vector: Array, channels: int) -> Array:
    """Numbers for each color, (1 or 3, ...), as those of a batch normalization of the input, for other channels.

    One channel gets their mean, other numbers get them repeated.
    """
    import numpy as np

    numbers = widened_floats(vector)
    if channels == 1:
        return of_its_type(numbers.mean(axis=0, keepdims=True), vector)
    return of_its_type(np.concatenate([numbers] * math.ceil(channels / len(numbers)))[:channels], vector)


def _of_classes(array: Array, axis: int, classes: tuple[int, ...]) -> Array:
    return array.take(classes, axis=axis)


def _offsets(old: Shape, name: str, graph: LayerGraph) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """How many offsets a table of biases has along each axis, in the file and in the network; None if it is none.

    The file's window is square.
    """
    weight = graph.all_weights[name]
    op = graph.nodes[weight.layer_of(name)].op
    if not isinstance(op, WindowAttention) or weight.name != _TABLE or len(old) != 2 or old[1] != weight.shape[1]:
        return None
    side = math.isqrt(old[0])
    height, width = op.offsets
    return ((side, side), (height, width)) if side * side == old[0] else None


def _tokens_before(name: str, graph: LayerGraph) -> int | None:
    """How many learned tokens stand before those of the image where embeddings of positions are added.

    None where they are not put before them one after the other.
    """
    node = graph.nodes[graph.all_weights[name].layer_of(name)]
    count, _ = node.type.sizes
    while node.inputs and node.op.name in (_POSITION_OP, *_LEARNED_TOKENS):
        node = graph.nodes[producer(node.inputs[0])]
    return count - node.type.sizes[0] if node.op.name == _TO_TOKENS else None


def _grids(old: Shape, new: Shape, name: str, graph: LayerGraph) -> tuple[tuple[int, int], tuple[int, int]]:
    """Height and width of the positions in the file and in the network; zeros where they are none of an image.

    The network's follow from the image that it takes; the file's are square, with as many tokens before them.
    """
    nothing = (0, 0), (0, 0)
    if len(old) < 2 or (*old[:-2], old[-1]) != (*new[:-2], new[-1]) or len(graph.input_nodes) != 1:
        return nothing
    sizes = graph.input_nodes[0].type.sizes
    if len(sizes) != 3:
        return nothing
    _, height, width = sizes
    before = _tokens_before(name, graph)
    for prefix in range(min(_MOST_PREFIX, new[-2], old[-2])) if before is None else (before,):
        patch = math.isqrt(height * width // max(1, new[-2] - prefix))
        side = math.isqrt(old[-2] - prefix)
        if patch and (height // patch) * (width // patch) == new[-2] - prefix and side * side == old[-2] - prefix:
            return (side, side), (height // patch, width // patch)
    return nothing
