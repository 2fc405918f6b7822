"""What keras.applications says of its weights beside what our specs say of them under `pretrained`.

    python -m benchmarks.keras_pretrained            # compares
    python -m benchmarks.keras_pretrained --write    # writes the tests' pretrained.json, and the specs' entries

Addresses and digests are those for which a builder asks `get_file`; nothing is downloaded, and no weight is made with
`KERAS_BACKEND=torch`. Images have the size of the network, as in Keras's examples (`load_img(target_size=...)`, which
looks up the nearest pixels). What then becomes of pixels is a builder's `preprocess_input`, and what its network begins
with.
"""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from unittest.mock import MagicMock, patch

from benchmarks import keras_zoo
from benchmarks.pretrained import write_specs

PATH: Final = Path(__file__).resolve().parents[1] / "tests" / "specs" / "keras_applications" / "pretrained.json"
IMAGENET: Final = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
MODES: Final[dict[str, dict[str, Any]]] = {
    "tf": {"mean": 0.5, "std": 0.5},
    "torch": IMAGENET,
    "caffe": {"channels": "bgr", "range": 255, "mean": [103.939, 116.779, 123.68]},
    "whole": {"range": 255, "mean": 128, "std": 128},
}
"""Those of `imagenet_utils.preprocess_input`, and `x / 128 - 1`, with which the larger EfficientNetV2 begin."""
PREPARED: Final = {
    "densenet": "torch",
    "convnext": "torch",
    "efficientnet": "torch",
    "vgg16": "caffe",
    "vgg19": "caffe",
    "resnet": "caffe",
}
"""The modes of modules; of all others `tf`. ConvNeXt and EfficientNet begin with it, others have `preprocess_input`."""
ACCURACIES: Final = {
    "Xception": 79.0,
    "VGG16": 71.3,
    "VGG19": 71.3,
    "ResNet50": 74.9,
    "ResNet101": 76.4,
    "ResNet152": 76.6,
    "ResNet50V2": 76.0,
    "ResNet101V2": 77.2,
    "ResNet152V2": 78.0,
    "InceptionV3": 77.9,
    "InceptionResNetV2": 80.3,
    "MobileNet": 70.4,
    "MobileNetV2": 71.3,
    "DenseNet121": 75.0,
    "DenseNet169": 76.2,
    "DenseNet201": 77.3,
    "NASNetMobile": 74.4,
    "NASNetLarge": 82.5,
    "EfficientNetB0": 77.1,
    "EfficientNetB1": 79.1,
    "EfficientNetB2": 80.1,
    "EfficientNetB3": 81.6,
    "EfficientNetB4": 82.9,
    "EfficientNetB5": 83.6,
    "EfficientNetB6": 84.0,
    "EfficientNetB7": 84.3,
    "EfficientNetV2B0": 78.7,
    "EfficientNetV2B1": 79.8,
    "EfficientNetV2B2": 80.5,
    "EfficientNetV2B3": 82.0,
    "EfficientNetV2S": 83.9,
    "EfficientNetV2M": 85.3,
    "EfficientNetV2L": 85.7,
    "MobileNetV3Small": 68.1,
    "MobileNetV3Large": 75.6,
}
"""Per cent, as the table of Keras's documentation has them: keras-io, templates/api/applications/index.md, e7be306.

Those of MobileNetV3 are of the docstring in keras/src/applications/mobilenet_v3.py; ConvNeXt's are not published there.
"""


class _AskedError(Exception):
    """A builder has asked for its weights."""


def mode_of(builder: str) -> str:
    """How pixels are prepared for the weights of a builder."""
    if builder in ("EfficientNetV2S", "EfficientNetV2M", "EfficientNetV2L"):
        return "whole"
    if builder.startswith("EfficientNetV2"):
        return "torch"
    return PREPARED.get(module_of(builder), "tf")


def module_of(builder: str) -> str:
    """The module of keras.applications that has a builder."""
    import keras

    return str(getattr(keras.applications, builder).__module__).rpartition(".")[2]


def asked(builder: str) -> tuple[str, str | None]:
    """The address of a builder's weights and their digest, where Keras has one."""
    import keras

    found: list[tuple[str, str | None]] = []

    def get_file(fname: str, origin: str, *, file_hash: str | None = None, **_: object) -> str:
        found.append((origin, file_hash))
        raise _AskedError

    files = import_module("keras.src.utils.file_utils")
    module = import_module(getattr(keras.applications, builder).__module__)
    keras.utils.clear_session()
    with ExitStack() as stack:
        stack.enter_context(patch.object(files, "get_file", get_file))
        stack.enter_context(suppress(_AskedError))
        if keras.backend.backend() == "torch":
            stack.enter_context(keras.device("meta"))
            if builder == "NASNetMobile":  # which refuses that backend, whatever is built
                other = MagicMock(wraps=module.backend)
                other.backend.return_value = "tensorflow"
                stack.enter_context(patch.object(module, "backend", other))
        getattr(keras.applications, builder)(weights="imagenet")
    return found[0]


def entry(builder: str, size: int) -> dict[str, Any]:
    """What Keras says of the weights of a builder."""
    address, digest = asked(builder)
    mode = MODES[mode_of(builder)]
    accuracy = f"; top-1 accuracy on ImageNet {ACCURACIES[builder]}%" if builder in ACCURACIES else ""
    return {
        "weights": address,
        "sha256": digest if digest is not None and len(digest) == 64 else None,
        "md5": digest if digest is not None and len(digest) == 32 else None,
        "size": [size, size],
        "interpolation": "nearest",
        "channels": mode.get("channels"),
        "range": mode.get("range"),
        "mean": mode["mean"],
        "std": mode.get("std"),
        "source": f"keras.applications {builder}, weights imagenet{accuracy}",
    }


def table() -> list[dict[str, Any]]:
    """A row for each builder that has weights."""
    return [
        {
            "builder": row["builder"],
            "spec": row["spec"],
            "params": row["params"],
            "mode": mode_of(row["builder"]),
            **entry(row["builder"], row["size"]),
        }
        for row in keras_zoo.rows()
    ]


def main() -> None:
    """Compare, or write."""
    import archspec
    from archspec.api import loaded

    parser = argparse.ArgumentParser(prog="python -m benchmarks.keras_pretrained")
    parser.add_argument("--write", action="store_true", help="write the fixture of the tests, and the specs' entries")
    found = table()
    if parser.parse_args().write:
        PATH.write_text("[\n" + ",\n".join(f"  {json.dumps(row)}" for row in found) + "\n]\n", encoding="utf-8")
        write_specs(found)
    for row in found:
        held = loaded(row["spec"], row["params"]).chosen_pretrained
        same = held is not None and (held.weights, held.md5, held.sha256) == (row["weights"], row["md5"], row["sha256"])
        print(f"{row['builder']:<24}{'as Keras says' if same else 'OTHERWISE'}")
    print(f"archspec {archspec.__version__}, {len(found)} builders")


if __name__ == "__main__":
    main()
