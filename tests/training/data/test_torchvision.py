"""Each transform gives what torchvision's gives for the same numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from archspec.training.data.parts import colors
from archspec.training.data.parts.crops import PadCrop
from archspec.training.data.parts.draws import Draws
from archspec.training.data.parts.erasing import RandomErasing
from archspec.training.data.parts.jitter import ColorJitter
from archspec.training.data.parts.mixing import Mix
from archspec.training.data.parts.policies import _OPERATIONS, RandAugment, TrivialAugmentWide, operated
from archspec.training.data.parts.resized_crop import RandomResizedCrop
from archspec.training.data.parts.resizing import CenterCrop, Resize
from archspec.training.data.parts.scaling import Normalize, Rescale
from tests.needed import lazily, needs
from tests.training.data.vision import torchvision

torch: Any = lazily("torch")
pytestmark = needs("torch")


@pytest.fixture(scope="module")
def F() -> Any:  # noqa: N802 - its usual name
    torchvision()
    from torchvision.transforms import functional

    return functional


def pictures(height: int = 20, width: int = 24, channels: int = 3, smooth: bool = False) -> NDArray[np.uint8]:
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (5, height, width, channels))
    if smooth:
        y, x = np.mgrid[:height, :width]
        images = (images * 0.2 + (y * 5 + x * 3)[..., None] % 200).astype(int)
    images[3] = images[3, 0, 0]  # one of a single color
    images[4] //= 3
    return images.astype(np.uint8)


def tensors(images: NDArray[Any]) -> Any:
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def arrays(found: Any) -> NDArray[Any]:
    return found.numpy().transpose(0, 2, 3, 1)  # type: ignore[no-any-return]


FACTORS = np.array([0.0, 0.3, 1.0, 1.6, 2.5])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "sharpness"])
def test_factors(F: Any, name: str, channels: int) -> None:  # noqa: N803
    images = pictures(channels=channels)
    found = getattr(colors, f"adjust_{name}")(images, FACTORS)
    theirs = [getattr(F, f"adjust_{name}")(each, factor) for each, factor in zip(tensors(images), FACTORS, strict=True)]
    difference = np.abs(found.astype(int) - arrays(torch.stack(theirs)))
    # The mean of `contrast` is a float32 sum there, in an order of its own: a level may differ where one is cut.
    assert difference.max() <= (1 if name == "contrast" else 0)
    assert (difference > 0).mean() < 1e-2


def test_hue(F: Any) -> None:  # noqa: N803
    shifts = np.array([-0.5, -0.2, 0.0, 0.31, 0.5])
    found = colors.adjust_hue(pictures(), shifts)
    theirs = [F.adjust_hue(each, shift) for each, shift in zip(tensors(pictures()), shifts, strict=True)]
    np.testing.assert_array_equal(found, arrays(torch.stack(theirs)))


@pytest.mark.parametrize("channels", [1, 3])
def test_operations_without_a_factor(F: Any, channels: int) -> None:  # noqa: N803
    images = pictures(channels=channels)
    for ours, theirs in (
        (colors.autocontrast(images), F.autocontrast(tensors(images))),
        (colors.equalize(images), F.equalize(tensors(images))),
        (colors.posterize(images, 3), F.posterize(tensors(images), 3)),
        (colors.posterize(images, 8), F.posterize(tensors(images), 8)),
        (colors.solarize(images, 100.5), F.solarize(tensors(images), 100.5)),
    ):
        np.testing.assert_array_equal(ours, arrays(theirs))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
@pytest.mark.parametrize("fill", [None, (0,), (10, 120, 250)])
@pytest.mark.parametrize("name", [name for name, _ in _OPERATIONS])
def test_every_operation_of_the_policies(F: Any, name: str, fill: tuple[int, ...] | None, interpolation: str) -> None:  # noqa: N803
    from torchvision.transforms.autoaugment import _apply_op

    amount = {"Posterize": 4.0, "Solarize": 77.0, "TranslateX": 5.7, "TranslateY": 3.0, "Rotate": 23.4}.get(name, 0.37)
    images = pictures(smooth=True)
    signs = np.array([1, -1, 1, -1, 1]) if amount not in (4.0, 77.0) else np.ones(5)
    found = operated(images, name, amount * signs, interpolation, fill)
    mode = getattr(F.InterpolationMode, interpolation.upper())
    theirs = [
        _apply_op(each, name, float(amount * sign), mode, None if fill is None else [float(each) for each in fill])
        for each, sign in zip(tensors(images), signs, strict=True)
    ]
    difference = np.abs(found.astype(int) - arrays(torch.stack(theirs)))
    # PyTorch's places are float32: a pixel in the middle between two may be the other one, or round to the next level.
    exact = name not in ("Rotate", "ShearX", "ShearY", "TranslateX", "TranslateY", "Contrast")
    assert (difference > (1 if interpolation == "bilinear" or name == "Contrast" else 0)).mean() < (
        1e-9 if exact else 4e-3
    )
    assert exact is False or difference.max() == 0


@pytest.mark.parametrize("policy", [RandAugment(), TrivialAugmentWide()])
def test_the_policies_draw_torchvisions_magnitudes(
    F: Any,  # noqa: N803
    policy: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from torchvision.transforms import autoaugment

    seen: dict[str, set[float]] = {}

    def spy(images: Any, name: str, amounts: Any, *_: Any) -> Any:
        seen.setdefault(name, set()).update(np.round(amounts, 4).tolist())
        return images

    monkeypatch.setattr("archspec.training.data.parts.policies.operated", spy)
    policy(np.zeros((4000, 20, 24, 3), np.uint8), Draws(0, 0, np.arange(4000)))
    theirs = getattr(autoaugment, type(policy).__name__)()
    space = (
        theirs._augmentation_space(31, (20, 24)) if isinstance(policy, RandAugment) else theirs._augmentation_space(31)
    )
    assert set(seen) == set(space)
    for name, (magnitudes, signed) in space.items():
        if magnitudes.ndim == 0:
            continue
        values = [magnitudes[9].item()] if isinstance(policy, RandAugment) else magnitudes.tolist()
        expected = {round(float(value) * sign, 4) for value in values for sign in ((1, -1) if signed else (1,))}
        for value in seen[name]:
            assert min(abs(value - other) for other in expected) < 2e-4
        for value in expected:
            assert min(abs(abs(value) - abs(other)) for other in seen[name]) < 2e-4
        assert not signed or {value > 0 for value in seen[name] if value} == {True, False}


def test_color_jitter(F: Any) -> None:  # noqa: N803
    images = pictures()
    jitter = ColorJitter((0.6, 1.4), (0.6, 1.4), (0.6, 1.4), (-0.1, 0.1))
    draws = Draws(0, 5, np.arange(5))
    u = draws.uniform(8)
    adjusts = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
    theirs = []
    for each, row in zip(tensors(images), u, strict=True):
        values = [0.6 + 0.8 * value for value in row[4:7]] + [-0.1 + 0.2 * row[7]]
        for number in np.argsort(row[:4]):
            each = adjusts[number](each, float(values[number]))
        theirs.append(each)
    difference = np.abs(jitter(images, draws).astype(int) - arrays(torch.stack(theirs)))
    assert (difference > 1).mean() < 5e-3


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_pad_and_crop(F: Any, mode: Any) -> None:  # noqa: N803
    images, draws = pictures(), Draws(0, 1, np.arange(5))
    found = PadCrop(4, mode=mode, value=7.0)(images, draws)
    padded = (
        F.pad(tensors(images), [4], fill=7, padding_mode=mode)
        if mode == "constant"
        else F.pad(tensors(images), [4], padding_mode=mode)
    )
    places = np.floor(draws.uniform(2) * 9).astype(int)
    theirs = [F.crop(each, int(top), int(left), 20, 24) for each, (top, left) in zip(padded, places, strict=True)]
    np.testing.assert_array_equal(found, arrays(torch.stack(theirs)))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_resize_and_center_crop_as_pillow(F: Any, interpolation: Any, channels: int) -> None:  # noqa: N803
    from PIL import Image

    images = pictures(40, 57, channels)
    found = CenterCrop((20, 22))(
        Resize(26, interpolation)(images, Draws(0, 0, np.arange(5))), Draws(0, 0, np.arange(5))
    )
    for each, image in zip(found, images, strict=True):
        picture = Image.fromarray(image if channels == 3 else image[..., 0])
        theirs = F.center_crop(F.resize(picture, 26, getattr(F.InterpolationMode, interpolation.upper())), [20, 22])
        np.testing.assert_array_equal(each, np.asarray(theirs).reshape(each.shape))


@pytest.mark.parametrize("size", [(17, 31), (64, 80)])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_resize_without_antialias(F: Any, interpolation: Any, size: tuple[int, int]) -> None:  # noqa: N803
    images = pictures(40, 57)
    found = Resize(size, interpolation, antialias=False)(images, Draws(0, 0, np.arange(5)))
    theirs = F.resize(tensors(images), list(size), getattr(F.InterpolationMode, interpolation.upper()), antialias=False)
    difference = np.abs(found.astype(int) - arrays(theirs))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 1e-3


def test_random_resized_crop(F: Any) -> None:  # noqa: N803
    from PIL import Image

    images, draws = pictures(60, 90), Draws(0, 0, np.arange(5))
    step = RandomResizedCrop((24, 24))
    found = step(images, draws)
    places = step.places(np.full((5, 2), (60.0, 90.0)), draws.uniform(40).reshape(-1, 10, 4))
    for each, image, place in zip(found, images, places.tolist(), strict=True):
        theirs = F.resized_crop(Image.fromarray(image), *place, [24, 24])
        np.testing.assert_array_equal(each, np.asarray(theirs))


@pytest.mark.parametrize("size", [(60, 90), (20, 400), (400, 20)])
def test_places_of_random_resized_crops(F: Any, size: tuple[int, int]) -> None:  # noqa: N803
    from torchvision.transforms import RandomResizedCrop as Theirs

    draws = Draws(0, 0, np.arange(3000))
    sizes = np.full((3000, 2), size, np.float64)
    ours = RandomResizedCrop((8, 8)).places(sizes, draws.uniform(40).reshape(-1, 10, 4))
    torch.manual_seed(0)
    image = torch.zeros(3, *size)
    theirs = np.array([Theirs.get_params(image, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(3000)])
    for column in range(4):
        a, b = np.sort(ours[:, column]), np.sort(theirs[:, column])
        assert np.abs(a - b).mean() < 0.03 * max(size)
    assert (ours[:, 0] + ours[:, 2] <= size[0]).all()
    assert (ours[:, 1] + ours[:, 3] <= size[1]).all()


@pytest.mark.parametrize("value", [(0.5,), (0.1, 0.2, 0.3)])
def test_erasing(F: Any, value: tuple[float, ...]) -> None:  # noqa: N803
    images = (pictures() / 255).astype(np.float32)
    draws = Draws(0, 0, np.arange(5))
    found = RandomErasing(1.0, value=value)(images, draws)
    for each, image, u in zip(found, images, draws.uniform(41), strict=True):
        changed = np.argwhere((each != image).any(axis=-1))
        (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0) + 1
        tries = u[1:].reshape(10, 4)
        for share, ratio, *_ in tries:
            area = 20 * 24 * (0.02 + 0.31 * share)
            aspect = math.exp(math.log(0.3) + (math.log(3.3) - math.log(0.3)) * ratio)
            h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if h < 20 and w < 24:
                break
        assert (bottom - top, right - left) == (h, w)
        erased = F.erase(tensors(image[None])[0], top, left, h, w, torch.tensor(value)[:, None, None])
        np.testing.assert_array_equal(each, erased.numpy().transpose(1, 2, 0))


def test_normalizing(F: Any) -> None:  # noqa: N803
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    draws = Draws(0, 0, np.arange(5))
    found = Normalize(mean, std)(Rescale(1 / 255)(pictures(), draws), draws)
    theirs = F.normalize(F.convert_image_dtype(tensors(pictures()), torch.float32), list(mean), list(std))
    np.testing.assert_allclose(found, arrays(theirs), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_mixing(F: Any, kind: str) -> None:  # noqa: N803
    from torchvision.transforms import v2

    images = (pictures() / 255).astype(np.float32)
    mix = Mix(**{kind: 0.7})
    for step in range(6):
        draws = Draws(0, step, np.arange(5)).of("Mix.1")
        found, share = mix.mix(images.copy(), np.roll(images, 1, axis=0), draws)
        theirs: Any = (v2.MixUp if kind == "mixup" else v2.CutMix)(num_classes=5)
        lam = share
        if kind == "mixup":
            theirs.make_params = lambda _, lam=lam: {"lam": lam}
        else:
            _, across, down = draws.whole(3)
            from archspec.training.data.parts.mixing import symmetric_beta

            drawn = symmetric_beta(0.7, draws)
            half = 0.5 * math.sqrt(1 - drawn)
            x, y, w, h = int(across * 24), int(down * 20), int(half * 24), int(half * 20)
            box = (max(x - w, 0), max(y - h, 0), min(x + w, 24), min(y + h, 20))
            adjusted = 1.0 - (box[2] - box[0]) * (box[3] - box[1]) / (20 * 24)
            assert share == pytest.approx(adjusted)
            theirs.make_params = lambda _, box=box, lam=adjusted: {"box": box, "lam_adjusted": lam}
        expected, labels = theirs(tensors(images), torch.arange(5))
        np.testing.assert_allclose(found, arrays(expected), atol=1e-6)
        one_hot = np.eye(5, dtype=np.float32)
        np.testing.assert_allclose(
            np.float32(share) * one_hot + np.float32(1 - share) * np.roll(one_hot, 1, axis=0), labels.numpy(), atol=1e-6
        )
