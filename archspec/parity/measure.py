"""How far tensors are apart."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Tensors:
    """The tensors of a result file by `what/name`, read one at a time: all of them may take gigabytes."""

    def __init__(self, path: Path) -> None:
        from safetensors import safe_open

        self._opened = cast("Any", safe_open(path, framework="numpy"))  # it has no types
        self._file = self._opened.__enter__()
        self._names = frozenset(self._file.keys())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.__exit__(kind, error, trace)

    def names(self, what: str) -> list[str]:
        """The names under `what`, in alphabetical order."""
        return sorted(name.partition("/")[2] for name in self._names if name.partition("/")[0] == what)

    def get(self, what: str, name: str) -> Array | None:
        """A tensor; None if there is none of this name."""
        key = f"{what}/{name}"
        return self._file.get_tensor(key) if key in self._names else None


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
    import numpy as np

    if first is None or second is None or first.shape != second.shape:
        return math.inf
    if first.size == 0:
        return 0.0
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        return math.nan
    apart = float(np.abs(first.astype(np.float64) - second.astype(np.float64)).max())
    if apart == 0.0:
        return 0.0
    scale = max(largest(first), least)
    return apart / scale if scale > 0 else math.inf


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
    apart = np.abs(first.astype(np.float64) - second.astype(np.float64))
    apart[~np.isfinite(apart)] = np.inf
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


def apart(what: str, first: Tensors, second: Tensors, *, optional: bool = False) -> Iterator[tuple[str, float]]:
    """The differences of all tensors of a kind by name, each by its own largest value.

    With `optional`, those that one of the two does not have are left out.
    """
    names = sorted({*first.names(what), *second.names(what)})
    for name in names:
        one, other = first.get(what, name), second.get(what, name)
        if not (optional and (one is None or other is None)):
            yield name, difference(one, other)


def apart_by_layer(what: str, first: Tensors, second: Tensors, other: str = "") -> Iterator[tuple[str, float]]:
    """The differences of tensors called `layer.weight`, by the largest value of all tensors of the layer.

    The second's are of the kind `other`, if it is given.

    One of them alone may be zero but for rounding, as is the gradient of a bias that a batch norm takes away again:
    there is no size by which such a tensor itself could be judged. A layer of which all are so is judged by a
    thousandth of what the largest of the layers has.
    """
    other = other or what
    names = sorted({*first.names(what), *second.names(other)})
    sizes: dict[str, float] = {}
    for name in names:
        layer = name.rpartition(".")[0]
        sizes[layer] = max(sizes.get(layer, 0.0), largest(first.get(what, name)))
    least = max(sizes.values(), default=0.0) / 1000
    for name in names:
        scale = max(sizes[name.rpartition(".")[0]], least)
        yield name, difference(first.get(what, name), second.get(other, name), scale)
