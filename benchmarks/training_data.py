"""Images/s of the data of training programs, beside torchvision's: a part of `benchmarks.training`.

The same images go through a printed `data.py` and through torchvision's transforms in PyTorch's DataLoader, with as
many workers, a few batches of one and then of the other, until each has had its share; the ratio is that of the times.
Only what comes after the first batches counts, so the start of workers is shown by itself. Images are made here: random
ones in CIFAR-10's files, and JPEGs of the size that ImageNet's have.
"""

from __future__ import annotations

import gc
import importlib.util
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archspec.training.data.config import DataConfig
from archspec.training.data.module import data_module
from archspec.training.data.parts.affine import Affine
from archspec.training.data.parts.cifar import Cifar
from archspec.training.data.parts.crops import PadCrop
from archspec.training.data.parts.flips import Flip
from archspec.training.data.parts.folder import ImageFolder
from archspec.training.data.parts.resized_crop import RandomResizedCrop
from archspec.training.data.parts.resizing import CenterCrop, Resize
from archspec.training.data.parts.scaling import Normalize, Rescale

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)
PREPARED = (Rescale(1 / 255), Normalize(MEAN, STD))


@dataclass(frozen=True)
class Case:
    """What is measured."""

    title: str
    config: DataConfig
    theirs: Callable[[Any], Any]
    """torchvision's transforms for it."""
    pictures: bool = False


def cases() -> list[Case]:
    """What the recipes for CIFAR-10 and ImageNet do."""
    crop = (*PREPARED, PadCrop(4), Flip())
    generator = (*PREPARED, Affine(height_shift=0.1, width_shift=0.1), Flip())
    turned = (*PREPARED, Affine(rotation=15.0, height_shift=0.1, width_shift=0.1, shear=5.0, zoom=0.1), Flip())
    photo = (RandomResizedCrop((224, 224)), Flip(), *PREPARED)
    center = (Resize(256), CenterCrop((224, 224)), *PREPARED)

    def tail(T: Any) -> list[Any]:
        return [T.ToTensor(), T.Normalize(MEAN, STD)]

    bilinear = 2
    return [
        Case(
            "CIFAR-10: pad by 4, crop, flip, normalize",
            DataConfig(Cifar(), crop, PREPARED, batch=128),
            lambda T: T.Compose([T.RandomCrop(32, 4), T.RandomHorizontalFlip(), *tail(T)]),
        ),
        Case(
            "CIFAR-10: shifts of 10 %, flip, normalize (cifar10_keras)",
            DataConfig(Cifar(), generator, PREPARED, batch=128),
            lambda T: T.Compose(
                [
                    T.RandomAffine(0, (0.1, 0.1), interpolation=T.InterpolationMode.BILINEAR),
                    T.RandomHorizontalFlip(),
                    *tail(T),
                ]
            ),
        ),
        Case(
            "CIFAR-10: rotation, shifts, shear, zoom, flip, normalize",
            DataConfig(Cifar(), turned, PREPARED, batch=128),
            lambda T: T.Compose(
                [
                    T.RandomAffine(15, (0.1, 0.1), (0.9, 1.1), 5, interpolation=T.InterpolationMode.BILINEAR),
                    T.RandomHorizontalFlip(),
                    *tail(T),
                ]
            ),
        ),
        Case(
            "JPEGs of 500 x 375: random-resized crop to 224, flip, normalize",
            DataConfig(ImageFolder(), photo, center, batch=64),
            lambda T: T.Compose([T.RandomResizedCrop(224, interpolation=bilinear), T.RandomHorizontalFlip(), *tail(T)]),
            pictures=True,
        ),
    ]


