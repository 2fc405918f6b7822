"""Every word of a recipe that is about data, with every attribute, becomes the object that does it."""

from __future__ import annotations

import sys
from dataclasses import MISSING, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.recipe import (
    AUGMENTATIONS,
    PREPARATIONS,
    SOURCES,
    Augmentation,
    DataSource,
    Share,
    Step,
    load_text,
    resolve,
)
from archspec.training.data import catalog
from archspec.training.data.conversion import data_config, format_of, share_of, step_of
from archspec.training.data.facts import data_facts
from archspec.training.data.module import data_module
from archspec.training.data.parts import examples
from archspec.training.data.parts.affine import Affine
from archspec.training.data.parts.arrays import Arrays
from archspec.training.data.parts.batches import Data
from archspec.training.data.parts.cifar import Cifar
from archspec.training.data.parts.crops import PadCrop
from archspec.training.data.parts.csv_table import CsvTable
from archspec.training.data.parts.digits import Digits
from archspec.training.data.parts.erasing import RandomErasing
from archspec.training.data.parts.flips import Flip
from archspec.training.data.parts.folder import ImageFolder
from archspec.training.data.parts.huggingface import HuggingFace
from archspec.training.data.parts.jitter import ColorJitter
from archspec.training.data.parts.keras_colors import Brightness, ChannelShift
from archspec.training.data.parts.lighting import Lighting
from archspec.training.data.parts.mixing import Mix
from archspec.training.data.parts.mnist import Mnist
from archspec.training.data.parts.policies import RandAugment, TrivialAugmentWide
from archspec.training.data.parts.resized_crop import RandomResizedCrop
from archspec.training.data.parts.resizing import CenterCrop, RandomResize, Resize
from archspec.training.data.parts.samplewise import SampleCenter, SampleStd
from archspec.training.data.parts.scaling import Normalize, Rescale
from archspec.training.data.parts.statistics import DivideByStd, SubtractMean
from archspec.training.data.parts.webdataset import WebDataset
from archspec.training.data.parts.whitening import ZcaWhitening
from archspec.training.plan import plan_of
from tests.needed import needs
from tests.training.data import files

