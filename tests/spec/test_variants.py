"""Tables of values for params, and which of them is chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.cli import main
from archspec.errors import SpecError

SPEC = """archspec: 1
name: family
params: {width: 8, depth: 1, wide: width * 2, act: {default: relu, choices: [relu, sigmoid]}}
variants:
  small: {}
  large: {width: 16, act: sigmoid}
  deep: {depth: 1 + 2, wide: 4}
input: {channels: 3, height: 8, width: 8}
layers:
  - repeat: {name: row, times: depth, layers: [conv: {filters: width, kernel: 1}]}
  - {relu: {}, when: act == 'relu', else: sigmoid}
  - conv: {name: last, filters: wide, kernel: 1}
"""
CHILD = "archspec: 1\nextends: family.yaml\nname: child\nvariant: large\nvariants: {small: null, large: {depth: 2}}\n"


@pytest.fixture
def family(tmp_path: Path) -> Path:
    path = tmp_path / "family.yaml"
    path.write_text(SPEC)
    (tmp_path / "child.yaml").write_text(CHILD)
    return path


def params(path: Path, **given: Any) -> dict[str, object]:
    return {param.name: param.value for param in archspec.compile(path, **given).params}


def test_a_variant_stands_over_defaults_and_under_what_is_given(family: Path) -> None:
    assert params(family) == {"width": 8, "depth": 1, "wide": 16, "act": "relu"}
    assert params(family, variant="small") == params(family)
    assert params(family, variant="large") == {"width": 16, "depth": 1, "wide": 32, "act": "sigmoid"}
    assert params(family, variant="deep") == {"width": 8, "depth": 3, "wide": 4, "act": "relu"}
    assert params(family, variant="large", width=2, act="relu") == {"width": 2, "depth": 1, "wide": 4, "act": "relu"}


def test_a_child_chooses_one_and_changes_them(family: Path) -> None:
    child = family.with_name("child.yaml")
    assert params(child) == {"width": 16, "depth": 2, "wide": 32, "act": "sigmoid"}
    assert params(child, variant="deep") == {"width": 8, "depth": 3, "wide": 4, "act": "relu"}
    with pytest.raises(SpecError, match="no variant of child is called `small`"):
        params(child, variant="small")


def test_on_the_command_line(family: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", str(family), "--set", "variant=large", "--no-verify", "-o", str(family.parent / "f.py")]) == 0
    assert "width=16" in (family.parent / "f.py").read_text()
    capsys.readouterr()
    assert main(["validate", str(family), "--set", "variant=larg"]) == 1
    assert "did you mean `large`?" in capsys.readouterr().err
    assert main(["validate", str(family), "--set", "variant=3"]) == 1


def test_where_there_are_none_it_is_a_param_like_others(tmp_path: Path) -> None:
    text = "archspec: 1\nname: net\nparams: {variant: 8}\ninput: {channels: 3, height: 8, width: 8}\n"
    text += "layers: [conv: {filters: variant, kernel: 1}]\n"
    (tmp_path / "net.yaml").write_text(text)
    assert params(tmp_path / "net.yaml", variant=4) == {"variant": 4}


def test_they_are_listed(
    family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "_specs").mkdir()
    family.rename(tmp_path / "_specs" / "family.yaml")
    monkeypatch.setattr("archspec.spec.shipped_specs._PACKAGE", tmp_path)
    assert main(["list"]) == 0
    rows = capsys.readouterr().out
    for name in ("small", "large", "deep"):
        graph = archspec.compile("family", variant=name)
        assert any(f"variant={name} " in row and f" {graph.parameters:,} " in row for row in rows.splitlines())
    assert main(["list", "--format", "json"]) == 0
    assert '"name": "deep"' in capsys.readouterr().out


def test_a_program_has_what_was_chosen(family: Path) -> None:
    from archspec.training.program import _composed

    spec = archspec.load(family, variant="large", width=4)
    again = family.with_name("again.yaml")
    again.write_text(_composed(spec))
    assert params(again) == params(family, variant="large", width=4)
