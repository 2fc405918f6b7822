"""Outputs of training alone: in the graph, in what each backend gives in each mode, in counts and in pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.api import Form
from archspec.cli import main
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.errors import BackendError, WeightsError
from archspec.ir.evaluation import evaluated
from archspec.parity import random_inputs, random_weights
from archspec.spec import load_text
from archspec.weights import write
from tests.needed import needs
from tests.zoo import NETWORKS

SPEC = NETWORKS["training_outputs"]
AUX_OUTPUTS = {"first", "second"}
AUX = {"aux1", "aux2", "aux2_conv"}


def _graph(**params: Any) -> archspec.LayerGraph:
    return archspec.compile(load_text(SPEC, overrides=params))


def test_evaluation_is_without_them() -> None:
    graph = _graph()
    assert list(graph.outputs) == ["logits", "first", "second"]
    assert graph.training_outputs == ("first", "second")
    form = evaluated(graph)
    assert list(form.outputs) == ["logits"]
    assert not form.training_outputs
    gone = {path.partition(".")[0] for path in graph.nodes.keys() - form.nodes.keys()}
    assert gone == {*AUX, "relu_3", "global_avg_pool_2", "flatten_2"}
    assert form.nodes.keys() == graph.evaluated_nodes.keys()
    assert graph.macs == form.macs
    assert graph.activations == form.activations
    assert graph.weighted_path == form.weighted_path
    assert graph.parameters > form.parameters
    assert archspec.compile(load_text(SPEC), form="inference").outputs.keys() == {"logits"}


def test_one_under_a_condition_is_gone_where_it_does_not_hold() -> None:
    graph = _graph(auxiliary=False)
    assert graph.training_outputs == ("second",)
    assert not any(name.startswith("aux1.") for name in graph.all_weights)


def test_asked_for_by_name_they_are_outputs_like_others() -> None:
    graph = archspec.compile(load_text(SPEC), taps=["second", "late"])
    assert list(graph.outputs) == ["second", "late"]
    assert not graph.training_outputs


def test_a_child_that_leaves_them_out(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(SPEC)
    child = "archspec: 1\nextends: base.yaml\nname: plain\nparams: {auxiliary: false}\ntraining_outputs: null\n"
    (tmp_path / "child.yaml").write_text(child)
    graph = archspec.compile(tmp_path / "child.yaml")
    assert list(graph.outputs) == ["logits"]
    assert not any(name.startswith("aux") for name in graph.all_weights)


def test_counts_are_of_evaluation_and_say_what_training_adds() -> None:
    graph = _graph()
    found, alone = archspec.count(graph), archspec.count(evaluated(graph))
    assert found.total == alone.total
    assert found.depth == alone.depth
    assert found.stages == alone.stages
    assert found.in_training is not None
    assert alone.in_training is None
    assert found.in_training.parameters == graph.parameters
    assert found.as_dict()["in_training"]["parameters"] == graph.parameters
    assert "in_training" not in alone.as_dict()
    assert "total in training" in str(found)


def test_a_difference_says_when_an_output_is_there() -> None:
    always = SPEC.replace("outputs: [logits]\ntraining_outputs: [first, second]", "outputs: [logits, first, second]")
    found = archspec.diff(_graph(), archspec.compile(load_text(always)))
    assert {changed.name: changed.before for changed in found.outputs} == {
        "first": "5 in training alone",
        "second": "5 in training alone",
    }


def test_what_is_shown_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = _graph()
    rows = {row.name: row.text for row in archspec.summary(graph).rows if row.depth == 0}
    assert {name for name, text in rows.items() if text.endswith("in training")} >= AUX
    assert not rows["fc"].endswith("in training")
    assert "second -> aux2 (in training)" in graph.dump()
    picture = archspec.draw(graph, level="layer").svg()
    assert "first in training: 5" in picture
    assert "stroke-dasharray" in picture
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    assert main(["build", str(path), "--backend", "torch", "--no-verify", "-o", str(tmp_path / "x.py")]) == 0
    more = graph.parameters - evaluated(graph).parameters
    assert f"in training first, second: {more:,} of the parameters" in capsys.readouterr().out


@needs("torch")
def test_pytorch_computes_them_in_training_alone() -> None:
    import torch

    graph = _graph()
    model = archspec.build(graph, "torch", weights=random_weights(graph))
    given = torch.from_numpy(random_inputs(graph)["input"]).float()
    called: list[str] = []
    for name, module in model.named_modules():
        module.register_forward_hook(lambda *_, name=name: called.append(name.partition(".")[0]))
    found = model.train()(given)
    assert list(found) == ["logits", "first", "second"]
    assert set(called) >= AUX
    called.clear()
    assert isinstance(model.eval()(given), torch.Tensor)
    assert not AUX & set(called)


@needs("torch")
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_pytorch_can_be_captured_in_each_mode(training: bool) -> None:
    import torch

    graph = _graph()
    model = archspec.build(graph, "torch", weights=random_weights(graph)).train(training)
    given = torch.from_numpy(random_inputs(graph)["input"]).float()

    def values(result: Any) -> dict[str, torch.Tensor]:
        return result if training else {"logits": result}

    wanted = values(model(given))
    scripted = torch.jit.script(model)
    captured = (torch.fx.symbolic_trace(model), torch.export.export(model, (given,)).module(), scripted)
    for other in captured:
        found = values(other(given))
        assert list(found) == list(wanted)
        assert all(torch.allclose(found[name], wanted[name], atol=1e-5) for name in wanted)
    assert isinstance(scripted.train(not training)(given), dict) is not training  # a script has both modes


@needs("torch")
@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_a_dict_of_several_outputs_gets_those_of_training_added(training: bool) -> None:
    """`late` and what follows it are taken by both, and the spec has a tensor of the name that the dict has."""
    import torch

    text = SPEC.replace("outputs: [logits]\n", "outputs: [logits, late, outputs]\n").replace("early", "outputs")
    graph = archspec.compile(load_text(text))
    source = str(archspec.generate(graph, "torch"))
    assert "        if self.training:\n" in source
    assert "if not self.training" not in source
    assert source.count('"logits": ') == 1
    model = archspec.build(graph, "torch", weights=random_weights(graph)).train(training)
    given = torch.from_numpy(random_inputs(graph)["input"]).float()
    wanted = model(given)
    assert list(wanted) == ["logits", "late", "outputs"] + ["first", "second"] * training
    captured = (torch.fx.symbolic_trace(model), torch.export.export(model, (given,)).module(), torch.jit.script(model))
    for other in captured:
        found = other(given)
        assert list(found) == list(wanted)
        assert all(torch.allclose(found[name], wanted[name], atol=1e-5) for name in wanted)
    assert model.train(not training)(given).keys() ^ wanted.keys() == AUX_OUTPUTS


@needs("keras")
def test_keras_has_a_model_without_them_that_shares_the_layers() -> None:
    from archspec.codegen.execute import execute

    graph = _graph()
    module = execute(archspec.generate(graph, "keras"), "keras", "training_outputs")
    model = module.training_outputs()
    inner = module.inference_model(model)
    assert set(model.output) == {"logits", "first", "second"}
    assert {id(layer) for layer in inner.layers} < {id(layer) for layer in model.layers}
    assert not AUX & {layer.name for layer in inner.layers}
    given = np.moveaxis(random_inputs(graph)["input"], 1, -1).astype(np.float32)
    np.testing.assert_allclose(np.asarray(inner(given)), np.asarray(model(given)["logits"]), atol=1e-6)
    target = backend("keras", RunsModels)
    found = target.run(model, graph, random_inputs(graph), training=False)
    assert list(found.outputs) == ["logits"]


@needs("onnx")
def test_an_onnx_model_is_of_evaluation() -> None:
    graph, target = _graph(), backend("onnx", RunsModels)
    weights = random_weights(graph)
    model = archspec.build(graph, "onnx", weights=weights)  # those of training, too
    assert [output.name for output in model.graph.output] == ["logits"]
    assert {tensor.name for tensor in model.graph.initializer} == evaluated(graph).all_weights.keys()
    with pytest.raises(BackendError, match="no outputs of training alone"):
        target.run(model, graph, random_inputs(graph), training=True)


@needs("onnx", "onnxruntime")
@pytest.mark.parametrize("form", ["training", "inference"])
def test_a_model_that_is_not_trained_needs_no_weights_of_training_alone(tmp_path: Path, form: Form) -> None:
    whole = archspec.init_weights(_graph())
    few = {name: whole[name] for name in evaluated(_graph()).all_weights}
    assert len(few) < len(whole)
    models = [archspec.build(_graph(), "onnx", weights=given, form=form) for given in (whole, few)]
    assert models[0].SerializeToString() == models[1].SerializeToString()
    with pytest.raises(WeightsError, match="missing"):
        archspec.build(_graph(), "torch", weights=few)


@needs("onnx", "onnxruntime")
def test_commands_say_what_they_leave_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    graph = _graph()
    few = {name: array for name, array in archspec.init_weights(graph).items() if name in evaluated(graph).all_weights}
    write(tmp_path / "few.safetensors", few, evaluated(graph))
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((8, *graph.input_nodes[0].type.sizes)))
    spec, weights = str(tmp_path / "net.yaml"), ["--weights", str(tmp_path / "few.safetensors")]
    left_out = "left out    first, second, for training alone: 10 weights, 108 parameters"
    for command in (["build", "--backend", "onnx"], ["build", "--backend", "onnx", "--for", "inference"]):
        assert main([*command, spec, *weights, "-o", str(tmp_path)]) == 0
        assert left_out in capsys.readouterr().out
    assert main(["quantize", spec, *weights, "--images", str(tmp_path / "x.npy"), "-o", str(tmp_path)]) == 0
    assert left_out in capsys.readouterr().out
