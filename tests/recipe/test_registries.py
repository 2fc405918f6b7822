"""The parts of recipes: each is documented and read as its example says; words of other libraries lead to ours."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest

from archspec.errors import SpecError
from archspec.ir.attributes import Kind
from archspec.recipe import AUGMENTATIONS, LOSSES, METRICS, OPTIMIZERS, PHASES, PREPARATIONS, Part, Registry
from archspec.recipe.key_suggestions import DATA_WORDS, OTHER_VALUES, RECIPE_WORDS, SCHEDULE_WORDS
from archspec.recipe.kinds import NumbersKind, RangeKind, ShiftKind
from archspec.recipe.loading import load_text
from archspec.recipe.model import DataSpec, Recipe, ScheduleSpec
from archspec.recipe.schema import REGISTRIES, SECTIONS
from archspec.recipe.settings import ResolvedRecipe, resolve
from tests.recipe.recipes import settings, text

PARTS = [part for registry in REGISTRIES for part in registry.values()]


@pytest.mark.parametrize("part", [*PARTS, *SECTIONS], ids=lambda part: part.name)
def test_a_part_is_documented(part: type[Part]) -> None:
    assert dataclasses.is_dataclass(part)
    assert part.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert part.__doc__
    assert not part.__doc__.startswith(f"{part.__name__}(")  # what dataclasses write where nobody does
    assert part.name == part.name.lower()
    assert part.name.isidentifier()
    for info in part.attributes().values():
        assert info.doc
        assert info.kind.expects
    assert not part.bare or part.bare in part.attributes()
    assert not part.two_meanings.keys() & part.attributes().keys()


def _read(registry: Registry[Any], example: str) -> ResolvedRecipe:
    """A recipe with an item of this kind, as it is written."""
    keys: dict[str, str | None] = {}
    kind = registry.noun
    if registry is OPTIMIZERS:
        keys["optimizer"] = f"{{{example}}}"
        keys["weight_decay"] = "{amount: 0.01, coupled: false}"
    elif registry is LOSSES:
        keys["loss"] = f"{{{example}}}" if ":" in example else example
    elif registry is METRICS:
        keys["metrics"] = f"[{example}]"
    elif registry is PHASES:
        keys["schedule"] = f"{{by: epoch, phases: [{example}]}}"
    elif registry is AUGMENTATIONS:
        keys["data"] = f"{{source: cifar10, augment: [{example}]}}"
    elif registry is PREPARATIONS:
        keys["data"] = f"{{source: cifar10, prepare: [{example}]}}"
    elif "source" in kind:
        keys["data"] = f"{{source: {{{example}}}}}" if ":" in example else f"{{source: {example}}}"
    else:
        keys["clip"] = example.removeprefix("clip: ")
    return settings(**keys)


@pytest.mark.parametrize(
    ("registry", "part"),
    [(registry, part) for registry in REGISTRIES for part in registry.values()],
    ids=lambda value: getattr(value, "name", ""),
)
def test_its_example_is_right(registry: Registry[Any], part: type[Part]) -> None:
    assert _read(registry, part.example or part.name).batch == 128
    assert not part.example or re.search(rf"\b{part.name}\b", part.example)


@pytest.mark.parametrize("part", SECTIONS, ids=lambda part: part.name)
def test_a_sections_example_is_right(part: type[Part]) -> None:
    if part.name == "share":
        assert settings(data=f"{{source: cifar10, validation: {part.example}}}").data.validation
    else:
        key, _, value = part.example.partition(": ")
        data = "{source: cifar10, validation: 0.1}"
        assert getattr(settings(**{key: value}, data=data, metrics="[accuracy]"), part.name)


@pytest.mark.parametrize("part", [*PARTS, *SECTIONS], ids=lambda part: part.name)
def test_a_help_names_what_there_is(part: type[Part]) -> None:
    """`write `epsilon`` in the help of a word is an attribute of the part, or a key of recipes."""
    known = {*part.attributes(), *Recipe.yaml_keys(), *(name for registry in REGISTRIES for name in registry)}
    for word, help in part.two_meanings.items():
        assert help.startswith(("write ", "leave it out", "if it", "Keras's")), (word, help)
        for written in re.findall(r"write (?:the recipe's |a phase |a )?`(\w+)", help):
            assert written in known, (word, help)


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda registry: registry.noun)
def test_names_of_other_libraries_are_no_two_things(registry: Registry[Any]) -> None:
    letters: dict[str, str] = {}
    for part in registry.values():
        for name in (part.name, *part.known_as):
            plain = name.replace("_", "").lower()
            assert letters.setdefault(plain, part.name) == part.name, name
            if name != part.name:
                assert name not in registry
                assert registry.help(name).startswith("write `")
    for name in registry._not_here:
        assert name not in letters, name


IMAGE_DATA_GENERATOR = (
    *("featurewise_center", "samplewise_center", "featurewise_std_normalization", "samplewise_std_normalization"),
    *("zca_whitening", "zca_epsilon", "rotation_range", "width_shift_range", "height_shift_range", "brightness_range"),
    *("shear_range", "zoom_range", "channel_shift_range", "fill_mode", "cval", "horizontal_flip", "vertical_flip"),
    *("rescale", "preprocessing_function", "data_format", "validation_split", "interpolation_order", "dtype"),
)
"""Every parameter of Keras's ImageDataGenerator."""
TORCHVISION = (
    *("RandomCrop", "RandomResizedCrop", "RandomHorizontalFlip", "RandomVerticalFlip", "ColorJitter", "RandAugment"),
    *("TrivialAugmentWide", "RandomErasing", "RandomRotation", "RandomAffine", "AutoAugment", "MixUp", "CutMix"),
    *("Resize", "CenterCrop", "Normalize", "ToTensor"),
)
OTHERS: tuple[tuple[Registry[Any], tuple[str, ...]], ...] = (
    (OPTIMIZERS, ("torch.optim.SGD", "keras.optimizers.Adam", "AdamW", "RMSprop", "Lion", "Nadam", "Adagrad", "LAMB")),
    (
        PHASES,
        (
            *("MultiStepLR", "StepLR", "ExponentialLR", "CosineAnnealingLR", "LinearLR", "OneCycleLR", "PolynomialLR"),
            *("ConstantLR", "ReduceLROnPlateau", "LambdaLR", "SequentialLR", "CosineDecay", "PiecewiseConstantDecay"),
            *("ExponentialDecay", "PolynomialDecay", "LearningRateScheduler", "warmup"),
        ),
    ),
    (LOSSES, ("CrossEntropyLoss", "categorical_crossentropy", "BCEWithLogitsLoss", "MSELoss", "NLLLoss", "mse")),
    (METRICS, ("acc", "SparseCategoricalAccuracy", "top5", "MeanIoU", "AUC", "F1Score")),
)


