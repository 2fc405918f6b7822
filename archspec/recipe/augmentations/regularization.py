"""Augmentations of finished images and of whole batches: erasing, Mixup and CutMix."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from archspec.ir.attributes import FloatKind, attribute
from archspec.recipe.augmentations.base import AUGMENTATIONS, PROBABILITY, Augmentation
from archspec.recipe.images import SHARE
from archspec.recipe.kinds import NumbersKind, Range, RangeKind
from archspec.recipe.part import Problem


@AUGMENTATIONS.register
@dataclass(frozen=True, slots=True)
class Erasing(Augmentation):
    """A rectangle of the finished image is filled (Zhong et al. 2020), as in torchvision: 0 is the mean once it is
    subtracted.
    """

    name: ClassVar[str] = "erasing"
    moves: ClassVar[bool] = True
    example: ClassVar[str] = "erasing: {probability: 0.1}"
    known_as: ClassVar[Mapping[str, str]] = {"RandomErasing": "", "cutout": "with `ratio: [1, 1]`", "CoarseDropout": ""}
    two_meanings: ClassVar[Mapping[str, str]] = {
        **PROBABILITY,
        "factor": "write `probability`",
        "fill": "write `value`",
        "mode": "write `value: normal` for noise in each pixel",
        "inplace": "leave it out",
    }
    acts_on: ClassVar[Literal["image", "finished", "batch"]] = "finished"

    probability: float = attribute(SHARE, "how often", default=0.5)
    scale: Range = attribute(
        RangeKind(middle=None, least=0.0, most=1.0, expects="a pair (least, most)"),
        "the rectangle's area over the image's, drawn evenly",
        default=(0.02, 0.33),
    )
    ratio: Range = attribute(
        RangeKind(middle=None, least=0.0, expects="a pair (least, most)"),
        "the rectangle's height over its width, drawn evenly in its logarithm",
        default=(0.3, 3.3),
    )
    value: tuple[float, ...] | str = attribute(
        NumbersKind(single=True, words=("normal",), expects="a number, one for each channel, or `normal`"),
        "what it is filled with; `normal` are normal numbers, one for each pixel and channel",
        default=(0.0,),
    )


@AUGMENTATIONS.register
@dataclass(frozen=True, slots=True)
class Mix(Augmentation):
    """Each example of a batch is mixed with the one before it, and the targets likewise: Mixup or CutMix.

    The share of its own is drawn from Beta(alpha, alpha), once for the batch. Mixup (Zhang et al. 2018) adds the images
    in these shares; CutMix (Yun et al. 2019) puts a rectangle of the other into it. Where both are given, each is as
    likely as the other, for each batch anew.
    """

    name: ClassVar[str] = "mix"
    example: ClassVar[str] = "mix: {mixup: 0.2, cutmix: 1.0}"
    known_as: ClassVar[Mapping[str, str]] = {
        "mixup": "`mix: {mixup: 0.2}`",
        "cutmix": "`mix: {cutmix: 1.0}`",
        "RandomMixup": "`mix: {mixup: 0.2}`",
        "RandomCutmix": "`mix: {cutmix: 1.0}`",
    }
    two_meanings: ClassVar[Mapping[str, str]] = {
        "mixup_alpha": "write `mixup`",
        "cutmix_alpha": "write `cutmix`",
        "alpha": "write `mixup` or `cutmix`, each with its alpha",
        "num_classes": "leave it out: the data say it",
        "p": "leave it out: every batch is mixed",
        "probability": "leave it out: every batch is mixed",
        "switch_prob": "leave it out: each is as likely as the other",
    }
    acts_on: ClassVar[Literal["image", "finished", "batch"]] = "batch"

    mixup: float = attribute(FloatKind(), "the alpha of Mixup; 0 leaves it out", default=0.0)
    cutmix: float = attribute(FloatKind(), "the alpha of CutMix; 0 leaves it out", default=0.0)

    def problems(self) -> Iterator[Problem]:
        """There is one of them."""
        if not self.mixup and not self.cutmix:
            yield Problem("mixup", "neither Mixup nor CutMix is asked for", "write `mix: {mixup: 0.2}`")
