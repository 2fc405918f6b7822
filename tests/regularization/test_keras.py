"""Regularizers of generated Keras source: how they read, and that they stay when a model is saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.execute import execute
from archspec.codegen.registry import backend
from archspec.errors import InternalError
from tests.needed import lazily, needs
from tests.regularization.specs import SPECS, compiled, graph_of

keras: Any = lazily("keras")
pytestmark = needs("keras")

L2 = "keras.regularizers.L2"


@pytest.mark.parametrize(
    ("layers", "written"),
    [
        ("conv: {filters: 4, kernel: 1, weight_decay: 2e-4}", [f"kernel_regularizer={L2}(0.0001)"]),
        ("conv: {filters: 4, kernel: 1, weight_decay: 1e-4}", [f"kernel_regularizer={L2}(5e-5)"]),
        ("conv: {filters: 4, kernel: 1, bias_decay: 0.5}", [f"bias_regularizer={L2}(0.25)"]),
        ("conv: {filters: 4, kernel: 1, bias: false, bias_decay: 0.5}", []),
        (
            "batch_norm: {weight_decay: 1, bias_decay: 3}",
            [f"gamma_regularizer={L2}(0.5)", f"beta_regularizer={L2}(1.5)"],
        ),
        ("batch_norm: {affine: false, weight_decay: 1, bias_decay: 3}", []),
        ("conv: {filters: 4, kernel: 1, weight_decay: wd}", [f"kernel_regularizer={L2}(wd / 2)"]),
        ("conv: {filters: 4, kernel: 1, weight_decay: 2 * wd}", [f"kernel_regularizer={L2}(wd)"]),
        ("layer_norm: {weight_decay: wd + 1}", [f"gamma_regularizer={L2}((wd + 1) / 2)"]),
        ("conv: {filters: 4, kernel: 1, weight_decay: 0}", []),
    ],
)
def test_half_of_the_decay_is_the_factor(layers: str, written: list[str]) -> None:
    params = "params: {wd: 0.5}\n" if "wd" in layers else ""
    graph = graph_of(f"{params}layers:\n  - {layers}\n")
    source = archspec.generate(graph, "keras")
    assert source.count("regularizer=") == len(written)
    assert all(text in source for text in written)
    backend("keras", BuildsModels).verify(source, graph)


def test_an_argument_decides_the_decay() -> None:
    text = (
        "params: {wd: 0.5}\n"
        "blocks: {unit: {params: {d: {}}, layers: [conv: {name: c, filters: 4, kernel: 1, weight_decay: d}]}}\n"
        "layers: [unit: {name: a, d: wd}, unit: {name: b, d: wd / 2}]\n"
    )
    made: Any = execute(archspec.generate(graph_of(text), "keras"), "keras", "net")
    for value in (0.5, 0.125):
        graph, model = graph_of(text, wd=value), made.net(wd=value)
        for name in ("a_c", "b_c"):
            factor = model.get_layer(name).kernel_regularizer.l2
            assert 2 * factor == graph.all_weights[f"{name.replace('_', '.')}.weight"].decay


@pytest.mark.parametrize("name", SPECS)
def test_a_saved_model_has_its_regularizers(name: str, tmp_path: Path) -> None:
    graph = compiled(name)
    model = backend("keras", BuildsModels).build(archspec.generate(graph, "keras"), graph)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert len(loaded.losses) == len(model.losses) > 0
    assert [float(loss) for loss in loaded.losses] == [float(loss) for loss in model.losses]


def test_another_decay_than_the_graphs_is_a_fault() -> None:
    graph = compiled("kernels")
    source = archspec.generate(graph, "keras")
    with pytest.raises(InternalError, match="weight decay"):
        backend("keras", BuildsModels).verify(source.replace("L2(0.0001)", "L2(0.0002)"), graph)
