"""What transformers are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from archspec.codegen.escaping import literal
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.pretty_printer import Bracket, Code, Infix, call
from archspec.codegen.tree import LayerUse
from archspec.ir.initializers import Normal
from archspec_torch.ops.row import BareParameter, Parts, TorchRow, chained, owner


def _helper(name: str, *attributes: str) -> Callable[[LayerUse, ExpressionPrinter], Code]:
    def module(use: LayerUse, printer: ExpressionPrinter) -> Code:
        printer.helpers.add(name)
        return call(name, *(printer.attribute(use, attribute) for attribute in attributes))

    return module


def _fixed(use: LayerUse) -> bool:
    return not use.exprs


def _transposed(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    before = [call("flatten", "2")] if use.op.name == "to_tokens" else []
    return chained(operands[0], [*before, call("transpose", "1", "2")])


def _to_image(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    size = literal((use.value("height"), use.value("width")))
    return call("torch.unflatten", chained(operands[0], [call("transpose", "1", "2")]), "2", size)


def _select_token(use: LayerUse, printer: ExpressionPrinter, operands: Sequence[Code]) -> Code:
    return Bracket(owner(operands[0]), (":", literal(use.value("index"))), "[", "]")


def is_apart(use: LayerUse) -> bool:
    """Whether the four maps of an attention have weights apart."""
    if use.value("maps") is not None:
        return bool(use.value("maps") == "apart")
    return len(use.operands) > 1 or any(
        not use.fixed(name) or use.value(name) is not None for name in ("out_bias", "key_size", "value_size")
    )


def _attention(use: LayerUse, printer: ExpressionPrinter) -> Code:
    if is_apart(use):
        printer.helpers.add("ProjectedAttention")
        features, heads = printer.expr(use.features[0]), printer.attribute(use, "heads")
        others = {"others": printer.expr(use.features[1])} if len(use.operands) > 1 else {}
        words = ("key_size", "value_size", "bias", "out_bias")
        return call(
            "ProjectedAttention", features, heads, **others, **printer.given(use, dict(zip(words, words, strict=True)))
        )
    name = _joint(use)
    printer.helpers.add(name)
    features, heads = printer.expr(use.features[0]), printer.attribute(use, "heads")
    return call(name, features, heads, **printer.given(use, {"bias": "bias"}))


def _joint(use: LayerUse) -> str:
    """The class of an attention whose maps are one weight."""
    if use.value("names") == "timm":
        return "QkvAttention"
    return "CrossAttention" if len(use.operands) > 1 else "SelfAttention"


def _class_token(use: LayerUse, printer: ExpressionPrinter) -> Code:
    printer.helpers.add("ClassToken")
    return call("ClassToken", printer.expr(use.features[0]))


def _register_tokens(use: LayerUse, printer: ExpressionPrinter) -> Code:
    printer.helpers.add("RegisterTokens")
    return call("RegisterTokens", printer.attribute(use, "count"), printer.expr(use.features[0]))


def _position_embedding(use: LayerUse, printer: ExpressionPrinter) -> Code:
    printer.helpers.add("PositionEmbedding")
    [(tokens,)] = use.sizes
    return call("PositionEmbedding", str(tokens), printer.expr(use.features[0]))


def _embedding(use: LayerUse, printer: ExpressionPrinter) -> Code:
    return call("nn.Embedding", printer.expr(use.features[0]), printer.attribute(use, "features"))


def _prepended(use: LayerUse, printer: ExpressionPrinter, token: str, operand: Code) -> Code:
    printer.helpers.add("prepend")
    return call("prepend", token, operand)


def _token_shape(use: LayerUse, printer: ExpressionPrinter) -> tuple[Code, ...]:
    return "1", "1", printer.expr(use.features[0])


def _registers_shape(use: LayerUse, printer: ExpressionPrinter) -> tuple[Code, ...]:
    return "1", printer.attribute(use, "count"), printer.expr(use.features[0])


def _positions_shape(use: LayerUse, printer: ExpressionPrinter) -> tuple[Code, ...]:
    [(tokens,)] = use.sizes
    return "1", str(tokens), printer.expr(use.features[0])


_ATTENTION: Final = Parts(
    ("{0}.in_proj_weight", "{0}.out_proj.weight"),
    ("*{0}.in_proj_weight.chunk(3)", "{0}.out_proj.weight"),
    ("{0}.in_proj_bias", "{0}.out_proj.bias"),
    "{0}.embed_dim",
    "nn.Linear",
)

_PROJECTIONS: Final = tuple(f"{{0}}.{name}_proj" for name in "qkvo")
_APART: Final = Parts(
    tuple(f"{name}.weight" for name in _PROJECTIONS),
    tuple(f"{name}.weight" for name in _PROJECTIONS),
    tuple(f"{name}.bias" for name in _PROJECTIONS),
    "",
    "nn.Linear",
)

_QKV: Final = Parts(
    ("{0}.qkv.weight", "{0}.proj.weight"),
    ("*{0}.qkv.weight.chunk(3)", "{0}.proj.weight"),
    ("{0}.qkv.bias", "{0}.proj.bias"),
    "{0}.proj.in_features",
    "nn.Linear",
)


def _attention_parts(use: LayerUse) -> Parts:
    if is_apart(use):
        return _APART
    return _QKV if use.value("names") == "timm" else _ATTENTION


ROWS: Final[dict[str, TorchRow]] = {
    "embedding": TorchRow("heavy", _embedding, type=lambda use: "nn.Embedding", draws={"weight": Normal(1.0)}),
    "to_tokens": TorchRow("light", _helper("ToTokens"), _transposed),
    "to_image": TorchRow("light", _helper("ToImage", "height", "width"), _to_image, inline=_fixed),
    "to_signal": TorchRow("light", _helper("Transpose"), _transposed),
    "transpose": TorchRow("light", _helper("Transpose"), _transposed),
    "attention": TorchRow(
        "heavy",
        _attention,
        type=lambda use: "ProjectedAttention" if is_apart(use) else _joint(use),
        parts=_attention_parts,
    ),
    "class_token": TorchRow(
        "heavy", _class_token, type=lambda use: "ClassToken", bare=BareParameter(_token_shape, _prepended)
    ),
    "register_tokens": TorchRow(
        "heavy",
        _register_tokens,
        type=lambda use: "RegisterTokens",
        bare=BareParameter(_registers_shape, _prepended),
    ),
    "position_embedding": TorchRow(
        "heavy",
        _position_embedding,
        type=lambda use: "PositionEmbedding",
        bare=BareParameter(_positions_shape, lambda use, printer, added, operand: Infix("+", (operand, added))),
    ),
    "select_token": TorchRow("light", _helper("SelectToken", "index"), _select_token, inline=_fixed),
}
