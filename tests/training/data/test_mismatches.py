"""Data that does not fit its recipe, or its other splits, is said before the first step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archspec.training.data.parts.arrays import Arrays
from archspec.training.data.parts.batches import AnyStep, Data
from archspec.training.data.parts.cifar import Cifar
from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.examples import Share
from archspec.training.data.parts.flips import Flip
from archspec.training.data.parts.folder import ImageFolder
from archspec.training.data.parts.jitter import ColorJitter
from archspec.training.data.parts.mixing import Mix
from archspec.training.data.parts.resizing import CenterCrop, Resize
from archspec.training.data.parts.scaling import Rescale
from archspec.training.data.parts.statistics import DivideByStd, SubtractMean
from tests.training.data import files
from tests.training.data.files import opened


@pytest.mark.parametrize(
    ("steps", "options", "expected"),
    [
        ((), {"classes": 12}, "10 classes (airplane, automobile, bird, cat, deer, dog, frog, horse, ...), expected 12"),
        ((CenterCrop((40, 40)),), {}, "an image of 32 x 32, and a crop of 40 x 40"),
        ((Rescale(0.5), ColorJitter((0.5, 1.5))), {}, "color jitter takes images of bytes"),
        ((Rescale(0.5), Resize(8)), {}, "only images of bytes with 1 or 3 channels can be resized"),
        ((), {"validation": "val"}, "CIFAR-10 has the splits train and test, not val"),
        ((), {"validation": Share(0.01)}, "leaves one part empty"),
    ],
)
def test_what_does_not_fit_the_recipe(
    tmp_path: Path, steps: tuple[AnyStep, ...], options: dict[str, Any], expected: str
) -> None:
    files.cifar10_binary(tmp_path)
    with pytest.raises(DataError) as caught:
        opened(Cifar(), tmp_path, steps, **options)
    assert expected in str(caught.value)


def test_fewer_examples_than_a_batch_that_is_to_be_whole(tmp_path: Path) -> None:
    files.cifar10_binary(tmp_path)
    with pytest.raises(DataError, match="20 examples make no batch of 32"):
        Data(Cifar(), tmp_path, training=(), evaluation=(), batch=32, drop_last=True)


def test_training_on_smaller_crops_than_are_evaluated(tmp_path: Path) -> None:
    files.cifar10_binary(tmp_path)
    data = opened(Cifar(), tmp_path, (CenterCrop((16, 16)),), evaluation=(CenterCrop((24, 24)),), test="test")
    assert data.test is not None
    assert data.training.batch(0)[0].shape[1:] == data.shape == (16, 16, 3)
    assert data.test.batch(0)[0].shape[1:] == (24, 24, 3)


@pytest.mark.parametrize(("train", "test"), [((4, 4, 3), (4, 4, 1)), ((4,), (5,))])
def test_channels_or_features_of_splits_that_differ(
    tmp_path: Path, train: tuple[int, ...], test: tuple[int, ...]
) -> None:
    for split, shape in (("train", train), ("test", test)):
        np.savez(tmp_path / f"{split}.npz", images=np.ones((4, *shape)), labels=np.zeros(4))
    with pytest.raises(DataError) as caught:
        opened(Arrays(), tmp_path, test="test")
    assert f"images come to {test}, and those of training to {train}" in str(caught.value)


def test_a_constant_pixel_has_no_standard_deviation(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", images=np.ones((4, 2)), labels=np.zeros(4))
    with pytest.raises(DataError, match="the standard deviation of some pixel is 0"):
        opened(Arrays(), tmp_path, (SubtractMean(), DivideByStd()))


def test_classes_of_splits_that_differ(tmp_path: Path) -> None:
    files.image_folder(tmp_path)
    (tmp_path / "val/cat").rename(tmp_path / "val/dog")
    with pytest.raises(DataError, match="missing: cat; unexpected: dog"):
        opened(ImageFolder(), tmp_path, validation="val")


def test_maps_are_not_moved_with_the_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", images=files.pictures(4), labels=np.zeros((4, 32, 32), np.int64))
    with pytest.raises(DataError, match="the targets are maps, and Flip would move the images alone"):
        opened(Arrays(), tmp_path, (Flip(),))
    assert opened(Arrays(), tmp_path).training.batch(0)[1].shape == (2, 32, 32)


def test_numbers_cannot_be_mixed_as_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", images=files.pictures(4), labels=np.zeros(4))
    with pytest.raises(DataError, match="cannot be one-hot or mixed"):
        opened(Arrays(), tmp_path, (Mix(mixup=0.2),), evaluation=())
