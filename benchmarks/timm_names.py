"""What timm calls the weights of its models, against the maps that archspec ships; timm 1.0 and torch must be there.

python -m benchmarks.timm_names           prints how far outputs are apart with timm's own random weights
python -m benchmarks.timm_names --write   writes the digests of names and shapes that the tests hold maps against
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import archspec
from archspec.api import loaded
from archspec.weights.state_dicts import COUNTER
from benchmarks.zoo import digest

PATH: Final = Path(__file__).parent.parent / "tests" / "weights" / "timm_names.json"
MODELS: Final = {
    "efficientnet_b0": ("efficientnet", "b0", "timm_efficientnet"),
    "efficientnet_b1": ("efficientnet", "b1", "timm_efficientnet"),
    "mnasnet_100": ("mnasnet", "x1_0", "timm_mnasnet"),
    "mobilenetv2_100": ("mobilenet_v2", None, "timm_mobilenet_v2"),
    "regnetx_008": ("regnet", "x_800mf", "timm_regnet"),
    "regnety_004": ("regnet", "y_400mf", "timm_regnet"),
    "vgg11": ("vgg", "vgg11", "timm_vgg"),
    "vgg13_bn": ("vgg", "vgg13_bn", "timm_vgg"),
    "swin_tiny_patch4_window7_224": ("swin", "t", "timm_swin"),
    "swin_small_patch4_window7_224": ("swin", "s", "timm_swin"),
    "swinv2_tiny_window8_256": ("swin_v2", "t", "timm_swin_v2"),
    "regnetx_320": ("regnet", "x_32gf", "timm_regnet"),
    "convnext_small": ("convnext", "small", "timm_convnext"),
    "convnext_tiny": ("convnext", "tiny", "timm_convnext"),
    "deit_tiny_patch16_224": ("vision_transformer", "ti_16", "timm_vision_transformer"),
    "vit_tiny_patch16_224": ("vision_transformer", "ti_16", "timm_vision_transformer"),
    "vit_base_patch16_224": ("vision_transformer", "b_16", "timm_vision_transformer"),
}
"""A spec, its variant and the map for each."""


def apart(name: str, model: Any) -> float:
    """How far our outputs are from timm's, as a share of the largest, with the weights of a file that it saved."""
    import torch

    spec, variant, _ = MODELS[name]
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        file = Path(folder) / "model.pth"
        torch.save(model.state_dict(), file)
        network = archspec.compile(loaded(spec, {} if variant is None else {"variant": variant}))
        shape = (1, *network.input_nodes[0].type.sizes)
        image = torch.linspace(-1, 1, math.prod(shape)).reshape(shape).sin()
        ours = archspec.build(network, "torch", weights=file).eval()(image)
        wanted = model.eval()(image)
    return float((ours - wanted).abs().max() / wanted.abs().max())


def main(arguments: list[str]) -> int:
    """Print the table, or write the digests."""
    timm: Any = import_module("timm")  # it has no types, and need not be there otherwise

    parser = argparse.ArgumentParser(prog="python -m benchmarks.timm_names")
    parser.add_argument("--write", action="store_true", help="write the digests for the tests")
    given = parser.parse_args(arguments)
    rows: dict[str, Any] = {}
    for name, (spec, variant, map_name) in MODELS.items():
        model = timm.create_model(name, pretrained=False)
        held = {path: tuple(tensor.shape) for path, tensor in model.state_dict().items()}
        keys = digest({path: shape for path, shape in held.items() if not path.endswith(COUNTER)})
        rows[name] = {"spec": spec, "variant": variant, "map": map_name, "keys": keys}
        if not given.write:
            print(f"{name:<24}{apart(name, model):.1e}")
    if given.write:
        PATH.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    else:
        print(f"timm {timm.__version__}, Python {sys.version.split()[0]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
