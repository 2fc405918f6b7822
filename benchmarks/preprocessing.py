"""What torchvision's transforms make of Pillow's images, as digests: `tests/prediction/torchvision.json`.

    python -m benchmarks.preprocessing            # torchvision beside archspec's own preparation
    python -m benchmarks.preprocessing --write    # writes the fixture anew

The images are made by whole numbers, so that each machine has the same ones.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FIXTURE: Final = Path(__file__).resolve().parents[1] / "tests" / "prediction" / "torchvision.json"
IMAGENET: Final = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
SIZES: Final = ((300, 400), (401, 277), (256, 256), (100, 90), (224, 500), (231, 232))
"""Heights and widths."""
CASES: Final[dict[str, dict[str, Any]]] = {
    "usual": {"size": 256, "crop": 224, "interpolation": "bilinear"},
    "bicubic": {"size": 235, "crop": 224, "interpolation": "bicubic"},
    "nearest": {"size": 232, "crop": 224, "interpolation": "nearest"},
    "both sides": {"size": [180, 320], "crop": [160, 299], "interpolation": "bilinear"},
    "beyond": {"size": 64, "crop": [90, 75], "interpolation": "bilinear"},
    "crop alone": {"crop": [224, 224], "interpolation": "bilinear"},
}


def picture(height: int, width: int) -> Image.Image:
    """An image with edges, slopes and noise."""
    row, column = np.arange(height)[:, None], np.arange(width)[None, :]
    planes = [(row * column + 7 * row) % 251, (row // 9 + column // 5) % 2 * 200 + row % 50, (row * row + column) % 256]
    return Image.fromarray(np.stack(planes, axis=-1).astype(np.uint8))


def digest(array: NDArray[np.float32]) -> str:
    """Of the numbers of a prepared image."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def names() -> Iterator[tuple[str, str, tuple[int, int]]]:
    """A name for each case and image, the case, and the image's size."""
    for case in CASES:
        for size in SIZES:
            yield f"{case}, {size[0]}x{size[1]}", case, size


def by_torchvision(case: dict[str, Any], image: Image.Image) -> NDArray[np.float32]:
    """What torchvision makes of an image."""
    from torchvision import transforms

    mode = transforms.InterpolationMode(case["interpolation"])
    steps = [transforms.Resize(case["size"], mode)] if "size" in case else []
    steps += [transforms.CenterCrop(case["crop"]), transforms.ToTensor(), transforms.Normalize(*IMAGENET)]
    found: NDArray[np.float32] = transforms.Compose(steps)(image).numpy()
    return found


def main() -> None:
    """Print or write the digests."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--write", action="store_true", help="write the fixture")
    arguments = parser.parse_args()
    found = {name: digest(by_torchvision(CASES[case], picture(*size))) for name, case, size in names()}
    if arguments.write:
        FIXTURE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    held = json.loads(FIXTURE.read_text(encoding="utf-8"))
    for name, number in found.items():
        print(f"{name:<28} {number}  {'as in the fixture' if held.get(name) == number else 'DIFFERS'}")


if __name__ == "__main__":
    main()
