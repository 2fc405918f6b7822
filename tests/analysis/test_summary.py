"""`archspec.summary` and `archspec summary`: rows, folding, totals, and how they are shown."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

import archspec
from archspec.analysis.levels import LEVELS
from archspec.cli import main
from archspec.spec import load_text

Run = Callable[..., tuple[int, str, str]]
GOLDEN = Path(__file__).parent / "summaries"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return command


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("resnet50", "layer"),
        ("resnet50", "unit"),
        ("shufflenet_v2", "unit"),
        ("unet", "layer"),
        ("two_streams", "layer"),
    ],
)
def test_the_table(name: str, level: str, run: Run, request: pytest.FixtureRequest) -> None:
    code, out, _ = run("summary", name, "--level", level)
    assert code == 0
    path = GOLDEN / f"{name}-{level}.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(out, encoding="utf-8")
    assert out == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["resnet50", "densenet", "shufflenet_v2", "vision_transformer", "two_streams", "unet"])
def test_rows_stand_for_every_layer_once_and_add_up(name: str) -> None:
    graph = archspec.compile(name)
    counts = archspec.count(graph)
    for level in LEVELS:
        found = archspec.summary(graph, level=level)
        outermost = [row for row in found.rows if row.depth == 0]
        for figure in ("layers", "parameters", "buffers", "macs", "activations"):
            total = getattr(counts.total, figure)
            assert getattr(found.total, figure) == total
            assert sum(getattr(row.counts, figure) for row in outermost) == total
        assert (found.depth, tuple(found.inputs.values())) == (counts.depth, counts.inputs)
    layers = [row for row in found.rows if row.kind != "scope"]
    assert sorted(path for row in layers for path in row.paths) == sorted(graph.nodes)
    assert sum(row.counts.parameters * len(row.paths) for row in layers) == counts.total.parameters


def test_rows_of_the_papers_network() -> None:
    rows = {row.paths[0]: row for row in archspec.summary("resnet50").rows}
    assert (rows["conv1"].text, rows["conv1"].shape, rows["conv1"].counts.macs) == (
        "conv 7x7, 64, /2",
        (64, 112, 112),
        9_408 * 112**2,
    )
    assert [rows[f"layer{stage}"].text for stage in (1, 2, 3, 4)] == [f"{n} x bottleneck" for n in (3, 4, 6, 3)]
    alike = rows["layer3.1"]
    assert (alike.name, alike.times, alike.paths[-1]) == ("1 - 5", 5, "layer3.5")
    # He et al. 2015, section 4.1: 1x1, 256, 3x3, 256 and 1x1, 1024, and their norms.
    one = 1024 * 256 + 9 * 256**2 + 256 * 1024 + 2 * (256 + 256 + 1024)
    assert alike.counts.parameters == 5 * one
    assert rows["layer3.1.conv2"].counts.parameters == 9 * 256**2
    assert rows["layer3.1.conv2"].paths == tuple(f"layer3.{unit}.conv2" for unit in range(1, 6))
    assert alike.field == rows["layer3"].field
    assert alike.field is not None
    assert alike.field[0].size == 267
    assert alike.field[0].stride == 16


def test_units_that_differ_inside_are_told_one_by_one() -> None:
    text = """
archspec: 1
name: example
input: {channels: 4, height: 32, width: 32}
blocks:
  unit:
    unit: [rate]
    layers:
      - conv: {filters: 4, kernel: 3, padding: rate, dilation: rate}
      - dropout: {rate: 0.1 * rate}
stages:
  - {name: stage, block: unit, units: [[1], [1], [2], [1]]}
  - {name: rest, layers: [repeat: {times: 2, layers: [relu]}]}
"""
    for level in ("unit", "layer"):
        rows = archspec.summary(load_text(text), level=level).rows
        units = [(row.name, row.times) for row in rows if row.depth == 1 and row.paths[0].startswith("stage")]
        assert units == [("0 - 1", 2), ("2", 1), ("3", 1)]


def test_units_that_are_wired_otherwise_are_told_one_by_one() -> None:
    """The second has the layers of the others; what it adds is taken before its activation, not behind it."""
    text = """
archspec: 1
name: example
input: {channels: 4, height: 8, width: 8}
blocks:
  unit:
    unit: [early]
    layers:
      - tap: before
      - relu
      - tap: after
      - add:
          - conv: {filters: 4, kernel: 1}
          - when: early == 1
            layers: [{from: before}]
            else: [{from: after}]
stages:
  - {name: rows, block: unit, units: "[(0,), (1,), (0,), (0,)]"}
