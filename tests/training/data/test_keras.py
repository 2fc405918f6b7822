"""Each transform gives what Keras's ImageDataGenerator gives for the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from archspec.training.data.parts.affine import Affine
from archspec.training.data.parts.draws import Draws
from archspec.training.data.parts.flips import Flip
from archspec.training.data.parts.keras_colors import Brightness, ChannelShift
from archspec.training.data.parts.samplewise import SampleCenter, SampleStd
from archspec.training.data.parts.scaling import Rescale
from archspec.training.data.parts.statistics import DivideByStd, SubtractMean
from archspec.training.data.parts.whitening import ZcaWhitening
from tests.needed import lazily, needs

image: Any = lazily("keras.src.legacy.preprocessing.image")
pytestmark = needs("keras", "scipy")

FILLS = ("nearest", "reflect", "wrap", "constant")
DRAWS = Draws(0, 0, np.arange(6))


def pictures(height: int = 12, width: int = 12, channels: int = 3) -> NDArray[np.float32]:
    return np.random.default_rng(7).integers(0, 256, (6, height, width, channels)).astype(np.float32)


def generator(**options: Any) -> Any:
    return image.ImageDataGenerator(data_format="channels_last", **options)


def given(**values: Any) -> dict[str, NDArray[np.float64]]:
    """Numbers for six images: those that are not said leave them as they are."""
    plain = {"theta": 0.0, "tx": 0.0, "ty": 0.0, "shear": 0.0, "zx": 1.0, "zy": 1.0}
    return {name: np.broadcast_to(np.asarray(values.get(name, plain[name]), np.float64), 6) for name in plain}


def assert_like_keras(
    ours: NDArray[np.float32], options: dict[str, Any], numbers: dict[str, Any], images: NDArray[np.float32]
) -> None:
    keras = generator(**options)
    for row, found in enumerate(ours):
        theirs = keras.apply_transform(images[row].copy(), {key: value[row] for key, value in numbers.items()})
        np.testing.assert_allclose(found, theirs, rtol=2e-6, atol=2e-4)  # pixels go up to 255


@pytest.mark.parametrize("order", [0, 1, 3])
@pytest.mark.parametrize("fill", FILLS)
def test_rotation_shift_shear_and_zoom(fill: Any, order: int) -> None:
    rng = np.random.default_rng(order)
    numbers = given(
        theta=rng.uniform(-180, 180, 6),
        tx=rng.uniform(-9, 9, 6),
        ty=rng.uniform(-9, 9, 6),
        shear=rng.uniform(-30, 30, 6),
        zx=rng.uniform(0.4, 2.5, 6),
        zy=rng.uniform(0.4, 2.5, 6),
    )
    found = Affine(fill=fill, cval=9.5, order=order).transform(pictures(), **numbers)
    assert_like_keras(found, {"fill_mode": fill, "cval": 9.5, "interpolation_order": order}, numbers, pictures())


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("far", [0.7, 3.2, 40.0])
def test_shifts_and_zooms_alone(fill: Any, order: int, far: float) -> None:
    rng = np.random.default_rng(3)
    numbers = given(tx=rng.uniform(-far, far, 6), ty=rng.uniform(-far, far, 6), zx=rng.uniform(0.5, 2, 6))
    found = Affine(fill=fill, cval=3.0, order=order).transform(pictures(), **numbers)
    assert_like_keras(found, {"fill_mode": fill, "cval": 3.0, "interpolation_order": order}, numbers, pictures())


@pytest.mark.parametrize("fill", FILLS)
def test_an_image_that_is_not_square(fill: Any) -> None:
    rng = np.random.default_rng(5)
    numbers = given(theta=rng.uniform(-90, 90, 6), tx=rng.uniform(-3, 3, 6), zy=rng.uniform(0.5, 2, 6))
    images = pictures(10, 17, 1)
    found = Affine(fill=fill, middle="keras").transform(images, **numbers)
    assert_like_keras(found, {"fill_mode": fill}, numbers, images)


def test_shear_and_rotation_each_alone() -> None:
    for name in ("shear", "theta"):
        numbers = given(**{name: np.linspace(-60, 75, 6)})
        found = Affine().transform(pictures(), **numbers)
        assert_like_keras(found, {}, numbers, pictures())


@pytest.mark.parametrize("span", [(0.0, 255.0), (-1.0, 1.0), (-40.0, 300.0), (0.0, 1.0)])
def test_channel_shift_and_brightness(span: tuple[float, float]) -> None:
    images = (pictures() / 255 * (span[1] - span[0]) + span[0]).astype(np.float32)
    intensity = np.linspace(-50, 60, 6)
    found = ChannelShift(60.0).transform(images.copy(), intensity)
    assert_like_keras(found, {}, {"channel_shift_intensity": intensity}, images)
    brightness = np.linspace(0.0, 2.2, 6)
    found = Brightness(0.0, 2.2).transform(images, brightness)
    assert_like_keras(found, {}, {"brightness": brightness}, images)


def test_flips() -> None:
    found = Flip("horizontal", 1.0)(pictures(), DRAWS)
    assert_like_keras(found, {}, {"flip_horizontal": [True] * 6}, pictures())
    found = Flip("vertical", 1.0)(pictures(), DRAWS)
    assert_like_keras(found, {}, {"flip_vertical": [True] * 6}, pictures())


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ({"width_shift": 0.25}, {"height_shift_range": 0.25}),  # Keras's tx, of the height, moves along the width
        ({"width_shift": 3.5}, {"height_shift_range": 3.5}),
        ({"width_shift": 4}, {"height_shift_range": 4}),
        ({"width_shift": (0.1, 0.25)}, {"height_shift_range": [0.1, 0.25]}),
        ({"width_shift": (1.0, 4.0)}, {"height_shift_range": [1.0, 4.0]}),
        ({"height_shift": 0.25}, {"width_shift_range": 0.25}),
    ],
)
def test_what_is_drawn_has_keras_distribution(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    drawn: list[dict[str, Any]] = []

    class Seen(Affine):
        def transform(self, images: Any, **numbers: Any) -> Any:  # type: ignore[override]
            drawn.append(numbers)

    Seen(**ours)(np.zeros((4000, 12, 12, 1), np.float32), Draws(1, 2, np.arange(4000)))
    keras = generator(**theirs)
    np.random.seed(0)
    reference = [keras.get_random_transform((12, 12, 1)) for _ in range(4000)]
    for name in ("tx", "ty"):
        mine, others = np.sort(drawn[0][name]), np.sort([float(each[name]) for each in reference])
        assert abs(mine.mean() - others.mean()) < 0.2
        assert (
            np.abs(
                np.quantile(mine, [0, 0.1, 0.3, 0.7, 0.9, 1]) - np.quantile(others, [0, 0.1, 0.3, 0.7, 0.9, 1])
            ).max()
            < 0.45
        )
        assert (
            len(np.unique(mine)) == len(np.unique(others)) or min(len(np.unique(mine)), len(np.unique(others))) > 3900
        )


def test_zoom_rotation_and_shear_are_drawn_evenly_between_their_bounds() -> None:
    drawn: list[dict[str, Any]] = []

    class Seen(Affine):
        def transform(self, images: Any, **numbers: Any) -> Any:  # type: ignore[override]
            drawn.append(numbers)

    Seen(rotation=20.0, shear=10.0, zoom=0.3)(np.zeros((4000, 8, 8, 1), np.float32), Draws(0, 0, np.arange(4000)))
    Seen(zoom=(0.5, 0.9))(np.zeros((4000, 8, 8, 1), np.float32), Draws(0, 0, np.arange(4000)))
    for numbers, name, low, high in (
        (drawn[0], "theta", -20, 20),
        (drawn[0], "shear", -10, 10),
        (drawn[0], "zx", 0.7, 1.3),
        (drawn[0], "zy", 0.7, 1.3),
        (drawn[1], "zx", 0.5, 0.9),
    ):
        expected = low + (high - low) * (np.arange(4000) + 0.5) / 4000
        assert np.abs(np.sort(numbers[name]) - expected).max() < 0.04 * (high - low)
    assert abs(np.corrcoef(drawn[0]["zx"], drawn[0]["zy"])[0, 1]) < 0.05


def fitted(steps: list[Any], images: NDArray[np.float32]) -> NDArray[np.float32]:
    ready: list[Any] = []
    for step in steps:

        def batches(done: tuple[Any, ...] = tuple(ready)) -> Any:
            for start in range(0, len(images), 16):
                batch: Any = images[start : start + 16]
                for each in done:
                    batch = each(batch, DRAWS)
                yield batch

        ready.append(step.fit(batches) if hasattr(step, "fit") else step)
    result: Any = images
    for each in ready:
        result = each(result, DRAWS)
    return result  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"rescale": 1 / 255, "featurewise_center": True}, [Rescale(1 / 255), SubtractMean("channel")]),
        (
            {"rescale": 1 / 255, "featurewise_center": True, "featurewise_std_normalization": True},
            [Rescale(1 / 255), SubtractMean("channel"), DivideByStd("channel", 1e-6)],
        ),
        (
            {"rescale": 1 / 255, "featurewise_center": True, "zca_whitening": True, "zca_epsilon": 1e-2},
            [Rescale(1 / 255), SubtractMean("channel"), ZcaWhitening(1e-2)],
        ),
        ({"samplewise_center": True}, [SampleCenter()]),
        ({"samplewise_center": True, "samplewise_std_normalization": True}, [SampleCenter(), SampleStd()]),
    ],
)
def test_standardization(options: dict[str, Any], steps: list[Any]) -> None:
    images = np.random.default_rng(1).integers(0, 256, (100, 5, 6, 3)).astype(np.float32)
    keras = generator(**options)
    keras.fit(images)
    theirs = np.stack([keras.standardize(each.copy()).reshape(5, 6, 3) for each in images])
    np.testing.assert_allclose(
        fitted(steps, images), theirs, rtol=1e-4, atol=2e-4 if "zca_whitening" in options else 2e-5
    )
