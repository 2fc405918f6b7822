"""Neighbors that are one box, and sequences that have no frame."""

from __future__ import annotations

from pathlib import Path

import pytest

import archspec
from archspec.analysis.levels import Level
from archspec.diagram.figure import Box
from archspec.spec import load_text

HEAD = """
archspec: 1
name: rows
input: {channels: 4, height: 8, width: 8}
blocks:
  unit:
    params: {filters: 4}
    layers: [conv: {filters: filters, kernel: 1}, relu]
  grow:
    layers: [concat: [[], [conv: {filters: 2, kernel: 1}]]]
  two:
    layers: [unit: {name: "1"}, unit: {name: "2"}]
layers:
"""


def boxes(text: str, level: Level = "unit") -> dict[str, Box]:
    [panel] = archspec.draw(archspec.compile(load_text(HEAD + text)), level=level).panels
    return {box.path: box for box in panel.part.figure.walk()}


def drawn(name: str) -> dict[str, Box]:
    [panel] = archspec.draw(name).panels
    return {box.path: box for box in panel.part.figure.walk()}


def units(found: dict[str, Box]) -> dict[str, int]:
    return {path: box.times for path, box in found.items() if box.inside}


def test_numbered_neighbors_of_a_sequence_are_one_box() -> None:
    found = drawn("mobilenet_v2")
    repeated = {path: box.times for path, box in found.items() if box.times > 1}
    assert repeated == {"features.5": 2, "features.8": 3, "features.12": 2, "features.15": 2}
    assert found["features.8"].title == "features.8 – 10 inverted_residual × 3"
    assert "features" not in found


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ('- unit: {name: "0"}\n- unit: {name: "1"}\n- unit: {name: "2"}', {"0": 3}),
        ("- unit: {name: block1}\n- unit: {name: block2}", {"block1": 2}),
        ("- unit: {name: first}\n- unit: {name: second}", {"first": 1, "second": 1}),
        ('- unit: {name: "0"}\n- unit: {name: "2"}', {"0": 1, "2": 1}),
        ('- unit: {name: "0"}\n- unit: {name: "1", filters: 8}', {"0": 1, "1": 1}),
        ('- unit: {name: "0"}\n- relu: {name: act}\n- unit: {name: "1"}', {"0": 1, "1": 1}),
        ('- unit: {name: "0"}\n- tap: x\n- unit: {name: "1"}\n- add: [[], {from: x}]', {"0": 1, "1": 1}),
        ('- unit: {name: "0"}\n- unit: {name: "1"}\n- tap: x\n- add: [[relu], {from: x}]', {"0": 2}),
        ("- two: {name: block}", {"block": 1, "block.1": 1, "block.2": 1}),
    ],
    ids=["numbers", "names", "unnumbered", "gap", "channels", "between", "tapped", "after", "block"],
)
def test_what_is_one_box(layers: str, expected: dict[str, int]) -> None:
    assert units(boxes(layers)) == expected


def test_every_unit_has_its_box_at_the_level_of_layers() -> None:
    assert units(boxes('- unit: {name: "0"}\n- unit: {name: "1"}', "layer")) == {"0": 1, "1": 1}


def test_channels_that_grow_are_said_from_first_to_last() -> None:
    found = boxes("- repeat: {name: grow, times: 5, layers: [grow]}\n- relu")
    assert found["grow"].times == 5
    [concat] = [box for box in found.values() if box.title == "concat"]
    assert concat.shapes == ("6 – 14x8x8",)
    dense = drawn("densenet_bc")
    assert [box.times for box in dense.values() if box.inside and box.path.startswith("features.denseblock")] == [
        6,
        12,
        24,
        16,
    ]


def test_what_growing_units_cost_is_said_from_first_to_last() -> None:
    graph = archspec.compile(load_text(HEAD + "- repeat: {name: grow, times: 5, layers: [grow]}"))
    [panel] = archspec.draw(graph, parameters=True, macs=True).panels
    found = {box.path: box.title for box in panel.part.figure.walk()}
    assert found["grow"].endswith(f"{graph.parameters:,} parameters 5.120 k MACs")
    [conv] = [title for title in found.values() if title.startswith("conv 1x1")]
    assert "10 – 26 parameters" in conv


def test_dropout_that_grows_is_said_from_first_to_last() -> None:
    rows = "- repeat: {name: rows, times: 3, layers: [unit, dropout: {rate: 0.1 * (i + 1)}]}"
    found = boxes(rows)
    assert found["rows"].times == 3
    assert [box.title for box in found.values() if box.kind == "regularizer"] == ["dropout 0.1 – 0.3"]


def test_a_sequence_that_holds_nearly_all_has_no_frame() -> None:
    row = ", ".join(f"{{unit: {{name: u{n}, filters: {n + 4}}}}}" for n in range(6))
    assert "features" not in boxes(f"- name: features\n  layers: [{row}]\n- relu")
    rest = "\n".join(f"- unit: {{name: v{n}, filters: {n + 4}}}" for n in range(6))
    assert "features" in boxes(f"- name: features\n  layers: [{row}]\n{rest}")


def test_rates_that_do_not_grow_are_drawn_one_by_one() -> None:
    rows = '- repeat: {name: rows, times: 3, layers: [unit, dropout: {rate: "[0.1, 0.7, 0.2][i]"}]}'
    assert [box.title for box in boxes(rows).values() if box.kind == "regularizer"] == [
        "dropout 0.1 – 0.7",
        "dropout 0.2",
    ]
    blocks = "- repeat: {name: rows, times: 3, layers: [unit, drop_block: {rate: 0.1, block: 2 * i + 3}]}"
    assert sum(box.kind == "regularizer" for box in boxes(blocks).values()) == 3


def test_costs_of_other_units_are_said_whole() -> None:
    text = HEAD.replace("filters: 2", "filters: 48") + "- repeat: {name: grow, times: 9, layers: [grow]}"
    [panel] = archspec.draw(archspec.compile(load_text(text)), macs=True).panels
    assert [box.words[-1].text for box in panel.part.figure.walk() if box.title.startswith("conv 1x1")] == [
        "12.288 k – 1.192 M MACs"
    ]


def test_a_line_that_leaves_a_run_says_what_leaves_it(tmp_path: Path) -> None:
    graph = archspec.compile(load_text(HEAD + "- repeat: {name: grow, times: 5, layers: [grow]}\n- relu"))
    file = tmp_path / "rows.mmd"
    archspec.draw(graph).save(file)
    text = file.read_text(encoding="utf-8")
    assert "14x8x8" in text
    assert "6 – 14x8x8" not in text
