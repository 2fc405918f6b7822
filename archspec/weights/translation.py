"""Tensors of another library's file as the weights of a graph: found by its names, in PyTorch's layout."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from archspec.errors import Diagnostic, WeightsError
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import Shape
from archspec.limits import Budget
from archspec.weights.keras_numbering import layer_of, numbers_by_class, renumbered, shifts
from archspec.weights.layouts import Layout, joined, joined_shape, part_of, turned, view_of_part
from archspec.weights.map_rules import WeightMap
from archspec.weights.origins import LAYOUT_BACKEND, Origin, origins_by, own_origins, stores
from archspec.weights.state_dicts import COUNTER
from archspec.weights.tensors import LazyTensor, no_numbers
from archspec.weights.weight_maps import shipped_maps

if TYPE_CHECKING:
    from archspec.weights.tensors import Array, Arrays

_PREFIXES: Final = 8
_APPLICATIONS: Final = "keras.applications"
_COUNTERS: Final = (
    *("global_step", "save_counter", "beta1_power", "beta2_power"),
    *("iter", "iterations", "beta_1", "beta_2", "decay", "learning_rate"),
)
_SLOT: Final = "/.OPTIMIZER_SLOT/"
_PREPARES: Final = re.compile(r"(^|/)normalization(_\d+)?/(mean|variance|count|[012])$")
"""Variables of Keras's `Normalization`, which prepares images: that is said in a spec's `pretrained`."""


@dataclass(frozen=True, slots=True)
class Translation:
    """A file's tensors by the network's names; those that are not the network's keep their own."""

    tensors: Mapping[str, LazyTensor]
    found: int
    """How many of the network's weights there are, by name and shape."""
    named: int
    """How many there are by name, whatever the shape."""
    whose: str
    """Whose names they are, as people read it."""
    prefix: str = ""
    starts: Mapping[str, int] = field(default_factory=dict)
    """The number of the file's first layer of each class of Keras's that the file numbers after layers of others."""
    preparing: tuple[str, ...] = ()
    """The file's tensors that prepare images: no network of a spec has them."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was made of the names, and what was left out."""
        names = ", ".join(self.preparing)
        left_out = f"left out, for they prepare images before the network of a spec begins: {names}"
        return (*shifts(self.starts), *([left_out] if self.preparing else []))


def best_translation(
    tensors: Mapping[str, LazyTensor],
    graph: LayerGraph,
    library: str,
    prefix: str | None = None,
    weight_map: WeightMap | None = None,
) -> Translation | None:
    """The reading of a file's names that finds most of a network's weights; None if none finds any.

    Args:
        tensors: what the file holds, by its own names.
        graph: the network.
        library: whose file it is: `keras`, `tensorflow`, or empty where only its names can say.
        prefix: what stands before the names in the file, where it is known.
        weight_map: whose names the file has, where it is known.
    """
    found: Translation | None = None
    preparing = tuple(name for name in tensors if _PREPARES.search(name)) if library == LAYOUT_BACKEND else ()
    tensors = {name: tensor for name, tensor in tensors.items() if name not in preparing}
    given = [tensors]
    numbered = library == LAYOUT_BACKEND and prefix is None
    if numbered and (flat := _without_models(tensors)) is not None:
        given.append(flat)
    for whose, origins, is_passed_over in _readings(graph, library, weight_map):
        for each in given:
            starts = _starts(each, graph, origins) if numbered else {}
            if starts:
                each = {renumbered(name, starts): tensor for name, tensor in each.items()}
            new = _translated(each, graph, origins, whose, prefix)
            kept = {name: each for name, each in new.tensors.items() if not is_passed_over(name, new.prefix)}
            new = replace(new, tensors=kept)
            new = replace(new, starts=starts, preparing=preparing)
            if new.named and (found is None or (new.found, new.named) > (found.found, found.named)):
                found = new
            if new.found == len(graph.all_weights):
                return found
    return found


