"""What the items find, and how they say it."""

from __future__ import annotations

import os
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.pytest_plugin.conftest import RunPytest, archspec

pytest_plugins = ["pytester"]

# Not by `importorskip`: pytester forgets what is imported meanwhile, and PyTorch cannot be imported twice.
needs_frameworks = pytest.mark.skipif(
    find_spec("torch") is None or find_spec("keras") is None, reason="needs PyTorch and Keras"
)
QUICK = ("--archspec", "-m", "not archspec_parity")


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_spec_that_is_right(project: Path, run_pytest: RunPytest) -> None:
    done = run_pytest(*QUICK)
    done.assert_outcomes(passed=3, deselected=1)
    assert done.ret == pytest.ExitCode.OK


@pytest.mark.slow
@pytest.mark.skipif(find_spec("xdist") is None, reason="needs pytest-xdist")
def test_in_two_processes(project: Path, run_pytest: RunPytest) -> None:
    _replace(project / "generated" / "torch" / "small.py", "nn.ReLU", "nn.GELU")
    done = run_pytest("-p", "xdist", *QUICK, "-n", "2")
    done.assert_outcomes(passed=2, failed=1)
    assert "error[E0606]: generated/torch/small.py was edited by hand" in done.stdout.str()


def test_a_wrong_spec_is_shown_as_archspec_shows_it(project: Path, run_pytest: RunPytest) -> None:
    _replace(project / "specs" / "small.yaml", "filters: 4", "filtres: 4")
    done = run_pytest(*QUICK, "-k", "validate")
    done.assert_outcomes(failed=1, deselected=3)
    done.stdout.fnmatch_lines(
        [
            "*_ validate of specs/small.yaml _*",
            "error[[]E0409[]]: conv has no attribute `filtres`",
            " --> specs/small.yaml:6:25",
            "* 6 |   - conv: {name: conv1, filtres: 4, *",
            "*  |                         ^^^^^^^",
            "*  = help: did you mean `filters`?",
            "FAILED specs/small.yaml::validate*",
        ]
    )
    assert "items.py" not in done.stdout.str()


def test_places_are_shown_from_the_folder_where_pytest_runs(
    project: Path, run_pytest: RunPytest, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    _replace(project / "specs" / "small.yaml", "  - relu\n", "  - rule\n")
    monkeypatch.chdir(project / "specs")
    done = run_pytest(*QUICK, "-k", "validate", "small.yaml")
    assert " --> small.yaml:8:5" in done.outlines


@pytest.mark.parametrize(("old", "new"), [("units: 5", "units: five"), ("name: small", "nmae: small")])
def test_no_check_passes_on_a_wrong_spec(project: Path, run_pytest: RunPytest, old: str, new: str) -> None:
    """Neither of one that cannot be loaded, nor of one that cannot be compiled, whatever checks are chosen."""
    _replace(project / "specs" / "small.yaml", old, new)
    done = run_pytest("--archspec", "--archspec-checks=current")
    outcomes = done.parseoutcomes()
    assert outcomes.get("failed", 0) >= 1
    assert "passed" not in outcomes
    assert "small.yaml" in done.stdout.str()


def test_a_library_of_blocks(project: Path, run_pytest: RunPytest) -> None:
    library = project / "specs" / "blocks" / "own.yaml"
    library.parent.mkdir()
    library.write_text("archspec: 1\nblocks:\n  twice:\n    layers: [relu, relu]\n", encoding="utf-8")
    run_pytest("--archspec", "specs/blocks").assert_outcomes(passed=1)
    _replace(library, "relu, relu", "relu, rely")
    done = run_pytest("--archspec", "specs/blocks")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        ["error[[]E0408[]]: `rely` is neither an op nor a block", " --> specs/blocks/own.yaml:4:20"]
    )


def test_the_files_of_a_spec_may_lie_in_the_root_that_is_set(project: Path, run_pytest: RunPytest) -> None:
    (project / "blocks").mkdir()
    (project / "blocks" / "a.yaml").write_text("archspec: 1\nblocks: {a: {layers: [relu]}}\n", encoding="utf-8")
    (project / "specs" / "b.yaml").write_text("archspec: 1\ninclude: [../blocks/a.yaml]\n", encoding="utf-8")
    _replace(project / "specs" / "small.yaml", "name: small", "name: small\ninclude: [../blocks/a.yaml]")
    arguments = ("--archspec", "--archspec-checks=validate")
    done = run_pytest(*arguments)
    done.assert_outcomes(passed=1, failed=2)
    assert "error[E0109]" in done.stdout.str()
    run_pytest(*arguments, "-o", "archspec_root=.").assert_outcomes(passed=3)
    _replace(project / "generated" / "torch" / "small.py", "nn.ReLU", "nn.GELU")
    done = run_pytest("--archspec", "-k", "current and torch", "-o", "archspec_root=.")
    assert "-o generated/torch/small.py --root . --force" in done.stdout.str()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "message", "force"),
    [
        ("filters: 4", "filters: 8", "is not what its spec gives now", False),
        ("nn.ReLU", "nn.GELU", "was edited by hand", True),
        ("# Generated by", "# Written by", "was not written by archspec", True),
    ],
)
def test_a_generated_file_that_is_not_current(
    project: Path, run_pytest: RunPytest, old: str, new: str, message: str, force: bool
) -> None:
    """The error says which command fixes it, and the command does."""
    spec, generated = project / "specs" / "small.yaml", project / "generated" / "torch" / "small.py"
    _replace(spec if "filters" in old else generated, old, new)
    arguments = ("--archspec", "--archspec-checks=current", "--archspec-backends=torch")
    done = run_pytest(*arguments)
    done.assert_outcomes(failed=1)
    assert f"error[E0606]: generated/torch/small.py {message}" in done.outlines
    command = "archspec build specs/small.yaml --backend torch -o generated/torch/small.py" + " --force" * force
    [help] = {line for line in done.outlines if "help: " in line}  # pytest's summary has it too where CI is set
    assert help.endswith(f"build it again: {command}")
    archspec(project, *shlex.split(command)[1:], "--no-verify")
    run_pytest(*arguments).assert_outcomes(passed=1)


