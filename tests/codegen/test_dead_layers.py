"""Layers that no output needs: left out alike by counts and backends, at hand for taps, and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import archspec
from archspec.cli import main
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.parity import random_inputs
from archspec.spec import load_text

SPEC = """
archspec: 1
name: two_heads
depth: 2
input: {channels: 3, height: 8, width: 8}
layers:
  - conv: {filters: 4, kernel: 3}
  - tap: trunk
  - {name: aux, layers: [global_avg_pool, flatten, dense: {units: 10}]}
  - tap: aux_logits
  - {from: trunk, layers: [global_avg_pool, flatten, dense: {name: fc, units: 10}]}
  - tap: logits
outputs: [OUTPUTS]
"""


def _graph(outputs: str = "logits") -> archspec.LayerGraph:
    return archspec.compile(load_text(SPEC.replace("OUTPUTS", outputs)))


def test_it_is_counted_as_if_it_were_not_there() -> None:
    graph, both = _graph(), _graph("logits, aux_logits")
    assert both.whole is None
    assert graph.whole is not None
    assert graph.parameters == both.parameters - 50
    assert graph.macs == both.macs - 40
    assert not [path for path in graph.nodes if path.startswith("aux")]
    assert {*graph.dead_weights} == {"aux.2.weight", "aux.2.bias"}


@pytest.mark.parametrize("name", ["torch", "keras", "onnx"])
def test_all_backends_build_the_same(name: str) -> None:
    pytest.importorskip({"torch": "torch", "keras": "keras", "onnx": "onnxruntime"}[name])
    graph, target = _graph(), backend(name, RunsModels)
    source = target.render(graph)
    target.verify(source, graph)
    weights = archspec.init_weights(_graph("logits, aux_logits"))  # of the whole network: a file has them all
    model = archspec.build(graph, name, weights=weights)
    assert target.export_weights(model, graph).keys() == graph.all_weights.keys()
    inputs = random_inputs(graph, batch=2)
    found = target.run(model, graph, inputs, training=False).outputs["logits"]
    wanted = _graph("logits, aux_logits")
    other = archspec.build(wanted, name, weights=weights)
    np.testing.assert_allclose(found, target.run(other, wanted, inputs, training=False).outputs["logits"], rtol=1e-6)


def test_it_can_still_be_asked_for() -> None:
    tapped = archspec.compile(load_text(SPEC.replace("OUTPUTS", "logits")), taps=["aux_logits"])
    assert [path for path in tapped.nodes if path.startswith("aux")]
    weights = archspec.init_weights(_graph(), taps=["aux_logits"])
    assert "aux.2.weight" in weights


def test_validate_says_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "two_heads.yaml"
    path.write_text(SPEC.replace("OUTPUTS", "logits"))
    assert main(["validate", str(path)]) == 0
    assert "left out    aux: no output needs it (3 layers, 50 parameters)" in capsys.readouterr().out
    path.write_text(SPEC.replace("OUTPUTS", "logits, aux_logits"))
    assert main(["validate", str(path)]) == 0
    assert "left out" not in capsys.readouterr().out


def test_a_child_may_want_less_than_its_parent_gives(tmp_path: Path) -> None:
    (tmp_path / "parent.yaml").write_text(SPEC.replace("OUTPUTS", "logits, aux_logits"))
    (tmp_path / "child.yaml").write_text("archspec: 1\nname: child\nextends: parent.yaml\ndepth: 1\noutputs: [trunk]\n")
    graph = archspec.compile(tmp_path / "child.yaml")
    assert [*graph.nodes] == ["input", "conv"]
