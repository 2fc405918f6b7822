"""Tables of values for params, and which of them is chosen."""

from __future__ import annotations

import json
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
    assert [row["name"] for row in json.loads(capsys.readouterr().out)[0]["variants"]] == ["small", "large", "deep"]
    assert main(["list", "--format", "json"]) == 0
    deep = archspec.compile("family", variant="deep")
    assert {"name": "deep", "parameters": deep.parameters, "macs": deep.macs} in json.loads(capsys.readouterr().out)[0][
        "variants"
    ]


def test_a_program_has_what_was_chosen(family: Path) -> None:
    from archspec.training.program import _composed

    spec = archspec.load(family, variant="large", width=4)
    again = family.with_name("again.yaml")
    again.write_text(_composed(spec))
    assert params(again) == params(family, variant="large", width=4)


def test_a_child_drops_a_param_that_variants_of_its_parent_give(tmp_path: Path) -> None:
    parent = """archspec: 1
name: parent
params: {width: 8, deep: true}
variants: {small: {width: 4}, big: {width: 16, deep: false}}
input: {channels: 3, height: 8, width: 8}
layers: [conv: {filters: width, kernel: 3}, {relu: {}, when: deep}]
"""
    (tmp_path / "parent.yaml").write_text(parent)
    child = """archspec: 1
extends: parent.yaml
name: child
params: {deep: null}
variants: {big: {deep: null}}
layers: [conv: {filters: width, kernel: 3}]
"""
    (tmp_path / "child.yaml").write_text(child)
    assert archspec.compile(tmp_path / "child.yaml", variant="big").nodes["conv"].type.channels == 16
    (tmp_path / "child.yaml").write_text(child.replace("variants: {big: {deep: null}}\n", ""))
    with pytest.raises(SpecError, match="unknown param `deep`"):
        archspec.load(tmp_path / "child.yaml")


def test_a_child_gives_another_op_for_a_param(tmp_path: Path) -> None:
    parent = """archspec: 1
name: parent
params: {norm: {default: {layer_norm: {eps: 1e-6}}}, table: {default: {a: 1, b: 2}}}
input: {channels: 3, height: 8, width: 8}
layers: [norm, conv: {filters: "table['a'] * table['b']", kernel: 1}]
"""
    (tmp_path / "parent.yaml").write_text(parent)
    child = """archspec: 1
extends: parent.yaml
name: child
params: {norm: {default: {batch_norm: {eps: 0.1}}}, table: {default: {a: 5}}}
"""
    (tmp_path / "child.yaml").write_text(child)
    graph = archspec.compile(tmp_path / "child.yaml")
    assert graph.nodes["norm"].op.name == "batch_norm"
    assert graph.nodes["conv"].type.channels == 10