def test_a_missing_file_fails_if_strict(project: Path, run_pytest: RunPytest) -> None:
    (project / "generated" / "keras" / "small.py").unlink()
    done = run_pytest(*QUICK, "--archspec-strict")
    done.assert_outcomes(passed=2, failed=1, deselected=1)
    assert "error[E0606]: generated/keras/small.py does not exist" in done.outlines
    assert "build specs/small.yaml --backend keras -o generated/keras/small.py" in done.stdout.str()


def test_without_frameworks_parity_is_skipped_and_says_why(
    project: Path, run_pytest: RunPytest, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "without").mkdir()
    (project / "without" / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "found = util.find_spec\n"
        "util.find_spec = lambda name, package=None: None if name in ('torch', 'keras') else found(name, package)\n",
        encoding="utf-8",
    )
    paths = [str(project / "without"), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path for path in paths if path))
    done = run_pytest("--archspec")
    done.assert_outcomes(passed=3, skipped=1)
    assert re.search(r"SKIPPED .*PyTorch is not installed: install it with `pip install", done.stdout.str())
    done = run_pytest("--archspec", "--archspec-strict")
    done.assert_outcomes(passed=3, failed=1)
    assert "error[E0602]: PyTorch is not installed" in done.outlines


@pytest.mark.parity
@needs_frameworks
def test_frameworks_that_agree(project: Path, run_pytest: RunPytest) -> None:
    done = run_pytest("--archspec", "--archspec-strict", "--archspec-dtype=float64", "--archspec-batch=3")
    done.assert_outcomes(passed=4)


# A backend that is wrong: what it generates is current, and computes something else.
FAULT = """
from dataclasses import replace

import archspec
from archspec.pytest_plugin import items

compare = items.compare


def faulty(graph, participants, **options):
    wrong = archspec.generate(graph, "torch").replace("nn.ReLU()", "nn.GELU()")
    participants = [replace(one, source=wrong) if one.backend == "torch" else one for one in participants]
    return compare(graph, participants, **options)


items.compare = faulty
"""


@pytest.mark.slow
@pytest.mark.parity
@needs_frameworks
def test_a_planted_fault(project: Path, run_pytest: RunPytest) -> None:
    (project / "conftest.py").write_text(FAULT, encoding="utf-8")
    arguments = ("--archspec", "--archspec-checks=parity", "--archspec-dtype=float32")
    done = run_pytest(*arguments, "--archspec-backends=torch,torch")
    done.assert_outcomes(passed=1)  # the same fault on both sides
    done = run_pytest(*arguments)
    done.assert_outcomes(failed=1)
    assert "error[E0801]: the models of small differ" in done.outlines
    assert "float32" in done.stdout.str()
    assert "items.py" not in done.stdout.str()


@pytest.mark.skipif(find_spec("onnx") is None, reason="needs ONNX")
def test_a_model_that_holds_its_weights(project: Path, run_pytest: RunPytest) -> None:
    """It is held against the whole of what a build without options writes."""
    arguments = ("--archspec", "--archspec-checks=current", "--archspec-backends=onnx")
    archspec(project, "build", "specs/small.yaml", "--backend", "onnx")
    run_pytest(*arguments).assert_outcomes(passed=1)
    archspec(project, "build", "specs/small.yaml", "--backend", "onnx", "--seed", "1")
    done = run_pytest(*arguments)
    done.assert_outcomes(failed=1)
    assert "error[E0606]: generated/onnx/small.onnx is not what its spec gives now" in done.outlines
    [help] = {line for line in done.outlines if "help: " in line}  # pytest's summary has it too where CI is set
    assert "--backend onnx -o generated/onnx/small.onnx; if it was built with --weights, --seed" in help


def test_a_recipe_is_checked_and_generates_nothing(project: Path, run_pytest: RunPytest) -> None:
    recipe = project / "specs" / "recipes" / "mine.yaml"
    recipe.parent.mkdir()
    recipe.write_text(
        "archspec: 1\nrecipe: mine\ndata: {source: cifar10}\nbatch: 32\nepochs: 10\nloss: cross_entropy\n"
        "optimizer: {sgd: {learning_rate: 0.1}}\n",
        encoding="utf-8",
    )
    run_pytest(*QUICK, "--archspec-strict", str(recipe)).assert_outcomes(passed=1)
    _replace(recipe, "learning_rate", "lr")
    done = run_pytest(*QUICK, str(recipe))
    done.assert_outcomes(failed=1)
    assert "error[E0412]: `lr` is not a word of sgd" in done.stdout.str()
