"""Pictures in files, by Pillow."""

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.steps import Images

MOST_HEADERS: Final = 100_000
"""So many pictures, spread evenly over all, are looked at before the first step: some ten seconds."""
MOST_DECODED: Final = 10_000
"""So many are decoded before the first step: half a minute of one core for photographs."""
PICTURE_ENDINGS: Final = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def decoded(data: bytes, mode: str, where: str) -> Any:
    """A picture of Pillow's, in a mode: `RGB` or `L`.

    Raises:
        DataError: these bytes are no whole picture.
    """
    from PIL import Image

    return in_mode(lambda: Image.open(io.BytesIO(data)), mode, where)


def in_mode(opened: Callable[[], Any], mode: str, where: str) -> Any:
    """The same of a picture that is open, but whose pixels may not have been read yet."""
    try:
        picture = opened()
        picture.load()
    except Exception as error:  # damaged bytes make decoders fail in many ways
        reason = str(error).partition(" <_io.")[0]  # Pillow names the bytes by where they lie in memory
        raise DataError(f"{where}: cannot be decoded as a picture ({reason})") from None
    _check_depth(picture, where)
    return picture if picture.mode == mode else picture.convert(mode)


def pixels(picture: Any) -> NDArray[np.uint8]:
    """A picture as an array (height, width, channels)."""
    array = np.asarray(picture)
    return array if array.ndim == 3 else array[..., np.newaxis]


def stacked(pictures: list[Any], shape: tuple[int, ...] | None) -> Images:
    """Pictures as one array, if they are known to have one shape; else as they are."""
    return pictures if shape is None else np.stack([pixels(picture) for picture in pictures])


def check_decoding(read: Callable[[NDArray[np.int64]], Images], count: int) -> None:
    """Decodes pictures, all of them or `MOST_DECODED` spread evenly over them.

    A picture that is damaged within has a sound header and a sound end, so nothing else shows it.

    Args:
        read: decodes the pictures at some indices.
        count: how many there are.

    Raises:
        DataError: one of them cannot be decoded; the message names it.
    """
    chosen = np.arange(0, count, max(1, -(-count // MOST_DECODED)))

    def decode(start: int) -> None:
        read(chosen[start : start + 16])

    with ThreadPoolExecutor(os.cpu_count()) as threads:  # Pillow decodes without holding Python's lock
        for _ in threads.map(decode, range(0, len(chosen), 16)):
            pass


def picture_size(data: bytes, length: int, end: bytes, where: str) -> tuple[int, int]:
    """Width and height by a picture's header; nothing is decoded.

    Args:
        data: its first bytes.
        length: of the whole file.
        end: its last bytes.
        where: for messages.

    Raises:
        DataError: it is no picture, or is cut off.
    """
    from PIL import Image, UnidentifiedImageError

    if not length:
        raise DataError(f"{where}: an empty file, expected a picture")
    last = {b"\xff\xd8": b"\xff\xd9", b"\x89P": b"IEND"}.get(data[:2], b"")  # JPEG, PNG
    if last not in end:
        raise DataError(f"{where}: the picture is cut off: its end is missing")
    try:
        picture = Image.open(io.BytesIO(data))
    except Exception as error:
        reason = "" if isinstance(error, UnidentifiedImageError) else f" ({error})"
        raise DataError(f"{where}: no picture that Pillow knows{reason}") from None
    _check_depth(picture, where)
    width, height = picture.size
    return width, height


def _check_depth(picture: Any, where: str) -> None:
    if picture.mode.startswith(("I", "F")):  # Pillow would cut its numbers off at 255
        kind = f"more than 8 bits a channel ({picture.mode})"
        raise DataError(f"{where}: a picture of {kind}; expected bytes, 0 to 255: save it with 8 bits a channel")


def common_shape(
    sizes: Sequence[tuple[int, int]], name: Callable[[int], str], channels: int
) -> tuple[tuple[int, ...] | None, str]:
    """The shape of pictures of these widths and heights; or None, and two that differ.

    Args:
        sizes: of each picture.
        name: of a picture, by its index.
        channels: of all.
    """
    other = next((index for index, size in enumerate(sizes) if size != sizes[0]), None)
    if other is None:
        return (sizes[0][1], sizes[0][0], channels), ""
    (width, height), (wide, high) = sizes[0], sizes[other]
    return None, f"{name(0)} has {height} x {width} pixels, {name(other)} {high} x {wide}"


def file_sizes(paths: Sequence[str]) -> list[tuple[int, int]]:
    """Width and height of the pictures in these files, by their headers.

    Raises:
        DataError: a file is no picture, or is cut off.
    """
    with ThreadPoolExecutor(8) as threads:
        return list(threads.map(_file_picture_size, paths, chunksize=256))


def _file_picture_size(name: str) -> tuple[int, int]:
    path = Path(name)
    with path.open("rb") as file:
        data = file.read(65536)
        length = file.seek(0, io.SEEK_END)
        file.seek(max(0, length - 1024))
        end = file.read()
    try:
        return picture_size(data, length, end, str(path))
    except DataError:
        if length <= len(data):
            raise
        return picture_size(path.read_bytes(), length, end, str(path))  # a header longer than that: a thumbnail in it
