"""An op of another package, installed as any package is, works as archspec's own do: from YAML to parity."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from archspec.ir import OPS

SAMPLE = Path(__file__).parent / "sample_op"
ROOT = Path(__file__).resolve().parents[2]
TEXT = """\
archspec: 1
name: waves
params: {width: 8, alpha: 0.5}
input: {channels: 3, height: 8, width: 8}
blocks:
  wave:
    params: {depth: {}, alpha: {}}
    layers: [conv: {filters: depth, kernel: 3, padding: 1}, snake: {alpha: alpha}]
layers:
  - wave: {name: first, depth: width, alpha: alpha}
  - wave: {name: second, depth: 2 * width, alpha: 2 * alpha}
  - snake
  - global_avg_pool
  - flatten
  - dense: {units: 4}
"""

Archspec = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, installed by pip into a folder of its own."""
    source, target = tmp_path_factory.mktemp("source") / "snake", tmp_path_factory.mktemp("site")
    shutil.copytree(SAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--target", str(target), str(source)], check=True)
    return target


@pytest.fixture
def archspec(site: Path, tmp_path: Path) -> Archspec:
    (tmp_path / "waves.yaml").write_text(TEXT)

    def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(site)}
        command = [sys.executable, "-m", "archspec.cli", *arguments]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def test_without_its_package_the_op_is_not_known(tmp_path: Path) -> None:
    from archspec.cli import main

    (tmp_path / "waves.yaml").write_text(TEXT)
    assert main(["validate", str(tmp_path / "waves.yaml")]) == 1
    assert "snake" not in OPS


def test_specs_are_validated(archspec: Archspec, tmp_path: Path) -> None:
    assert "waves" in archspec("validate", "waves.yaml").stdout
    (tmp_path / "wrong.yaml").write_text(TEXT.replace("- snake\n", "- snake: {alph: 2}\n"))
    assert "did you mean `alpha`?" in archspec("validate", "wrong.yaml", code=1).stderr
    (tmp_path / "wrong.yaml").write_text(TEXT.replace("- snake\n", "- snake: {a: 2}\n"))
    assert "write `alpha`" in archspec("validate", "wrong.yaml", code=1).stderr
    (tmp_path / "wrong.yaml").write_text(TEXT.replace("- snake\n", "- SnakeActivation\n"))
    assert "write `snake`" in archspec("validate", "wrong.yaml", code=1).stderr


@pytest.mark.slow
def test_backends_write_it_and_compute_the_same(archspec: Archspec, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("keras")
    for backend in ("torch", "keras"):
        archspec("build", "waves.yaml", "--backend", backend)
        source = (tmp_path / "generated" / backend / "waves.py").read_text(encoding="utf-8")
        assert "class Snake(" in source
        assert "Snake(alpha)" in source or "Snake(alpha=alpha" in source
        assert "archspec_snake" not in source
    pytest.importorskip("onnx")
    archspec("build", "waves.yaml", "--backend", "onnx", "-o", "waves.onnx")
    backends = ("--backends", "torch,keras,onnx:reference")
    archspec("parity", "waves.yaml", *backends, "--dtype", "float64", "--check", "inference")
    archspec("parity", "waves.yaml", "--dtype", "float64")


@pytest.mark.slow
def test_it_conforms_to_its_definition_in_onnx(site: Path) -> None:
    """As archspec's own ops do: both frameworks against ONNX's reference evaluator, in inference and training."""
    pytest.importorskip("torch")
    pytest.importorskip("keras")
    pytest.importorskip("onnx")
    code = (
        "from tests.conformance.graphs import example_of, graph_of; from tests.conformance.test_ops import conforms\n"
    )
    code += "conforms(example_of('snake')); conforms(graph_of('to_tokens\\n  - snake: {alpha: 3}', (8, 7)))"
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, check=True)


@pytest.mark.slow
def test_pictures_tables_schema_and_documentation_have_it(archspec: Archspec, site: Path, tmp_path: Path) -> None:
    archspec("graph", "waves.yaml", "--level", "layer", "-o", "waves.svg")
    assert "snake 0.5" in (tmp_path / "waves.svg").read_text(encoding="utf-8")
    assert "snake" in archspec("summary", "waves.yaml").stdout
    schema = json.loads(archspec("schema").stdout)
    assert schema["$defs"]["snake"]["properties"]["alpha"]
    pytest.importorskip("nbformat")
    code = "from docs.generate import pages; print(pages()['ops.md'])"
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True)
    assert "### snake\n" in done.stdout, done.stderr
    assert "`- snake: {alpha: 0.5}`" in done.stdout


def test_a_backend_without_a_row_refuses_it_and_says_where_a_row_goes(
    archspec: Archspec, site: Path, tmp_path: Path
) -> None:
    [listed] = site.glob("*.dist-info/entry_points.txt")
    whole = listed.read_text(encoding="utf-8")
    try:
        listed.write_text(whole.replace("archspec.ops.keras", "archspec.ops.another"), encoding="utf-8")
        said = archspec("build", "waves.yaml", "--backend", "keras", "--no-verify", code=1).stderr
    finally:
        listed.write_text(whole, encoding="utf-8")
    assert "error[E0601]: Keras has no row for the op snake (first.snake)" in said
    assert "waves.yaml:8:" in said
    assert "`archspec.ops.keras`" in said
    assert not (tmp_path / "generated").exists()


def test_a_block_of_the_same_name_is_meant_where_there_is_one(archspec: Archspec, tmp_path: Path) -> None:
    """A spec does not change because of what else is installed."""
    blocks = "blocks:\n  snake: {params: {alpha: 1}, layers: [scale: {value: alpha}]}\n"
    (tmp_path / "waves.yaml").write_text(TEXT.replace("blocks:\n", blocks))
    dumped = archspec("build", "waves.yaml", "--emit", "ir").stdout
    assert "scale(value=" in dumped
    assert "= snake(" not in dumped


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raise RuntimeError('no such chip')", "RuntimeError: no such chip"),
        ("del Snake.example", "lacks `example`"),
        ("Snake.kind = 'animal'", "of the kind 'animal'"),
        ("Snake.name = 'anaconda'", "it is called anaconda"),
        ("Snake.name = 'relu'", "it is called relu"),
        ("Snake.footprint = Op.footprint", "lacks `footprint`"),
        ("Snake.infer_type = Op.infer_type", "lacks `infer_type`"),
    ],
)
def test_a_package_that_is_broken_is_named(
    archspec: Archspec, site: Path, fault: str, said: str, tmp_path: Path
) -> None:
    path = site / "archspec_snake" / "op.py"
    whole = path.read_text(encoding="utf-8")
    try:
        path.write_text(f"{whole}\nfrom archspec.ir.op import Op\n{fault}\n", encoding="utf-8")
        error = archspec("validate", "waves.yaml", code=1).stderr
        (tmp_path / "other.yaml").write_text(TEXT.replace("snake", "relu").replace(": {alpha: alpha}", ": {alph: 1}"))
        other = archspec("validate", "other.yaml", code=1).stderr
    finally:
        path.write_text(whole, encoding="utf-8")
    assert "the op `snake` of the package archspec-snake cannot be used" in error
    assert said in error
    assert "relu has no attribute `alph`" in other  # what is wrong in another spec is said all the same