SOURCE_CASES: dict[str, Any] = {
    "digits": Digits(),
    "digits: {size: 32, channels: 3}": Digits(size=32, channels=3),
    "cifar10": Cifar(10),
    "cifar100": Cifar(100),
    "mnist": Mnist(10),
    "mnist: {prefix: emnist-letters-, classes: 27}": Mnist(27, "emnist-letters-"),
    "folder": ImageFolder(3),
    "folder: {channels: 1}": ImageFolder(1),
    "arrays": Arrays("{split}.npz", "images", "labels", None),
    "arrays: {file: all.npz, images: 'x_{split}', targets: 'y_{split}', classes: 7}": Arrays(
        "all.npz", "x_{split}", "y_{split}", 7
    ),
    "csv": CsvTable("label", None),
    "csv: {target: species, classes: [setosa, versicolor]}": CsvTable("species", ("setosa", "versicolor")),
    "huggingface": HuggingFace("image", "label", 3),
    "huggingface: {image: img, label: fine_label, channels: 1}": HuggingFace("img", "fine_label", 1),
    "webdataset": WebDataset(1000, 3),
    "webdataset: {classes: 12, channels: 1}": WebDataset(12, 1),
}
STEP_CASES: dict[str, Any] = {
    "rescale: 1 / 255": Rescale(1 / 255),
    "subtract_mean: channel": SubtractMean("channel"),
    "subtract_mean: pixel": SubtractMean("pixel"),
    "divide_by_std: {per: channel}": DivideByStd("channel", 1e-6),
    "divide_by_std: {per: pixel, epsilon: 0.5}": DivideByStd("pixel", 0.5),
    "center_each": SampleCenter(),
    "scale_each: {epsilon: 0.5}": SampleStd(0.5),
    "zca_whitening: 0.5": ZcaWhitening(0.5),
    "normalize: {mean: [1, 2, 3], std: [4, 5, 6]}": Normalize((1.0, 2.0, 3.0), (4.0, 5.0, 6.0)),
    "normalize: {mean: 1, std: 4}": Normalize((1.0,), (4.0,)),
    "resize: 6": Resize(6, "bilinear", True),
    "resize: {size: [6, 7], interpolation: bicubic, antialias: false}": Resize((6, 7), "bicubic", False),
    "center_crop: 6": CenterCrop((6, 6)),
    "center_crop: [6, 7]": CenterCrop((6, 7)),
    "flip: horizontal": Flip("horizontal", 0.5),
    "flip: {direction: vertical, probability: 0.25}": Flip("vertical", 0.25),
    "affine": Affine(zoom=(1.0, 1.0)),
    "affine: {rotation: 15, height_shift: 2, width_shift: [1, 2], shear: 10, zoom: 0.25, fill: constant, value: -3, "
    "order: 0, middle: keras}": Affine(15.0, 2, (1.0, 2.0), 10.0, (0.75, 1.25), "constant", -3.0, 0, "keras"),
    "affine: {height_shift: 0.1, zoom: [0.5, 2]}": Affine(height_shift=0.1, zoom=(0.5, 2.0)),
    "pad_crop: 4": PadCrop(4, None, "constant", 0.0),
    "pad_crop: {padding: 2, size: [6, 7], mode: reflect, value: 9}": PadCrop(2, (6, 7), "reflect", 9.0),
    "random_resize: [6, 9]": RandomResize(6, 9, "bilinear", True),
    "random_resize: {shorter: [6, 6], interpolation: bicubic, antialias: false}": RandomResize(6, 6, "bicubic", False),
    "random_resized_crop: 6": RandomResizedCrop((6, 6)),
    "random_resized_crop: {size: [6, 7], scale: [0.5, 0.75], ratio: [0.5, 2], interpolation: bicubic, "
    "antialias: false}": RandomResizedCrop((6, 7), (0.5, 0.75), (0.5, 2.0), "bicubic", False),
    "brightness: 0.25": Brightness(0.75, 1.25),
    "brightness: [0.5, 2]": Brightness(0.5, 2.0),
    "channel_shift: 20": ChannelShift(20.0),
    "color_jitter": ColorJitter(),
    "color_jitter: {brightness: 0.25, contrast: [0.5, 2], saturation: 0.5, hue: 0.125}": ColorJitter(
        (0.75, 1.25), (0.5, 2.0), (0.5, 1.5), (-0.125, 0.125)
    ),
    "lighting": Lighting(0.1, 1.0),
    "lighting: {std: 0.2, factor: 255}": Lighting(0.2, 255.0),
    "rand_augment": RandAugment(2, 9, 31, "nearest", None),
    "rand_augment: {operations: 3, magnitude: 5, bins: 10, interpolation: bilinear, fill: 128}": RandAugment(
        3, 5, 10, "bilinear", (128,)
    ),
    "trivial_augment": TrivialAugmentWide(31, "nearest", None),
    "trivial_augment: {bins: 10, interpolation: bilinear, fill: 128}": TrivialAugmentWide(10, "bilinear", (128,)),
    "erasing": RandomErasing(0.5, (0.02, 0.33), (0.3, 3.3), (0.0,)),
    "erasing: {probability: 1, scale: [0.1, 0.2], ratio: [0.5, 2], value: [1, 2, 3]}": RandomErasing(
        1.0, (0.1, 0.2), (0.5, 2.0), (1.0, 2.0, 3.0)
    ),
    "erasing: {value: normal}": RandomErasing(value="normal"),
    "mix: {mixup: 0.2, cutmix: 1}": Mix(0.2, 1.0),
}


def read(source: str = "cifar10", augment: str = "", prepare: str = "", validation: str = "") -> Any:
    lines = [f"source: {{{source}}}" if ":" in source else f"source: {source}"]
    lines += [f"augment: [{{{augment}}}]" if ":" in augment else f"augment: [{augment}]"] if augment else []
    lines += [f"prepare: [{{{prepare}}}]" if ":" in prepare else f"prepare: [{prepare}]"] if prepare else []
    lines += [f"validation: {validation}"] if validation else []
    text = "archspec: 1\nrecipe: converted\ndata:\n" + "".join(f"  {line}\n" for line in lines)
    text += "batch: 4\nepochs: 1\nloss: cross_entropy\noptimizer: {sgd: {learning_rate: 0.1}}\n"
    return resolve(load_text(text))


def read_source(case: str) -> DataSource:
    found: DataSource = read(case).data.source
    return found


def read_step(case: str) -> Step:
    if case.partition(":")[0] in PREPARATIONS:
        found: Step = read(prepare=case).data.prepare[0]
    else:
        found = read(augment=case).data.augment[0]
    return found


def unset(parts: list[Any]) -> set[str]:
    """The attributes that none of these has another value of than the default."""
    return {
        field.name
        for field in fields(parts[0])
        if field.default is not MISSING and all(getattr(part, field.name) == field.default for part in parts)
    }


@pytest.mark.parametrize("case", SOURCE_CASES)
def test_a_source_becomes_what_reads_it(case: str) -> None:
    assert format_of(read_source(case)) == SOURCE_CASES[case]


@pytest.mark.parametrize("case", STEP_CASES)
def test_a_step_becomes_what_does_it(case: str) -> None:
    found: Any = step_of(read_step(case))
    assert found == STEP_CASES[case]
    for field in fields(found):  # 1 is 1.0 for ==, and another shift
        assert type(getattr(found, field.name)) is type(getattr(STEP_CASES[case], field.name))


