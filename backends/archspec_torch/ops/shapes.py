"""Layers that move numbers and compute none, or only what stands between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import ExpressionPrinter, plain
from archspec.codegen.pretty_printer import Bracket, Code, Infix, call
from archspec.codegen.tree import LayerUse
from archspec.expr import Const, Expr, Items, Unary
from archspec.ir.attributes import Padding, Sides
from archspec.ir.tensor_type import FEATURES, TOKENS, VOLUME, spatial_rank
from archspec_torch.ops.padding import last_axis_first, of_rank
from archspec_torch.ops.row import TensorPart, TorchRow, chained, light


def _fixed(use: LayerUse) -> bool:
    return not use.exprs


# -- other shapes -----------------------------------------------------------------------------------


def _reshape(use: LayerUse, printer: ExpressionPrinter) -> Code:
    """One axis after the batch, then as many as are wanted: an input of another size is an error, not a batch."""
    if _wanted_rank(use) == 1:
        return call("nn.Flatten")
    unflatten = call("nn.Unflatten", "1", printer.attribute(use, "shape"))
    return unflatten if use.axes[0] == FEATURES else call("nn.Sequential", call("nn.Flatten"), unflatten)


def _reshaped(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    [operand], shape = operands, literal(use.value("shape"))
    if _wanted_rank(use) == 1:
        return operand if use.axes[0] == FEATURES else call("torch.flatten", operand, "1")
    if use.axes[0] == FEATURES:
        return call("torch.unflatten", operand, "1", shape)
    return chained(operand, [call("flatten", "1"), call("unflatten", "1", shape)])


def _wanted_rank(use: LayerUse) -> int:
    expr = use.exprs.get("shape")
    return len(expr.items if isinstance(expr, Items) else use.value("shape"))


# -- parts ------------------------------------------------------------------------------------------


def _axis(use: LayerUse) -> str:
    """The axis of channels or features in a batch."""
    return "-1" if use.axes[0] == TOKENS else "1"


def _axis_keyword(use: LayerUse) -> dict[str, Code]:
    return {"dim": "-1"} if use.axes[0] == TOKENS else {}


def _split(use: LayerUse, printer: ExpressionPrinter) -> Code:
    printer.helpers.add("Chunk")
    return call("Chunk", *(printer.attribute(use, name) for name in ("parts", "index")), **_axis_keyword(use))


def _chunk(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    if use.value("index") is None:
        return call("torch.chunk", operands[0], printer.attribute(use, "parts"), dim=_axis(use))
    part = _part_of(use)
    return Bracket(part.all(operands[0]), (literal(part.index),), "[", "]")


def _part_of(use: LayerUse) -> TensorPart:
    parts = use.value("parts")
    return TensorPart(use.value("index"), parts, lambda x: call("torch.chunk", x, literal(parts), dim=_axis(use)))


def _slice(use: LayerUse, printer: ExpressionPrinter) -> Code:
    name = "FeatureSlice" if use.axes[0] == TOKENS else "ChannelSlice"
    printer.helpers.add(name)
    stop = printer.given(use, {"stop": "stop"}).values()
    return call(name, printer.attribute(use, "start"), *stop)


def _sliced(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    part = _range(use.value("start"), use.value("stop"))
    return _part(operands[0], "..." if use.axes[0] == TOKENS else ":", part)


def _part(operand: Code, *ranges: Code) -> Code:
    """A part of a tensor."""
    return Bracket(Bracket("", (operand,)) if isinstance(operand, Infix) else operand, ranges, "[", "]")


def _range(start: int, stop: int | None) -> str:
    return f"{start or ''}:{'' if stop is None else stop}"


# -- more and less around them ----------------------------------------------------------------------


_PADS: Final = {
    "reflect": "nn.ReflectionPad",
    "symmetric": "SymmetricPad",
    "edge": "nn.ReplicationPad",
    "circular": "nn.CircularPad",
}


def _pad(use: LayerUse, printer: ExpressionPrinter) -> Code:
    sides = _sides(use, printer, "padding")
    if use.value("mode") != "constant":
        name = of_rank(_PADS[use.value("mode")], use)
        if not name.startswith("nn."):
            printer.helpers.add(name)
        return call(name, sides)
    value = printer.given(use, {"value": "value"}).values()
    return call(of_rank("nn.ConstantPad" if value else "nn.ZeroPad", use), sides, *value)


def _crop(use: LayerUse, printer: ExpressionPrinter) -> Code:
    return call(of_rank("nn.ZeroPad", use), _sides(use, printer, "cropping", sign=-1))


def _cropped(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    ranges = [_range(before, -after or None) for before, after in _both_sides(use, "cropping")]
    return _part(operands[0], ":", ":", *ranges)


def _both_sides(use: LayerUse, name: str) -> Sides:
    padding: Padding = use.value(name)
    assert padding.sides is not None
    return padding.sides


def _sides(use: LayerUse, printer: ExpressionPrinter, name: str, sign: int = 1) -> Code:
    """Sides as torch.nn takes them: a number, or (left, right, top, bottom); with a sign before each."""
    expr = use.exprs.get(name)
    if expr is None:
        return plain(last_axis_first([sign * side for sides in _both_sides(use, name) for side in sides]))
    parts: tuple[Expr, ...] = expr.items if isinstance(expr, Items) else ()
    if len(parts) == spatial_rank(use.axes[0]):
        parts = tuple(part for part in parts for _ in range(2))
    signed = [part if sign > 0 or part == Const(0) else Unary("-", part) for part in parts or (expr,)]
    return printer.expr(signed[0] if not parts else Items(last_axis_first(signed)))


def _pad_channels(use: LayerUse, printer: ExpressionPrinter) -> Code:
    """A batch of images is to ZeroPad3d one image with three axes; there is no ZeroPad4d."""
    sides = [printer.attribute(use, name) for name in ("before", "after")]
    rank = spatial_rank(use.axes[0])
    if rank == len(VOLUME) - 1:
        printer.helpers.add("ChannelPad3d")
        return call("ChannelPad3d", *sides)
    return call(f"nn.ZeroPad{rank + 1}d", Bracket("", (*["0"] * (2 * rank), *sides)))


def _channels_padded(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    sides = [literal(use.value(name)) for name in ("before", "after")]
    around = ["0"] * (2 * spatial_rank(use.axes[0]))
    return call("F.pad", *operands, Bracket("", (*around, *sides)))


# -- blocks of pixels -------------------------------------------------------------------------------


def _with(head: str, name: str) -> TorchRow:
    """The row of a layer with this attribute as its one argument."""
    return TorchRow("heavy", lambda use, printer: call(head, printer.attribute(use, name)))


def _helper(name: str, attribute: str) -> TorchRow:
    """The row of a helper for so many spatial axes, with this attribute as its one argument."""

    def module(use: LayerUse, printer: ExpressionPrinter) -> Code:
        helper = name.format(spatial_rank(use.axes[0]))
        printer.helpers.add(helper)
        return call(helper, printer.attribute(use, attribute))

    return TorchRow("heavy", module)


ROWS: Final[dict[str, TorchRow]] = {
    "identity": light("nn.Identity"),
    "flatten": TorchRow(
        "heavy",
        lambda use, printer: call("nn.Flatten"),
        lambda use, printer, operands: call("torch.flatten", *operands, "1"),
    ),
    "reshape": TorchRow("light", _reshape, _reshaped, inline=_fixed),
    "channel_shuffle": _with("nn.ChannelShuffle", "groups"),
    "split": TorchRow("light", _split, _chunk, inline=_fixed, part=_part_of),
    "slice_channels": TorchRow("light", _slice, _sliced, inline=_fixed),
    "pad": TorchRow("heavy", _pad),
    "crop": TorchRow("light", _crop, _cropped, inline=_fixed),
    "pad_to_multiple": _helper("PadToMultiple{}d", "multiple"),
    "roll": _helper("Roll{}d", "shift"),
    "pad_channels": TorchRow("light", _pad_channels, _channels_padded, inline=_fixed),
    "depth_to_space": _with("nn.PixelShuffle", "block"),
    "space_to_depth": _with("nn.PixelUnshuffle", "block"),
}
