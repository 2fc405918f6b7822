"""`archspec build --backend onnx`, as a user calls it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

import archspec
from archspec.parity import random_weights
from archspec.weights import write
from tests.commands.conftest import Run, run
from tests.needed import needs

__all__ = ["run"]
TINY = str(Path(__file__).parent / "tiny.yaml")


def build(run: Run, *more: str) -> tuple[int, str, str]:
    return run("build", TINY, "--backend", "onnx", *more)


def weights_file(tmp_path: Path) -> str:
    graph = archspec.compile(TINY)
    path = tmp_path / "w.safetensors"
    write(path, {name: array.astype(np.float32) for name, array in random_weights(graph).items()}, graph)
    return str(path)


def test_it_writes_a_valid_model_and_says_how_to_run_it(run: Run, tmp_path: Path) -> None:
    code, out, err = build(run)
    assert (code, err) == (0, "")
    path = tmp_path / "generated" / "onnx" / "tiny.onnx"
    onnx.checker.check_model(path, full_check=True)
    assert [entry.name for entry in path.parent.iterdir()] == ["tiny.onnx"]
    lines = [line.strip() for line in out.partition("\n\n")[2].splitlines() if line]
    script = "\n".join([*lines, "print(output.shape)"])
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "(1, 4)\n", done.stderr


def test_check_tells_current_from_stale_and_weights_from_others(run: Run, tmp_path: Path) -> None:
    weights = weights_file(tmp_path)
    assert build(run, "--check")[0] == 3
    assert build(run)[0] == 0
    assert build(run, "--check")[0] == 0
    for other in (
        ["--set", "classes=5"],
        ["--functions"],
        ["--opset", "17"],
        ["--dtype", "float16"],
        ["--weights", weights],
    ):
        code, _, err = build(run, "--check", *other)
        assert (code, "E0606" in err) == (3, True)
        named = "--weights, --seed, --dtype, --functions, --opset or --external-data"
        assert f"if it was built with {named}, check it with the same" in err
        assert build(run, *other)[0] == 0  # ours, and not edited
        assert build(run, "--check", *other)[0] == 0


def test_weights_are_those_of_the_file(run: Run, tmp_path: Path) -> None:
    weights = weights_file(tmp_path)
    for more in ([], ["--external-data"]):
        assert build(run, "--weights", weights, "-o", "net.onnx", *more)[0] == 0
        model = onnx.load(tmp_path / "net.onnx")
        wanted = random_weights(archspec.compile(TINY))
        assert [tensor.name for tensor in model.graph.initializer] == [*wanted]
        for tensor in model.graph.initializer:
            assert np.array_equal(onnx.numpy_helper.to_array(tensor), wanted[tensor.name])


def test_weights_beside_the_model(run: Run, tmp_path: Path) -> None:
    assert build(run, "-o", "one.onnx")[0] == 0
    code, out, _ = build(run, "-o", "two.onnx", "--external-data")
    assert (code, "two.onnx.data" in out) == (0, True)
    onnx.checker.check_model(tmp_path / "two.onnx", full_check=True)
    session = pytest.importorskip("onnxruntime").InferenceSession
    image = {"input": np.random.default_rng(0).normal(size=(2, 3, 9, 8)).astype(np.float32)}
    one, two = (session(str(tmp_path / name)).run(None, image)[0] for name in ("one.onnx", "two.onnx"))
    assert np.array_equal(one, two)
    assert build(run, "-o", "two.onnx", "--external-data", "--check")[0] == 0
    assert build(run, "-o", "two.onnx", "--external-data")[0] == 0  # the model says that the file is ours
    assert build(run, "-o", "two.onnx", "--external-data", "--set", "classes=5")[0] == 0
    assert build(run, "-o", "two.onnx", "--external-data")[0] == 0
    (tmp_path / "two.onnx.data").write_bytes(b"mine")
    assert build(run, "-o", "two.onnx", "--external-data", "--check")[0] == 3
    code, _, err = build(run, "-o", "two.onnx", "--external-data")
    assert (code, "E0604" in err) == (1, True)
    assert (tmp_path / "two.onnx.data").read_bytes() == b"mine"
    assert build(run, "-o", "two.onnx", "--external-data", "--force")[0] == 0


@pytest.mark.parametrize("change", ["foreign", "edited"])
def test_a_file_of_someone_else_is_not_overwritten_unasked(run: Run, tmp_path: Path, change: str) -> None:
    path = tmp_path / "net.onnx"
    build(run, "-o", "net.onnx")
    content = b"\x08\x0b" if change == "foreign" else path.read_bytes().replace(b"/fc", b"/cf")
    path.write_bytes(content)
    code, _, err = build(run, "-o", "net.onnx")
    assert (code, "E0604" in err) == (1, True)
    assert path.read_bytes() == content
    assert build(run, "-o", "net.onnx", "--force")[0] == 0


def test_the_given_weights_are_never_overwritten(run: Run, tmp_path: Path) -> None:
    weights = Path(weights_file(tmp_path))
    before = weights.read_bytes()
    code, _, err = build(run, "--weights", str(weights), "-o", str(weights), "--force")
    assert (code, "E0604" in err) == (1, True)
    assert weights.read_bytes() == before


def test_some_of_the_weights(run: Run, tmp_path: Path) -> None:
    weights = weights_file(tmp_path)
    code, out, _ = build(run, "--weights", weights, "--set", "classes=7", "--partial")
    assert code == 0
    assert "fc.bias is 4, the network's is 7" in out


def test_standard_output_has_the_model(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "archspec.cli", "build", TINY, "--backend", "onnx", "-o", "-"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    onnx.checker.check_model(onnx.ModelProto.FromString(done.stdout), full_check=True)


@pytest.mark.parametrize("option", ["--functions", "--external-data"])
def test_options_of_models_are_refused_for_source(run: Run, option: str) -> None:
    with pytest.raises(SystemExit) as caught:
        run("build", TINY, "--backend", "torch", option)
    assert caught.value.code == 2


def test_an_opset(run: Run, tmp_path: Path) -> None:
    for opset in ("17", "26"):
        assert build(run, "--opset", opset)[0] == 0
        model = onnx.load(tmp_path / "generated" / "onnx" / "tiny.onnx")
        assert [entry.version for entry in model.opset_import] == [int(opset)]


@pytest.mark.parametrize("opset", ["16", "27"])
def test_an_opset_that_is_not_written(run: Run, tmp_path: Path, opset: str) -> None:
    code, _, err = build(run, "--opset", opset)
    assert (code, f"opset 17 to 26, not for {opset}" in err) == (1, True)
    assert not [*tmp_path.iterdir()]


def test_source_has_no_opset(run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run("build", TINY, "--backend", "torch", "--opset", "17")
    assert caught.value.code == 2
    assert "--opset is for ONNX models; PyTorch has none" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("dtype", "least", "most"), [("float16", 1e-6, 5e-3), pytest.param("bfloat16", 1e-4, 5e-2, marks=needs("openvino"))]
)
def test_a_dtype_of_fewer_bits_says_its_error(run: Run, tmp_path: Path, dtype: str, least: float, most: float) -> None:
    code, out, _ = build(run, "--for", "inference", "--dtype", dtype, "-o", "net.onnx")
    assert code == 0
    said = re.search(rf"error +(\S+) of the largest output, {dtype} against float32", out)
    assert said is not None, out
    assert least < float(said[1]) < most
    engine = "openvino" if dtype == "bfloat16" else "onnxruntime"
    assert f"import {engine}" in out
    model = onnx.load(tmp_path / "net.onnx")
    assert {tensor.data_type for tensor in model.graph.initializer} == {10 if dtype == "float16" else 16}
    assert "error" not in build(run, "--dtype", dtype, "-o", "net.onnx", "--no-verify")[1]


def test_a_dtype_that_nothing_here_runs(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import archspec_onnx.target as module

    monkeypatch.setattr(module, "_lacking", lambda engine, dtype: f"{engine} has no {dtype}")
    code, out, _ = build(run, "--dtype", "bfloat16")
    assert (code, "error       not measured: onnxruntime has no bfloat16" in out) == (0, True)


def test_bfloat16_needs_an_opset_that_has_it(run: Run, tmp_path: Path) -> None:
    code, _, err = build(run, "--dtype", "bfloat16", "--opset", "21")
    assert (code, "from opset 22 on, not in 21" in err) == (1, True)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "name", [pytest.param("torch", marks=needs("torch")), pytest.param("keras", marks=needs("keras"))]
)
def test_a_dtype_of_weights_beside_source(run: Run, tmp_path: Path, name: str) -> None:
    code, out, _ = run("build", TINY, "--backend", name, "--seed", "0", "--dtype", "bfloat16")
    assert (code, "of the largest output, bfloat16 against float32" in out) == (0, True)
    lines = [line.strip() for line in out.partition("\n\n")[2].splitlines() if line]
    used = lines[: next(index for index, line in enumerate(lines) if line.startswith("output")) + 1]
    script = "\n".join([*used, "print(output.dtype)"])
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "bfloat16" in done.stdout, done.stderr


def test_source_is_the_same_for_all_dtypes(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run("build", TINY, "--backend", "torch", "--dtype", "bfloat16")
    assert caught.value.code == 2
    assert "--dtype is of weights: with --weights or --seed" in capsys.readouterr().err
