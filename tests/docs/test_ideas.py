"""docs/ideas and docs/index.md: the papers' figures come out of our networks, pages use what there is, commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import archspec
from archspec.cli import main
from archspec.spec import load_text
from docs import drawings, figures

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = {name: (DOCS / "ideas" / f"{name}.md").read_text(encoding="utf-8") for name in figures.PAGES}
INDEX = (DOCS / "index.md").read_text(encoding="utf-8")
TEXT = "\n".join(PAGES.values())
COMMANDS = re.findall(r"^archspec .*$", "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)), re.MULTILINE)


def test_the_papers_figures() -> None:
    shown = {name: figure() for name, figure in figures.FIGURES.items()}
    # He et al. 2015: the arithmetic of section 4.1 and Figure 5, Table 1, Table 6.
    assert (shown["basic_256"], shown["bottleneck_256"]) == ("1,179,648", "69,632")
    assert (shown["v1_macs"], shown["resnet50_macs"], shown["resnet34_macs"]) == ("3.858 G", "4.089 G", "3.664 G")
    assert (shown["parameters_20"], shown["projections_20"]) == ("269,722", "2,752")


def test_pages_use_all_that_is_made_for_them() -> None:
    assert {*re.findall(r"<!-- figure: (\w+) -->", TEXT)} == {*figures.FIGURES}
    assert {*re.findall(r"<!-- table: (\w+) -->", TEXT)} == {*figures.TABLES}
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    kept = {name.removesuffix(".svg") for name, _ in drawings.pictures() if not name.endswith("_dark.svg")}
    diagrams = (DOCS / "diagrams.md").read_text(encoding="utf-8")
    shown = TEXT + INDEX + readme + diagrams
    assert {*re.findall(r"\]\((?:\.\./|docs/)?pictures/(\w+)\.svg\)", shown)} == kept


def test_no_figure_begins_a_line() -> None:
    assert not re.search(r"^\s*<!-- figure", TEXT, re.MULTILINE), "Markdown takes a comment there for a block of HTML"


def test_the_orders_are_the_papers() -> None:
    table = dict(
        re.findall(
            r"^\| `(\w+)` \| ([^|]+ \| [^|]+) \|",
            PAGES["preactivation"].partition("|---|---|---|---:|---:|\n")[2],
            re.M,
        )
    )
    assert table == {
        "original": "conv, BN, ReLU, conv, BN | ReLU",
        "bn_after_addition": "conv, BN, ReLU, conv | BN, ReLU",
        "relu_before_addition": "conv, BN, ReLU, conv, BN, ReLU | nothing",
        "relu_only_preactivation": "ReLU, conv, BN, ReLU, conv, BN | nothing",
        "full_preactivation": "BN, ReLU, conv, BN, ReLU, conv | nothing",
    }


def _run(command: str) -> int:
    _, *arguments = shlex.split(command, comments=True)
    if "--backend" in arguments:
        arguments.append("--no-verify")  # needs no framework then
    return main(arguments)


@pytest.mark.parametrize("command", dict.fromkeys(COMMANDS))
def test_a_command_runs(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run(command) == (3 if " diff " in command else 0)


def test_the_tour_of_the_home_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    *tour, parity = re.findall(r"^archspec .*$", INDEX, re.MULTILINE)
    assert "parity" in parity  # the one that needs frameworks
    assert [_run(command) for command in tour] == [0] * len(tour)


def test_the_example_of_the_home_page_compiles() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", INDEX, re.DOTALL)
    graph = archspec.compile(load_text(text))
    assert all(archspec.generate(graph, backend) for backend in ("torch", "keras"))
