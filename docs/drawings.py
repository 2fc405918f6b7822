"""The pictures of `docs/pictures`, which the README and the pages of `docs` show: by name, in both themes.

That of the home page's example is drawn from the text on that page. Those of the gallery are not kept: the site draws
them when it is built.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

import archspec
from archspec.diagram.drawing import Drawing
from archspec.spec import Spec, load_text
from docs.figures import BASIC_64, BASIC_256, BOTTLENECK_256, ORDER_ERRORS, network, unit

THEMES: Final[dict[Literal["light", "dark"], str]] = {"light": "", "dark": "_dark"}
"""The themes, each with what its files' names end in."""
WIDTHS: Final = {"two 3x3, 64": BASIC_64, "two 3x3, 256": BASIC_256, "bottleneck, 256": BOTTLENECK_256}
STRIDES: Final = {"v1": "conv1", "v1.5": "conv2"}
FIRST: Final = "bottleneck: {{depth: 512, bottleneck: 128, stride: 2, stride_on: {}}}"
"""The first unit of ResNet-50's layer2."""
PLAIN: Final = ("identity", "constant_scaling", "dropout")
GATED: Final = ("exclusive_gating", "shortcut_only_gating", "convolution")
HOME: Final = Path(__file__).with_name("index.md")


def pictures() -> Iterator[tuple[str, str]]:
    """The name and the text of each file: `resnet50.svg`, `resnet50_dark.svg`."""
    for theme, suffix in THEMES.items():
        yield from ((f"{name}{suffix}.svg", drawing.svg()) for name, drawing in _drawn(theme).items())


def _drawn(theme: Literal["light", "dark"]) -> Mapping[str, Drawing]:
    first = (unit(FIRST.format(on), 256) for on in STRIDES.values())
    orders = (network("cifar_resnet_activations", order=order) for order in ORDER_ERRORS)
    widths = (unit(*item) for item in WIDTHS.values())

    def shortcuts(kinds: tuple[str, ...]) -> Drawing:
        graphs = (network("cifar_resnet_shortcuts", shortcut=kind) for kind in kinds)
        return archspec.draw(*graphs, block="shortcut_unit", titles=kinds, theme=theme)

    return {
        "small": archspec.draw(_example(), level="stage", horizontal=True, theme=theme),
        "resnet50": archspec.draw("resnet50", level="stage", horizontal=True, theme=theme),
        "shortcuts": archspec.draw("resnet34", block="basic_block", theme=theme),
        "arithmetic": archspec.draw(*widths, level="layer", parameters=True, titles=[*WIDTHS], theme=theme),
        "strides": archspec.draw(*first, block="bottleneck", macs=True, titles=[*STRIDES], theme=theme),
        "slim": archspec.draw("resnet_v2_50", block="bottleneck_v2", theme=theme),
        "plain_shortcuts": shortcuts(PLAIN),
        "gated_shortcuts": shortcuts(GATED),
        "unet": archspec.draw("unet", level="stage", theme=theme),
        "orders": archspec.draw(*orders, block="activation_unit", titles=[*ORDER_ERRORS], theme=theme),
    }


def _example() -> Spec:
    """The spec that the home page shows."""
    [text] = re.findall(r"```yaml\n(.*?)```", HOME.read_text(encoding="utf-8"), re.DOTALL)
    return load_text(text)
