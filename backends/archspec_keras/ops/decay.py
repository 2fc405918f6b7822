"""Weight decay, as Keras has it: a regularizer of a layer's variable."""

from __future__ import annotations

from archspec.codegen.escaping import literal
from archspec.codegen.pretty_printer import Code, call
from archspec.expr import Binary, Const, Expr, fold
from archspec.limits import Budget
from archspec_keras.ops.row import LayerContext


def regularizers(context: LayerContext, **variables: str) -> dict[str, Code]:
    """The regularizers of a layer's variables; `variables` has Keras's word for `weight` and for `bias`.

    Keras's L2 adds its factor times the squares to the loss, whose gradient has twice the factor.
    """
    found: dict[str, Code] = {}
    for weight, variable in variables.items():
        expr = context.use.exprs.get(f"{weight}_decay")
        if expr is not None:
            found[f"{variable}_regularizer"] = call(
                "keras.regularizers.L2", context.printer.expr(_half(expr, context.printer.budget))
            )
        elif value := context.value(f"{weight}_decay"):
            found[f"{variable}_regularizer"] = call("keras.regularizers.L2", literal(value / 2))
    return found


def _half(expr: Expr, budget: Budget) -> Expr:
    """`l2` for `2 * l2`, else `weight_decay / 2`."""
    match expr:
        case Binary("*", Const(2), other) | Binary("*", other, Const(2)):
            return other
        case _:
            return fold(Binary("/", expr, Const(2)), budget)
