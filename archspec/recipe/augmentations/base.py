"""What an augmentation is, and the registry of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from archspec.recipe.images import Step
from archspec.recipe.part import Registry

AUGMENTATIONS: Final = Registry["Augmentation"](
    "an augmentation",
    "What is done to training examples alone, in the order of the list.",
    {
        "preprocessing_function": "it is not in the language: it runs no code of one's own",
        "fill_mode": "write `fill` of `affine`, as in `affine: {width_shift: 0.1, fill: nearest}`",
        "cval": "write `value` of `affine`, with `fill: constant`",
        "interpolation_order": "write `order` of `affine`",
        "rescale": "it is a preparation: put it under `prepare` or `finish`",
        "featurewise_center": "it is a preparation: put `subtract_mean: {per: channel}` under `finish`",
        "featurewise_std_normalization": "it is a preparation: put `divide_by_std: {per: channel}` under `finish`",
        "samplewise_center": "it is a preparation: put `center_each` under `finish`",
        "samplewise_std_normalization": "it is a preparation: put `scale_each` under `finish`",
        "zca_whitening": "it is a preparation: put it under `finish`",
        "normalize": "it is a preparation: put it under `finish`",
        "resize": "it is a preparation: put it under `prepare`, or under `evaluation`",
        "center_crop": "it is a preparation: put it under `prepare`, or under `evaluation`",
        "AutoAugment": "it is not in the language; `rand_augment` and `trivial_augment` are the nearest",
        "AugMix": "it is not in the language; `rand_augment` and `trivial_augment` are the nearest",
        "RandomPerspective": "it is not in the language",
        "GaussianBlur": "it is not in the language",
        "RandomGrayscale": "it is not in the language",
        "GaussianNoise": "it is not in the language; a network has `gaussian_noise`",
    },
)
PROBABILITY: Final[Mapping[str, str]] = {"p": "write `probability`", "prob": "write `probability`"}


@dataclass(frozen=True, slots=True)
class Augmentation(Step):
    """Base of all augmentations."""

    acts_on: ClassVar[Literal["image", "finished", "batch"]] = "image"
    """On an image as `prepare` gives it, on one that `finish` gives, or on a batch of those with its targets."""
