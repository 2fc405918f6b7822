"""The parity harness: it agrees where models agree, and it catches every fault that is planted."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import pytest

import archspec
from archspec import ParityError
from archspec.cli import main
from archspec.parity import Participant, Report, compare
from archspec.parity.measure import difference

pytest.importorskip("torch")
pytest.importorskip("keras")

TORCH, KERAS = Participant("torch"), Participant("keras", "tensorflow")

# Small, and with one of everything that frameworks treat differently.
NETWORK = """
archspec: 1
name: probe
input: {channels: 3, height: 17, width: 16}
defaults:
  batch_norm: {eps: 1e-3, decay: 0.8}
layers:
  - conv: {name: conv1, filters: 8, kernel: 3, stride: 2, padding: 1}
  - batch_norm: {name: bn1}
  - relu
  - max_pool: {kernel: 3, stride: 2, padding: 1}
  - conv: {name: conv2, filters: 12, kernel: 3, stride: 2, padding: same}
  - batch_norm: {name: bn2}
  - conv: {name: conv3, filters: 12, kernel: 3, padding: 1, groups: 3}
  - avg_pool: {kernel: 2, stride: 1}
  - flatten
  - dense: {name: fc, units: 5}
"""


@lru_cache
def _graph() -> archspec.LayerGraph:
    from archspec.spec import load_text

    return archspec.compile(load_text(NETWORK))


@lru_cache
def _sources() -> tuple[str, str]:
    return archspec.generate(_graph(), "torch"), archspec.generate(_graph(), "keras")


def _compare(torch_source: str | None = None, keras_source: str | None = None, **options: object) -> Report:
    pair = (Participant("torch", source=torch_source), Participant("keras", "tensorflow", keras_source))
    return compare(_graph(), pair, **options)  # type: ignore[arg-type]


@pytest.mark.parity
def test_the_sound_network_agrees() -> None:
    report = _compare()
    assert report.agrees
    kinds = {(row.dtype, row.mode, row.what) for row in report.rows}
    assert kinds == {
        (dtype, mode, what)
        for dtype in ("float32", "float64")
        for mode, what in (("inference", "outputs"), ("training", "outputs"), ("training", "statistics"))
    }
    assert all(row.difference < 1e-12 for row in report.rows if row.dtype == "float64")
    report.require()


def _edit(source: str, old: str, new: str) -> str:
    assert old in source, f"{old!r} is not in the source:\n{source}"
    return source.replace(old, new, 1)


# One fault for each row of the list of differences between frameworks that applies here.
TORCH_FAULTS: dict[str, Callable[[str], str]] = {
    "padding on the other side": lambda s: _edit(
        s, "sides += [total // 2, total - total // 2]", "sides += [total - total // 2, total // 2]"
    ),
    "eps": lambda s: _edit(s, "eps=0.001", "eps=0.0011"),
    "decay taken for momentum": lambda s: _edit(s, "momentum=0.2", "momentum=0.8"),
    "stride on another convolution": lambda s: _edit(
        _edit(s, "nn.Conv2d(3, 8, kernel_size=3, stride=2, padding=1)", "nn.Conv2d(3, 8, kernel_size=3, padding=1)"),
        "nn.MaxPool2d(kernel_size=3, stride=2, padding=1)",
        "nn.MaxPool2d(kernel_size=3, stride=4, padding=1)",
    ),
    "flatten in another order": lambda s: _edit(s, "torch.flatten(x, 1)", "torch.flatten(x.permute(0, 2, 3, 1), 1)"),
    "a missing ReLU": lambda s: _edit(s, "self.relu(self.bn1(self.conv1(x)))", "self.bn1(self.conv1(x))"),
}
KERAS_FAULTS: dict[str, Callable[[str], str]] = {
    "SAME in place of symmetric padding": lambda s: _edit(
        _edit(s, 'layers.ZeroPadding2D(1, name="conv1_pad")', 'layers.Identity(name="conv1_pad")'),
        "strides=2,",
        'strides=2, padding="same",',
    ),
    "biased running variance": lambda s: s.replace("= UnbiasedBatchNormalization(", "= layers.BatchNormalization("),
    "Keras's own eps and momentum": lambda s: _edit(s, "momentum=0.8", "momentum=0.99"),
}


def _caught(report: Report) -> None:
    assert not report.agrees
    with pytest.raises(ParityError):
        report.require()


@pytest.mark.parity
@pytest.mark.parametrize("fault", TORCH_FAULTS)
def test_a_fault_in_the_torch_source_is_caught(fault: str) -> None:
    _caught(_compare(TORCH_FAULTS[fault](_sources()[0]), dtypes=("float32",)))


@pytest.mark.parity
@pytest.mark.parametrize("fault", KERAS_FAULTS)
def test_a_fault_in_the_keras_source_is_caught(fault: str) -> None:
    edited = KERAS_FAULTS[fault](_sources()[1])
    assert edited != _sources()[1]
    _caught(_compare(keras_source=edited, dtypes=("float32",)))


@pytest.mark.parity
def test_a_transposed_kernel_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Height and width of a square kernel swapped: the shapes still fit."""
    source = _edit(
        _sources()[0],
        "self.conv2(x)",
        "F.conv2d(F.pad(x, same_sides(x, (3, 3), (2, 2))), self.conv2.weight.transpose(2, 3), self.conv2.bias, 2)",
    )
    _caught(_compare(source, dtypes=("float32",)))