def write(folder: Path) -> None:
    """CIFAR-10's files with 10,000 random images, and 512 JPEGs in two classes."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for n in range(1, 6):
        records = rng.integers(0, 256, (2000, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        (folder / f"data_batch_{n}.bin").write_bytes(records.tobytes())
    y, x = np.mgrid[:375, :500]
    for n in range(512):
        place = folder / "train" / str(n % 2)
        place.mkdir(parents=True, exist_ok=True)
        a, b, c = rng.uniform(0.01, 0.2, 3)
        waves = np.stack([np.sin(x * a + y * b), np.cos(y * b - x * c), np.sin(x * c) * np.cos(y * a)], axis=-1)
        noise = rng.normal(0, 12, waves.shape)
        Image.fromarray(np.clip(waves * 90 + 128 + noise, 0, 255).astype(np.uint8)).save(place / f"{n}.jpg", quality=90)


class Tensors:
    """CIFAR-10's images as torchvision's own data set has them: an array in memory, an image of Pillow's each time."""

    def __init__(self, folder: Path, transform: Any) -> None:
        from PIL import Image

        rows = np.concatenate(
            [np.fromfile(folder / f"data_batch_{n}.bin", np.uint8).reshape(-1, 3073) for n in range(1, 6)]
        )
        self.images = np.ascontiguousarray(rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.labels, self.transform, self.picture = rows[:, 0].astype(int), transform, Image.fromarray

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Any:
        return self.transform(self.picture(self.images[index])), int(self.labels[index])


def ours(folder: Path, case: Case, workers: int) -> Iterator[int]:
    """The numbers of images of each batch, without end, by a printed module."""
    place = folder / f"program{abs(hash(case.title))}"
    place.mkdir(exist_ok=True)
    name = f"data_{place.name}"
    (place / f"{name}.py").write_text(data_module(case.config), encoding="utf-8")
    sys.path.insert(0, str(place))
    module = importlib.import_module(name)
    data = module.open_data(folder)
    for images, _ in module.load(data.training, range(10**9), workers=workers):
        yield len(images)


def theirs(folder: Path, case: Case, workers: int) -> Iterator[int]:
    """As above, by torchvision and PyTorch."""
    import torch
    from torchvision import datasets, transforms

    transform = case.theirs(transforms)
    found: Any = datasets.ImageFolder(str(folder / "train"), transform) if case.pictures else Tensors(folder, transform)
    loader = torch.utils.data.DataLoader(
        found, case.config.batch, shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )
    while True:
        for images, _ in loader:
            yield len(images)


def compare(folder: Path, case: Case, workers: int, seconds: float) -> None:
    """Batches of both in turn, and the ratio of their speeds."""
    both = {"archspec": ours(folder, case, workers), "torchvision": theirs(folder, case, workers)}
    first: dict[str, float] = {}
    speeds: dict[str, list[float]] = {name: [] for name in both}
    for name, batches in both.items():
        start = time.perf_counter()
        next(batches)
        first[name] = time.perf_counter() - start
    block = max(4, 2 * workers) * (1 if case.pictures else 8)
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(speeds["archspec"]) < 3:
        for name, batches in both.items():
            for _ in range(workers * 3 + 2 if workers else 0):  # what was made while the other was measured
                next(batches)
            start = time.perf_counter()
            count = sum(next(batches) for _ in range(block))
            speeds[name].append(count / (time.perf_counter() - start))
    for batches in both.values():
        batches.close()  # type: ignore[attr-defined]
    ratios = [a / b for a, b in zip(speeds["archspec"], speeds["torchvision"], strict=True)]
    middle = {name: statistics.median(values) for name, values in speeds.items()}
    print(
        f"  {workers} workers: {middle['archspec']:>8,.0f} and {middle['torchvision']:>8,.0f} images/s, "
        f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}, {len(ratios)} pairs); "
        f"first batch after {first['archspec']:.2f} and {first['torchvision']:.2f} s",
        flush=True,
    )


def processor_time(folder: Path, case: Case, workers: int) -> None:
    """What an image takes of all processes together, between a short and a long way: it does not hang on other work."""
    few, many = (3, 11) if case.pictures else (8, 72)
    took = {}
    for name, make in (("archspec", ours), ("torchvision", theirs)):
        points = []
        for length in (few, many):
            start = _processor_seconds()
            batches = make(folder, case, workers)
            count = sum(next(batches) for _ in range(length))
            batches.close()  # type: ignore[attr-defined]
            del batches
            gc.collect()  # which ends PyTorch's workers
            points.append((count, _processor_seconds() - start))
        took[name] = (points[1][1] - points[0][1]) / (points[1][0] - points[0][0])
    print(
        f"  {workers} workers: {took['archspec'] * 1e6:>8,.0f} and {took['torchvision'] * 1e6:>8,.0f} us of processor "
        f"time an image, in all processes; ratio {took['torchvision'] / took['archspec']:.2f}",
        flush=True,
    )


def _processor_seconds() -> float:
    used = [resource.getrusage(which) for which in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def compare_all(seconds: float, only: Sequence[int] | None, workers: Sequence[int]) -> None:
    """Print every figure.

    Args:
        seconds: for each.
        only: which cases, by number from 0; None for all.
        workers: how many, in turn.
    """
    if importlib.util.find_spec("torchvision") is None:
        sys.exit("the data are compared with torchvision, of the version that goes with PyTorch's, which is not there")
    import torch

    torch.set_num_threads(1)
    from tests.training.data.vision import torchvision

    torchvision()
    print("data: archspec and torchvision, medians")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write(folder)
        for case in (each for n, each in enumerate(cases()) if only is None or n in only):
            print(case.title)
            for count in workers:
                processor_time(folder, case, count)
                compare(folder, case, count, seconds)