"""
    rows = archspec.summary(load_text(text), level="unit").rows
    assert [(row.name, row.times) for row in rows if row.depth == 1] == [("0", 1), ("1", 1), ("2 - 3", 2)]


def test_rates_of_dropout_do_not_part_units() -> None:
    rows = archspec.summary("convnext").rows
    assert "drop path 0.0364 .. 0.0818" in [row.text for row in rows]


def test_a_level_that_there_is_not() -> None:
    with pytest.raises(ValueError, match="no such level: block; there are stage, unit, layer"):
        archspec.summary("lenet", level="block")  # type: ignore[arg-type]


def test_params_and_formats(run: Run) -> None:
    assert (
        "| fc | dense 10 | 10 | 20,490 |"
        in run("summary", "resnet50", "--set", "classes=10", "--format", "markdown")[1]
    )
    data = json.loads(run("summary", "unet", "--format", "json", "--level", "stage")[1])
    row = next(row for row in data["rows"] if row["name"] == "up1")
    assert (row["kind"], row["paths"], row["output"]) == ("scope", ["up1"], [16, 64, 64])
    assert row["fields"] == {"input": {"size": [100, 100], "stride": [1, 1], "start": [-46, -46]}}
    assert data["total"]["parameters"] == archspec.count("unet").total.parameters
    data = json.loads(run("summary", "dcgan_generator", "--format", "json")[1])
    assert all(row["fields"] == {} for row in data["rows"])


def test_several_specs_one_after_the_other(run: Run) -> None:
    code, out, _ = run("summary", "lenet", "unet", "--level", "stage")
    one, other = (run("summary", name, "--level", "stage")[1] for name in ("lenet", "unet"))
    note = one[one.index("field: ") :]
    assert (code, out) == (0, one.removesuffix(note) + other)
    found = json.loads(run("summary", "lenet", "unet", "--format", "json")[1])
    assert found == [json.loads(run("summary", name, "--format", "json")[1]) for name in ("lenet", "unet")]
    assert run("summary", "lenet", "unet", "--format", "markdown")[1].count("\n\n| total |") == 2


HOSTILE = r"""
archspec: 1
name: net
title: "<img src=x onerror=alert(1)> | `` [a](b) $x$ \e[31m"
input: {channels: 3, height: 8, width: 8}
layers: [relu]
"""


def test_what_a_notebook_shows() -> None:
    for found in (archspec.summary("lenet"), archspec.count("lenet"), archspec.diff("lenet", "unet")):
        assert len(repr(found)) < 100
        assert "lenet" in repr(found)
        assert "\n| " in found._repr_markdown_()
        assert str(found).count("\n") > 5
    graph = archspec.compile(load_text(HOSTILE))
    for shown in (archspec.summary(graph), archspec.count(graph)):
        title = shown._repr_markdown_().partition("\n")[0]
        assert title.startswith(r"\<img src=x onerror=alert(1)\> \| \`\` \[a\](b) \$x\$ ")
        assert "\x1b" not in title


def test_plain_in_a_pipe_and_colored_if_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b" not in run("summary", "lenet")[1]
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[94mconv 5x5, 6" in run("--color", "always", "summary", "lenet")[1]
    assert "\x1b" not in run("--color", "always", "summary", "lenet", "--format", "json")[1]


def _shown(what: object, width: int) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=True, color_system=None).print(what)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_is_filled_and_no_more(width: int) -> None:
    graph = archspec.compile("resnet50")
    lines = _shown(graph, width)
    assert max(map(cell_len, lines)) <= width
    assert len(lines) <= len(archspec.summary(graph).rows) + 12
    assert "conv 7x7, 64, /2" in "\n".join(lines)
    assert ("stride" in "\n".join(lines)) == (width > 60)  # numbers that leave the words no room are left out
    if width == 120:
        assert "├─ 0" in "\n".join(lines)
        assert "│  │  └─ 1" in "\n".join(lines)
        assert "   └─ relu_3" in "\n".join(lines)


def test_a_spec_shows_what_it_takes() -> None:
    lines = _shown(archspec.load("resnet50", classes=10), 120)
    assert lines[0] == "ResNet-50 v1.5, as torchvision has it"
    text = "\n".join(lines)
    assert "input  in_channels x size x size" in text
    assert "classes        10     number of classes" in text
    assert "layer2  bottleneck: [(512, 128, 2)] + [(512, 128, 1)] * 3" in text
    assert "head    global_avg_pool, flatten, fc" in text


def test_a_title_is_no_command_to_a_terminal() -> None:
    text = """
archspec: 1
name: example
title: "\\e[2J [bold]not so[/bold] | \\u202e"
input: {shape: [4]}
layers: [relu]
"""
    spec = load_text(text)
    for found in (_shown(spec, 80), _shown(archspec.compile(spec), 80), str(archspec.summary(spec)).splitlines()):
        assert found[0].startswith(r"\x1b[2J [bold]not so[/bold] | \u202e")
