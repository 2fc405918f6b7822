"""Pickles of plain values and NumPy arrays, read without running what they name."""

import io
import pickle
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.errors import DataError


def _array_of(data: bytes, dtype: Any, shape: tuple[int, ...], order: Any) -> NDArray[Any]:
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def _as_bytes_of(text: str, encoding: str) -> bytes:
    return text.encode("latin-1")


_ARRAYS: Final[dict[tuple[str, str], Any]] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy.core.numeric", "_frombuffer"): _array_of,
    ("numpy._core.numeric", "_frombuffer"): _array_of,
    ("_codecs", "encode"): _as_bytes_of,  # how Python 3 writes bytes for Python 2
}
"""All that a pickle may name: what NumPy's arrays are made of."""


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
    return found
