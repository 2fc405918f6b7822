"""What torchvision's color operations do to images of bytes, each image with a factor of its own.

Images are (n, height, width, channels) uint8 with 1 or 3 channels, factors (n,). Arithmetic is in float32, as
torchvision's is on tensors.
"""

import numpy as np
from numpy.typing import NDArray

from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.steps import Images


def as_bytes(images: Images, what: str) -> NDArray[np.uint8]:
    """The images, if they are bytes of 1 or 3 channels.

    Raises:
        DataError: they are something else.
    """
    if isinstance(images, list):
        raise DataError(f"{what}: the images have different sizes; resize or crop them before")
    if images.dtype != np.uint8 or images.shape[-1] not in (1, 3):
        raise DataError(f"{what} takes images of bytes with 1 or 3 channels, before they are scaled or normalized")
    return images  # type: ignore[no-any-return]


def _blend(
    images: NDArray[np.uint8], others: NDArray[np.float32] | np.float32, factors: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """`factor` of the images and 1 - `factor` of the others, cut to whole numbers."""
    factors = factors.reshape(-1, 1, 1, 1)
    mixed = factors.astype(np.float32) * images.astype(np.float32)
    mixed += (1.0 - factors).astype(np.float32) * others
    return np.clip(mixed, 0, 255, out=mixed).astype(np.uint8)


def _gray(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    if images.shape[-1] == 1:
        return images.astype(np.float32)
    red, green, blue = (images[..., n : n + 1].astype(np.float32) for n in range(3))
    gray: NDArray[np.float32] = np.trunc(
        np.float32(0.2989) * red + np.float32(0.587) * green + np.float32(0.114) * blue
    )
    return gray


def adjust_brightness(images: NDArray[np.uint8], factors: NDArray[np.float64]) -> NDArray[np.uint8]:
    """0 gives black, 1 the image."""
    return _blend(images, np.float32(0), factors)


def adjust_contrast(images: NDArray[np.uint8], factors: NDArray[np.float64]) -> NDArray[np.uint8]:
    """0 gives the mean of the gray image, 1 the image."""
    gray = _gray(images).astype(np.int64)  # so that the sum is exact
    means = gray.sum(axis=(1, 2, 3), keepdims=True) / (gray.shape[1] * gray.shape[2])
    return _blend(images, means.astype(np.float32), factors)


def adjust_saturation(images: NDArray[np.uint8], factors: NDArray[np.float64]) -> NDArray[np.uint8]:
    """0 gives the gray image, 1 the image."""
    return images if images.shape[-1] == 1 else _blend(images, _gray(images), factors)


def adjust_sharpness(images: NDArray[np.uint8], factors: NDArray[np.float64]) -> NDArray[np.uint8]:
    """0 gives a blurred image, 1 the image; the border stays."""
    if min(images.shape[1:3]) <= 2:
        return images
    whole = images.astype(np.int32)
    total = 4 * whole[:, 1:-1, 1:-1]
    for y in range(3):
        for x in range(3):
            total += whole[:, y : y + images.shape[1] - 2, x : x + images.shape[2] - 2]
    blurred = images.astype(np.float32)
    blurred[:, 1:-1, 1:-1] = np.rint(total / 13.0)
    return _blend(images, blurred, factors)


def adjust_hue(images: NDArray[np.uint8], shifts: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Turns the hue by a share of the circle, between -0.5 and 0.5."""
    if images.shape[-1] == 1:
        return images
    rgb = images.astype(np.float32) / np.float32(255)
    red, green, blue = (rgb[..., n] for n in range(3))
    greatest, least = rgb.max(axis=-1), rgb.min(axis=-1)
    plain = greatest == least
    span = greatest - least
    saturation = span / np.where(plain, np.float32(1), greatest)
    divisor = np.where(plain, np.float32(1), span)
    r, g, b = ((greatest - channel) / divisor for channel in (red, green, blue))
    hue = (greatest == red) * (b - g)
    hue += ((greatest == green) & (greatest != red)) * (np.float32(2) + r - b)
    hue += ((greatest != green) & (greatest != red)) * (np.float32(4) + g - r)
    hue = np.fmod(hue / np.float32(6) + np.float32(1), np.float32(1))
    hue = np.mod(hue + shifts.astype(np.float32).reshape(-1, 1, 1), np.float32(1))
    sector = np.floor(hue * np.float32(6))
    f = hue * np.float32(6) - sector
    one = np.float32(1)
    p = np.clip(greatest * (one - saturation), 0, 1)
    q = np.clip(greatest * (one - saturation * f), 0, 1)
    t = np.clip(greatest * (one - saturation * (one - f)), 0, 1)
    number = sector.astype(np.int32) % 6
    channels = ((greatest, q, p, p, t, greatest), (t, greatest, greatest, q, p, p), (p, p, t, greatest, greatest, q))
    turned = np.stack([np.choose(number, list(channel)) for channel in channels], axis=-1)
    return (turned * np.float32(255.999)).astype(np.uint8)


def autocontrast(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stretches each channel to 0 to 255."""
    least = images.min(axis=(1, 2), keepdims=True).astype(np.float32)
    greatest = images.max(axis=(1, 2), keepdims=True).astype(np.float32)
    flat = greatest == least
    scale = np.float32(255) / np.where(flat, np.float32(255), greatest - least)
    stretched = (images.astype(np.float32) - np.where(flat, np.float32(0), least)) * scale
    return np.clip(stretched, 0, 255, out=stretched).astype(np.uint8)


def equalize(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Makes the values of each channel about equally frequent."""
    result = images.copy()
    for image in result:
        for channel in range(image.shape[-1]):
            histogram = np.bincount(image[..., channel].reshape(-1), minlength=256)
            used = histogram[histogram != 0]
            step = int(used[:-1].sum()) // 255
            if step:
                table = np.clip((np.cumsum(histogram) + step // 2) // step, 0, 255)
                table = np.concatenate([[0], table[:-1]]).astype(np.uint8)
                image[..., channel] = table[image[..., channel]]
    return result


def posterize(images: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Keeps the upper bits."""
    return images & np.uint8(256 - 2 ** (8 - bits))


def solarize(images: NDArray[np.uint8], threshold: float) -> NDArray[np.uint8]:
    """Inverts what is not below a threshold."""
    return np.where(images >= threshold, np.uint8(255) - images, images)
