"""Normalizations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Code, call
from archspec.codegen.tree import LayerUse
from archspec.expr import Binary, Const, fold
from archspec.ir.initializers import Ones, Zeros
from archspec.ir.tensor_type import spatial_rank
from archspec_torch.ops.padding import of_rank
from archspec_torch.ops.row import TorchRow


def _batch_norm_type(use: LayerUse) -> str:
    return f"nn.BatchNorm{spatial_rank(use.axes[0]) or 1}d"


def _batch_norm(use: LayerUse, printer: ExpressionPrinter) -> Code:
    name = _batch_norm_type(use)
    partial = use.value("affine") and use.value("scale") != use.value("shift")
    biased = use.value("variance") == "biased"
    if partial or biased:
        name = name.replace("nn.", ("Biased" if biased else "") + ("Partial" if partial else ""))
        printer.helpers.add(name)
    keywords = printer.given(use, {"eps": "eps"})
    if not use.fixed("decay"):
        keywords["momentum"] = printer.expr(fold(Binary("-", Const(1), use.exprs["decay"]), printer.budget))
    elif use.value("decay") != 0.9:
        keywords["momentum"] = literal(round(1 - use.value("decay"), 12))
    if partial:
        keywords |= printer.given(use, {"scale": "scale", "shift": "shift"})
    elif not (use.value("affine") and use.value("scale")):
        keywords["affine"] = "False"
    return call(name, printer.expr(use.features[0]), **keywords)


def _layer_norm(use: LayerUse, printer: ExpressionPrinter) -> Code:
    scale, shift = _learned(use)
    name = "nn.LayerNorm"
    if spatial_rank(use.axes[0]):
        name = of_rank("LayerNorm", use)
    if shift and not scale:
        name = f"Shift{name.removeprefix('nn.')}"
    if not name.startswith("nn."):
        printer.helpers.add(name)
    keywords = printer.given(use, {"eps": "eps"})
    if not scale and not shift:
        keywords["elementwise_affine"] = "False"
    elif not shift:
        keywords["bias"] = "False"
    return call(name, printer.expr(use.features[0]), **keywords)


def _group_norm(use: LayerUse, printer: ExpressionPrinter) -> Code:
    groups, channels = printer.attribute(use, "groups"), printer.expr(use.features[0])
    scale, shift = _learned(use)
    keywords = printer.given(use, {"eps": "eps"})
    if scale == shift:
        return call("nn.GroupNorm", groups, channels, **keywords, **({} if scale else {"affine": "False"}))
    printer.helpers.add("PartialGroupNorm")
    keywords |= printer.given(use, {"scale": "scale", "shift": "shift"})
    return call("PartialGroupNorm", groups, channels, **keywords)


def _instance_norm(use: LayerUse, printer: ExpressionPrinter) -> Code:
    name, (scale, shift) = of_rank("InstanceNorm", use), _learned(use)
    keywords = printer.given(use, {"eps": "eps"})
    if scale == shift:
        affine = {"affine": "True"} if scale else {}  # not PyTorch's default here
        return call(f"nn.{name}", printer.expr(use.features[0]), **keywords, **affine)
    printer.helpers.add(f"Partial{name}")
    keywords |= printer.given(use, {"scale": "scale", "shift": "shift"})
    return call(f"Partial{name}", printer.expr(use.features[0]), **keywords)


def _learned(use: LayerUse) -> tuple[bool, bool]:
    """Whether a scale and a shift are learned."""
    both: bool = use.value("affine")
    return both and use.value("scale"), both and use.value("shift")


def _global_response_norm(use: LayerUse, printer: ExpressionPrinter) -> Code:
    name = of_rank("GlobalResponseNorm", use) if spatial_rank(use.axes[0]) else "GlobalResponseNorm"
    printer.helpers.add(name)
    return call(name, printer.expr(use.features[0]), **printer.given(use, {"eps": "eps"}))


def _local_response_norm(use: LayerUse, printer: ExpressionPrinter) -> Code:
    keywords = printer.given(use, {"alpha": "alpha", "beta": "beta", "k": "k"})
    return call("nn.LocalResponseNorm", printer.attribute(use, "size"), **keywords)


_DRAWS: Final = {"weight": Ones(), "bias": Zeros()}


def _norm(module: Callable[[LayerUse, ExpressionPrinter], Code], type: Callable[[LayerUse], str]) -> TorchRow:
    return TorchRow("light", module, type=type, draws=_DRAWS, takes_channels=lambda use: True)


ROWS: Final[dict[str, TorchRow]] = {
    "batch_norm": TorchRow("light", _batch_norm, type=_batch_norm_type, draws=_DRAWS, state=True),
    "layer_norm": _norm(_layer_norm, lambda use: "nn.LayerNorm"),
    "group_norm": _norm(_group_norm, lambda use: "nn.GroupNorm"),
    "instance_norm": _norm(_instance_norm, lambda use: of_rank("nn.InstanceNorm", use)),
    "global_response_norm": TorchRow(
        "light",
        _global_response_norm,
        type=lambda use: "GlobalResponseNorm",
        draws={"weight": Zeros(), "bias": Zeros()},
        takes_channels=lambda use: True,
    ),
    "local_response_norm": TorchRow("light", _local_response_norm),
}
