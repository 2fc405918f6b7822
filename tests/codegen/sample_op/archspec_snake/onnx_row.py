"""What it means in ONNX's operators: ONNX's reference evaluator runs it as the judge of the other backends."""

from __future__ import annotations

from archspec_onnx.ops import Fragment


def snake(layer: Fragment) -> str:
    """x + sin(alpha x)^2 / alpha."""
    alpha = layer.constant(layer.op.alpha)
    wave = layer.add("Sin", layer.add("Mul", alpha, layer.x))
    return layer.add("Add", layer.x, layer.add("Div", layer.add("Mul", wave, wave), alpha))
