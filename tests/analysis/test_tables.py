"""Tables in three forms; what a spec says of itself cannot break out of any."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from archspec.analysis.tables import BracketedLines, Table, to_latex, to_markdown, to_text
from archspec.cli import main
from archspec.reporting import plain

CELLS = (
    ("layer1", ("56x56",), ("3x3 max pool, stride 2", BracketedLines(("1x1, 64", "3x3 dw, 64", "1x1, 256"), 3))),
    ("parameters", "", "25,557,032"),
)
TABLE = Table(("stage", "output size", "a_network"), CELLS, "lcc", foot=1, ruled=True)

HOSTILE = [
    r"\input{/etc/passwd}",
    r"\write18{rm -rf .} $x^2$ & 50% #1 a_b ~ {",
    "}} \\end{tabular} \\begin{document}",
    "a | b ` c * d <script>alert(1)</script> [link](javascript:x) ![i](j)",
    "one\ntwo\r\nthree\u2028four | five",
    "\x1b[31mred\x1b[0m \x00 \u202e \ufeff",
    "% comment",
    "# heading",
    "- item",
    "1. item",
    "[1ex] \\\\[3cm]",
    "^^5cinput{x}",
    'a "quoted" text``',
    "Résumé, 日本 & Ünïcode",
]


def test_text() -> None:
    assert to_text(TABLE).splitlines() == [
        "stage       output size  a_network",
        "----------  -----------  ----------------------",
        "layer1      56x56        3x3 max pool, stride 2",
        "                         [1x1, 64   ]",
        "                         [3x3 dw, 64] x 3",
        "                         [1x1, 256  ]",
        "----------  -----------  ----------------------",
        "parameters               25,557,032",
    ]


def test_markdown() -> None:
    assert to_markdown(TABLE).splitlines() == [
        r"| stage | output size | a\_network |",
        "|---|:---:|:---:|",
        "| layer1 | 56x56 | 3x3 max pool, stride 2<br>[1x1, 64; 3x3 dw, 64; 1x1, 256] x 3 |",
        "| parameters |  | 25,557,032 |",
    ]


def test_latex() -> None:
    assert to_latex(TABLE).splitlines() == [
        r"\begin{tabular}{l | c | c}",
        r"stage & output size & a\_network \\",
        r"\hline",
        r"layer1 & $56\times 56$ & \begin{tabular}{@{}c@{}}$\mbox{$3\times 3$ max pool},\ \mbox{stride 2}$ \\ "
        r"$\left[\begin{array}{c}1\times 1,\ 64 \\ \mbox{$3\times 3$ dw},\ 64 \\ 1\times 1,\ 256"
        r"\end{array}\right]\times 3$\end{tabular} \\",
        r"\hline",
        r"parameters &  & 25,557,032 \\",
        r"\end{tabular}",
    ]


def _balanced(text: str) -> None:
    """Braces, environments and dollars close, and each row has the cells of the table."""
    bare = re.sub(r"\\[{}$%&#_]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert "%" not in bare
    assert "#" not in bare
    stack: list[str] = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", text):
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    assert text.count(r"\left[") == text.count(r"\right]")


KNOWN = {
    *("begin", "end", "multicolumn", "hline", "textbackslash", "textasciicircum", "textasciitilde", "textless"),
    *("textgreater", "textbar", "textasciigrave", "times", "left", "right", "mbox"),
}


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_latex(text: str) -> None:
    found = to_latex(Table(("a", text), ((text, ("3x3, 64",)),), "lr", title=text))
    _balanced(found)
    assert set(re.findall(r"\\([A-Za-z]+)", found)) <= KNOWN
    assert len(found.splitlines()) == 7
    assert "^^" not in found
    rows = [line for line in found.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
    assert all(len(re.findall(r"(?<!\\)&", row)) == 1 for row in rows)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_markdown(text: str) -> None:
    lines = to_markdown(Table(("a", text), ((text, text),), "lr", title=text)).splitlines()
    assert len(lines) == 5
    for line in (lines[2], lines[4]):
        assert len(re.findall(r"(?<!\\)\|", line.replace(r"\\", ""))) == 3
    for line in lines:
        assert not re.search(r"(?<!\\)[<`*\[]", line.replace(r"\\", ""))
    assert not re.match(r"([-+#]|\d[.)])\s", lines[0])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_a_terminal(text: str) -> None:
    for line in to_text(Table(("a",), ((text,),), "l", title=text)).splitlines():
        assert line.isprintable()
    assert "\n" not in plain(text)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", ["text", "markdown", "latex", "json"])
def test_a_spec_with_a_hostile_title(text: str, form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(  # a JSON string is a quoted string of YAML, whatever it holds
        f"archspec: 1\nname: spec\ntitle: {json.dumps(text)}\ninput: {{shape: [4]}}\nlayers: [dense: {{units: 2}}]\n",
        encoding="utf-8",
    )
    assert main(["count", str(path), "--format", form]) == 0
    out = capsys.readouterr().out
    assert all(line.isprintable() for line in out.splitlines())
    if form == "latex":
        _balanced(out)
        assert set(re.findall(r"\\([A-Za-z]+)", out)) <= KNOWN


@pytest.mark.parametrize("arguments", [("--form", "paper"), ("--form", "stages"), ("--form", "totals")])
def test_the_networks_that_ship_in_latex(
    arguments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["count", "resnet50", "resnext50_32x4d", "mobilenet_v2", "--format", "latex", *arguments]) == 0
    out = capsys.readouterr().out
    _balanced(out)
    if (latex := shutil.which("pdflatex")) is None:
        return
    (tmp_path / "t.tex").write_text(f"\\documentclass{{article}}\\begin{{document}}\n{out}\\end{{document}}\n")
    done = subprocess.run(
        [latex, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "t.tex"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout
