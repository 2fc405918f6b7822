"""`archspec bench`: who is measured, who is ranked, what it says and how it ends."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from archspec.bench.backend import TimesModels
from archspec.bench.contenders import Contender
from archspec.bench.devices import lacks_gpu
from archspec.cli import main
from archspec.codegen.registry import backend
from archspec.errors import BackendError
from archspec.worker_process import WorkerProcess
from tests.needed import needs

pytestmark = needs("torch", "onnx", "onnxruntime")

SPEC = """
archspec: 1
name: net
input: {channels: 3, height: 8, width: 8}
layers:
  - conv: {name: conv, filters: 4, kernel: 3}
  - batch_norm: {name: norm}
  - relu
  - global_avg_pool: {keep_axes: false}
  - dense: {name: fc, units: 5}
"""
RIVAL = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.fc = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(4, 5)

    def forward(self, x):
        return self.fc(torch.relu(self.norm(self.conv(x))).mean((2, 3)){WRONG})


def make():
    return Net()


def make_other():
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 5))


def broken():
    raise RuntimeError("no such model\\nat all")


def of_another_shape():
    return nn.Conv2d(3, 4, 3)


class Wrong(Net):
    def forward(self, x):
        raise ValueError("not today")


def wrong_in_forward():
    return Wrong()


def nothing():
    return 3
"""
QUICK = ("--rounds", "2", "--steps", "2", "--no-latency")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    (tmp_path / "net.yaml").write_text(SPEC)
    (tmp_path / "rival.py").write_text(RIVAL.replace("{WRONG}", ""))
    (tmp_path / "wrong.py").write_text(RIVAL.replace("{WRONG}", " * 1.01"))
    return tmp_path


def test_engines_and_rivals_are_measured_and_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "net.yaml", "--backend", "onnx", "-o", "net.onnx"]) == 0
    capsys.readouterr()
    rivals = ("--model", "rival.py:make", "--model", "rival.py:make_other", "--onnx", "net.onnx")
    code = main(["bench", "net.yaml", "--engines", "torch,onnx:onnxruntime", *rivals, *QUICK, "--format", "json"])
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert code == 0, err
    assert "torch: round 2 of 2" in err
    assert [row["engine"] for row in found["rows"]] == [
        "torch",
        "onnx:onnxruntime",
        "rival.py:make",
        "rival.py:make_other",
        "net.onnx",
    ]
    by_name = {row["engine"]: row for row in found["rows"]}
    assert by_name["torch"]["ratio"] == 1.0
    assert by_name["onnx:onnxruntime"]["difference"] < 1e-5
    assert by_name["rival.py:make"]["difference"] < 1e-5  # it has the names of the network, and so its weights
    assert by_name["rival.py:make_other"]["difference"] is None
    assert by_name["net.onnx"]["difference"] < 1e-5  # and so has this
    assert all(row["steps"] >= 2 * len(row["round_medians"]) >= 2 for row in found["rows"])
    assert by_name["torch"]["memory"] > 2**24


@pytest.mark.slow
def test_another_network_is_named_and_not_ranked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "net.yaml", "--engines", "torch", "--model", "wrong.py:make", *QUICK]) == 3
    out = capsys.readouterr().out
    assert re.search(r"^not ranked: wrong.py:make differs by \d.\de-0[23], 0.0001 is allowed$", out, re.MULTILINE)
    assert "the fastest is torch" in out


def test_what_is_not_ranked_is_said_whatever_is_printed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "text.onnx").write_text("no model")
    rivals = ("--model", "wrong.py:make", "--model", "rival.py:missing", "--onnx", "text.onnx")
    assert main(["bench", "net.yaml", "--engines", "torch", *rivals, *QUICK, "--format", "csv"]) == 3
    out, err = capsys.readouterr()
    assert [row["engine"] for row in csv.DictReader(io.StringIO(out))] == ["torch"]
    assert re.search(r"^not ranked: wrong.py:make differs by \d.\de-0[23], 0.0001 is allowed$", err, re.MULTILINE)
    assert "rival.py:missing: not measured: rival.py has no function missing\n" in err
    assert re.search(r"^text.onnx: not measured: it cannot be read as an ONNX model: .+$", err, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("given", [False, True])
def test_rivals_of_the_trained_form_are_held_against_the_form_for_inference(
    folder: Path, capsys: pytest.CaptureFixture[str], given: bool
) -> None:
    """Also where the weights of an ONNX model lie beside it, as PyTorch's exporter leaves them."""
    build = ["build", "net.yaml", "--seed", "5"]
    assert main([*build, "-o", "net.py"]) == 0
    assert main([*build, "--backend", "onnx", "--external-data", "-o", "net.onnx"]) == 0
    assert main([*build, "--backend", "onnx", "--for", "inference", "-o", "folded.onnx"]) == 0
    capsys.readouterr()
    rivals = ("--model", "rival.py:make", "--model", "wrong.py:make", "--onnx", "net.onnx", "--onnx", "folded.onnx")
    weights = ("--weights", "net.pt") if given else ()
    code = main(
        ["bench", "net.yaml", "--for", "inference", "--engines", "torch", *rivals, *weights, *QUICK, "--format", "json"]
    )
    out, err = capsys.readouterr()
    assert code == 3, err
    apart = {row["engine"]: row["difference"] for row in json.loads(out)["rows"]}
    assert apart.pop("wrong.py:make") > 1e-3
    assert max(apart.values()) < 1e-5


def test_the_machine_is_probed_in_each_round_with_as_many_threads_as_are_measured(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the machine can do is the most that was seen: a probe may fall into a time in which it is busy."""
    from archspec.bench.roofline import MachineLimits, probed

    asked: list[str] = []

    class Process:
        answers: ClassVar = [{"flops": 2.0, "bandwidth": 1.0}, {"flops": 1.0, "bandwidth": 3.0}]

        def ask(self) -> dict[str, float]:
            return self.answers[len(asked) - 1]

    found = None
    for name in ("first", "second"):
        asked.append(name)
        found = probed(cast(WorkerProcess, Process()), found)
    assert found == MachineLimits(2.0, 3.0)
    started: list[dict[str, str]] = []
    whole = WorkerProcess.__init__

    def start(self: WorkerProcess, module: str, *arguments: str, environment: Any = None) -> None:
        started.append({"module": module, **environment})
        whole(self, module, *arguments, environment=environment)

    monkeypatch.setattr(WorkerProcess, "__init__", start)
    assert main(["bench", "net.yaml", "--engines", "onnx:onnxruntime", "--threads", "1", *QUICK]) == 0
    assert {one["module"] for one in started} == {"archspec.bench.probes", "archspec.bench.worker"}
    assert {one["OPENBLAS_NUM_THREADS"] for one in started} == {"1"}


def test_a_turn_takes_no_longer_where_the_machine_has_become_slow() -> None:
    """As many steps as take the time asked for, not as many as took it when nothing else ran."""
    from archspec.bench.backend import TimedModel
    from archspec.bench.worker import measure as seconds_of

    slow = TimedModel(lambda: time.sleep(0.02), dict)
    assert 2 <= len(seconds_of(slow, 2, 0.05)) <= 3
    assert len(seconds_of(slow, 5, 0.05)) == 5
    assert len(seconds_of(slow, 3, 0.0)) == 3
    assert len(seconds_of(TimedModel(lambda: None, dict), 10, 60.0)) == 2000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("broken", "line {line}: RuntimeError: no such model"),
        ("nothing", "nothing gives int, which is no PyTorch or Keras model"),
        ("missing", "rival.py has no function missing"),
        ("of_another_shape", "it gives 1x4x6x6, where the network gives 1x5"),
        ("wrong_in_forward", "line {line}: ValueError: not today"),
    ],
)
def test_what_fails_is_said_in_a_line_and_others_go_on(
    folder: Path, capsys: pytest.CaptureFixture[str], function: str, said: str
) -> None:
    assert main(["bench", "net.yaml", "--engines", "torch", "--model", f"rival.py:{function}", *QUICK]) == 3
    out = capsys.readouterr().out
    lines = (folder / "rival.py").read_text().splitlines()
    raised = next((line for line in lines if said.partition(": ")[2][-9:] in line), "")
    said = said.format(line=lines.index(raised) + 1 if raised else "")
    assert f"not measured: rival.py:{function}: {said}\n" in out
    assert "sec / batch" in out


@pytest.mark.slow
def test_a_batch_that_is_too_large_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "large.py").write_text(RIVAL.replace("{WRONG}", "") + "\n\ndef large():\n    return torch.empty(2**55)\n")
    assert main(["bench", "net.yaml", "--engines", "torch", "--model", "large.py:large", *QUICK]) == 3
    assert re.search(r"not measured: large\.py:large: line \d+: RuntimeError: ", capsys.readouterr().out)


@pytest.mark.slow
def test_at_least_judges_the_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "net.yaml", "--engines", "torch", "--model", "rival.py:make", *QUICK]
    assert main([*arguments, "--at-least", "0.001"]) == 0
    assert main([*arguments, "--at-least", "1000"]) == 3
    assert "times as fast as rival.py:make; 1000 is asked for" in capsys.readouterr().err


def test_a_step_of_training(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["bench", "net.yaml", "--training", "--batch", "4", "--engines", "torch,onnx", *QUICK])
    out = capsys.readouterr().out
    assert code == 3  # one that was named is not there
    assert "a training step of a batch of 4" in out
    assert "not measured: onnx: an ONNX model is not trained" in out


def test_a_picture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "net.yaml", "--engines", "torch", *QUICK, "--plot", "times.svg"]) == 0
    assert "milliseconds of a forward pass" in (folder / "times.svg").read_text()
    capsys.readouterr()
    assert main(["bench", "net.yaml", "--engines", "torch", *QUICK, "--plot", "times.txt"]) != 0
    assert "its suffix must be one of .svg, .png, .pdf" in capsys.readouterr().err


def test_csv_has_timms_columns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "net.yaml", "--engines", "torch", "--batch", "2", *QUICK, "--format", "csv"]) == 0
    [row] = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["model"] == "net"
    assert float(row["infer_samples_per_sec"]) == pytest.approx(2000 / float(row["infer_step_time"]), rel=0.05)
    assert row.keys() >= {"infer_img_size", "infer_batch_size", "infer_gmacs", "infer_macts", "param_count"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("troch", "there is no backend `troch`"),
        ("keras:tensorflw", "Keras does not run on `tensorflw`"),
        ("torch+compiled", "torch cannot be measured with `compiled`"),
        ("onnx:reference", "onnx:reference is not measured: it is there to compare outputs with"),
    ],
)
def test_an_engine_that_is_not_known(text: str, said: str) -> None:
    with pytest.raises(BackendError, match=said) as raised:
        Contender.parse(text)
    assert raised.value.diagnostics[0].help


@pytest.mark.parametrize("option", [("--model", "rival.py"), ("--model", "none.py:make"), ("--onnx", "none.onnx")])
def test_a_rival_that_is_not_there(folder: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, str]) -> None:
    assert main(["bench", "net.yaml", "--engines", "torch", *option, *QUICK]) != 0
    assert "error[E0603]" in capsys.readouterr().err


_ENGINES = {
    "torch+channels_last": (),
    "torch+compile": (),
    "torch+freezing": (pytest.mark.nightly,),
    "torch+aot": (pytest.mark.nightly,),
    "keras:tensorflow": (needs("keras", "tensorflow"),),
    "keras:tensorflow+xla": (pytest.mark.nightly, needs("keras", "tensorflow")),
    "keras:jax": (needs("keras", "jax"),),
    "keras:torch": (pytest.mark.nightly, needs("keras")),
    "onnx:openvino": (needs("openvino"),),
}


@pytest.mark.slow
@pytest.mark.parametrize("engine", [pytest.param(name, marks=marks) for name, marks in _ENGINES.items()])
def test_each_engine_agrees(folder: Path, capsys: pytest.CaptureFixture[str], engine: str) -> None:
    arguments = ["bench", "net.yaml", "--for", "inference", "--batch", "2", *QUICK]
    assert main([*arguments, "--engines", f"torch,{engine}"]) == 0, capsys.readouterr()
    assert "the outputs of 2 agree to 0.0001" in capsys.readouterr().out


def test_a_way_that_is_not_there_and_ways_that_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "net.yaml", "--engines", "torch+fast"]) == 1
    assert "known here: aot, channels_last, compile" in capsys.readouterr().err
    assert main(["bench", "net.yaml", "--engines", "onnx:onnxruntime+fast"]) == 1
    assert "`onnx:onnxruntime` alone can be measured" in capsys.readouterr().err


def test_where_nothing_can_be_measured_the_reason_is_all_that_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engines = "onnx:onnxruntime,onnx:onnxruntime,onnx:openvino"
    assert main(["bench", "net.yaml", "--engines", engines, "--device", "cuda", *QUICK]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(
        r"\nnothing could be measured\nnot measured: onnx:onnxruntime, onnx:openvino: .*`cuda`.*\n$", "\n" + err
    )


def test_where_there_is_no_gpu_no_engine_is_started(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archspec.bench.devices.nvidia_gpus", lambda: 0)
    monkeypatch.setattr("archspec.bench.devices._OTHERS", ())
    assert main(["bench", "net.yaml", "--engines", "torch,onnx:openvino", "--device", "cuda", *QUICK]) == 3
    err = capsys.readouterr().err
    assert "making the model" not in err
    assert "not measured: torch, onnx:openvino: there is no device `cuda`: no driver knows a GPU here" in err


@pytest.mark.parametrize(
    ("device", "count", "said"),
    [
        (None, 0, ""),
        ("cpu", 0, ""),
        ("mps", 0, ""),
        ("cuda", 1, ""),
        ("GPU:1", 2, ""),
        ("cuda", None, ""),
        ("gpu:0", 0, "there is no device `gpu:0`: no driver knows a GPU here"),
        ("cuda:1", 1, "there is no device `cuda:1`: there is one GPU, 0"),
        ("cuda:4", 3, "there is no device `cuda:4`: of 3 GPUs the last is 2"),
    ],
)
def test_what_a_driver_says_of_a_device(
    monkeypatch: pytest.MonkeyPatch, device: str | None, count: int | None, said: str
) -> None:
    monkeypatch.setattr("archspec.bench.devices.nvidia_gpus", lambda: count)
    monkeypatch.setattr("archspec.bench.devices._OTHERS", ())
    assert lacks_gpu(device) == said


def test_a_batch_whose_inputs_do_not_fit_in_memory(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("bench", "tune"):
        assert main([command, "net.yaml", "--engines", "onnx:onnxruntime", "--batch", "1000000000000"]) == 1
        assert "E0603" in capsys.readouterr().err


def test_the_roofline_says_what_each_kind_of_layer_is_limited_by(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "net.yaml", "--engines", "onnx:onnxruntime", *QUICK]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^convolution +\d+\.\d+ +\d+\.\d+ +\d+\.\d+ +\d+%  (arithmetic|memory)$", out, re.MULTILINE)
    assert re.search(r"^onnx:onnxruntime takes .* ms, and runs at \d+% of the machine's limit", out, re.MULTILINE)


def test_models_are_timed_as_their_users_have_them() -> None:
    timed = Contender.parse("keras:tensorflow").environment()
    assert timed["KERAS_BACKEND"] == "tensorflow"
    assert "TF_ONEDNN_USE_SYSTEM_ALLOCATOR" not in timed  # parity asks for it, to hold less memory; it takes longer
    assert Contender.parse("torch").environment() == backend("torch", TimesModels).environment("torch")


def test_a_batch_that_cannot_be_held_is_refused_before_anything_is_drawn(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from archspec.bench import measurement

    monkeypatch.setattr(measurement, "_free_memory", lambda: 2.0**30)
    # 192 numbers an image: 2304 bytes while they are drawn
    assert main(["bench", "net.yaml", "--engines", "torch", "--batch", "500000", *QUICK]) == 1
    said = "a batch of 500000 does not fit in memory: it takes 1.1 GiB at least, and 1.0 GiB are free"
    assert said in capsys.readouterr().err
