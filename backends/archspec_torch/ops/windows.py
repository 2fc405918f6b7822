"""Attention within windows of an image."""

from __future__ import annotations

from typing import Final

from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Code, call
from archspec.codegen.tree import LayerUse
from archspec.codegen.window_classes import variants, window_class
from archspec.ir.ops.windows import MAPS
from archspec_torch.ops.row import Parts, TorchRow

VARIANTS: Final = variants(named=True)
"""The classes for it, and what the template of each has to print."""


def _window_attention(use: LayerUse, printer: ExpressionPrinter) -> Code:
    made = window_class(use, named=True)
    printer.helpers.add(made.name)
    given = printer.given(use, {name: name for name in (*made.arguments, "bias")})
    words = (printer.attribute(use, word) for word in ("heads", "window"))
    return call(made.name, printer.expr(use.features[0]), *words, **given)


def _parts(use: LayerUse) -> Parts:
    maps = [f"{{0}}.{name}" for name in MAPS[use.value("names")]]
    certain: tuple[str, ...] = ()
    if use.value("scores") == "cosine":  # the network for positions has a bias where the maps have none
        maps += ["{0}.cpb_mlp[0]", "{0}.cpb_mlp[2]"]
        certain = ("{0}.cpb_mlp[0].bias",)
    weights = tuple(f"{name}.weight" for name in maps)
    biases = tuple(f"{name}.bias" for name in maps[:2])
    if use.value("scores") == "cosine" and use.value("names") == "timm":
        biases = ("{0}.q_bias", "{0}.v_bias", biases[1])
    return Parts(weights, weights, biases, "", "nn.Linear", certain=certain, resets="reset_position_bias")


ROWS: Final[dict[str, TorchRow]] = {
    "window_attention": TorchRow(
        "heavy", _window_attention, type=lambda use: window_class(use, named=True).name, parts=_parts
    ),
}