def _without_models(tensors: Mapping[str, LazyTensor]) -> dict[str, LazyTensor] | None:
    """Tensors of models that stand within models, by the names of their layers alone; None if there are none.

    Names that several would have stay as they are.
    """
    short = {name: "/".join(name.split("/")[-2:]) for name in tensors}
    counts = Counter(short.values())
    if all(short[name] == name for name in tensors):
        return None
    return {short[name] if counts[short[name]] == 1 else name: tensor for name, tensor in tensors.items()}


def _starts(tensors: Mapping[str, LazyTensor], graph: LayerGraph, origins: Mapping[str, Origin]) -> dict[str, int]:
    """The number of the first layer in a file of each class that Keras has numbered after other layers of its process.

    Keras numbers layers of a class through the whole process: a network's first convolution may be `conv2d_94`. That is
    so where no layer of the class in the file is the network's by its name, and all are by the names from the first on.
    Where some are by both, as `conv2d_1` of a file with `conv2d_1` and `conv2d_2` is of a network with `conv2d` and
    `conv2d_1`, the file must have all of the network's layers of the class, with all weights, of the same shapes.
    """
    places = {
        name: {layer for each in _names_of(origin) if (layer := layer_of(each))} for name, origin in origins.items()
    }
    wanted = numbers_by_class(each for origin in origins.values() for each in _names_of(origin))
    found: dict[str, int] = {}
    for kind, given in numbers_by_class(tensors).items():
        start, own = min(given), wanted.get(kind, set())
        from_zero = {number - start for number in given}
        if start == 0 or not from_zero <= own:
            continue
        if given & own:
            of_class = {name: each for name, each in origins.items() if any(kind == of for of, _ in places[name])}
            shifted = {renumbered(name, {kind: start}): tensor for name, tensor in tensors.items()}
            if from_zero != own or _translated(shifted, graph, of_class, "", "").found < len(of_class):
                continue
        found[kind] = start
    return found


def _names_of(origin: Origin) -> Iterator[str]:
    """All names under which a file may have a weight or parts of it."""
    for part in origin.parts:
        yield from part.names
        yield from (each.name for each in part.numbered)


def _readings(
    graph: LayerGraph, library: str, weight_map: WeightMap | None
) -> Iterator[tuple[str, dict[str, Origin], Callable[[str, str], bool]]]:
    """The names that weights may have in a file, and what is passed over: of our own Keras source, and each map."""
    source = stores()
    stored = source.stored_weights(graph) if source is not None else {}
    if source is not None and library and weight_map is None:
        whose = _APPLICATIONS if _is_of_applications(graph) else "archspec's Keras source"
        yield (
            f"the names of {whose}",
            own_origins(source, graph, stored),
            lambda name, prefix: False,
        )
    budget = Budget()
    for each in shipped_maps() if weight_map is None else (weight_map,):
        if each.layout == LAYOUT_BACKEND and source is None:
            continue
        origins = origins_by(each, graph, stored)
        if origins:
            yield each.library, origins, each.passed_over(graph, budget)


def _is_of_applications(graph: LayerGraph) -> bool:
    """Whether a network has the layers' names of keras.applications, since it is of it."""
    return any(text.startswith(_APPLICATIONS) for text in graph.reference)


def in_order(tensors: Mapping[str, LazyTensor], graph: LayerGraph) -> dict[str, str] | None:
    """The file's names of a network's weights, where the order and the shapes of both agree; None where they do not.

    Order alone is no proof: whether outputs are right has to be seen.
    """
    given = [name for name in tensors if not name.endswith(COUNTER)]
    wanted = graph.all_weights
    if len(given) != len(wanted):
        return None
    if any(tensors[name].shape != weight.shape for name, weight in zip(given, wanted.values(), strict=True)):
        return None
    return dict(zip(wanted, given, strict=True))


