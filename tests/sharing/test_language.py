"""`reuse` in the language: what it counts, which names it gives, and what graphs say of it."""

from __future__ import annotations

import pytest

import archspec
from tests.sharing.networks import ALL_KINDS, PYRAMID, SIAMESE, spec


def test_two_towers_with_the_same_weights_are_counted_once() -> None:
    graph = archspec.compile(spec(SIAMESE))
    assert graph.parameters == 40
    assert list(graph.all_weights) == ["tower.conv.weight", "tower.conv.bias"]
    assert archspec.count(graph).total.parameters == 40
    assert graph.macs == 2 * 4 * 9 * 14 * 14
    assert "scope tower_2: tower() {parameters of tower}" in graph.dump()


def test_a_head_serves_levels_of_several_sizes() -> None:
    graph = archspec.compile(spec(PYRAMID))
    assert [graph.nodes[path].shape for path in graph.outputs.values()] == [(6, 4, 4), (6, 8, 8), (6, 16, 16)]
    head = 2 * (8 * 8 * 9 + 8) + 8 * 6 * 9 + 6
    assert graph.parameters == (4 * 8 * 9 + 8) + 2 * (8 * 8 * 9 + 8) + head


def test_each_kind_of_item_is_computed_again() -> None:
    graph = archspec.compile(spec(ALL_KINDS))
    for path in (
        "tower.unit_2.d_2",
        "tower_2.unit.c",
        "tail_2.0",
        "branched_2.conv",
        "second_row.1.c",
        "repeat.1.conv",
    ):
        node = graph.nodes[path]
        assert not {name for name in graph.parameters_of(node) if name.startswith(path)}, path
    assert set(graph.parameters_of(graph.nodes["small.unit_2.d_2"])) == {"tower.unit.d.weight", "tower.unit.d.bias"}


def test_what_only_one_place_needs_is_computed_in_all_of_them() -> None:
    graph = archspec.compile(spec(ALL_KINDS))
    assert "small.unit_2.c" in graph.nodes  # `small.mid` alone is used; the tower is one module
    without = ALL_KINDS.replace("  - multiply: [{from: merged}, []]", "  - {from: merged, layers: [relu]}")
    pruned = archspec.compile(spec(without))
    assert not any(path.startswith(("small", "two")) for path in pruned.nodes)


def test_what_is_used_again_may_be_all_that_is_left() -> None:
    graph = archspec.compile(spec(SIAMESE), taps=["tower_2"])
    assert list(graph.nodes) == ["b", "tower_2.conv", "tower_2.relu", "tower_2.global_avg_pool", "tower_2.flatten"]
    assert list(graph.all_weights) == ["tower.conv.weight", "tower.conv.bias"]


def test_a_tensor_inside_of_what_is_computed_twice_cannot_be_taken_out() -> None:
    with pytest.raises(archspec.SpecError, match="computed more than once with the same weights"):
        archspec.compile(spec(ALL_KINDS), taps=["branched_2.conv"])


def test_a_numbered_sequence_with_an_item_that_is_used_again_has_names() -> None:
    text = SIAMESE.replace(
        "- add:", "- {name: part, layers: [{conv: {name: c, filters: 1, kernel: 1}}, relu, {reuse: c}]}\n  - add:"
    )
    assert [path for path in archspec.compile(spec(text)).nodes if path.startswith("part")] == [
        "part.c",
        "part.relu",
        "part.c_2",
    ]


def test_differences_name_what_is_shared() -> None:
    apart = archspec.compile(spec(SIAMESE.replace("reuse: tower", "tower: {name: tower_2}")))
    assert "tower_2" in (text := str(archspec.diff(archspec.compile(spec(SIAMESE)), apart)))
    assert "tower.conv.weight -> its own" in text


def test_items_under_a_condition_are_used_again_under_it() -> None:
    text = """
archspec: 1
name: net
params: {wide: true}
input: {channels: 4, height: 8, width: 8}
layers:
  - when: wide
    layers: [{conv: {name: a, filters: 4, kernel: 1}}, {reuse: a}]
    else: [{conv: {name: b, filters: 4, kernel: 1}}, {reuse: b, when: wide, else: relu}]
"""
    graph = archspec.compile(spec(text))
    assert list(graph.nodes) == ["input", "a", "a_2"]
    assert list(archspec.compile(spec(text.replace("wide: true", "wide: false"))).nodes) == ["input", "b", "relu"]


def test_pictures_say_whose_weights_a_part_has() -> None:
    graph = archspec.compile(spec(ALL_KINDS))
    text = archspec.draw(graph, level="layer").svg()
    for owner in ("tower", "tail", "branched", "row", "refine", "unit", "d", "step"):
        assert f">weights of {owner}<" in text, owner
