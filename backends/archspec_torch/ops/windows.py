"""Attention within windows of an image."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Final

from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Code, call
from archspec.codegen.tree import LayerUse
from archspec_torch.ops.row import Parts, TorchRow

_KINDS: Final = {"windows": "WindowAttention", "grid": "GridAttention", "either": "PartitionAttention"}


def _name(*, cosine: bool, maxvit: bool, shifted: bool, partition: str) -> str:
    return f"{'Shifted' * shifted}{'Cosine' * cosine}{'Maxvit' * maxvit}{_KINDS[partition]}"


def _variants() -> Mapping[str, Mapping[str, object]]:
    found: dict[str, Mapping[str, object]] = {}
    for (cosine, maxvit), shifted, partition in product(
        ((False, False), (True, False), (False, True)), (False, True), _KINDS
    ):
        name = _name(cosine=cosine, maxvit=maxvit, shifted=shifted, partition=partition)
        found[name] = {"cosine": cosine, "maxvit": maxvit, "shifted": shifted, "partition": partition}
    return found


VARIANTS: Final = _variants()
"""The classes for it, and what each of them can do: no source has more than its network needs."""


def _type(use: LayerUse) -> str:
    return _name(
        cosine=use.value("scores") == "cosine",
        maxvit=use.value("names") == "maxvit",
        shifted=not use.fixed("shift") or any(use.value("shift")),
        partition=("grid" if use.value("grid") else "windows") if use.fixed("grid") else "either",
    )


def _window_attention(use: LayerUse, printer: ExpressionPrinter) -> Code:
    name = _type(use)
    printer.helpers.add(name)
    options = VARIANTS[name]
    names = [
        *(["shift"] if options["shifted"] else []),
        *(["grid"] if options["partition"] == "either" else []),
        "scale",
        "bias",
    ]
    given = printer.given(use, dict(zip(names, names, strict=True)))
    words = (printer.attribute(use, word) for word in ("heads", "window"))
    return call(name, printer.expr(use.features[0]), *words, **given)


def _parts(use: LayerUse) -> Parts:
    maps = ["{0}.qkv", "{0}.proj"] if use.value("names") == "swin" else ["{0}.to_qkv", "{0}.merge"]
    certain: tuple[str, ...] = ()
    if use.value("scores") == "cosine":  # the network for positions has a bias where the maps have none
        maps += ["{0}.cpb_mlp[0]", "{0}.cpb_mlp[2]"]
        certain = ("{0}.cpb_mlp[0].bias",)
    weights = tuple(f"{name}.weight" for name in maps)
    biases = tuple(f"{name}.bias" for name in maps[:2])
    return Parts(weights, weights, biases, "", "nn.Linear", certain=certain, resets="reset_position_bias")


ROWS: Final[dict[str, TorchRow]] = {
    "window_attention": TorchRow("heavy", _window_attention, type=_type, parts=_parts),
}
