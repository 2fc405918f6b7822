"""A batch depends on its step alone."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archspec.training.data.parts.affine import Affine
from archspec.training.data.parts.arrays import Arrays
from archspec.training.data.parts.batches import AnyStep, Data
from archspec.training.data.parts.cifar import Cifar
from archspec.training.data.parts.crops import PadCrop
from archspec.training.data.parts.erasing import RandomErasing
from archspec.training.data.parts.examples import Share
from archspec.training.data.parts.flips import Flip
from archspec.training.data.parts.folder import ImageFolder
from archspec.training.data.parts.jitter import ColorJitter
from archspec.training.data.parts.keras_colors import Brightness, ChannelShift
from archspec.training.data.parts.lighting import Lighting
from archspec.training.data.parts.loader import load
from archspec.training.data.parts.mixing import Mix
from archspec.training.data.parts.policies import RandAugment, TrivialAugmentWide
from archspec.training.data.parts.resized_crop import RandomResizedCrop
from archspec.training.data.parts.resizing import CenterCrop, RandomResize, Resize
from archspec.training.data.parts.samplewise import SampleCenter, SampleStd
from archspec.training.data.parts.scaling import Normalize, Rescale
from archspec.training.data.parts.statistics import DivideByStd, SubtractMean
from archspec.training.data.parts.whitening import ZcaWhitening
from tests.training.data import files

PREPARED: tuple[AnyStep, ...] = (Rescale(1 / 255), SubtractMean(), DivideByStd("channel", 1e-6))
RECIPES: dict[str, tuple[AnyStep, ...]] = {
    "keras": (
        *PREPARED,
        Affine(rotation=20, height_shift=0.1, width_shift=0.1, shear=5.0, zoom=0.2, fill="reflect"),
        ChannelShift(0.2),
        Flip(),
        Flip("vertical", 0.3),
    ),
    "splines": (Brightness(0.5, 1.5), Affine(rotation=20.0, order=3), *PREPARED, SampleCenter(), SampleStd()),
    "paper": (*PREPARED, PadCrop(4), Flip(), Lighting()),
    "torchvision": (
        RandomResizedCrop((24, 24)),
        ColorJitter((0.6, 1.4), (0.6, 1.4), (0.6, 1.4), (-0.1, 0.1)),
        RandAugment(interpolation="bilinear"),
        TrivialAugmentWide(),
        Normalize((120.0, 110.0, 100.0), (60.0, 61.0, 62.0)),
        RandomErasing(0.9, value="normal"),
        Mix(0.2, 1.0),
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cifar")
    files.cifar10_binary(path, each=7)
    return path


def opened(folder: Path, name: str, **options: Any) -> Data:
    evaluation = PREPARED if name != "torchvision" else (CenterCrop((24, 24)),)
    return Data(Cifar(), folder, training=RECIPES[name], evaluation=evaluation, batch=8, **options)


def digest(batches: Iterable[tuple[Any, Any]]) -> list[str]:
    return [hashlib.sha256(images.tobytes() + targets.tobytes()).hexdigest() for images, targets in batches]


@pytest.mark.parametrize("name", RECIPES)
def test_any_number_of_workers_gives_the_same_bits(folder: Path, name: str) -> None:
    batches = opened(folder, name).training
    expected = digest(load(batches, range(12)))
    assert len(set(expected)) == 12
    for workers in (1, 4):
        assert digest(load(batches, range(12), workers=workers)) == expected


@pytest.mark.parametrize("name", RECIPES)
def test_it_can_begin_in_the_middle(folder: Path, name: str) -> None:
    expected = digest(load(opened(folder, name).training, range(14)))
    for start, workers in ((1, 0), (7, 0), (13, 2)):
        again = opened(folder, name).training  # as another process would
        assert digest(load(again, range(start, 14), workers=workers)) == expected[start:]


@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize("name", RECIPES)
def test_the_parts_of_several_processes_are_the_batch(folder: Path, name: str, ranks: int) -> None:
    batches = opened(folder, name).training
    for step in range(6):
        images, targets = batches.batch(step)
        parts = [batches.batch(step, rank, ranks) for rank in range(ranks)]
        np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), images)
        np.testing.assert_array_equal(np.concatenate([part[1] for part in parts]), targets)


@pytest.mark.parametrize("name", RECIPES)
def test_seeds_and_epochs_differ(folder: Path, name: str) -> None:
    batches = opened(folder, name).training
    first = digest(load(batches, range(10)))
    assert not set(first) & set(digest(load(opened(folder, name, seed=1).training, range(10))))
    assert opened(folder, name).training.order(0).tolist() != batches.order(1).tolist()


def test_an_epoch_has_each_example_once(folder: Path) -> None:
    data = Data(Cifar(), folder, training=(), evaluation=(), batch=8, validation=Share(0.2), test="test")
    images = files.pictures(35).astype(np.float32)
    for epoch in range(2):
        found = [data.training.batch(step)[0] for step in range(4 * epoch, 4 * epoch + 4)]
        assert [len(each) for each in found] == [8, 8, 8, 4]
        rows = np.concatenate(found).reshape(28, -1)
        assert {row.tobytes() for row in rows} == {image.tobytes() for image in images[:28]}
    assert data.validation is not None
    assert data.test is not None
    kept = np.concatenate([data.validation.batch(step)[0] for step in range(len(data.validation))])
    np.testing.assert_array_equal(kept, images[28:])
    assert len(data.test) == 5
    assert data.shape == (32, 32, 3)
    assert data.classes == files.TEN
    whole = Data(Cifar(), folder, training=(), evaluation=(), batch=8, drop_last=True)
    assert len(whole.training) == 4
    assert whole.training.batch(7)[0].shape == (8, 32, 32, 3)
    assert Data(Cifar(), folder, training=(), evaluation=(), batch=8, shuffle=False).training.order(3).tolist() == list(
        range(35)
    )


def test_a_step_may_stand_twice(folder: Path) -> None:
    twice = (Rescale(0.5), Rescale(0.5))
    data = Data(Cifar(), folder, training=twice, evaluation=twice, batch=8, test="test", shuffle=False)
    assert data.test is not None
    np.testing.assert_array_equal(data.test.batch(0)[0], files.pictures(35)[::-1][:8] / np.float32(4))


def test_a_process_may_have_no_part_of_the_last_batch(tmp_path: Path) -> None:
    files.image_folder(tmp_path, ((40, 50), (70, 33)))
    steps = (RandomResizedCrop((24, 24)), Flip())
    data = Data(ImageFolder(), tmp_path, training=steps, evaluation=(), batch=11)
    assert [data.training.batch(1, rank, 3)[0].shape for rank in range(3)].count((0, 24, 24, 3)) == 2


def test_repeated_augmentation(folder: Path) -> None:
    data = Data(Cifar(), folder, training=(PadCrop(4), Flip()), evaluation=(), batch=8, repeats=3)
    order = data.training.order(0)
    assert len(order) == 35
    assert order[:9].tolist() == np.repeat(order[:9:3], 3).tolist()
    assert len(set(order.tolist())) == 12
    images, targets = data.training.batch(0)
    assert targets[0] == targets[1] == targets[2]
    assert len({image.tobytes() for image in images[:6]}) == 6


def test_targets(folder: Path) -> None:
    plain = Data(Cifar(), folder, training=(), evaluation=(), batch=8)
    hot = Data(Cifar(), folder, training=(), evaluation=(), batch=8, one_hot=True)
    targets = plain.training.batch(2)[1]
    assert targets.dtype == np.int64
    np.testing.assert_array_equal(hot.training.batch(2)[1], np.eye(10, dtype=np.float32)[targets])
    mixed = opened(folder, "torchvision").training.batch(1)[1]
    assert mixed.dtype == np.float32
    np.testing.assert_allclose(mixed.sum(axis=1), 1, atol=1e-6)
    evaluation = opened(folder, "torchvision", test="test").test
    assert evaluation is not None
    assert evaluation.batch(0)[1].dtype == np.int64


def test_statistics_are_those_of_the_training_examples(folder: Path) -> None:
    data = Data(
        Cifar(),
        folder,
        training=(PadCrop(4), Rescale(1 / 255), SubtractMean(), DivideByStd()),
        evaluation=(Rescale(1 / 255), SubtractMean(), DivideByStd()),
        batch=40,
        validation=Share(0.2),
        shuffle=False,
    )
    images = files.pictures(35).astype(np.float64) / 255
    mean, std = images[:28].mean(axis=0), images[:28].std(axis=0)
    assert data.validation is not None
    np.testing.assert_allclose(data.validation.batch(0)[0], (images[28:] - mean) / std, atol=2e-4)


def test_statistics_by_channel(folder: Path) -> None:
    steps = (SubtractMean("channel"), DivideByStd("channel"))
    data = Data(Cifar(), folder, training=steps, evaluation=steps, batch=40, shuffle=False)
    images = files.pictures(35).astype(np.float64)
    expected = (images - images.mean(axis=(0, 1, 2))) / images.std(axis=(0, 1, 2))
    np.testing.assert_allclose(data.training.batch(0)[0], expected, atol=1e-5)


def test_whitened_pixels_are_not_correlated(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = (rng.normal(size=(400, 4, 3, 1)) @ np.ones((1, 2)) + rng.normal(size=(400, 4, 3, 2))).astype(np.float32)
    np.savez(tmp_path / "train.npz", images=images, labels=np.zeros(400, np.int64))
    steps = (SubtractMean(), ZcaWhitening(1e-6))
    data = Data(Arrays(), tmp_path, training=steps, evaluation=steps, batch=400)
    flat = data.training.batch(0)[0].reshape(400, -1)
    np.testing.assert_allclose(flat.T @ flat / 400, np.eye(24), atol=1e-3)


@pytest.mark.parametrize("sizes", [((40, 50),), ((40, 50), (70, 33))])
def test_pictures_of_different_sizes_come_to_one(tmp_path: Path, sizes: tuple[tuple[int, int], ...]) -> None:
    files.image_folder(tmp_path, sizes, "jpg")
    for training in (
        (RandomResizedCrop((24, 24)), Flip()),
        (RandomResize(26, 40), PadCrop(0, (24, 24))),
        (Resize((24, 24)),),
        (Resize(30, "bicubic", antialias=False), CenterCrop((24, 24))),
    ):
        data = Data(
            ImageFolder(),
            tmp_path,
            training=(*training, Rescale(1 / 255)),
            evaluation=(Resize(30), CenterCrop((24, 24)), Rescale(1 / 255)),
            batch=5,
            validation="val",
        )
        expected = digest(load(data.training, range(6)))
        assert digest(load(data.training, range(6), workers=2)) == expected
        assert data.training.batch(0)[0].shape == (5, 24, 24, 3)
        assert data.validation is not None
        assert data.validation.batch(2)[0].shape == (2, 24, 24, 3)


def test_golden_batches(folder: Path) -> None:
    """Bits that must not change from version to version, nor from machine to machine, in all but splines."""
    found = {
        name: digest(load(opened(folder, name).training, range(3, 5))) for name in ("keras", "paper", "torchvision")
    }
    assert hashlib.sha256(repr(found).encode()).hexdigest() == GOLDEN


def test_the_same_bits_without_the_processors_wide_instructions() -> None:
    """NumPy has several kernels for one operation, and takes one by the processor."""
    found: Any = np.show_config(mode="dicts")
    features = " ".join(found["SIMD Extensions"].get("found", []))
    if not features:
        pytest.skip("NumPy uses no instructions of this processor but those that all have")
    names = [f"{Path(__file__).parent / file}" for file in ("test_draws.py", "test_batches.py")]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "golden", *names]
    environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": features}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "2 passed" in done.stdout, done.stdout


GOLDEN = "057833eb52a0b7cbff2d46b01b0141915284eca22f5a8a2b2249cd2e2e53e4fa"
