"""How far tensors are apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Size: TypeAlias = "float | Array"
"""What a distance is a share of: a number for a tensor, or one for each channel of a running statistic."""


class Tensors:
    """The tensors in a folder, as `archspec.parity.temporary_folders.save` wrote them: by kind, `what`, and name.

    They are read one at a time, since all of them may take gigabytes. The file is opened anew for each: what is read of
    a file that is open counts as memory of the process.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, dict[str, Path]] = {}

    def names(self, what: str) -> list[str]:
        """The names under `what`, in alphabetical order."""
        return sorted(self._known(what))

    def get(self, what: str, name: str) -> Array | None:
        """A tensor; None if there is none of this name."""
        path = self._known(what).get(name)
        if path is None:
            return None
        with _opened(path) as file:
            found: Array = file.get_tensor(name)
        return found

    def _known(self, what: str) -> dict[str, Path]:
        if what not in self._files:
            found = self._files[what] = {}
            for path in parts(self._folder, what):
                with _opened(path) as file:
                    found |= dict.fromkeys(file.keys(), path)
        return self._files[what]


def _opened(path: Path) -> Any:
    from safetensors import safe_open

    return cast("Any", safe_open(path, framework="numpy"))  # it has no types


def part(folder: Path, what: str, number: int) -> Path:
    """A file with tensors of a kind: large ones are in several."""
    return folder / f"{what}.{number}.safetensors"


def parts(folder: Path, what: str) -> Iterator[Path]:
    """The files with the tensors of a kind that there are."""
    for number in count():
        path = part(folder, what, number)
        if not path.exists():
            return
        yield path


@dataclass(frozen=True, slots=True)
class Values:
    """The two values where tensors are furthest apart, with their index (N, C, H, W)."""

    index: tuple[int, ...]
    first: float
    second: float


def difference(first: Array | None, second: Array | None, least: float = 0.0) -> float:
    """The largest difference of two tensors as a share of the first's largest value, or of `least` if that is more.

    Infinite where one is missing or of another shape; not a number where one holds values that are not numbers.
    """
    return share(distance(first, second), max(largest(first), least))


def share(apart: Size, size: Size) -> float:
    """A distance as a share of a size, or the largest of several: of a size of zero, a distance is infinite."""
    return float(_shares(apart, size).max(initial=0.0))


def _shares(apart: Size, size: Size) -> Array:
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(np.equal(apart, 0), 0.0, np.divide(apart, size))


def distance(first: Array | None, second: Array | None) -> float:
    """The largest absolute difference of two tensors.

    Infinite where one is missing or of another shape; not a number where one holds values that are not numbers.
    """
    return float(distances(first, second).max(initial=0.0))


def distances(first: Array | None, second: Array | None) -> Array:
    """The absolute difference of each element of two tensors.

    A single infinite one where a tensor is missing or of another shape; not a number where a value is not finite.
    """
    import numpy as np

    if first is None or second is None or first.shape != second.shape:
        return np.array([math.inf])
    with np.errstate(invalid="ignore", over="ignore"):
        found = np.asarray(np.subtract(first, second, dtype=np.float64))
        np.abs(found, out=found)
    found[~(np.isfinite(first) & np.isfinite(second))] = math.nan
    return found


def largest(array: Array | None) -> float:
    """The largest absolute value; 0 of nothing, and where it is not finite."""
    import numpy as np

    if array is None or array.size == 0:
        return 0.0
    found = float(np.abs(array).max())
    return found if math.isfinite(found) else 0.0


def furthest(first: Array, second: Array) -> Values | None:
    """Where two tensors of one shape differ most; first of all where one is not finite."""
    import numpy as np

    if first.shape != second.shape or first.size == 0:
        return None
    apart = distances(first, second)
    apart[np.isnan(apart)] = np.inf
    index = np.unravel_index(int(apart.argmax()), first.shape)
    return Values(tuple(int(axis) for axis in index), float(first[index]), float(second[index]))


def exceeds(value: float, tolerance: float) -> bool:
    """Past the tolerance; what is not a number is."""
    return not value <= tolerance


def rank(value: float) -> float:
    """For finding the worst: what is not a number is as bad as can be."""
    return math.inf if math.isnan(value) else value


