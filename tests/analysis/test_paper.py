"""Networks in the form of the ResNet paper's Table 1."""

from __future__ import annotations

import json

import pytest

import archspec
from archspec.analysis.paper import PaperRow, paper_table, rows, size
from archspec.analysis.tables import inline, to_text
from archspec.cli import main
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.spec import load_text, shipped

# He et al. 2015, Table 1: the columns of conv2_x to conv5_x.
TABLE_1 = {
    "resnet18": ["[3x3, {0}; 3x3, {0}] x 2"] * 4,
    "resnet34": [f"[3x3, {{0}}; 3x3, {{0}}] x {times}" for times in (3, 4, 6, 3)],
    "resnet50": [f"[1x1, {{0}}; 3x3, {{0}}; 1x1, {{1}}] x {times}" for times in (3, 4, 6, 3)],
    "resnet101": [f"[1x1, {{0}}; 3x3, {{0}}; 1x1, {{1}}] x {times}" for times in (3, 4, 23, 3)],
    "resnet152": [f"[1x1, {{0}}; 3x3, {{0}}; 1x1, {{1}}] x {times}" for times in (3, 8, 36, 3)],
}


def cell_text(row: PaperRow) -> str:
    return "; ".join(map(inline, row.pieces))


def cells(graph: LayerGraph) -> dict[str, str]:
    return {row.name: cell_text(row) for row in rows(graph)}


@pytest.mark.parametrize("name", TABLE_1)
def test_the_columns_of_the_papers_table(name: str) -> None:
    blocks = [text.format(64 << stage, 256 << stage) for stage, text in enumerate(TABLE_1[name])]
    found = rows(archspec.compile(name))
    assert [cell_text(row) for row in found] == [
        "7x7, 64, stride 2",
        f"3x3 max pool, stride 2; {blocks[0]}",
        *blocks[1:],
        "global average pool; 1000-d fc",
    ]
    assert [size(row.type) for row in found if row.type] == ["112x112", "56x56", "28x28", "14x14", "7x7", "1x1"]


def test_where_the_stride_stands_does_not_matter() -> None:
    assert cells(archspec.compile("resnet50", stride_on="conv1")) == cells(archspec.compile("resnet50"))


def test_grouped_convolutions() -> None:
    # Xie et al. 2016, Table 1
    assert cells(archspec.compile("resnext50_32x4d"))["layer2"] == "[1x1, 256; 3x3, 256, C=32; 1x1, 512] x 4"


def test_depthwise_convolutions() -> None:
    found = cells(archspec.compile("mobilenet_v2"))
    assert found["features"].startswith(
        "3x3, 32, stride 2; 3x3 dw, 32; 1x1, 16; 1x1, 96; 3x3 dw, 96, stride 2; 1x1, 24;"
    )


def test_a_network_without_blocks() -> None:
    # LeCun et al. 1998, Figure 2
    assert list(cells(archspec.compile("lenet")).values()) == [
        "5x5, 6",
        "2x2 max pool, stride 2; 5x5, 16",
        "2x2 max pool, stride 2; 120-d fc",
        "84-d fc",
        "10-d fc",
    ]


def test_repeats_attention_and_tokens() -> None:
    found = rows(archspec.compile("vision_transformer"))
    assert cell_text(found[1]) == "[attention, 3 heads; 768-d fc; 192-d fc] x 12"
    assert found[1].type is not None
    assert size(found[1].type) == "197 tokens"
    assert cells(archspec.compile("densenet"))["dense1"] == "[3x3, 12] x 12"
    assert cells(archspec.compile("densenet"))["transition1"] == "1x1, 160; 2x2 average pool, stride 2"


NESTED = """\
archspec: 1
name: nested
input: {channels: 4, height: 8, width: 8}
blocks:
  two:
    layers: [conv: {filters: 4, kernel: 3, padding: 1}, conv: {filters: 4, kernel: 1}]
  group:
    layers:
      - conv: {filters: 4, kernel: 1}
      - repeat: {times: 3, layers: [two]}
layers:
  - repeat: {name: outer, times: 2, layers: [group]}
  - name: shortcut
    layers:
      - repeat:
          name: gated
          times: 2
          layers:
            - add:
                - two
                - - multiply: [[], [conv: {filters: 4, kernel: 1}, sigmoid]]
"""


def test_loops_in_loops_and_gates() -> None:
    found = cells(archspec.compile(load_text(NESTED)))
    assert found["outer"] == "[1x1, 4; [3x3, 4; 1x1, 4] x 3] x 2"
    assert found["shortcut"] == "[3x3, 4; 1x1, 4; 1x1, 4] x 2"  # a gate is more than a projection: it is shown


def test_rows_of_other_names_stand_side_by_side() -> None:
    table = paper_table([archspec.compile(name) for name in ("resnet50", "resnet_v2_50", "lenet")])
    names = [row[0] for row in table.rows]
    assert names[:5] == ["conv1", "layer1 / block1", "layer2 / block2", "layer3 / block3", "layer4 / block4"]
    assert [row[4] for row in table.rows[1:5]] == [()] * 4
    assert names[-3:] == ["parameters", "MACs", "FLOPs (2 x MACs)"]
    assert table.rows[-3][2:] == ("25,557,032", "25,568,360", "61,706")


@pytest.mark.parametrize("name", shipped())
def test_every_spec_that_ships_has_a_table(name: str) -> None:
    graph = archspec.compile(name)
    found = rows(graph)
    assert found
    assert all(row.name and row.pieces for row in found)
    assert f"{evaluated(graph).parameters:,}" in to_text(paper_table([graph]))


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", "resnet34", "resnet50", "--form", "paper"]) == 0
    out = capsys.readouterr().out
    assert "[1x1, 256 ]" in out
    assert "[3x3, 256 ] x 6" in out
    assert main(["count", "resnet50", "lenet", "--form", "paper", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [network["name"] for network in data["networks"]] == ["resnet50", "lenet"]
    cell = next(row[0] for row in data["rows"] if row[0] and row[0]["stage"] == "layer2")
    assert cell == {
        "stage": "layer2",
        "output": [512, 28, 28],
        "cell": [{"block": ["1x1, 128", "3x3, 128", "1x1, 512"], "times": 4}],
    }
