"""Augmentations: what is done to the examples of training batches alone, drawn anew each time.

The first of them work on an image as it is prepared; `erasing` works on it once it is finished; `mix` works on a whole
finished batch and its targets.
"""

from archspec.recipe.augmentations.base import AUGMENTATIONS, Augmentation
from archspec.recipe.augmentations.geometry import Flip, PadCrop, RandomAffine, RandomResize, RandomResizedCrop
from archspec.recipe.augmentations.photometry import (
    Brightness,
    ChannelShift,
    ColorJitter,
    Lighting,
    RandAugment,
    TrivialAugment,
)
from archspec.recipe.augmentations.regularization import Erasing, Mix

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "Brightness",
    "ChannelShift",
    "ColorJitter",
    "Erasing",
    "Flip",
    "Lighting",
    "Mix",
    "PadCrop",
    "RandAugment",
    "RandomAffine",
    "RandomResize",
    "RandomResizedCrop",
    "TrivialAugment",
]
