"""Which lines of a spec, its parents and its libraries are which layer's."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

import archspec
from archspec.ir.scope import Choice, walk
from archspec.provenance import LineRange, MappedSpec, spec_lines
from archspec.spec import load_text

SPECS = [*archspec.spec.shipped(), *map(str, sorted(Path("tests/zoo").glob("*.yaml")))]
LIBRARY = """archspec: 1
blocks:
  inner:
    params: {depth: {}}
    layers:
      - conv: {name: c, filters: depth, kernel: 1}  # the only one
  unit:
    unit: [depth]
    layers:
      - add:
          - - inner:
                name: inside
                depth: depth
          - name: side
            layers:
              - conv: {filters: depth, kernel: 1}
      # a remark after it
      - relu
"""
PARENT = """archspec: 1
name: parent
input: {channels: 3, height: 8, width: 8}
stem:
  - conv: {name: first, filters: 8, kernel: 1}
stages: []
"""
CHILD = """archspec: 1
name: child
extends: base/parent.yaml
include: [lib.yaml]
stages:
  - name: rows
    block: unit
    units:
      - (8)
      - [16]
      - depth: 16
        times: 2
  - name: short
    block: unit
    units: "[8] * 2"
head:
  - repeat:
      name: again
      times: 2
      layers:
        - sigmoid
"""


@pytest.fixture
def mapped(tmp_path: Path) -> MappedSpec:
    (tmp_path / "base").mkdir()
    for name, text in {"lib": LIBRARY, "base/parent": PARENT, "child": CHILD}.items():
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return spec_lines(archspec.compile(tmp_path / "child.yaml"))


def test_each_item_is_where_it_is_written(mapped: MappedSpec) -> None:
    own = {path: lines[0] for path, lines in mapped.lines.items()}
    assert own["input"] == LineRange("base/parent.yaml", 3, 3)
    assert own["first"] == LineRange("base/parent.yaml", 5, 5)
    assert own["rows"] == LineRange("child.yaml", 6, 12)
    assert [own[f"rows.{index}"][1:] for index in range(4)] == [(9, 9), (10, 10), (11, 12), (11, 12)]
    assert own["short"] == LineRange("child.yaml", 13, 15)
    assert own["short.1"] == LineRange("child.yaml", 15, 15)
    assert own["again"] == own["again.1"] == LineRange("child.yaml", 17, 21)
    assert own["again.1.0"] == LineRange("child.yaml", 21, 21)
    assert own["rows.1.relu"] == LineRange("lib.yaml", 18, 18)
    assert own["rows.1.add"] == LineRange("lib.yaml", 10, 16)
    assert own["rows.1.side"] == LineRange("lib.yaml", 14, 16)
    assert own["rows.1.side.0"] == LineRange("lib.yaml", 16, 16)
    assert own[""] == LineRange("child.yaml", 1, 21)


def test_after_it_come_the_block_and_the_calls_around(mapped: MappedSpec) -> None:
    unit, call = LineRange("child.yaml", 10, 10), LineRange("lib.yaml", 11, 13)
    assert mapped.lines["rows.1"] == (unit, LineRange("lib.yaml", 7, 18))
    assert mapped.lines["rows.1.inside"] == (call, LineRange("lib.yaml", 3, 6), unit)
    assert mapped.lines["rows.1.inside.c"] == (LineRange("lib.yaml", 6, 6), call, unit)
    assert mapped.lines["first"] == (LineRange("base/parent.yaml", 5, 5),)


def test_the_texts_are_all_that_was_read_the_own_first(mapped: MappedSpec) -> None:
    assert dict(mapped.files) == {"child.yaml": CHILD, "lib.yaml": LIBRARY, "base/parent.yaml": PARENT}
    assert next(iter(mapped.files)) == "child.yaml"


def test_no_name_tells_where_the_files_are(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "lib.yaml").write_text(LIBRARY, encoding="utf-8")
    path = tmp_path / "mine" / "resnet18.yaml"
    path.write_text("archspec: 1\nname: mine\nextends: resnet18\ninclude: [../lib.yaml]\n", encoding="utf-8")
    spec = archspec.load(path, root=tmp_path)
    names = list(spec_lines(archspec.compile(spec)).files)
    assert names == ["resnet18.yaml", "lib.yaml", "resnet18.yaml (2)", "blocks/residual.yaml"]
    assert list(spec_lines(archspec.compile("resnet50")).files) == ["resnet50.yaml", "blocks/residual.yaml"]
    absolute = spec_lines(archspec.compile(os.path.abspath("specs/resnet50.yaml")))
    assert list(absolute.files) == ["resnet50.yaml", "blocks/residual.yaml"]
    assert list(spec_lines(archspec.compile(load_text(f"{PARENT}head: [relu]\n"))).files) == ["<text>"]


def test_everything_that_ships_has_lines_of_its_own() -> None:
    without: dict[str, list[str]] = {}
    for name in SPECS:
        graph = archspec.compile(name)
        found = spec_lines(graph)
        paths = {*graph.nodes, *(item.path for item in walk(graph.root) if not isinstance(item, Choice))}
        assert found.lines.keys() == paths
        length = {file: len(text.splitlines()) for file, text in found.files.items()}
        for lines in found.lines.values():
            assert all(0 < first <= last <= length[file] for file, first, last in lines)
        without[name] = [path for path, lines in found.lines.items() if not lines]
        for path, node in graph.nodes.items():
            file, first, last = found.lines[path][0]
            written = " ".join(found.files[file].splitlines()[first - 1 : last])
            by_param = Path(name).stem == "op_params" or re.search(
                r"\b(act|gate|norm|conv)\b", written
            )  # a param's name
            again = "reuse:" in written  # by the name of the first
            assert node.op.name in written or node.op.name == "input" or by_param or again, (name, path, written)
    assert {name: paths for name, paths in without.items() if paths} == {}


def test_what_was_not_read_has_no_lines(mapped: MappedSpec) -> None:
    graph = replace(archspec.compile("resnet18"), texts=())
    assert not any(spec_lines(graph).lines.values())
    assert spec_lines(graph).files == {}