def test_a_model_that_fails_says_why() -> None:
    with pytest.raises(ParityError) as caught:
        _compare(_edit(_sources()[0], "self.conv2(x)", "self.no_such_layer(x)"), dtypes=("float32",))
    assert caught.value.diagnostics[0].code == "E0802"
    assert "no_such_layer" in str(caught.value)


@pytest.mark.parity
def test_dropout_is_left_out() -> None:
    from archspec.spec import load_text

    graph = archspec.compile(
        load_text(NETWORK.replace("  - flatten\n", "  - dropout\n  - drop_path: {rate: 0.5}\n  - flatten\n"))
    )
    report = compare(graph, dtypes=("float64",))
    assert report.agrees
    assert any(row.mode == "training" for row in report.rows)


def test_a_framework_that_is_not_there_is_said_plainly() -> None:
    with pytest.raises(ParityError) as caught:
        compare(_graph(), (TORCH, Participant("keras", "no_such_framework")), dtypes=("float32",))
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code in ("E0602", "E0603")
    assert "no_such_framework" in str(caught.value)


def test_the_workers_do_not_import_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "numpy.py").write_text("raise RuntimeError('shadowed')", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert compare(_graph(), (TORCH, TORCH), dtypes=("float32",), modes=("inference",)).agrees


def test_difference() -> None:
    import numpy as np

    one = np.ones(3)
    assert difference(one, one) == 0
    assert difference(one, one * 1.5) == 0.5
    assert difference(one, None) == float("inf")
    assert difference(one, np.ones((3, 1))) == float("inf")
    assert difference(np.zeros(3), one) == float("inf")
    assert difference(np.zeros(3), np.zeros(3)) == 0
    for bad in (one * float("nan"), one * float("inf")):
        assert not difference(one, bad) <= 1.0
        assert not difference(bad, bad) <= 1.0


@pytest.mark.parity
@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"])
def test_the_resnets_agree(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["parity", name, "--format", "json"])
    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert found["agrees"] is True
    assert len(found["rows"]) == 6
    for row in found["rows"]:
        assert row["difference"] <= {"float32": 1e-5, "float64": 1e-12}[row["dtype"]]


@pytest.mark.parity
def test_the_command_fails_past_the_tolerance(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("archspec.parity.comparison.TOLERANCES", {"float32": 0.0, "float64": 0.0})
    assert main(["parity", "resnet18", "--dtype", "float32", "--mode", "inference"]) == 3
    printed = capsys.readouterr()
    assert "DIFFERS" in printed.out
    assert "E0801" in printed.err
