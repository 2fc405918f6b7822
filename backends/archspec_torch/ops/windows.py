"""Attention within windows of an image."""

from __future__ import annotations

from typing import Final

from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Code, call
from archspec.codegen.tree import LayerUse
from archspec_torch.ops.row import Parts, TorchRow


def _type(use: LayerUse) -> str:
    if use.value("scores") == "cosine":
        return "CosineWindowAttention"
    return "PartitionAttention" if use.value("names") == "maxvit" else "WindowAttention"


def _window_attention(use: LayerUse, printer: ExpressionPrinter) -> Code:
    name = _type(use)
    printer.helpers.add(name)
    names = ("shift", "grid", "scale", "bias")
    given = printer.given(use, dict(zip(names, names, strict=True)))
    if use.value("names") == "timm":
        given["saves_index"] = "False"
    words = (printer.attribute(use, word) for word in ("heads", "window"))
    return call(name, printer.expr(use.features[0]), *words, **given)


def _parts(use: LayerUse) -> Parts:
    maps = ["{0}.to_qkv", "{0}.merge"] if use.value("names") == "maxvit" else ["{0}.qkv", "{0}.proj"]
    cosine = use.value("scores") == "cosine"
    if cosine:
        maps += ["{0}.cpb_mlp[0]", "{0}.cpb_mlp[2]"]
    weights = tuple(f"{name}.weight" for name in maps)
    biases = tuple(f"{name}.bias" for name in maps[:3])
    # The network for positions has a bias where the maps have none.
    return Parts(weights, weights, biases, "", "nn.Linear", apart=cosine, resets="reset_position_bias")


ROWS: Final[dict[str, TorchRow]] = {
    "window_attention": TorchRow("heavy", _window_attention, type=_type, parts=_parts),
}
