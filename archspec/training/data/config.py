"""What the data of a program are, all concrete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from archspec.training.data.parts.affine import Affine
from archspec.training.data.parts.batches import AnyStep, Format
from archspec.training.data.parts.examples import Share


@dataclass(frozen=True)
class DataConfig:
    """The data of one recipe. The fields are those of `Data` in a `data.py`, which says what each of them means.

    The formats and steps are objects of the classes in `archspec.training.data.parts`: `FORMATS` and `STEPS` of
    `archspec.training.data.catalog` name them. `pipelines` makes the two sequences of steps from a recipe's lists.
    """

    source: Format
    training: tuple[AnyStep, ...]
    evaluation: tuple[AnyStep, ...]
    batch: int
    train: str = "train"
    validation: str | Share | None = None
    test: str | None = None
    classes: int | None = None
    evaluation_batch: int | None = None
    shuffle: bool = True
    drop_last: bool = False
    repeats: int = 1
    one_hot: bool = False
    seed: int = 0


def pipelines(
    prepare: Sequence[AnyStep], augment: Sequence[AnyStep], *, augment_first: bool = False
) -> tuple[tuple[AnyStep, ...], tuple[AnyStep, ...]]:
    """What is done to training batches and to others, from what a recipe says of each.

    Training batches are prepared and then augmented, as the CIFAR-10 recipes have it. Augmentations that need bytes, or
    that make the size, come before instead; so do all that stand before one of them, since their order is kept. Where
    one makes the size, the preparations that do so (a resize, a crop) are left out.

    Args:
        prepare: the preparations, in their order.
        augment: the augmentations, in their order.
        augment_first: all augmentations but mixing come before the preparations, as in Keras's ImageDataGenerator.
    """
    early = [n for n, each in enumerate(augment) if type(each).__name__ in (*_NEED_BYTES, *_MAKE_SIZE)]
    late = [n for n, each in enumerate(augment) if type(each).__name__ in _COME_LAST]
    most = (min(late) if late else len(augment)) if augment_first else max(early, default=-1) + 1
    sized = any(type(each).__name__ in _MAKE_SIZE for each in augment)
    prepared = [each for each in prepare if not (sized and type(each).__name__ in ("Resize", "CenterCrop"))]
    return (*augment[:most], *prepared, *augment[most:]), tuple(prepare)


_NEED_BYTES = ("ColorJitter", "RandAugment", "TrivialAugmentWide")
_MAKE_SIZE = ("RandomResizedCrop", "RandomResize")
_COME_LAST = ("Mix", "RandomErasing")


def merged(augment: Sequence[AnyStep]) -> tuple[AnyStep, ...]:
    """The augmentations, those `Affine` that follow each other as one: one interpolation in place of several.

    Raises:
        ValueError: two of them say different things of one field.
    """
    found: list[AnyStep] = []
    for each in augment:
        last = found[-1] if found else None
        if isinstance(each, Affine) and isinstance(last, Affine):
            plain = Affine()
            given = {}
            for name in (field.name for field in fields(Affine)):
                first, second, default = getattr(last, name), getattr(each, name), getattr(plain, name)
                if default not in (first, second) and first != second:
                    raise ValueError(f"one interpolation cannot have {name} {first} and {second}")
                given[name] = second if first == default else first
            found[-1] = Affine(**given)
        else:
            found.append(each)
    return tuple(found)
