"""A library of blocks that was read before gives what it gives when it is read anew, within the same limits."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import archspec
from archspec.errors import SpecError
from archspec.limits import Limits
from archspec.spec import load

LIBRARY = """
archspec: 1
blocks:
  unit:
    unit: [width]
    params: {kernel: 3}
    layers:
      - conv: {filters: "width * 2 // 2", kernel: kernel, padding: "(kernel - 1) // 2"}
      - relu
  other: &same
    params: {width: 4}
    layers: [conv: {filters: width, kernel: 1}]
  again: *same
"""
SPEC = """
archspec: 1
name: net
include: [lib.yaml]
input: {channels: 3, height: 8, width: 8}
stages: [{name: stage, block: unit, units: "[(4,), (8,)]"}]
head: [other, again: {width: 5}]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lib.yaml").write_text(LIBRARY)
    (tmp_path / "net.yaml").write_text(SPEC)
    return tmp_path


def fresh(folder: Path, name: str) -> Path:
    """A copy of the folder, whose files this process has not read."""
    shutil.copytree(folder, folder.parent / name)
    return folder.parent / name


def test_it_is_read_once_and_gives_the_same(folder: Path) -> None:
    first, second = load(folder / "net.yaml"), load(folder / "net.yaml")
    assert first == second
    assert first.blocks["unit"] is second.blocks["unit"]
    assert [block.name for block in second.blocks.values()] == ["unit", "other", "again"]
    assert [text.name for text in second.texts] == [text.name for text in first.texts]
    assert second.sources == first.sources
    elsewhere = load(fresh(folder, "elsewhere") / "net.yaml")
    assert elsewhere == first
    assert archspec.compile(first).dump() == archspec.compile(second).dump()


def test_a_library_that_was_changed_is_another(folder: Path) -> None:
    before = archspec.compile(folder / "net.yaml")
    (folder / "lib.yaml").write_text((folder / "lib.yaml").read_text().replace("kernel: 3}", "kernel: 5}"))
    after = archspec.compile(folder / "net.yaml")
    assert after.parameters > before.parameters
    (folder / "lib.yaml").write_text("archspec: 1\nblocks: {unit: {layers: [nonsense]}}\n")
    for _ in range(2):
        with pytest.raises(SpecError) as raised:
            archspec.compile(folder / "net.yaml")
        assert "nonsense" in str(raised.value)


def test_a_child_that_changes_a_block_leaves_it_as_it_is_for_others(folder: Path) -> None:
    before = archspec.compile(folder / "net.yaml")
    child = "archspec: 1\nname: child\nextends: ./net.yaml\nblocks: {unit: {params: {kernel: 1}}}\n"
    (folder / "child.yaml").write_text(child)
    assert archspec.compile(folder / "child.yaml").parameters < before.parameters
    assert archspec.compile(folder / "net.yaml").dump() == before.dump()


def test_errors_of_a_library_are_said_each_time(folder: Path) -> None:
    (folder / "lib.yaml").write_text((folder / "lib.yaml").read_text().replace("padding:", "paddings:"))
    said = []
    for _ in range(2):
        with pytest.raises(SpecError) as raised:
            archspec.compile(folder / "net.yaml")
        said.append(str(raised.value))
    assert said[0] == said[1]
    assert "paddings" in said[0]


def outcome(path: Path, limits: Limits) -> list[str]:
    try:
        load(path, limits=limits)
    except SpecError as error:
        return [found.code for found in error.diagnostics]
    return []


@pytest.mark.parametrize("limit", ["values", "work"])
def test_limits_mean_the_same_where_it_was_read_before(folder: Path, limit: str) -> None:
    outcomes = set()
    for most in range(5, 130, 5):
        limits = Limits(**{limit: most})
        first = outcome(fresh(folder, f"{limit}{most}") / "net.yaml", limits)
        assert outcome(folder / "net.yaml", limits) == first
        assert outcome(folder / "net.yaml", limits) == first, most
        outcomes.add(tuple(first))
    assert outcomes == {(), ("E0304",) if limit == "work" else ("E0104",)}


def test_another_spec_that_includes_it_may_be_too_large_with_it(folder: Path) -> None:
    limits = Limits(values=90)
    assert outcome(folder / "net.yaml", limits) == []
    more = (folder / "net.yaml").read_text() + f"title: many\nparams: {{{', '.join(f'p{k}: 1' for k in range(20))}}}\n"
    (folder / "net.yaml").write_text(more)
    assert outcome(folder / "net.yaml", limits) == ["E0104"]