def test_every_word_and_every_attribute_is_tried() -> None:
    by_word: dict[str, list[Any]] = {}
    for case in SOURCE_CASES:
        by_word.setdefault(case.partition(":")[0], []).append(read_source(case))
    for case in STEP_CASES:
        by_word.setdefault(case.partition(":")[0], []).append(read_step(case))
    assert by_word.keys() == {*SOURCES, *PREPARATIONS, *AUGMENTATIONS}
    assert {word: unset(parts) for word, parts in by_word.items() if unset(parts)} == {}


def test_every_class_stands_for_a_word() -> None:
    used = {type(each).__name__ for each in (*SOURCE_CASES.values(), *STEP_CASES.values())}
    assert used == {*catalog.FORMATS, *catalog.STEPS}


@pytest.mark.parametrize("case", STEP_CASES)
def test_a_recipe_knows_what_moves_an_image(case: str) -> None:
    assert read_step(case).moves == getattr(STEP_CASES[case], "moves", False)


@needs("PIL")
@pytest.mark.parametrize("case", STEP_CASES)
def test_a_step_does_something_to_images_as_the_recipe_says_of_its_size(case: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", images=files.pictures(6, (8, 8, 3)), labels=np.arange(6) % 2)
    step, made = read_step(case), step_of(read_step(case))
    differ = None in step.resized((3, 8, 8))
    steps = (made, CenterCrop((6, 6))) if differ else (made,)
    data = Data(
        Arrays(classes=2),
        tmp_path,
        training=steps,
        evaluation=() if isinstance(step, Augmentation) else steps,
        batch=3,
    )
    images, _ = data.training.batch(0)
    if not differ:
        channels, height, width = step.resized((3, 8, 8))
        assert images.shape == (3, height, width, channels)
    assert np.isfinite(images).all()
    neutral = ("affine", "color_jitter")  # without attributes they change nothing
    if case not in neutral and images.shape[1:] == (8, 8, 3):
        first = [data.training.batch(n)[0] for n in range(4)]
        plain = Data(Arrays(classes=2), tmp_path, training=(), evaluation=(), batch=3).training
        assert any(not np.array_equal(found, plain.batch(n)[0]) for n, found in enumerate(first))


def test_a_share_becomes_a_share() -> None:
    assert share_of(Share(share=0.25, at="random", per_class=True)) == examples.Share(0.25, "random", True)


@needs("sklearn")
def test_a_plan_becomes_the_data_of_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
        archspec: 1
        recipe: all
        data:
          source: digits
          validation: {share: 0.1, at: random, per_class: true}
          test: test
          repeats: 2
          prepare: [rescale: 1 / 16]
          augment: [flip: horizontal, erasing, mix: {mixup: 0.2}]
          evaluation: [center_crop: 8]
          finish: [subtract_mean: channel]
        batch: 64
        accumulate: 4
        drop_last: true
        shuffle: false
        epochs: 2
        seed: 5
        loss: cross_entropy
        optimizer: {sgd: {learning_rate: 0.1}}
    """
    settings = resolve(load_text(text))
    network = archspec.compile("cifar_resnet", in_channels=1, size=8)
    plan = plan_of(settings, network, data_facts(settings, None))
    config = data_config(plan)
    mean = SubtractMean("channel")
    assert config.training == (Rescale(1 / 16), Flip(), mean, RandomErasing(), Mix(0.2))
    assert config.evaluation == (Rescale(1 / 16), CenterCrop((8, 8)), mean)
    assert (config.batch, config.evaluation_batch, config.drop_last, config.shuffle) == (64, 16, True, False)
    assert (config.seed, config.repeats, config.classes, config.test) == (5, 2, 10, "test")
    assert config.validation == examples.Share(0.1, "random", True)
    module = ModuleType("data_of_a_program")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # where dataclasses look for their own
    exec(data_module(config), module.__dict__)
    data = module.open_data()
    assert len(data.training) == plan.steps_per_epoch
    for role in ("validation", "test"):
        assert len(getattr(data, role).examples) == plan.data.examples[role]
    assert len(data.training.examples) == plan.data.examples["train"]
    images, _ = data.training.batch(0)
    assert images.shape[1:] == (8, 8, 1)


def test_steps_that_are_equal_are_fitted_each_where_it_stands(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", images=files.pictures(6, (4, 4, 1)), labels=np.arange(6) % 2)
    steps = (SubtractMean("pixel"), Rescale(0.5), Normalize((1.0,), (1.0,)), SubtractMean("pixel"))
    data = Data(Arrays(classes=2), tmp_path, training=steps, evaluation=steps, batch=6, shuffle=False)
    assert np.abs(data.training.batch(0)[0].mean(axis=0)).max() < 1e-4
