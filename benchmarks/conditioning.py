"""How far PyTorch in float32 is from itself in float64: `python -m benchmarks.conditioning`.

What a network multiplies rounding errors by bounds what any comparison of frameworks can show. See docs/parity.md.
"""

from __future__ import annotations

from typing import Any

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.parity import random_inputs, random_weights
from archspec.parity.measure import difference
from benchmarks.machine import describe


def main() -> None:
    """ResNet-152 in training mode, with the weights that parity draws, and with shifts around zero."""
    print(describe("torch"))
    graph = archspec.compile("resnet152")
    source, target, inputs = archspec.generate(graph, "torch"), backend("torch", RunsModels), random_inputs(graph)
    for what, lean in (("shifts that lean positive", 0.0), ("shifts around zero", 0.25)):
        weights = random_weights(graph)
        for name in weights:
            if name.endswith(".bias"):
                weights[name] = weights[name] - lean
        outputs: dict[str, Any] = {}
        for dtype in ("float64", "float32"):
            model = target.build(source, graph, weights=weights, dtype=dtype)
            outputs[dtype] = target.run(model, graph, inputs, training=True).outputs["output"]
        print(f"{what}: {difference(outputs['float64'], outputs['float32']):.1e}")


if __name__ == "__main__":
    main()
