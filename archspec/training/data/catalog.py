"""The formats, preparations and augmentations that there are, by the names of their classes."""

from __future__ import annotations

from typing import Any, Final

from archspec.training.data.parts.affine import Affine
from archspec.training.data.parts.arrays import Arrays
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

_CLASSES: Final[dict[str, tuple[type[Any], ...]]] = {
    "formats": (Arrays, Cifar, CsvTable, Digits, HuggingFace, ImageFolder, Mnist, WebDataset),
    "preparations": (
        CenterCrop,
        DivideByStd,
        Normalize,
        Rescale,
        Resize,
        SampleCenter,
        SampleStd,
        SubtractMean,
        ZcaWhitening,
    ),
    "augmentations": (
        Affine,
        Brightness,
        ChannelShift,
        ColorJitter,
        Flip,
        Lighting,
        Mix,
        PadCrop,
        RandAugment,
        RandomErasing,
        RandomResize,
        RandomResizedCrop,
        TrivialAugmentWide,
    ),
}
FORMATS: Final = {each.__name__: each for each in _CLASSES["formats"]}
PREPARATIONS: Final = {each.__name__: each for each in _CLASSES["preparations"]}
AUGMENTATIONS: Final = {each.__name__: each for each in _CLASSES["augmentations"]}
STEPS: Final = {**PREPARATIONS, **AUGMENTATIONS}
