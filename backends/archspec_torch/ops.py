"""One row for each op: how PyTorch writes it, as a module and, where that reads better, as a function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from archspec.codegen.layout import Bracket, Code, Infix, call
from archspec.codegen.printer import Printer, plain
from archspec.codegen.text import literal
from archspec.codegen.tree import LayerUse
from archspec.expr import Binary, Const, Items, fold
from archspec.ir.attributes import Padding, Pair
from archspec.ir.ops import Conv

Weight = Literal["light", "heavy", "merge"]


@dataclass(frozen=True, slots=True)
class Row:
    """How one op is written.

    `module` gives the constructor; `function` gives an expression of the operands, used in a `forward` where both
    exist. `weight` says how statements are cut: light calls are nested around heavier ones. `type` gives the class in
    torch.nn of what `module` makes; a row whose op has weights needs it, since weights are drawn by class.
    """

    weight: Weight
    module: Callable[[LayerUse, Printer], Code] | None = None
    function: Callable[[LayerUse, Printer, Sequence[Code]], Code] | None = None
    type: Callable[[LayerUse], str] | None = None


def _conv(use: LayerUse, printer: Printer) -> Code:
    head, padding = _padded(use, printer, "Conv2d")
    keywords: dict[str, Code] = {"kernel_size": printer.attribute(use, "kernel")}
    keywords |= printer.given(use, {"stride": "stride"}) | padding
    keywords |= printer.given(use, {"dilation": "dilation", "groups": "groups", "bias": "bias"})
    return call(head, printer.expr(use.features[0]), printer.attribute(use, "filters"), **keywords)


def _max_pool(use: LayerUse, printer: Printer) -> Code:
    head, padding = _padded(use, printer, "MaxPool2d")
    return call(head, **_window(use, printer), **padding)


def _avg_pool(use: LayerUse, printer: Printer) -> Code:
    head, padding = _padded(use, printer, "AvgPool2d")
    pads = padding or not head.startswith("nn.")
    count: dict[str, Code] = {"count_include_pad": "False"} if pads and not use.value("count_padding") else {}
    return call(head, **_window(use, printer), **padding, **count)


def _window(use: LayerUse, printer: Printer) -> dict[str, Code]:
    return {"kernel_size": printer.attribute(use, "kernel")} | printer.given(use, {"stride": "stride"})


def _padded(use: LayerUse, printer: Printer, name: str) -> tuple[str, dict[str, Code]]:
    """The class and its padding argument: torch.nn's own where it pads evenly, else a helper's."""
    given = use.exprs.get("padding")
    if isinstance(given, Items) and len(given.items) == 4:
        top, bottom, left, right = given.items
        printer.helpers.add(f"Padded{name}")
        return f"Padded{name}", {"sides": printer.expr(Items((left, right, top, bottom)))}
    if given is not None:
        return f"nn.{name}", {"padding": printer.expr(given)}
    padding: Padding = use.value("padding")
    if padding.mode == "same":
        if _same_without_strides(use):
            return f"nn.{name}", {"padding": literal("same")}
        printer.helpers.add(f"Same{name}")
        return f"Same{name}", {}
    even = padding.symmetric
    if even == (0, 0):
        return f"nn.{name}", {}
    if even is not None and (use.op is Conv or _half_covers(use, even)):
        return f"nn.{name}", {"padding": plain(even)}
    assert padding.sides is not None
    sides = padding.sides
    printer.helpers.add(f"Padded{name}")
    return f"Padded{name}", {"sides": plain((sides[2], sides[3], sides[0], sides[1]))}


def _same_without_strides(use: LayerUse) -> bool:
    """PyTorch's own `same` knows no strides; for even kernels it warns."""
    if use.op is not Conv or not use.fixed("kernel", "stride"):
        return False
    kernel: Pair = use.value("kernel")
    stride: Pair = use.value("stride")
    return kernel[0] % 2 == kernel[1] % 2 == 1 and stride == (1, 1)


def _half_covers(use: LayerUse, even: Pair) -> bool:
    """torch.nn's pools refuse padding of more than half the window. A window by expression is never smaller."""
    if not use.fixed("kernel"):
        return True
    kernel: Pair = use.value("kernel")
    return even[0] * 2 <= kernel[0] and even[1] * 2 <= kernel[1]


def _batch_norm_type(use: LayerUse) -> str:
    return "nn.BatchNorm2d" if use.ranks[0] == 3 else "nn.BatchNorm1d"


def _batch_norm(use: LayerUse, printer: Printer) -> Code:
    name = _batch_norm_type(use)
    if use.value("variance") == "biased":
        name = name.replace("nn.", "Biased")
        printer.helpers.add(name)
    keywords = printer.given(use, {"eps": "eps"})
    if not use.fixed("decay"):
        keywords["momentum"] = printer.expr(fold(Binary("-", Const(1), use.exprs["decay"])))
    elif use.value("decay") != 0.9:
        keywords["momentum"] = literal(round(1 - use.value("decay"), 12))
    return call(name, printer.expr(use.features[0]), **keywords)


def _dense(use: LayerUse, printer: Printer) -> Code:
    keywords = printer.given(use, {"bias": "bias"})
    return call("nn.Linear", printer.expr(use.features[0]), printer.attribute(use, "units"), **keywords)


def _global_avg_pool(use: LayerUse, printer: Printer) -> Code:
    pool = call("nn.AdaptiveAvgPool2d", "1")
    return pool if use.value("keep_axes") else call("nn.Sequential", pool, call("nn.Flatten"))


def _softmax(use: LayerUse, printer: Printer) -> Code:
    return call("nn.Softmax", dim="1" if use.ranks[0] == 3 else "-1")


def _infix(operator: str) -> Callable[[LayerUse, Printer, Sequence[Code]], Code]:
    return lambda use, printer, operands: Infix(operator, tuple(operands))


def _named(name: str) -> Callable[[LayerUse, Printer], Code]:
    return lambda use, printer: call(name)


ROWS: Final[dict[str, Row]] = {
    "conv": Row("heavy", _conv, type=lambda use: "nn.Conv2d"),
    "dense": Row("heavy", _dense, type=lambda use: "nn.Linear"),
    "batch_norm": Row("light", _batch_norm, type=_batch_norm_type),
    "identity": Row("light", _named("nn.Identity")),
    "relu": Row("light", _named("nn.ReLU")),
    "sigmoid": Row("light", _named("nn.Sigmoid")),
    "softmax": Row("light", _softmax),
    "dropout": Row("light", lambda use, printer: call("nn.Dropout", printer.attribute(use, "rate"))),
    "max_pool": Row("heavy", _max_pool),
    "avg_pool": Row("heavy", _avg_pool),
    "global_avg_pool": Row("heavy", _global_avg_pool),
    "flatten": Row("heavy", _named("nn.Flatten"), lambda use, printer, operands: call("torch.flatten", *operands, "1")),
    "add": Row("merge", function=_infix("+")),
    "multiply": Row("merge", function=_infix("*")),
    "concat": Row(
        "merge",
        function=lambda use, printer, operands: call("torch.cat", Bracket("", tuple(operands)), dim="1"),
    ),
}