def worst(differences: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """The name with the largest difference, and that."""
    return max(differences, key=lambda found: rank(found[1]))


def sizes(what: str, tensors: Tensors) -> dict[str, float]:
    """The largest value of each tensor of a kind."""
    return {name: largest(tensors.get(what, name)) for name in tensors.names(what)}


def has_channel_sizes(what: str) -> bool:
    """Whether the tensors of a kind are measured channel by channel: running statistics are."""
    return what.startswith("statistics")


def statistic_sizes(what: str, tensors: Tensors, epsilons: Mapping[str, float]) -> dict[str, Size]:
    """What each channel of the running statistics is measured by, where a layer has both a mean and a variance.

    A mean by itself or by the channel's standard deviation, whichever is more, and a variance by the square of that: a
    mean alone may be zero but for rounding, as is that of what another batch norm has just given. Each channel counts
    by itself, since a layer's channels may be of very different sizes. To a variance its layer's epsilon is added, as
    batch norm does: of a channel that gives next to nothing, the statistics matter no more than that lets them.

    Args:
        what: the kind of the tensors.
        tensors: those of the participant that the other is held against.
        epsilons: of each batch norm, by its path.
    """
    import numpy as np

    found: dict[str, Size] = {**sizes(what, tensors)}
    for name in found:
        layer, _, statistic = name.rpartition(".")
        if statistic != "running_mean":
            continue
        mean, variance = tensors.get(what, name), tensors.get(what, f"{layer}.running_var")
        if mean is None or variance is None or mean.shape != variance.shape:
            continue
        finite = [np.where(np.isfinite(one), one, 0.0).astype(np.float64) for one in (mean, variance)]
        square = np.maximum(finite[0] ** 2, np.abs(finite[1]) + epsilons.get(layer, 0.0))
        found[name], found[f"{layer}.running_var"] = np.sqrt(square), square
    return found


def layer_sizes(what: str, tensors: Tensors) -> dict[str, float]:
    """For each tensor called `layer.weight` the largest value of all tensors of the layer.

    One of them alone may be zero but for rounding, as is the gradient of a bias that a batch norm takes away again:
    there is no size by which such a tensor itself could be judged. A layer of which all are so has a thousandth of what
    the largest of the layers has.
    """
    return _by_layer(sizes(what, tensors))


def moved_sizes(what: str, tensors: Tensors, start: Tensors, origin: str) -> dict[str, float]:
    """For each weight how far the weights of its layer have moved at the most since they were those of `origin`.

    A millionth of the largest weight at the least: what moves less is near the rounding of the weights themselves.
    """
    moved: dict[str, float] = {}
    held: dict[str, float] = {}
    for name in tensors.names(what):
        before, after = start.get(origin, name), tensors.get(what, name)
        held[name] = largest(before)
        moved[name] = 0.0 if before is None or after is None else largest(after - before.astype(after.dtype))
    moved, held = _by_layer(moved), _by_layer(held)
    return {name: max(value, held[name] * 1e-6) for name, value in moved.items()}


def _by_layer(found: Mapping[str, float]) -> dict[str, float]:
    layers: dict[str, float] = {}
    for name, value in found.items():
        layer = name.rpartition(".")[0]
        layers[layer] = max(layers.get(layer, 0.0), value)
    least = max(layers.values(), default=0.0) / 1000
    return {name: max(layers[name.rpartition(".")[0]], least) for name in found}


def apart(
    what: str, first: Tensors, second: Tensors, by: Mapping[str, Size], *, optional: bool = False
) -> Iterator[tuple[str, float]]:
    """The differences of all tensors of a kind by name, as shares of their sizes.

    With `optional`, those that one of the two does not have are left out.
    """
    for name in sorted({*first.names(what), *second.names(what)}):
        one, other = first.get(what, name), second.get(what, name)
        if not (optional and (one is None or other is None)):
            size = by.get(name, 0.0)
            yield name, share(distance(one, other) if isinstance(size, float) else distances(one, other), size)


def spread(what: str, spreads: Sequence[Tensors], by: Mapping[str, Size]) -> float:
    """How far the tensors of a kind are from themselves, the worst of them, in that one of several that repeats best.

    Sensitivity is the network's: an engine that is much further from itself than another has a fault that comes and
    goes. `spreads` hold the distance of each tensor, or of each of its channels, see `archspec.parity.worker`. What is
    not finite counts for nothing.
    """
    return min(_spread(what, one, by) for one in spreads)


def _spread(what: str, one: Tensors, by: Mapping[str, Size]) -> float:
    import numpy as np

    found = [0.0]
    for name in one.names(what):
        apart = one.get(what, name)
        assert apart is not None  # it is one of the names
        shares = _shares(apart, by.get(name, 0.0))
        found.append(float(shares.max(initial=0.0, where=np.isfinite(shares))))
    return max(found)
