"""A tensor as a file or a mapping holds it: its shape and type are known before its numbers are read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from archspec.atomic_files import open_regular
from archspec.ir.tensor_type import Shape

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]
    Arrays: TypeAlias = Mapping[str, Array]

FLOATS: Final = ("float64", "float32", "float16", "bfloat16")
MOST_AXES: Final = 32
MAPPING: Final = "a mapping, and no array"
INTEGERS: Final = ("int64", "int32", "int16", "uint64", "uint32", "uint16")

CODES: Final[Mapping[str, str]] = {
    "float64": "<f8",
    "float32": "<f4",
    "float16": "<f2",
    "bfloat16": "<u2",
    "int64": "<i8",
    "int32": "<i4",
    "int16": "<i2",
    "uint64": "<u8",
    "uint32": "<u4",
    "uint16": "<u2",
    "int8": "i1",
    "uint8": "u1",
    "bool": "?",
}
"""NumPy's codes of the types that files hold as plain bytes; bfloat16, which it lacks, by its bits."""


class DamagedError(ValueError):
    """A file is not what its first bytes promise, or asks for more than it may; `help` says what to do, if anything."""

    def __init__(self, reason: str, help: str = "") -> None:
        super().__init__(reason)
        self.help = help


@dataclass(frozen=True, slots=True)
class LazyTensor:
    """One tensor of a weights file."""

    shape: Shape
    kind: str
    """NumPy's or PyTorch's name of its type, such as `float32` or `bfloat16`; or why it is no plain tensor."""
    load: Callable[[], Array]
    """Its numbers; those of bfloat16 as float32, which holds each of them exactly."""
    fill: Callable[[Array], None] | None = None
    """Put them into an array of the tensor's shape, whose axes may lie in any order, some at a time.

    None where a file does not hold them one after the other; `load` is there for all.
    """
    load_as_stored: Callable[[], Array] | None = None
    """`load` without turning axes: they lie in memory as in the file. None where that is what `load` does."""

    @property
    def problem(self) -> str:
        """Why its numbers cannot be a network's weights; empty if they can."""
        if self.kind in FLOATS or self.kind in INTEGERS:
            return ""
        if self.kind in ("int8", "uint8") or self.kind.startswith("q"):
            return f"{self.kind}, quantized: numbers without their scale"
        return self.kind


def no_numbers() -> Array:
    """The `load` of a tensor that has a `problem`: it is refused before."""
    raise AssertionError("a tensor of this kind is refused before it is read")


def of_array(array: object) -> LazyTensor:
    """The tensor of an array, or of PyTorch's tensor, that is there already."""
    import numpy as np

    if isinstance(array, Mapping):
        return LazyTensor((), MAPPING, no_numbers)
    try:
        plain = np.asarray(_detached(array))
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: a tensor of PyTorch that has no numbers
        return LazyTensor((), "no array of numbers", no_numbers)
    kind = plain.dtype.name
    if plain.dtype == np.longdouble:  # wider than float64 on some machines
        kind = "float64"
    return LazyTensor(tuple(plain.shape), kind, lambda: plain)


def _detached(array: Any) -> Any:
    """A tensor of PyTorch as NumPy takes it: without gradient, in the main memory, bfloat16 as float32."""
    if not hasattr(array, "detach"):
        return array
    plain = array.detach().cpu()
    return plain.float() if str(plain.dtype) == "torch.bfloat16" else plain


def widened(array: Array) -> Array:
    """bfloat16, given as whole numbers of 16 bits, as float32."""
    import numpy as np

    found: Array = (array.astype(np.uint32) << 16).view(np.float32)
    return found


def byte_size(shape: Shape, kind: str) -> int:
    """How many bytes the numbers of a tensor take, of one of the types in `CODES`."""
    return math.prod(shape) * int(CODES[kind][-1] if kind != "bool" else 1)


def check_reach(path: Path, ends: Mapping[str, int]) -> None:
    """See that a file is there, and as long as the tensors that lie in it need, before any is read.

    Args:
        path: the file.
        ends: by the names of tensors the place in bytes behind the numbers of each.

    Raises:
        DamagedError: it is not there, or ends before; what is cut is named.
        OSError: it cannot be read.
    """
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
    except FileNotFoundError:
        message = f"{path.name[:80]}, in which its numbers lie, is not there: it belongs beside it"
        raise DamagedError(message) from None
    cut = [name for name, end in ends.items() if end > size]
    if cut:
        more = f" and {len(cut) - 1:,} more tensors" if len(cut) > 1 else ""
        raise DamagedError(
            f"{path.name[:80]} ends after {size:,} of {max(ends.values()):,} bytes, before the end of {cut[0][:80]!r}"
            f"{more}: was it downloaded to the end?"
        )


def read_numbers(path: Path, offset: int, shape: Shape, kind: str) -> Array:
    """The numbers of a tensor that lie in a file from this place on, one after the other.

    Raises:
        DamagedError: the file ends before they do.
        OSError: it cannot be read.
    """
    import numpy as np

    with open_regular(path) as file:
        file.seek(offset)
        flat = np.fromfile(file, np.dtype(CODES[kind]), math.prod(shape))
    if flat.size != math.prod(shape):
        raise DamagedError(f"{path.name} is not whole: was it downloaded to the end?")
    array = flat.reshape(shape)
    return widened(array) if kind == "bfloat16" else array
