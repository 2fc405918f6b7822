"""Sources of data: the formats that examples are read from. Where they are is said by `--data`, not by a recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final

from archspec.ir.attributes import IntKind, attribute
from archspec.recipe.images import Shape
from archspec.recipe.kinds import ARRAY, FILE, TextKind, TextsKind
from archspec.recipe.part import Part, Problem, Registry

SOURCES: Final = Registry["DataSource"](
    "a source of data",
    "What form the data have. `--data` says where they are.",
    {
        "imagenet": "write `folder`: a folder of images for each class, under `train` and `val`",
        "tfrecord": "it is not in the language; `webdataset` is read in shards, too",
        "lmdb": "it is not in the language; `webdataset` is read in shards, too",
        "parquet": "write `huggingface`",
        "synthetic": "write `arrays`, and make them",
    },
)


@dataclass(frozen=True, slots=True)
class KnownData:
    """What is known of a data set by its format alone."""

    examples: Mapping[str, int]
    """How many there are, by split."""
    shape: Shape
    classes: int
    class_counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    """How many of each class, by split, where that is fixed."""


@dataclass(frozen=True, slots=True)
class DataSource(Part):
    """Base of all sources."""

    two_meanings: ClassVar[Mapping[str, str]] = {
        "path": "leave it out, and give it with `--data`",
        "folder": "leave it out, and give it with `--data`",
        "root": "leave it out, and give it with `--data`",
        "directory": "leave it out, and give it with `--data`",
        "download": "leave it out: nothing is downloaded",
    }
    known: ClassVar[KnownData | None] = None
    """What the format says of its data, where it is that of one data set."""
    carried: ClassVar[bool] = False
    """A library carries the data, so that no `--data` is needed."""
    splits: ClassVar[tuple[str, ...]] = ()
    """The names of its splits, where they are fixed."""

    def known_data(self) -> KnownData | None:
        """What the format says of its data, with these attributes."""
        return self.known


@SOURCES.register
@dataclass(frozen=True, slots=True)
class Digits(DataSource):
    """The handwritten digits that scikit-learn carries, 8x8, 0 to 16: no `--data` is needed.

    Every fifth of each digit is `test`. With a `size` they stand in for photographs.
    """

    name: ClassVar[str] = "digits"
    known_as: ClassVar[Mapping[str, str]] = {"load_digits": "", "optdigits": ""}
    splits: ClassVar[tuple[str, ...]] = ("train", "test")
    carried: ClassVar[bool] = True
    known: ClassVar[KnownData | None] = KnownData(
        {"train": 1442, "test": 355},
        (1, 8, 8),
        10,
        {
            "train": (143, 146, 142, 147, 145, 146, 145, 144, 140, 144),
            "test": (35, 36, 35, 36, 36, 36, 36, 35, 34, 36),
        },
    )
    example: ClassVar[str] = "digits: {size: 32, channels: 3}"

    size: int | None = attribute(
        IntKind(least=1),
        "enlarge them to so many pixels a side, in bytes from 0 to 255, as photographs have them",
        default=None,
    )
    channels: int = attribute(IntKind(least=1), "how often the gray channel stands in an enlarged image", default=1)

    def known_data(self) -> KnownData | None:
        """With the size that they are enlarged to."""
        assert self.known is not None
        return self.known if self.size is None else replace(self.known, shape=(self.channels, self.size, self.size))


@SOURCES.register
@dataclass(frozen=True, slots=True)
class Cifar10(DataSource):
    """CIFAR-10 in its binary or its Python form: images of 32x32 in color, of 10 classes."""

    name: ClassVar[str] = "cifar10"
    splits: ClassVar[tuple[str, ...]] = ("train", "test")
    known: ClassVar[KnownData | None] = KnownData(
        {"train": 50_000, "test": 10_000}, (3, 32, 32), 10, {"train": (5_000,) * 10, "test": (1_000,) * 10}
    )


@SOURCES.register
@dataclass(frozen=True, slots=True)
class Cifar100(DataSource):
    """CIFAR-100 in its binary or its Python form, with the 100 fine classes."""

    name: ClassVar[str] = "cifar100"
    splits: ClassVar[tuple[str, ...]] = ("train", "test")
    known: ClassVar[KnownData | None] = KnownData(
        {"train": 50_000, "test": 10_000}, (3, 32, 32), 100, {"train": (500,) * 100, "test": (100,) * 100}
    )


@SOURCES.register
@dataclass(frozen=True, slots=True)
class Mnist(DataSource):
    """MNIST, or what has its form (IDX files): images of 28x28 in gray.

    EMNIST's letters count from 1, so with the 0 that no letter has there are 27 classes.
    """

    name: ClassVar[str] = "mnist"
    example: ClassVar[str] = "mnist: {prefix: emnist-letters-, classes: 27}"
    known_as: ClassVar[Mapping[str, str]] = {
        "fashion_mnist": "",
        "kmnist": "",
        "idx": "",
        "emnist": "`mnist: {prefix: emnist-letters-, classes: 27}`, or another of its parts",
    }
    splits: ClassVar[tuple[str, ...]] = ("train", "test")
    known: ClassVar[KnownData | None] = KnownData({"train": 60_000, "test": 10_000}, (1, 28, 28), 10)

    classes: int = attribute(IntKind(least=1), "how many classes there are", default=10)
    prefix: str = attribute(
        TextKind(expects="a part of a file's name, of letters, digits, `_`, `-` and `.`,", pattern=r"[A-Za-z0-9_.-]+"),
        "what the names of the files begin with, before `train-images-idx3-ubyte`; nothing unless given",
        default="",
    )

    def known_data(self) -> KnownData | None:
        """Of MNIST, and of those that have as many images."""
        return None if self.prefix or self.classes != 10 else self.known


_CHANNELS: Final = "1 (gray) or 3 (color): what images are brought to"


@dataclass(frozen=True, slots=True)
class PictureSource(DataSource):
    """Base of those whose images are pictures in files, each with channels of its own, which are brought to some."""

    def problems(self) -> Iterator[Problem]:
        """Pictures are gray or in color."""
        channels: int = getattr(self, "channels", 3)
        if channels not in (1, 3):
            yield Problem("channels", f"it is 1 (gray) or 3 (color), not {channels}")


@SOURCES.register
@dataclass(frozen=True, slots=True)
class Folder(PictureSource):
    """Images in files, in a folder for each class, in a folder for each split: `train/cat/1.jpg`."""

    name: ClassVar[str] = "folder"
    known_as: ClassVar[Mapping[str, str]] = {
        "ImageFolder": "",
        "image_dataset_from_directory": "",
        "flow_from_directory": "",
    }

    channels: int = attribute(IntKind(least=1), _CHANNELS, default=3)


@SOURCES.register
@dataclass(frozen=True, slots=True)
class Arrays(DataSource):
    """Arrays in a file of npz or safetensors for each split: images (n, height, width, channels), targets (n, ...)."""

    name: ClassVar[str] = "arrays"
    example: ClassVar[str] = "arrays: {file: mnist.npz, images: 'x_{split}', targets: 'y_{split}', classes: 10}"
    known_as: ClassVar[Mapping[str, str]] = {"npz": "", "numpy": "", "safetensors": "", "TensorDataset": ""}

    file: str = attribute(FILE, "the file; `{split}` in it stands for the split", default="{split}.npz")
    images: str = attribute(ARRAY, "the name of the array of images or features, likewise", default="images")
    targets: str = attribute(ARRAY, "the name of the array of targets, likewise", default="labels")
    classes: int | None = attribute(
        IntKind(least=1),
        "how many classes there are, where targets are classes, (n,), or maps of them, (n, height, width); numbers "
        "unless given",
        default=None,
    )


@SOURCES.register
@dataclass(frozen=True, slots=True)
class Csv(DataSource):
    """A table of numbers for each split, `train.csv`, with the names of columns in its first line."""

    name: ClassVar[str] = "csv"
    example: ClassVar[str] = "csv: {target: species, classes: [setosa, versicolor, virginica]}"

    target: str = attribute(TextKind(), "the column of the target; all others are features", default="label")
    classes: tuple[str, ...] = attribute(
        TextsKind(),
        "the texts of that column which stand for the classes 0, 1, ...; it has numbers unless given",
        default=(),
    )


@SOURCES.register
@dataclass(frozen=True, slots=True)
class HuggingFace(PictureSource):
    """A data set of the library `datasets`, as `save_to_disk` writes it."""

    name: ClassVar[str] = "huggingface"
    known_as: ClassVar[Mapping[str, str]] = {"datasets": "", "hf": "", "load_dataset": "", "load_from_disk": ""}

    image: str = attribute(TextKind(), "the column of the images", default="image")
    label: str = attribute(TextKind(), "the column of the labels", default="label")
    channels: int = attribute(IntKind(least=1), _CHANNELS, default=3)


@SOURCES.register
@dataclass(frozen=True, slots=True)
class WebDataset(PictureSource):
    """Images and the numbers of their classes in shards, `train-000000.tar` and so on."""

    name: ClassVar[str] = "webdataset"
    example: ClassVar[str] = "webdataset: {classes: 1000}"
    known_as: ClassVar[Mapping[str, str]] = {"wds": "", "tar": "", "shards": ""}

    classes: int = attribute(IntKind(least=1), "how many classes there are", default=1000)
    channels: int = attribute(IntKind(least=1), _CHANNELS, default=3)
