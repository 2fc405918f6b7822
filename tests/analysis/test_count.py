"""`archspec count`: figures by stage and in all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import archspec
from archspec.analysis.counting import Counts
from archspec.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return command


def test_the_stages_of_a_network() -> None:
    counts = archspec.count("resnet50")
    assert (counts.name, counts.inputs, counts.depth) == ("resnet50", ((3, 224, 224),), 50)
    found = {stage.name: (stage.counts.parameters, stage.counts.macs, stage.shape) for stage in counts.stages}
    # He et al. 2015, Table 1: 7x7, 64 on 112x112 pixels; and the shapes of its stages.
    assert found["conv1..max_pool"] == (9_408 + 128, 9_408 * 112**2, (64, 56, 56))
    assert found["layer1"][2] == (256, 56, 56)
    assert found["layer4"][2] == (2048, 7, 7)
    assert found["global_avg_pool..fc"] == (2_049_000, 2_048_000, (1000,))


@pytest.mark.parametrize("name", ["resnet50", "lenet", "shufflenet_v2", "unet", "two_streams", "vision_transformer"])
def test_the_stages_add_up(name: str) -> None:
    graph = archspec.compile(name)
    counts = archspec.count(graph)
    total = counts.total
    for field in ("layers", "parameters", "buffers", "macs", "activations", "weighted_activations"):
        assert sum(getattr(stage.counts, field) for stage in counts.stages) == getattr(total, field)
    assert (total.parameters, total.buffers) == (graph.parameters, graph.buffers)
    assert (total.macs, total.activations) == (graph.macs, graph.activations)
    assert total.layers == len(graph.nodes) - len(graph.inputs)


def test_activations_of_weighted_layers_alone() -> None:
    total = archspec.count("lenet").total
    assert total.weighted_activations == 6 * 28**2 + 16 * 10**2 + 120 + 84 + 10


def test_flops_are_twice_macs_and_bytes_go_by_the_type() -> None:
    counts = Counts(parameters=90, buffers=10, macs=7)
    assert counts.flops == 14
    assert [counts.weight_bytes(dtype) for dtype in ("float32", "float64", "float16", "bfloat16")] == [
        400,
        800,
        200,
        200,
    ]
    with pytest.raises(ValueError, match="int8"):
        counts.weight_bytes("int8")


def test_the_bytes_are_those_of_the_weights_file() -> None:
    pytest.importorskip("numpy")
    from archspec.parity import random_weights

    graph = archspec.compile("lenet")
    arrays = random_weights(graph).values()
    assert archspec.count(graph).total.weight_bytes("float64") == 8 * sum(array.size for array in arrays)


def test_params_reach_the_count() -> None:
    assert archspec.count("resnet50", classes=10).total.parameters == 25_557_032 - 990 * 2049
    with pytest.raises(TypeError, match="compiled already"):
        archspec.count(archspec.compile("lenet"), classes=3)


def test_the_table_of_one_network(run: Run) -> None:
    code, out, err = run("count", "resnet50")
    assert (code, err) == (0, "")
    assert "input 3x224x224, depth 50" in out
    total = next(line for line in out.splitlines() if line.startswith("total")).split("  ")
    assert [part.strip() for part in total if part.strip()] == [
        *("total", "25,557,032", "53,120", "4.089 G", "8.178 G", "37.560 M", "11.115 M", "102.441 MB")
    ]
    assert "FLOPs = 2 x MACs" in out


def test_several_networks_and_another_type(run: Run) -> None:
    _, out, _ = run("count", "resnet18", "lenet", "--dtype", "bfloat16")
    lines = [line.split() for line in out.splitlines()]
    assert lines[2][:4] == ["resnet18", "3x224x224", "18", "11,689,512"]
    assert lines[3][-2:] == ["123.412", "kB"]
    assert "in bfloat16" in out
    _, both, _ = run("count", "resnet18", "lenet", "--form", "stages")
    assert both.count("total") == 2


def test_json(run: Run) -> None:
    code, out, _ = run("count", "resnet50", "resnet50", "--format", "json", "--set", "classes=10")
    first, second = json.loads(out)
    assert code == 0
    assert first == second
    assert first["total"]["macs"] == 4_089_184_256 - 990 * 2048
    assert first["total"]["flops"] == 2 * first["total"]["macs"]
    assert first["total"]["weight_bytes"] == 4 * (first["total"]["parameters"] + first["total"]["buffers"])
    assert sum(stage["macs"] for stage in first["stages"]) == first["total"]["macs"]


def test_a_wrong_spec_is_an_error(run: Run, tmp_path: Path) -> None:
    code, out, err = run("count", str(tmp_path / "none.yaml"))
    assert (code, out) == (1, "")
    assert "E0101" in err


def test_what_training_alone_needs_is_counted_apart_everywhere(run: Run) -> None:
    for name in ("googlenet", "inception_v3"):
        graph = archspec.compile(name)
        counts, summary = archspec.count(graph), archspec.summary(graph)
        assert counts.total == summary.total
        assert counts.in_training == summary.in_training
        assert counts.in_training is not None
        assert graph.macs == counts.total.macs < counts.in_training.macs
        found = archspec.diff(graph, archspec.compile(name, form="inference"))
        assert found.totals[0] == counts.total
        assert found.totals[1].macs == counts.total.macs  # folding takes no multiply-adds away
        assert found.in_training == (counts.in_training, found.totals[1])
        assert archspec.diff(archspec.compile("resnet18"), archspec.compile("resnet18")).in_training is None
    whole = json.loads(run("summary", "googlenet", "--format", "json")[1])
    other = json.loads(run("diff", "googlenet", "googlenet", "--format", "json")[1])["totals"]["before"]
    assert whole["total"]["macs"] == other["macs"] < whole["in_training"]["macs"] == other["in_training"]["macs"]
    assert "in training" in run("summary", "googlenet")[1]
    assert "MACs in training" in run("diff", "googlenet", "googlenet", "--for-b", "inference")[1]
