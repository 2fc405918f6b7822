"""The pictures of `docs/pictures`, which the README and the pages of `docs/ideas` show: by name, in both themes.

Those of the gallery are not kept: the site draws them when it is built.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import archspec
from docs.ideas import BASIC_64, BASIC_256, BOTTLENECK_256, ORDER_ERRORS, SHORTCUT_ERRORS, network, unit

STRIDED: Final = "bottleneck: {depth: 512, bottleneck: 128, stride: 2, stride_on: "
SHORTCUTS: Final = {
    "plain_shortcuts": ["identity", "constant_scaling", "dropout"],
    "gated_shortcuts": ["exclusive_gating", "shortcut_only_gating", "convolution"],
}


def pictures() -> Iterator[tuple[str, str]]:
    """The name and the text of each file: `resnet50.svg`, `resnet50_dark.svg`."""
    for name, (specs, options) in _drawn().items():
        for suffix, theme in (("", "light"), ("_dark", "dark")):
            yield f"{name}{suffix}.svg", archspec.draw(*specs, theme=theme, **options).svg()


def _drawn() -> Mapping[str, tuple[list[archspec.LayerGraph | str], dict[str, Any]]]:
    """What is drawn, and how: the arguments of `archspec.draw`."""
    widths = {"two 3x3, 64": BASIC_64, "two 3x3, 256": BASIC_256, "bottleneck, 256": BOTTLENECK_256}
    versions = [unit(f"{STRIDED}{name}}}", 256) for name in ("conv1", "conv2")]
    orders = [network("cifar_resnet_activations", order=order) for order in ORDER_ERRORS]
    shortcuts = {kind: network("cifar_resnet_shortcuts", shortcut=kind) for kind in SHORTCUT_ERRORS}
    return {
        "resnet50": (["resnet50"], {"level": "stage", "horizontal": True}),
        "shortcuts": (["resnet34"], {"block": "basic_block"}),
        "arithmetic": (
            [unit(*item) for item in widths.values()],
            {"level": "layer", "parameters": True, "titles": list(widths)},
        ),
        "strides": (versions, {"block": "bottleneck", "macs": True, "titles": ["v1", "v1.5"]}),
        "slim": (["resnet_v2_50"], {"block": "bottleneck_v2"}),
        **{
            name: ([shortcuts[kind] for kind in kinds], {"block": "shortcut_unit", "titles": kinds})
            for name, kinds in SHORTCUTS.items()
        },
        "orders": (orders, {"block": "activation_unit", "titles": list(ORDER_ERRORS)}),
    }
