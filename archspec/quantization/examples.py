"""The examples that a network is calibrated on: a folder of pictures, or arrays that are prepared already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.errors import BackendError, Diagnostic, Note, TrainingDataError
from archspec.ir.graph import LayerGraph

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

BATCH: Final = 8
_MARGIN: Final = 256 / 224
"""How much larger than the network's input a picture's shorter side is made, before the middle is cut out."""
IMAGENET: Final = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_IN_COLOR: Final = 3
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Examples:
    """Inputs of a network of one input, in an order that is the same each time."""

    graph: LayerGraph
    files: tuple[Path, ...]
    """Pictures; or one file of an array (N, C, H, W), `.npy`."""
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    count: int
    passed_over: str = ""
    """What else lies in a folder of pictures, as people read it."""

    @classmethod
    def of(
        cls,
        path: Path,
        graph: LayerGraph,
        *,
        mean: Sequence[float] | None = None,
        deviation: Sequence[float] | None = None,
        most: int | None = None,
    ) -> Examples:
        """Those of a folder, with what is in it, or of a `.npy` file.

        Args:
            path: the folder or the file.
            graph: the network.
            mean, deviation: of each channel, of pixels from 0 to 1: ImageNet's if not given and there are three
                channels, else 0 and 1.
            most: take the first so many.

        Raises:
            TrainingDataError: there are none, or they do not fit.
            BackendError: they are pictures, and Pillow is not installed.
        """
        if len(graph.inputs) != 1:
            raise _wrong(f"{graph.name} has {len(graph.inputs)} inputs: examples are of one", "")
        sizes = graph.input_nodes[0].type.sizes
        if path.suffix == ".npy" and path.is_file():
            if mean is not None or deviation is not None:
                raise _wrong("--mean and --std are of pictures: an array holds inputs as the network takes them", "")
            array = _mapped(path, sizes)
            count = len(array)
            if array.dtype.kind in "iub" and not graph.input_nodes[0].type.is_ids:
                message = f"{path} holds {array.dtype}: whole numbers, such as pixels that nothing has scaled"
                help = "prepare them as in training, as in (x / 255 - mean) / std, and save them as float32"
                raise _wrong(message, help)
            return cls(graph, (path,), (), (), min(count, most or count))
        pictures, passed_over = _pictures(path)
        pictures = pictures[:most]
        if not graph.input_nodes[0].type.is_spatial or len(sizes) != _IN_COLOR or sizes[0] not in (1, _IN_COLOR):
            help = "give the prepared inputs, as an array (N, ...) that NumPy has saved: FILE.npy"
            raise _wrong(f"{graph.name} takes {graph.input_text}, which is no picture", help)
        usual = IMAGENET if sizes[0] == _IN_COLOR else ((0.0,), (1.0,))
        given = tuple(mean or usual[0]), tuple(deviation or usual[1])
        for name, numbers in zip(("--mean", "--std"), given, strict=True):
            if len(numbers) != sizes[0]:
                raise _wrong(f"{name} has {len(numbers)} numbers, and {graph.name} takes {sizes[0]} channels", "")
        if min(given[1]) <= 0:
            raise _wrong("--std divides: its numbers are above 0", "")
        if find_spec("PIL") is None:
            raise BackendError(
                Diagnostic("E0602", "Pillow is not installed", help="install it with `pip install pillow`")
            )
        return cls(graph, tuple(pictures), given[0], given[1], len(pictures), passed_over)

    @property
    def text(self) -> str:
        """How they are prepared, as people read it."""
        if not self.mean:
            return f"{self.count} examples of {self.files[0]}"
        mean, deviation = (", ".join(f"{number:g}" for number in numbers) for numbers in (self.mean, self.deviation))
        others = f"; passed over: {self.passed_over}" if self.passed_over else ""
        return f"{self.count} pictures, mean {mean}, deviation {deviation}{others}"

    def batches(self) -> Iterator[dict[str, NDArray[np.float32]]]:
        """By the path of the network's input, (n, C, H, W).

        Raises:
            TrainingDataError: a picture cannot be read.
        """
        import numpy as np

        node = self.graph.input_nodes[0]
        for start in range(0, self.count, BATCH):
            stop = min(start + BATCH, self.count)
            if not self.mean:
                array = np.ascontiguousarray(_mapped(self.files[0], node.type.sizes)[start:stop])
                if array.dtype.kind == "f" and not np.isfinite(array).all():
                    raise _wrong(f"{self.files[0]} has numbers that are not finite", "")
            else:
                array = self._pictures(self.files[start:stop])
            yield {node.path: array if node.type.is_ids else array.astype(np.float32)}

    def _pictures(self, paths: Sequence[Path]) -> NDArray[Any]:
        import numpy as np

        from archspec.training.data.parts.errors import DataError

        try:
            return np.stack([self._prepared(path) for path in paths])
        except (DataError, OSError):
            raise self._unreadable() from None

    def _unreadable(self) -> TrainingDataError:
        """How many of all cannot be read, and why the first ones cannot."""
        from archspec.training.data.parts.errors import DataError

        found: list[Note] = []
        for path in self.files:
            try:
                self._decoded(path)
            except (DataError, OSError) as error:
                found.append(Note(str(error)))
        message = f"{len(found)} of {len(self.files)} pictures cannot be read"
        notes = (*found[:_SHOWN], *[Note(f"and {len(found) - _SHOWN} more")] * (len(found) > _SHOWN))
        return TrainingDataError(
            Diagnostic("E1001", message, notes=notes, help="take them out of the folder, or replace them")
        )

    def _decoded(self, path: Path) -> Image:
        from archspec.training.data.parts.pictures import decoded

        channels = self.graph.input_nodes[0].type.sizes[0]
        found: Image = decoded(path.read_bytes(), "RGB" if channels == _IN_COLOR else "L", str(path))
        return found

    def _prepared(self, path: Path) -> NDArray[Any]:
        import numpy as np
        from PIL import Image

        channels, height, width = self.graph.input_nodes[0].type.sizes
        picture = self._decoded(path)
        if picture.size != (width, height):
            factor = max(width / picture.width, height / picture.height) * _MARGIN
            size = max(width, round(picture.width * factor)), max(height, round(picture.height * factor))
            picture = picture.resize(size, Image.Resampling.BILINEAR)
            left, top = (size[0] - width) // 2, (size[1] - height) // 2
            picture = picture.crop((left, top, left + width, top + height))
        pixels = np.asarray(picture, np.float32).reshape(height, width, channels) / 255
        mean, deviation = (np.array(numbers, np.float32) for numbers in (self.mean, self.deviation))
        shown = ((pixels - mean) / deviation).astype(np.float32)
        return shown.transpose(2, 0, 1)


@dataclass(slots=True)
class Seen:
    """What is known of examples that have been looked at: whether ranges can be taken of them."""

    first: NDArray[Any] | None = None
    same: bool = True
    """All are equal."""
    blank: bool = True
    """Each is one number throughout."""
    whole: bool = True
    """There are whole numbers alone."""
    low: float = float("inf")
    high: float = float("-inf")

    def look(self, batch: NDArray[Any]) -> None:
        """Look at more of them."""
        import numpy as np

        self.first = batch[0] if self.first is None else self.first
        self.same = self.same and bool((batch == self.first).all())
        flat = batch.reshape(len(batch), -1)
        self.blank = self.blank and bool((flat == flat[:, :1]).all())
        self.whole = self.whole and bool((flat == np.rint(flat)).all())
        self.low, self.high = min(self.low, float(flat.min())), max(self.high, float(flat.max()))

    def require(self, examples: Examples) -> list[str]:
        """What is doubtful about all of them.

        Raises:
            TrainingDataError: no range can be taken of them.
        """
        if self.blank and self.first is not None and self.first.size > 1:
            raise _wrong("each of the examples is one number throughout: they are blank", _LIKE_THE_DATA)
        if self.same and examples.count > 1:
            raise _wrong(f"all {examples.count} examples are equal", _LIKE_THE_DATA)
        if self.whole and self.high > _PIXELS and not examples.graph.input_nodes[0].type.is_ids:
            return [
                f"the examples are whole numbers from {self.low:g} to {self.high:g}, as pixels are that nothing has "
                "scaled; a network that was trained on scaled ones needs them scaled here, too"
            ]
        return []


_LIKE_THE_DATA: Final = "give some hundred different ones, like those that the network will get"
_PIXELS: Final = 16.0
"""Beyond it, whole numbers are rather pixels than anything that was normalized."""


def _pictures(folder: Path) -> tuple[list[Path], str]:
    """The pictures in a folder, and in words what else is there but hidden files."""
    from archspec.training.data.parts.pictures import PICTURE_ENDINGS

    if not folder.is_dir():
        raise _wrong(f"{folder} is no folder of pictures", "give a folder, or a file FILE.npy of prepared inputs")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found = [path for path in files if path.suffix.lower() in PICTURE_ENDINGS]
    if not found:
        help = f"pictures end in {', '.join(PICTURE_ENDINGS)}; 100 of them, as the network will get them, are enough"
        raise _wrong(f"there are no pictures in {folder}", help)
    shown = (path.suffix.lower() for path in files if not path.name.startswith("."))
    return found, _counted(Counter(suffix for suffix in shown if suffix not in PICTURE_ENDINGS))


def _counted(others: Counter[str]) -> str:
    """How many files of which endings there are, as people read it; empty where there are none."""
    if not others:
        return ""
    said = [f"{count:,} {suffix or 'without an ending'}" for suffix, count in others.most_common(_SHOWN)]
    more = ", ..." if len(others) > _SHOWN else ""
    return f"{others.total():,} file{'s' if others.total() > 1 else ''} of other kinds ({', '.join(said)}{more})"


def _mapped(path: Path, sizes: Sequence[int]) -> NDArray[Any]:
    """A file's array, in memory only where it is looked at."""
    import numpy as np

    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):  # NumPy's own words advise to let a pickle run
        message = f"{path} cannot be read as an array of numbers"
        raise _wrong(message, "let NumPy save the array: numpy.save(FILE, array)") from None
    if array.ndim and not len(array):
        raise _wrong(f"{path} holds no examples", "")
    if array.shape[1:] != (*sizes,):
        text = f"(N, {', '.join(map(str, sizes))})"
        raise _wrong(f"{path} has an array of shape {array.shape}, the network takes {text}", "prepare it so")
    found: NDArray[Any] = array
    return found


def _wrong(message: str, help: str) -> TrainingDataError:
    return TrainingDataError(Diagnostic("E1001", message, help=help))
