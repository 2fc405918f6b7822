"""Pickles of plain values and NumPy arrays, read without running what they name."""

import io
import pickle
import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.errors import DataError


class _Dtype:
    """What a pickle says of a dtype of plain numbers. NumPy's own would take any state that a pickle gives it."""

    def __init__(self, name: Any, *_: Any) -> None:
        text = name.decode("ascii") if isinstance(name, bytes) else str(name)
        if not re.fullmatch(r"[biuf][1248]", text):
            raise DataError(f"it has an array of {text[:20]!r}, expected one of numbers")
        self.name, self.order = text, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1].decode("ascii") if isinstance(state[1], bytes) else str(state[1])
        if order not in ("<", ">", "=", "|") or any(part is not None for part in state[2:5]):
            raise DataError("it has an array that is none of plain numbers")
        self.order = order

    def dtype(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.name)


class _Array:
    """What a pickle says of an array."""

    def __init__(self, *_: Any) -> None:
        self.found: NDArray[Any] = np.empty(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, by_columns, data = state
        self.found = _array_of(data, dtype, shape, "F" if by_columns else "C").found


def _array_of(data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    made = _Array()
    made.found = np.frombuffer(data, _Dtype.dtype(dtype)).reshape(shape, order=order)
    return made


def _as_bytes_of(text: str, encoding: str) -> bytes:
    return text.encode("latin-1")


_ARRAYS: Final[dict[tuple[str, str], Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _Array,
    ("numpy._core.multiarray", "_reconstruct"): _Array,
    ("numpy.core.numeric", "_frombuffer"): _array_of,
    ("numpy._core.numeric", "_frombuffer"): _array_of,
    ("_codecs", "encode"): _as_bytes_of,  # how Python 3 writes bytes for Python 2
}
"""All that a pickle may name: what NumPy's arrays are made of, as classes of this module, which keep numbers alone."""


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ARRAYS:
            raise DataError(f"it names {module}.{name}, which no data need: it is not run")
        return _ARRAYS[module, name]


def read_plain_pickle(path: Path) -> dict[bytes, Any]:
    """The mapping that a pickle holds, text of Python 2 as bytes.

    Raises:
        DataError: it is damaged, holds something else, or names a function or a class that is no array's.
    """
    try:
        found = _PlainUnpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except Exception as error:  # damaged bytes make the reader fail in any way at all
        raise DataError(f"{path}: a damaged pickle ({type(error).__name__})") from None
    if not isinstance(found, dict):
        raise DataError(f"{path}: expected a mapping, found {type(found).__name__}")
    return {key: value.found if isinstance(value, _Array) else value for key, value in found.items()}