def named_by(weight_map: WeightMap | None, graph: LayerGraph, arrays: Arrays) -> Mapping[str, Array]:
    """A network's weights under a library's names, in its layout: what `best_translation` reads.

    Each array is a view of the weight: its axes may lie in any order.

    Args:
        weight_map: whose names; those of archspec's Keras source if None.
        graph: the network.
        arrays: its weights, by canonical name.

    Raises:
        WeightsError: the map does not name all of the weights, or holds one of them for constant that is not.
    """
    source = stores()
    stored = source.stored_weights(graph) if source is not None else {}
    if weight_map is None:
        assert source is not None
        origins = own_origins(source, graph, stored)
    else:
        origins = origins_by(weight_map, graph, stored)
    unnamed = [name for name in graph.all_weights if name not in origins]
    if unnamed and weight_map is not None:
        message = f"the map {weight_map.path.stem} does not name `{unnamed[0]}` of {graph.name}"
        raise WeightsError(Diagnostic("E0703", message, help=f"it is for {weight_map.library}"))
    found: dict[str, tuple[str, int]] = {}
    for name, origin in origins.items():
        if origin.constant is not None:
            _check_constant(name, arrays[name], origin.constant)
        for index, part in enumerate(origin.parts):
            if part.constant is not None:
                own = part_of(arrays[name], index, len(origin.parts), origin.shape, origin.layouts[0])
                _check_constant(f"{name}, part {index + 1} of {len(origin.parts)}", own, part.constant)
                continue
            if part.names[0] in found:
                raise WeightsError(
                    Diagnostic("E0703", f"two weights of {graph.name} would be called `{part.names[0]}`")
                )
            found[part.names[0]] = name, index
    return _NamedArrays(found, origins, arrays)


def _check_constant(name: str, array: Array, number: float) -> None:
    if not (array == number).all():
        message = f"`{name}` is not {number:g} everywhere, and the library has no place for it"
        raise WeightsError(Diagnostic("E0703", message))


class _NamedArrays(Mapping[str, "Array"]):
    """Parts of weights by other names: views of them."""

    def __init__(self, places: Mapping[str, tuple[str, int]], origins: Mapping[str, Origin], arrays: Arrays) -> None:
        self._places, self._origins, self._arrays = places, origins, arrays

    def __getitem__(self, name: str) -> Array:
        own, index = self._places[name]
        origin = self._origins[own]
        return view_of_part(self._arrays[own], index, len(origin.parts), origin.shape, origin.layouts[0])

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _translated(
    tensors: Mapping[str, LazyTensor],
    graph: LayerGraph,
    origins: Mapping[str, Origin],
    whose: str,
    prefix: str | None,
) -> Translation:
    numbers = Counter(owner for owner, _, own in (name.rpartition("/") for name in tensors) if own.isdecimal())
    before = prefix if prefix is not None else _best_prefix(tensors, numbers, origins)
    found: dict[str, LazyTensor] = {}
    taken: set[str] = set()
    hits = 0
    for name, origin in origins.items():
        wanted = graph.all_weights[name].shape
        if origin.constant is not None:
            found[name] = _filled(wanted, origin.constant)
            continue
        names = _parts(tensors, numbers, origin, before)
        if names is None:
            continue
        taken.update(filter(None, names))
        parts = [
            tensors[each] if each else _filled(origin.shape, part.constant or 0.0)
            for each, part in zip(names, origin.parts, strict=True)
        ]
        found[name] = _tensor(parts, origin, wanted)
        hits += found[name].shape == wanted
    left = {
        name: tensor
        for name, tensor in tensors.items()
        if name not in taken and name not in found and not _of_training(name, taken)
        if prefix is None or name.startswith(prefix)
    }
    return Translation({**found, **left}, hits, len(found), whose, before)


def _best_prefix(tensors: Mapping[str, LazyTensor], numbers: Counter[str], origins: Mapping[str, Origin]) -> str:
    """What stands before the library's names in a file: that of some weights with which most are found."""
    named = [origin for origin in origins.values() if origin.parts]
    found = {""}
    for origin in (*named[:2], *named[-2:]):
        part = next(each for each in origin.parts if each.names)
        for wanted in (*part.names, *(each.name for each in part.numbered)):
            found |= {name[: -len(wanted)] for name in tensors if name.endswith((f"/{wanted}", f".{wanted}"))}
    return max(
        sorted(found, key=lambda each: (len(each), each))[:_PREFIXES],
        key=lambda prefix: sum(_parts(tensors, numbers, origin, prefix) is not None for origin in named),
    )


