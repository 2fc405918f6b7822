"""Activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Bracket, Code, Infix, call
from archspec.codegen.tree import LayerUse
from archspec.ir.initializers import Constant, Zeros
from archspec.ir.ops.scaling import broadcasts
from archspec.ir.tensor_type import TOKENS, spatial_rank
from archspec_torch.ops.padding import of_rank
from archspec_torch.ops.row import BareParameter, TorchRow, light


def _softmax(use: LayerUse, printer: ExpressionPrinter) -> Code:
    return call("nn.Softmax", dim="1" if spatial_rank(use.axes[0]) else "-1")


def _leaky_relu(use: LayerUse, printer: ExpressionPrinter) -> Code:
    return call("nn.LeakyReLU", *printer.given(use, {"slope": "negative_slope"}).values())


def _elu(use: LayerUse, printer: ExpressionPrinter) -> Code:
    return call("nn.ELU", **printer.given(use, {"alpha": "alpha"}))


def _prelu(use: LayerUse, printer: ExpressionPrinter) -> Code:
    name = "nn.PReLU"
    if use.axes[0] == TOKENS:
        name = "TokenPReLU"
        printer.helpers.add(name)
    return call(name, printer.expr(use.features[0]), **printer.given(use, {"init": "init"}))


def _softplus(use: LayerUse, printer: ExpressionPrinter) -> Code:
    # Above its threshold of 20 PyTorch gives x itself, which float64 still distinguishes from the result.
    return call("nn.Softplus", threshold="40")


def _scale(use: LayerUse, printer: ExpressionPrinter) -> Code:
    value = printer.attribute(use, "value")
    if use.value("learned") == "none":
        printer.helpers.add("Scale")
        return call("Scale", value, **printer.given(use, {"shift": "shift"}))
    return _learned(use, printer, "LayerScale", value)


def _shift(use: LayerUse, printer: ExpressionPrinter) -> Code:
    return _learned(use, printer, "LayerShift")


def _learned(use: LayerUse, printer: ExpressionPrinter, name: str, *more: Code) -> Code:
    """A helper of this name that keeps what is learned for each channel, or for all."""
    shape = _learned_shape(use, printer)
    if use.value("learned") == "channel" and len(shape) <= spatial_rank(use.axes[0]):
        name = of_rank(name, use)
    printer.helpers.add(name)
    return call(name, shape[0] if len(shape) == 1 else Bracket("", shape), *more)


def _learned_shape(use: LayerUse, printer: ExpressionPrinter) -> tuple[Code, ...]:
    """The shape in which a number for each channel is kept, or one for all."""
    if use.value("learned") == "all":
        return ("1",)
    axes = spatial_rank(use.axes[0]) if broadcasts(use.value("shape"), bare=use.value("bare")) else 0
    return printer.expr(use.features[0]), *("1",) * axes


def _multiplied(use: LayerUse, printer: ExpressionPrinter, factors: str, operand: Code) -> Code:
    return Infix("*", (Bracket("", (operand,)) if isinstance(operand, Infix) else operand, _by_channel(use, factors)))


def _by_channel(use: LayerUse, numbers: str) -> str:
    """What is learned for each channel, in a shape that broadcasts."""
    axes = spatial_rank(use.axes[0])
    if axes and use.value("learned") == "channel" and not broadcasts(use.value("shape"), bare=use.value("bare")):
        return f"{numbers}.view({', '.join(('-1', *('1',) * axes))})"
    return numbers


def _constants(use: LayerUse) -> bool:
    return use.value("learned") == "none" and use.fixed("value", "shift")


def _scaled(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    """`x * 0.5 + 1`, `1 - x` or `-x`."""
    value, shift = use.value("value"), use.value("shift")
    x = Bracket("", (operands[0],)) if isinstance(operands[0], Infix) else operands[0]
    if value == -1:
        return Infix("-", (_number(shift), x)) if shift else Bracket("torch.neg", (operands[0],))
    product = Infix("*", (x, _number(value))) if value != 1 or not shift else x
    if shift == 0:
        return product
    return Infix("+" if shift > 0 else "-", (product, _number(abs(shift))))


def _number(value: float) -> str:
    return literal(int(value)) if value.is_integer() and abs(value) < 1e6 else literal(value)


def _clip(use: LayerUse, printer: ExpressionPrinter) -> Code:
    printer.helpers.add("Clamp")
    return call("Clamp", **printer.given(use, {"min": "min", "max": "max"}))


def _clamped(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    ends = {name: literal(end) for name in ("min", "max") if (end := use.value(name)) is not None}
    return call("torch.clamp", *operands, **ends)


ROWS: Final[dict[str, TorchRow]] = {
    "relu": light("nn.ReLU"),
    "relu6": light("nn.ReLU6"),
    "clip": TorchRow("light", _clip, _clamped, inline=lambda use: not use.exprs),
    "leaky_relu": TorchRow("light", _leaky_relu),
    "prelu": TorchRow("light", _prelu, type=lambda use: "nn.PReLU"),
    "elu": TorchRow("light", _elu),
    "selu": light("nn.SELU"),
    "silu": light("nn.SiLU"),
    "gelu": TorchRow(
        "light", lambda use, printer: call("nn.GELU", **printer.given(use, {"approximate": "approximate"}))
    ),
    "mish": light("nn.Mish"),
    "softplus": TorchRow("light", _softplus),
    "tanh": light("nn.Tanh"),
    "sigmoid": light("nn.Sigmoid"),
    "hard_sigmoid": light("nn.Hardsigmoid"),
    "hard_swish": light("nn.Hardswish"),
    "softmax": TorchRow("light", _softmax),
    # What is for feature maps is a kind of it.
    "scale": TorchRow(
        "light",
        _scale,
        _scaled,
        type=lambda use: "LayerScale",
        inline=_constants,
        takes_channels=lambda use: use.value("learned") == "channel",
        bare=BareParameter(_learned_shape, _multiplied, lambda use: Constant(use.value("value"))),
    ),
    "shift": TorchRow(
        "light",
        _shift,
        type=lambda use: "LayerShift",
        draws={"weight": Zeros()},
        takes_channels=lambda use: use.value("learned") == "channel",
        bare=BareParameter(
            _learned_shape, lambda use, printer, added, operand: Infix("+", (operand, _by_channel(use, added)))
        ),
    ),
}
