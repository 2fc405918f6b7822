"""Which files are specs, which items they have, and that the rest of a project is left alone."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.pytest_plugin.conftest import SPEC, RunPytest

pytest_plugins = ["pytester"]

ITEMS = [
    "specs/small.yaml::validate",
    "specs/small.yaml::current[torch]",
    "specs/small.yaml::current[keras]",
    "specs/small.yaml::parity[torch,keras:tensorflow]",
]


def _collected(run_pytest: RunPytest, *arguments: str) -> list[str]:
    done = run_pytest("--archspec", "--collect-only", "-q", *arguments)
    assert done.ret in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), done.stdout.str()
    return [line for line in done.outlines if "::" in line]


def test_the_items_of_a_spec(project: Path, run_pytest: RunPytest) -> None:
    assert _collected(run_pytest) == ITEMS
    assert _collected(run_pytest, "specs") == ITEMS
    assert _collected(run_pytest, "specs/small.yaml") == ITEMS


@pytest.mark.parametrize(
    ("arguments", "items"),
    [
        (["-k", "validate"], ITEMS[:1]),
        (["-k", "keras and current"], ITEMS[2:3]),
        (["-m", "not archspec_parity"], ITEMS[:3]),
        (["-m", "archspec_current"], ITEMS[1:3]),
        (["specs/small.yaml::current"], ITEMS[1:3]),
        (["specs/small.yaml::parity[torch,keras:tensorflow]"], ITEMS[3:]),
        (["--strict-markers", "--strict-config"], ITEMS),
        (["--archspec-checks", "current, validate"], ITEMS[:3]),
        (["-o", "archspec_checks=validate"], ITEMS[:1]),
        (["-o", "archspec_checks=validate", "--archspec-checks=current"], ITEMS[1:3]),
        (["--archspec-backends", "keras"], [ITEMS[0], ITEMS[2]]),
        (["-o", "archspec_generated=elsewhere/{name}_{backend}.py"], [ITEMS[0], ITEMS[3]]),
    ],
)
def test_a_selection(project: Path, run_pytest: RunPytest, arguments: list[str], items: list[str]) -> None:
    assert _collected(run_pytest, *arguments) == items


def test_a_backend_on_several_engines_has_one_file(project: Path, run_pytest: RunPytest) -> None:
    found = _collected(run_pytest, "-o", "archspec_backends=keras:tensorflow keras:jax", "--archspec-checks=current")
    assert found == ["specs/small.yaml::current[keras]"]


def test_a_missing_file_has_an_item_only_if_strict(project: Path, run_pytest: RunPytest) -> None:
    (project / "generated" / "keras" / "small.py").unlink()
    assert _collected(run_pytest) == [ITEMS[0], ITEMS[1], ITEMS[3]]
    assert _collected(run_pytest, "--archspec-strict") == ITEMS
    assert _collected(run_pytest, "-o", "archspec_strict=true") == ITEMS


# A text, and how many items a file of it has.
FILES = (
    ("a: 1\n", 0),
    ("", 0),
    ("# archspec: 1\n", 0),
    ("- archspec: 1\n", 0),
    ("jobs:\n  archspec: {runs-on: ubuntu-latest}\n", 0),
    ("name: archspec\nsteps: !Ref [archspec]\n", 0),
    ("name: archspec\n  broken\n", 0),
    ("archspec\n", 0),
    ("broken: [\narchspec: 1\n", 1),
    ("{archspec: 1, name", 1),
    ("archspec: 1\nname: [\n", 1),
    ("archspec: 1\narchspec: 1\n", 1),
    ("archspec: 2\n", 1),
    ("archspec: 1\nblocks: {twice: {layers: [relu, relu]}}\n", 1),
    (SPEC, 2),
    ("\ufeff" + SPEC, 2),
    ("{archspec: 1, name: flow, input: {shape: [4]}, layers: [relu]}\n", 2),
)


@pytest.mark.parametrize("suffix", [".yaml", ".yml"])
def test_what_a_spec_is(pytester: pytest.Pytester, run_pytest: RunPytest, suffix: str) -> None:
    for number, (text, _) in enumerate(FILES):
        (pytester.path / f"file_{number}{suffix}").write_text(text, encoding="utf-8")
    found = [line.partition("::")[0] for line in _collected(run_pytest)]
    assert {text: found.count(f"file_{number}{suffix}") for number, (text, _) in enumerate(FILES)} == dict(FILES)


def test_other_files_are_left_alone(project: Path, run_pytest: RunPytest) -> None:
    (project / "specs" / "small.json").write_text('{"archspec": 1}', encoding="utf-8")
    (project / "specs" / "latin.yaml").write_bytes("name: Zürich\n".encode("latin-1"))
    assert _collected(run_pytest) == ITEMS


def test_another_plugin_for_yaml_goes_on_as_before(project: Path, run_pytest: RunPytest) -> None:
    (project / "other.yaml").write_text("a: 1\n", encoding="utf-8")
    (project / "conftest.py").write_text(
        "import pytest\n"
        "class Item(pytest.Item):\n"
        "    def runtest(self): pass\n"
        "class File(pytest.File):\n"
        "    def collect(self): yield Item.from_parent(self, name='theirs')\n"
        "def pytest_collect_file(file_path, parent):\n"
        "    if file_path.suffix == '.yaml': return File.from_parent(parent, path=file_path)\n",
        encoding="utf-8",
    )
    assert sorted(_collected(run_pytest)) == sorted([*ITEMS, "other.yaml::theirs", "specs/small.yaml::theirs"])


def test_an_installed_archspec_brings_the_plugin(pytester: pytest.Pytester, project: Path) -> None:
    if not any(point.name == "archspec" for point in entry_points(group="pytest11")):
        pytest.skip("a checkout that is newer than what is installed")
    done = pytester.runpytest_subprocess("--archspec", "--collect-only", "-q")
    assert [line for line in done.outlines if "::" in line] == ITEMS


def test_without_the_option_nothing_is_collected_or_imported(project: Path, run_pytest: RunPytest) -> None:
    assert run_pytest("specs").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    (project / "test_it.py").write_text(
        "import sys\ndef test_it(): assert not {'archspec.api', 'yaml', 'numpy', 'pydantic'} & sys.modules.keys()\n",
        encoding="utf-8",
    )
    run_pytest().assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--archspec-checks", "valid"], "archspec_checks: `valid` is none of validate, current, parity"),
        (["--archspec-dtype", "float8"], "archspec_dtype: `float8` is none of float32, float64"),
        (["--archspec-batch", "0"], "archspec_batch: `0` is not a whole number, 1 or more"),
        (["-o", "archspec_batch=many"], "archspec_batch: `many` is not a whole number, 1 or more"),
        (["--archspec-backends", "torhc,keras"], "did you mean `torch`?"),
        (["--archspec-backends", ","], "archspec_backends is empty"),
        (["-o", "archspec_generated={spec}.py"], "archspec_generated knows {backend}, {name} and {suffix}"),
    ],
)
def test_a_wrong_setting_is_said_before_anything_runs(
    project: Path, run_pytest: RunPytest, arguments: list[str], message: str
) -> None:
    done = run_pytest("--archspec", *arguments)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert message in done.stderr.str()
    assert "Traceback" not in done.stderr.str()
