"""From the words of a recipe to the objects of a program's `data.py`.

A recipe's words and the classes that read and augment are two things: the one is what people write, the other a plain
NumPy program. Where they call a thing otherwise, it is said here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from archspec.recipe import DataSource, Share, Step
from archspec.recipe.losses import CrossEntropy
from archspec.training.data import catalog
from archspec.training.data.config import DataConfig
from archspec.training.data.parts import examples
from archspec.training.data.parts.batches import AnyStep, Format
from archspec.training.plan import TrainingPlan

_FORMATS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "digits": ("Digits", {}),
    "cifar10": ("Cifar", {"classes": 10}),
    "cifar100": ("Cifar", {"classes": 100}),
    "mnist": ("Mnist", {}),
    "folder": ("ImageFolder", {}),
    "arrays": ("Arrays", {}),
    "csv": ("CsvTable", {}),
    "huggingface": ("HuggingFace", {}),
    "webdataset": ("WebDataset", {}),
}
"""The class of each source, and what its word alone says."""

_STEPS: Final[Mapping[str, str]] = {
    "rescale": "Rescale",
    "subtract_mean": "SubtractMean",
    "divide_by_std": "DivideByStd",
    "center_each": "SampleCenter",
    "scale_each": "SampleStd",
    "zca_whitening": "ZcaWhitening",
    "normalize": "Normalize",
    "resize": "Resize",
    "center_crop": "CenterCrop",
    "flip": "Flip",
    "affine": "Affine",
    "pad_crop": "PadCrop",
    "random_resize": "RandomResize",
    "random_resized_crop": "RandomResizedCrop",
    "brightness": "Brightness",
    "channel_shift": "ChannelShift",
    "color_jitter": "ColorJitter",
    "lighting": "Lighting",
    "rand_augment": "RandAugment",
    "trivial_augment": "TrivialAugmentWide",
    "erasing": "RandomErasing",
    "mix": "Mix",
}
"""The class of each preparation and augmentation."""


def data_config(plan: TrainingPlan) -> DataConfig:
    """The data of a plan, as its program has them."""
    data = plan.data
    loss = plan.losses[0].loss
    return DataConfig(
        source=format_of(data.source, ignore=loss.ignore if isinstance(loss, CrossEntropy) else None),
        training=tuple(step_of(step) for step in data.training),
        evaluation=tuple(step_of(step) for step in data.evaluation),
        batch=data.batch,
        train=data.train,
        validation=share_of(data.validation) if isinstance(data.validation, Share) else data.validation,
        test=data.test,
        classes=data.classes,
        # What is computed at once is no more in evaluation than in training.
        evaluation_batch=None if plan.accumulate == 1 else data.batch // plan.accumulate,
        shuffle=data.shuffle,
        drop_last=data.drop_last,
        repeats=data.repeats,
        seed=plan.seed,
    )


def format_of(source: DataSource, *, ignore: int | None = None) -> Format:
    """What reads a source.

    Args:
        source: as a recipe has it.
        ignore: the label of examples or places that are left out, which is no class.
    """
    name, known = _FORMATS[source.name]
    given = {**_attributes(source), **known}
    if source.name == "csv":
        given["classes"] = given["classes"] or None
    if source.name == "arrays":
        given["ignore"] = ignore
    found: Format = catalog.FORMATS[name](**given)
    return found


def step_of(step: Step) -> AnyStep:
    """What does a preparation or an augmentation."""
    given = _attributes(step)
    match step.name:
        case "resize" if len(given["size"]) == 1:
            (given["size"],) = given["size"]
        case "affine":
            given["cval"] = given.pop("value")
        case "random_resize":
            given["shortest"], given["longest"] = (int(side) for side in given.pop("shorter"))
        case "brightness":
            given["low"], given["high"] = given.pop("by")
        case "rand_augment" | "trivial_augment":
            # With 0, images fade into it, as with torchvision's own default.
            given["fill"] = (given["fill"],) if given["fill"] else None
        case _:
            pass
    found: AnyStep = catalog.STEPS[_STEPS[step.name]](**given)
    return found


def share_of(share: Share) -> examples.Share:
    """The share of the training examples that is kept from training."""
    return examples.Share(**_attributes(share))


def _attributes(part: DataSource | Step | Share) -> dict[str, Any]:
    return {field.name: getattr(part, field.name) for field in fields(part)}
