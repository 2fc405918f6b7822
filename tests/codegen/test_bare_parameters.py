"""What is learned under the layer's own name: a parameter of the module around it, not one of a module of its own."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pytest

import archspec
from archspec.ir.graph import LayerGraph
from archspec.parity import random_inputs, random_weights
from archspec.passes.inference.form import inference_form
from archspec.spec import load_text
from tests.drawing import draw_anew
from tests.needed import needs

SPEC: Final = """
archspec: 1
name: bare
input: {channels: 3, height: 16, width: 16}
params: {width: 8, gated: true}
defaults: {conv: {weight_decay: 1e-4}}
blocks:
  unit:
    params: {filters: {}}
    layers:
      - add:
          - []
          - [conv: {filters: filters, kernel: 1}, scale: {name: gamma, learned: channel, value: 0.5, bare: true}]
layers:
  - conv: {filters: width, kernel: 4, stride: 4}
  - repeat: {name: units, times: 2, layers: [unit: {filters: width}]}
  - {scale: {name: "3-gate", learned: channel, value: 0.3, bare: true}, when: gated}
  - to_tokens
  - class_token: {name: cls_token, bare: true, init: {normal: 0.5}}
  - name: encoder
    layers:
      - position_embedding: {name: pos_embed, bare: true}
      - layer_norm
  - select_token
  - dense: {units: 4}
"""
SHAPES: Final = {
    "units.0.gamma": (8, 1, 1),
    "units.1.gamma": (8, 1, 1),
    "3-gate": (8, 1, 1),
    "cls_token": (1, 1, 8),
    "encoder.pos_embed": (1, 17, 8),
}


def _graph(gated: bool = True) -> LayerGraph:
    text = SPEC if gated else SPEC.replace("gated: true", "gated: false")
    return archspec.compile(load_text(text))


def test_names_and_shapes() -> None:
    found = _graph().all_weights
    assert {name: found[name].shape for name in SHAPES} == SHAPES
    assert "3-gate" not in _graph(gated=False).all_weights


@needs("torch")
def test_the_model_has_them_as_parameters() -> None:
    model: Any = archspec.build(_graph(), "torch", seed=0)
    found = dict(model.named_parameters())
    assert {name: tuple(found[name].shape) for name in SHAPES} == SHAPES
    assert bool((found["units.1.gamma"] == 0.5).all())
    assert 0.2 < float(found["cls_token"].detach().std()) < 0.8
    groups = {group["weight_decay"]: [*map(id, group["params"])] for group in model.parameter_groups()}
    assert {id(found[name]) for name in SHAPES} <= {*groups[0.0]}


@needs("torch")
def test_drawing_anew_draws_them_too() -> None:
    model: Any = archspec.build(_graph(), "torch", seed=0)
    for parameter in model.parameters():
        parameter.data.fill_(7.0)
    model.apply(draw_anew)
    assert not any(bool((parameter == 7.0).any()) for parameter in model.parameters())


@pytest.mark.slow
@needs("torch", "keras")
@pytest.mark.parametrize("gated", [True, False])
def test_the_backends_and_the_form_for_inference_agree(gated: bool) -> None:
    """The form takes the factors after a convolution into it."""
    from archspec.codegen.backend import RunsModels
    from archspec.codegen.registry import backend

    graph = _graph(gated=gated)
    form = inference_form(graph)
    assert "units.0.gamma" not in form.all_weights
    weights, inputs = random_weights(graph), random_inputs(graph)
    found = []
    for made, own in ((graph, weights), (form, form.weights_of_form(weights))):
        for name in ("torch", "keras"):
            target = backend(name, RunsModels)
            model = target.build(archspec.generate(made, name), made, weights=own, dtype="float64")
            found.append(target.run(model, made, inputs, training=False).outputs["output"])
    for other in found[1:]:
        np.testing.assert_allclose(found[0], other, rtol=1e-12)