def _of_training(name: str, taken: Collection[str]) -> bool:
    """Whether a variable counts steps, or is what an optimizer keeps of a weight: `conv1/weights/Momentum`."""
    return name.rpartition("/")[2] in _COUNTERS or _SLOT in name or name.rpartition("/")[0] in taken


def _parts(tensors: Mapping[str, LazyTensor], numbers: Counter[str], origin: Origin, prefix: str) -> list[str] | None:
    """The names of all parts of a weight in a file, empty ones of constants; None if one is not there."""
    found: list[str] = []
    for part in origin.parts:
        if part.constant is not None:
            found.append("")
            continue
        name = next((prefix + each for each in part.names if prefix + each in tensors), None)
        for each in part.numbered if name is None else ():
            if numbers[prefix + each.owner] == each.beside and prefix + each.name in tensors:
                name = prefix + each.name
        if name is None:
            return None
        found.append(name)
    return found if found else None


def _tensor(parts: list[LazyTensor], origin: Origin, wanted: Shape) -> LazyTensor:
    """A weight of these parts in PyTorch's layout, of the first layout that gives its shape."""
    odd = next((part for part in parts if part.problem), None)
    if odd is not None:
        return odd
    shapes = [part.shape for part in parts]
    for layout in origin.layouts:
        shape = joined_shape(shapes, layout) if not origin.exact or {*shapes} == {origin.shape} else None
        if shape is not None and (shape == wanted or _holds_the_same(shape, wanted)):
            break
    else:
        shape = None if origin.exact else joined_shape(shapes, origin.layouts[0])
        if shape is None:
            return LazyTensor((), f"of the shape {'x'.join(map(str, shapes[0]))}, which is another layout", no_numbers)
        return LazyTensor(
            shape, parts[0].kind, lambda: joined([part.load() for part in parts], origin.layouts[0])
        )  # of other sizes: what it is adapted from

    def load() -> Array:
        return _joined(parts, shape, layout).reshape(wanted)

    def load_as_stored() -> Array:
        return turned(parts[0].load(), layout).reshape(wanted)

    return LazyTensor(wanted, parts[0].kind, load, load_as_stored=load_as_stored if len(parts) == 1 else None)


def _joined(parts: Sequence[LazyTensor], shape: Shape, layout: Layout | None) -> Array:
    """A weight of this shape, of parts that are put into their places as they are read, where that can be."""
    import numpy as np

    fills = [part.fill for part in parts if part.fill is not None and part.kind == parts[0].kind]
    if len(fills) < len(parts):
        return joined([part.load() for part in parts], layout)
    kind = parts[0].kind
    found = np.empty(shape, "float32" if kind == "bfloat16" else kind)
    for index, (part, fill) in enumerate(zip(parts, fills, strict=True)):
        fill(view_of_part(found, index, len(parts), part.shape, layout))
    return found


def _holds_the_same(shape: Shape, wanted: Shape) -> bool:
    """Whether shapes are of the same numbers: a dense layer and a convolution that sees all; a vector with ones."""
    if len(wanted) == 2 and len(shape) > 2 and shape[0] == wanted[0]:
        return math.prod(shape[1:]) == wanted[1]  # a kernel as large as what it sees
    if len(wanted) == 1 and len(shape) > 1:
        return math.prod(shape) == wanted[0] == max(shape)  # a vector among axes of 1
    most = 2 if min(len(shape), len(wanted)) > 1 else 1
    return shape[:most] == wanted[:most] and all(size == 1 for size in (*shape[most:], *wanted[most:]))


def _filled(shape: Shape, value: float) -> LazyTensor:
    def load() -> Array:
        import numpy as np

        return np.full(shape, value, np.float32)

    return LazyTensor(shape, "float32", load, lambda target: target.fill(value))
