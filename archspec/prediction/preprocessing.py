"""Images as a network's weights need them: the one place where they are prepared, for every backend.

Bit for bit what torchvision's `Resize`, `CenterCrop`, `ToTensor` and `Normalize` give of Pillow's images, whose EXIF
orientation is not looked at, as there. Source: torchvision/transforms/functional.py;
keras/src/applications/imagenet_utils.py for `preprocess_input`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.atomic_files import open_regular
from archspec.errors import BackendError, Diagnostic, Span, SpecError
from archspec.ir.graph import LayerGraph
from archspec.spec import Pretrained

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MODES: Final = {1: "L", 3: "RGB"}
_MOST_BYTES: Final = 2**28
"""Of an image's file."""
EXAMPLE: Final = "as in `pretrained: {size: 256, crop: 224, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}`"


class ImageError(ValueError):
    """A file is no image that can be prepared."""


def _both(side: int | tuple[int, int]) -> str:
    return str(side) if isinstance(side, int) else "x".join(map(str, side))


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How images become the input of a network."""

    pretrained: Pretrained
    shape: tuple[int, int, int]
    """Of the network's input: channels, height and width."""

    @classmethod
    def of(cls, pretrained: Pretrained | None, graph: LayerGraph) -> Preprocessing:
        """What a spec says of its weights, held against its network.

        Raises:
            SpecError: it says nothing, the network takes no images, or what is prepared does not fit it.
        """
        if len(graph.input_nodes) != 1 or not graph.input_nodes[0].type.is_spatial:
            raise _unfit(f"{graph.name} takes {graph.input_text}, which is no image", "")
        sizes = graph.input_nodes[0].type.sizes
        if len(sizes) != 3 or sizes[0] not in _MODES:
            raise _unfit(f"{graph.name} takes {graph.input_text}: images have 1 or 3 channels", "")
        if pretrained is None:
            message = f"the spec {graph.name} does not say how images are prepared for its weights"
            raise _unfit(message, f"write it under `pretrained`, {EXAMPLE}")
        channels, height, width = sizes
        for key, numbers in (("mean", pretrained.mean), ("std", pretrained.std)):
            if len(numbers) not in (1, channels):
                message = (
                    f"`{key}` of `pretrained` has {len(numbers)} numbers, and {graph.name} takes {channels} channels"
                )
                raise _unfit(message, "", pretrained.place(key))
        if channels == 1 and pretrained.channels == "bgr":
            raise _unfit(
                f"`channels: bgr` is of images in color, and {graph.name} takes 1 channel",
                "",
                pretrained.place("channels"),
            )
        found = cls(pretrained, (channels, height, width))
        given = found._sides()
        if given is not None and given != (height, width):
            message = f"images are prepared to {given[0]}x{given[1]}, and {graph.name} takes {height}x{width}"
            place = pretrained.place("size" if pretrained.crop is None else "crop")
            raise _unfit(message, "write the `size` and the `crop` of `pretrained` that the network's input has", place)
        return found

    @property
    def said(self) -> str:
        """What is done to an image, in a line: `resize 256 (bilinear), crop 224, rgb, 0 to 1, mean 0.485 0.456 ...`."""
        given = self.pretrained
        found = [f"resize {_both(given.size)} ({given.interpolation})"] if given.size is not None else []
        found += [f"crop {_both(given.crop)}"] if given.crop is not None else []
        found += [given.channels, f"0 to {given.range}"]
        for name, numbers in (("mean", given.mean), ("std", given.std)):
            found.append(f"{name} {' '.join(f'{number:g}' for number in numbers)}")
        return ", ".join(found)

    def __call__(
        self, images: Iterable[str | PathLike[str] | Any], *, channels_last: bool = False
    ) -> NDArray[np.float32]:
        """A batch of images as the network takes them.

        Args:
            images: paths, or images of Pillow's; of none, the batch is empty.
            channels_last: (N, height, width, channels), as models of Keras take it; else (N, channels, height, width).

        Raises:
            ImageError: one cannot be read, or has another size than the network takes; its path is said, or its place.
            TypeError: one image is given, and no list of them.
            BackendError: Pillow is not installed.
        """
        import numpy as np

        if isinstance(images, str | bytes | PathLike) or not isinstance(images, Iterable):
            raise TypeError(f"images are given as a list, [{images!r}], also where there is one")
        batch = np.empty((0, *self.shape), np.float32)
        if found := [self._named(image, place) for place, image in enumerate(images)]:
            batch = np.stack(found)
        return np.ascontiguousarray(batch.transpose(0, 2, 3, 1)) if channels_last else batch

    def _named(self, image: str | PathLike[str] | Any, place: int) -> NDArray[np.float32]:
        try:
            return self.prepared(image)
        except ImageError as error:
            name = image if isinstance(image, str | PathLike) else getattr(image, "filename", "")
            raise ImageError(f"{fspath(name) or f'images[{place}]'}: {error}") from None

    def prepared(self, image: str | PathLike[str] | Any) -> NDArray[np.float32]:
        """One image, (channels, height, width); see `__call__`."""
        import numpy as np

        picture = self._cut(self._decoded(image))
        channels, height, width = self.shape
        if (picture.height, picture.width) != (height, width):
            how = "resize or crop it, or say `size` and `crop` under `pretrained`"
            raise ImageError(f"it is {picture.height}x{picture.width}, and the network takes {height}x{width}: {how}")
        numbers = np.asarray(picture, np.float32).reshape(height, width, channels)
        if self.pretrained.channels == "bgr":
            numbers = numbers[..., ::-1]
        if self.pretrained.range == 1:
            numbers = numbers / np.float32(255)
        mean, std = (np.array(given, np.float32) for given in (self.pretrained.mean, self.pretrained.std))
        found: NDArray[np.float32] = np.ascontiguousarray(((numbers - mean) / std).transpose(2, 0, 1))
        return found

    def _decoded(self, image: str | PathLike[str] | Any) -> Any:
        from archspec.training.data.parts.errors import DataError
        from archspec.training.data.parts.pictures import decoded, in_mode

        mode = _MODES[self.shape[0]]
        check_pillow()
        from PIL import Image

        try:
            if isinstance(image, Image.Image):
                return in_mode(lambda: image, mode, "the image")
            if not isinstance(image, str | PathLike):
                raise ImageError(f"it is {type(image).__name__}, and neither a path nor an image of Pillow's")
            with open_regular(Path(image)) as file:
                data = file.read(_MOST_BYTES + 1)
            if len(data) > _MOST_BYTES:
                raise ImageError(f"it is larger than {_MOST_BYTES:,} bytes")
            return decoded(data, mode, "the image")
        except DataError as error:
            what = "it is no image that Pillow reads, or is damaged"
            raise ImageError(what if "cannot identify" in str(error) else " ".join(str(error).split())[:300]) from None
        except (OSError, ValueError) as error:
            if isinstance(error, ImageError):
                raise
            reason = getattr(error, "strerror", None) or error  # ValueError: a NUL character in the path
            raise ImageError(f"it cannot be read: {reason}") from None

    def _cut(self, picture: Any) -> Any:
        """Resized, and its middle cut out; what a crop has beyond the image is black."""
        from archspec.training.data.parts.resizing import in_proportion, resized

        size, crop = self.pretrained.size, self.pretrained.crop
        if size is not None:
            sides = in_proportion(picture.height, picture.width, size) if isinstance(size, int) else size
            if min(sides) < 1 or max(sides) > 100 * max(self.shape):
                raise ImageError(
                    f"it is {picture.height} pixels high and {picture.width} wide, too long for how narrow it is"
                )
            picture = resized(picture, sides, self.pretrained.interpolation, True)
        if crop is None:
            return picture
        high, wide = (crop, crop) if isinstance(crop, int) else crop
        top, left = _start(picture.height, high), _start(picture.width, wide)
        return picture.crop((left, top, left + wide, top + high))

    def _sides(self) -> tuple[int, int] | None:
        """Height and width of what is prepared, where they do not depend on the image."""
        crop, size = self.pretrained.crop, self.pretrained.size
        if crop is not None:
            return (crop, crop) if isinstance(crop, int) else crop
        return size if isinstance(size, tuple) else None


def _start(length: int, wanted: int) -> int:
    """Where the middle begins; before the image where that is smaller."""
    return -((wanted - length) // 2) if wanted > length else round((length - wanted) / 2.0)


def check_pillow() -> None:
    """See that Pillow is there.

    Raises:
        BackendError: it is not.
    """
    if find_spec("PIL") is None:
        raise BackendError(Diagnostic("E0602", "Pillow, which reads images, is not installed", help=_INSTALL))


_INSTALL: Final = "install it with `pip install pillow`"


def _unfit(message: str, help: str, span: Span | None = None) -> SpecError:
    return SpecError(Diagnostic("E0704", message, span, help=help))
