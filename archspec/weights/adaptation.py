"""Weights that are made to fit a network of other input channels, other classes, or other positions, where asked.

Sources: timm/models/_manipulate.py `adapt_input_conv`, timm/layers/pos_embed.py `resample_abs_pos_embed`;
torchvision/models/vision_transformer.py `interpolate_embeddings`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from archspec.errors import Diagnostic, WeightsError, did_you_mean
from archspec.initialization import draw
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import Shape
from archspec.weights.tensors import LazyTensor

if TYPE_CHECKING:
    from archspec.weights.tensors import Array

CHANNELS: Final = "channels"
HEAD: Final = "head"
POSITIONS: Final = "positions"
FORMS: Final = (CHANNELS, HEAD, POSITIONS)
"""What can be adapted, as it is written."""
TORCHVISION: Final = "torchvision"
SEED: Final = 0
"""By which a head is drawn anew."""
_RGB: Final = 3
_POSITION_OP: Final = "position_embedding"
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
    """`timm` or `torchvision`, by whose way positions are interpolated; empty: not at all."""

    @classmethod
    def parse(cls, given: Sequence[str]) -> Adaptation:
        """From words as `channels`, `head`, `head=281,282`, `positions` and `positions=torchvision`.

        Raises:
            WeightsError: one is none of these.
        """
        found = cls()
        for text in given:
            word, equals, value = text.partition("=")
            if word == CHANNELS and not equals:
                found = replace(found, channels=True)
            elif word == HEAD and (not equals or _is_list(value)):
                found = replace(found, head=True, classes=tuple(map(int, value.split(","))) if equals else ())
            elif word == POSITIONS and (not equals or value in ("timm", TORCHVISION)):
                found = replace(found, positions=value or "timm")
            else:
                help = did_you_mean(word, FORMS) if word not in FORMS else ""
                help = help or "write channels, head, head=281,282, positions, or positions=torchvision"
                raise WeightsError(Diagnostic("E0702", f"`{text[:80]}` is nothing that can be adapted", help=help))
        return found


def _is_list(text: str) -> bool:
    return all(part.isascii() and part.isdecimal() and len(part) < 10 for part in text.split(","))


def adapted(
    given: Mapping[str, LazyTensor], graph: LayerGraph, wanted: Adaptation
) -> tuple[dict[str, LazyTensor], list[str]]:
    """The tensors of a file, those that do not fit made to fit as far as is asked, and what was done.

    Raises:
        WeightsError: a class that is asked for is not there.
    """
    found, notes = dict(given), list[str]()
    for name, weight, what in _reshaped(given, graph):
        tensor, shape = given[name], weight
        if what == CHANNELS and wanted.channels:
            found[name] = _changed(tensor, shape, partial(input_channels, channels=shape[1]))
            notes.append(f"{name} of {tensor.shape[1]} channels, for {shape[1]}")
        elif what == HEAD and wanted.classes:
            found[name] = _of_classes(name, tensor, shape, wanted.classes)
            notes.append(f"{name} of {len(wanted.classes)} of {tensor.shape[0]:,} classes")
        elif what == HEAD and wanted.head:
            found[name] = LazyTensor(shape, "float32", partial(_drawn, graph, name))
            notes.append(f"{name} drawn anew, for {shape[0]:,} classes")
        elif what == POSITIONS and wanted.positions:
            old, new = _grids(tensor.shape, shape, graph)
            corners = wanted.positions == TORCHVISION
            found[name] = _changed(tensor, shape, partial(interpolated, old=old, new=new, corners=corners))
            notes.append(f"{name} interpolated from {old[0]}x{old[1]} to {new[0]}x{new[1]}, as by {wanted.positions}")
    return found, notes


def possible(given: Mapping[str, LazyTensor], graph: LayerGraph) -> list[str]:
    """What would have to be adapted so that all tensors fit; empty where that is not enough."""
    wanted = graph.all_weights
    odd = {name for name in wanted if name in given and given[name].shape != wanted[name].shape}
    found = {name: what for name, _, what in _reshaped(given, graph)}
    if not odd or odd - found.keys() or given.keys() != wanted.keys():
        return []
    return [form for form in FORMS if form in found.values()]


def _reshaped(given: Mapping[str, LazyTensor], graph: LayerGraph) -> Iterator[tuple[str, Shape, str]]:
    """The weights of another shape that can be made to fit, with the shape that they are to have, and how."""
    places = {**dict.fromkeys(_first_layers(graph), CHANNELS), **dict.fromkeys(_last_layers(graph), HEAD)}
    for name, weight in graph.all_weights.items():
        tensor = given.get(name)
        if tensor is None or tensor.problem or tensor.shape == weight.shape:
            continue
        old, new, layer = tensor.shape, weight.shape, weight.layer_of(name)
        what = places.get(layer, "")
        if len(old) != len(new):
            continue
        if what == CHANNELS and len(new) > 2 and (old[0], *old[2:]) == (new[0], *new[2:]) and _takes(old[1], new[1]):
            yield name, new, CHANNELS
        elif what == HEAD and new and old[1:] == new[1:]:
            yield name, new, HEAD
        elif graph.nodes[layer].op.name == _POSITION_OP and _grids(old, new, graph) != ((0, 0), (0, 0)):
            yield name, new, POSITIONS


def _takes(old: int, new: int) -> bool:
    return old == _RGB or (new == 1 and old % _RGB == 0)


def _first_layers(graph: LayerGraph) -> Iterator[str]:
    """The layers with weights that an input reaches without passing another one."""
    reached = set(graph.inputs)
    for path, node in graph.nodes.items():
        if path in reached or not any(value.partition(":")[0] in reached for value in node.inputs):
            continue
        if _has_weights(graph, path):
            yield path
        else:
            reached.add(path)


def _last_layers(graph: LayerGraph) -> Iterator[str]:
    """The layers with weights from which an output comes without passing another one."""
    left, seen = [*graph.outputs.values()], set[str]()
    while left:
        path = left.pop().partition(":")[0]
        if path in seen or path in graph.inputs:
            continue
        seen.add(path)
        if _has_weights(graph, path):
            yield path
        else:
            left += graph.nodes[path].inputs


def _has_weights(graph: LayerGraph, path: str) -> bool:
    return any(weight.layer_of(name) == path for name, weight in graph.all_weights.items())


def _changed(tensor: LazyTensor, shape: Shape, change: Callable[[Array], Array]) -> LazyTensor:
    return replace(tensor, shape=shape, load=lambda: change(tensor.load()))


def _drawn(graph: LayerGraph, name: str) -> Array:
    return draw(graph, SEED, names={name})[name]


def input_channels(weight: Array, channels: int) -> Array:
    """The kernel of a first convolution, (out, in, *kernel), for another number of input channels.

    One channel gets the sum over those of the colors. Other numbers get them repeated, times 3 / channels: so an image
    whose channels are equal gives what it gave.
    """
    import numpy as np

    numbers = weight.astype(np.float32)
    if channels == 1:
        planes = numbers.reshape(numbers.shape[0], -1, _RGB, *numbers.shape[2:]) if numbers.shape[1] > _RGB else None
        summed: Array = planes.sum(axis=2) if planes is not None else numbers.sum(axis=1, keepdims=True)
        return summed
    repeated = np.concatenate([numbers] * math.ceil(channels / _RGB), axis=1)[:, :channels]
    found: Array = repeated * np.float32(_RGB / channels)
    return found


def _of_classes(name: str, tensor: LazyTensor, shape: Shape, classes: tuple[int, ...]) -> LazyTensor:
    if len(classes) != shape[0]:
        message = f"{len(classes)} classes are asked for, and the network has {shape[0]}"
        raise WeightsError(Diagnostic("E0702", message, help=f"give {shape[0]} of them, or `--set classes=...`"))
    if max(classes) >= tensor.shape[0]:
        message = f"class {max(classes)} is asked for, and `{name}` in the file has {tensor.shape[0]:,}, from 0"
        raise WeightsError(Diagnostic("E0702", message))
    return _changed(tensor, shape, lambda array: array[list(classes)])


def _grids(old: Shape, new: Shape, graph: LayerGraph) -> tuple[tuple[int, int], tuple[int, int]]:
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
    for prefix in range(min(_MOST_PREFIX, new[-2], old[-2])):
        patch = math.isqrt(height * width // max(1, new[-2] - prefix))
        side = math.isqrt(old[-2] - prefix)
        if patch and (height // patch) * (width // patch) == new[-2] - prefix and side * side == old[-2] - prefix:
            return (side, side), (height // patch, width // patch)
    return nothing


def interpolated(positions: Array, old: tuple[int, int], new: tuple[int, int], *, corners: bool) -> Array:
    """Embeddings of positions, (..., tokens, features), for another grid; the tokens before the grid stay as they are.

    Args:
        positions: the last tokens are those of the grid, row by row.
        old, new: height and width of the grid.
        corners: as torchvision does it, corners on corners; otherwise as timm does it, with antialiasing.
    """
    import numpy as np

    count = old[0] * old[1]
    prefix, grid = positions[..., :-count, :], positions[..., -count:, :]
    grid = grid.reshape(-1, *old, grid.shape[-1]).astype(np.float32)
    rows, columns = (_cubic_weights(before, after, corners) for before, after in zip(old, new, strict=True))
    found = np.einsum("ih,nhwc,jw->nijc", rows, grid, columns, optimize=True).astype(np.float32)
    flat = found.reshape(*positions.shape[:-2], new[0] * new[1], positions.shape[-1])
    result: Array = np.concatenate([prefix.astype(np.float32), flat], axis=-2)
    return result


def _cubic_weights(before: int, after: int, corners: bool) -> Array:
    """What each of `after` places takes of each of `before`: PyTorch's bicubic interpolation along one axis."""
    import numpy as np

    found = np.zeros((after, before))
    if corners:
        step = np.float32(before - 1) / np.float32(max(1, after - 1))  # in float32, as PyTorch works places out
        for row, place in enumerate((np.arange(after, dtype=np.float32) * step).tolist()):
            start = math.floor(place)
            for offset in range(-1, 3):
                taken = min(max(start + offset, 0), before - 1)
                found[row, taken] += _cubic(place - start - offset, -0.75)
        return found
    scale = before / after
    wide = max(scale, 1.0)
    for row in range(after):
        center = scale * (row + 0.5)
        first, last = max(int(center - 2 * wide + 0.5), 0), min(int(center + 2 * wide + 0.5), before)
        for taken in range(first, last):
            found[row, taken] = _cubic((taken - center + 0.5) / wide, -0.5)
        found[row] /= found[row].sum()
    return found


def _cubic(x: float, a: float) -> float:
    """The kernel of bicubic interpolation with the slope `a` at 1."""
    x = abs(x)
    if x < 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a if x < 2 else 0.0
