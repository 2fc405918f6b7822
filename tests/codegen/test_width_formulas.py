"""Units whose widths follow a formula of their place: loops with the formula, of which params stay arguments."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

import archspec
from archspec.codegen.execute import execute
from archspec.codegen.simplify import fixed_params
from archspec.spec import load_text
from tests.conformance.test_ops import conforms
from tests.needed import needs

PYRAMID = """
archspec: 1
name: pyramid
params: {classes: 3, depth: 38, alpha: 24}
input: {channels: 3, height: 8, width: 8}
depth: {value: depth, rule: 6n+2}
blocks:
  unit:
    unit: [filters, stride]
    params: {stride: 1}
    layers:
      - add:
          - - conv: {name: conv1, filters: filters, kernel: 3, stride: stride, padding: 1}
            - batch_norm: {name: bn}
            - conv: {name: conv2, filters: filters, kernel: 3, padding: 1}
          - - {avg_pool: {kernel: 2}, when: stride == 2}
            - {pad_channels: {after: filters - in_channels}, when: filters > in_channels}
stem:
  - conv: {name: conv1, filters: 16, kernel: 3, padding: 1}
stages:
  - {name: a, block: unit, units: "[(floor(16 + alpha * (j + 1) / (3 * n)), 1) for j in range(n)]"}
  - {name: b, block: unit, units: "[(floor(16 + alpha * (j + 1 + n) / (3 * n)), 2 if j == 0 else 1) for j in range(n)]"}
  - {name: c, block: unit, units: "[(floor(16 + alpha * (j + 1 + 2 * n) / (3 * n)), 2 if j == 0 else 1) for j in range(n)]"}
head: [global_avg_pool, flatten, dense: {name: fc, units: classes}]
"""  # noqa: E501 - lines as a user writes them


def _written(backend: str) -> ModuleType:
    return execute(archspec.generate(archspec.compile(load_text(PYRAMID)), backend), backend, "pyramid")


@needs("torch", "keras")
def test_a_comprehension_of_units_is_a_loop_with_its_formula() -> None:
    graph = archspec.compile(load_text(PYRAMID))
    torch, keras = (archspec.generate(graph, name) for name in ("torch", "keras"))
    assert torch.count("Unit(") == 7  # the class; of each stage its first unit and the others
    assert "Unit(floor(16 + alpha * i / 18), floor(16 + alpha * (i + 1) / 18))" in torch
    assert keras.count("x = unit(") == 6
    assert "x = unit(x, floor(16 + alpha * (i + 1) / 18), name=" in keras
    assert fixed_params(graph) == {"depth": "`n`, by the rule of the depth"}
    conforms(graph)


@needs("torch")
@pytest.mark.parametrize("alpha", [5, 24, 48])
def test_the_argument_gives_the_network_of_its_value(alpha: int) -> None:
    """Of 5 channels that are added in 18 units, most units get none: the condition comes out otherwise there."""
    import torch

    module = _written("torch")
    model = module.Pyramid(alpha=alpha).eval()
    other: Any = archspec.build(
        archspec.compile(load_text(PYRAMID, overrides={"alpha": alpha})), backend="torch"
    ).eval()
    other.load_state_dict(model.state_dict())
    x = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model(x), other(x))


@needs("keras")
@pytest.mark.parametrize("alpha", [5, 24])
def test_so_it_does_in_keras(alpha: int) -> None:
    module = _written("keras")
    other: Any = archspec.build(archspec.compile(load_text(PYRAMID, overrides={"alpha": alpha})), backend="keras")
    shapes = {weight.path: tuple(weight.shape) for weight in module.pyramid(alpha=alpha).weights}
    assert shapes == {weight.path: tuple(weight.shape) for weight in other.weights}


@pytest.mark.parametrize(
    ("item", "what"),
    [
        ("{max_pool: {kernel: 2}, when: filters > in_channels}", "whether a.max_pool is there"),
        ("{relu: {}, when: filters > in_channels, else: [tanh: {}]}", "whether a.relu is there or other layers"),
        ("{relu: {}, when: filters > 20}", "whether a.relu is there"),
    ],
    ids=["another size follows", "there is another side", "it asks for no width that arrives"],
)
def test_a_condition_that_has_to_hold_fixes_what_it_asks_for(item: str, what: str) -> None:
    spec = f"""
archspec: 1
name: fixed
params: {{alpha: 24}}
input: {{channels: 3, height: 8, width: 8}}
blocks:
  unit:
    params: {{filters: {{}}}}
    layers:
      - {item}
      - conv: {{filters: filters, kernel: 1}}
layers:
  - unit: {{name: a, filters: alpha}}
  - unit: {{name: b, filters: alpha + 1}}
"""
    assert fixed_params(archspec.compile(load_text(spec))) == {"alpha": what}