def _answered(name: str, *registries: Registry[Any]) -> bool:
    """Whether a name is one of ours, or leads to one, or to the reason why there is none."""
    return any(
        name.replace("_", "").lower() in {known.replace("_", "") for known in registry}
        or registry.help(name).startswith(("write ", "it is", "leave it out"))
        for registry in registries
    )


def test_every_parameter_of_keras_is_answered() -> None:
    affine = AUGMENTATIONS["affine"].two_meanings
    whitening = PREPARATIONS["zca_whitening"].two_meanings
    for name in IMAGE_DATA_GENERATOR:
        assert _answered(name, AUGMENTATIONS, PREPARATIONS) or name in {*affine, *whitening, *DATA_WORDS}, name


def test_names_of_torchvision_keras_and_timm_are_answered() -> None:
    for name in TORCHVISION:
        assert _answered(name, AUGMENTATIONS, PREPARATIONS), name
    for registry, names in OTHERS:
        for name in names:
            assert _answered(name, registry), name


def test_other_values_are_of_attributes_and_lead_to_their_words() -> None:
    kinds: dict[str, list[Kind]] = {}
    for part in [*PARTS, *SECTIONS]:
        for info in part.attributes().values():
            kinds.setdefault(info.name, []).append(info.kind)
    for model in (Recipe, DataSpec, ScheduleSpec):
        for key, info in model.model_fields.items():
            held = [*info.metadata, *(m for arm in getattr(info.annotation, "__args__", ()) for m in _metadata(arm))]
            kinds.setdefault(key, []).extend(each.kind for each in held if hasattr(each, "kind"))
    for name, words in OTHER_VALUES.items():
        known = {word for kind in kinds[name] for word in kind.words}
        assert set(words.values()) <= known, name
        assert not words.keys() & known, name


def _metadata(annotation: Any) -> tuple[Any, ...]:
    return tuple(getattr(annotation, "__metadata__", ()))


def test_words_of_keys_are_no_keys() -> None:
    for model, words in ((Recipe, RECIPE_WORDS), (DataSpec, DATA_WORDS), (ScheduleSpec, SCHEDULE_WORDS)):
        assert not words.keys() & set(model.yaml_keys())


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (RangeKind(), 15, (-15.0, 15.0)),
        (RangeKind(middle=1.0, least=0.0), 0.2, (0.8, 1.2)),
        (RangeKind(middle=1.0, least=0.0), 1.5, (0.0, 2.5)),
        (RangeKind(middle=None), (256, 480), (256.0, 480.0)),
        (ShiftKind(), 0.1, 0.1),
        (ShiftKind(), 0, 0.0),
        (ShiftKind(), 4, 4),
        (ShiftKind(), 4.5, 4.5),
        (ShiftKind(), (1, 2), (1.0, 2.0)),
        (NumbersKind(single=True), 0.5, (0.5,)),
        (NumbersKind(whole=True), (30, 60), (30, 60)),
    ],
)
def test_kinds_of_values(kind: Kind, value: Any, expected: object) -> None:
    found = kind.read(value)
    assert found == expected
    assert type(found) is type(expected)


def test_conditions_choose_items() -> None:
    data = "{source: cifar10, augment: [{flip: horizontal, when: size > 32, else: [pad_crop: 4, {flip: vertical}]}]}"
    small = settings({"size": 32}, data=data, params="{size: 64}")
    large = settings(data=data, params="{size: 64}")
    assert [item.name for item in large.data.augment] == ["flip"]
    assert [item.name for item in small.data.augment] == ["pad_crop", "flip"]


def test_what_is_not_there_is_not_worked_out_but_looked_at() -> None:
    phases = "[{constant: {factor: 1 / warmup, length: warmup}, when: warmup > 0}, cosine]"
    found = settings(params="{warmup: 0}", schedule=f"{{by: step, phases: {phases}}}")
    assert found.schedule is not None
    assert [phase.name for phase in found.schedule.phases] == ["cosine"]
    with pytest.raises(SpecError, match="`warmpu` is not defined"):
        settings(params="{warmup: 0}", schedule=f"{{by: step, phases: {phases.replace('1 / warmup', '1 / warmpu')}}}")


def test_errors_of_the_form_and_of_values_come_together() -> None:
    with pytest.raises(SpecError) as caught:
        load_text(text(data="{source: cifar10, augment: [flipp]}", batch="0", epochs="wrong"))
    assert {found.code for found in caught.value.diagnostics} == {"E0408", "E0411", "E0302"}
    assert resolve(load_text(text())).batch == 128
