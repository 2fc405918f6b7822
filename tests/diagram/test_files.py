"""Pictures as files: SVG, PNG and PDF, what text becomes in them, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

import archspec
from archspec import OutputError, SpecError
from archspec.diagram.picture import Picture
from archspec.diagram.scene import TITLE, Rect, Text
from archspec.diagram.text_width import shortened, width
from archspec.spec import load_text

SVG = "{http://www.w3.org/2000/svg}"


def texts(path: Path) -> list[str]:
    return [element.text or "" for element in ElementTree.parse(path).iter(f"{SVG}text")]


def test_svg(tmp_path: Path) -> None:
    path = tmp_path / "resnet18.svg"
    archspec.draw("resnet18").save(path)
    assert "ResNet-18, as torchvision has it" in texts(path)
    again = tmp_path / "again.svg"
    archspec.draw("resnet18").save(again)
    assert path.read_bytes() == again.read_bytes()
    picture, _, digest = path.read_text(encoding="utf-8").rpartition("<!-- ")
    assert archspec.draw("resnet18")._repr_svg_() == picture
    assert digest.startswith("archspec.digest: ")
    assert "http" not in path.read_text(encoding="utf-8").replace(SVG[1:-1], "")


def test_names_of_a_spec_are_text(tmp_path: Path) -> None:
    """A title says anything; nothing of it becomes markup."""
    title = """</text><script>alert(1)</script> & "quotes" 'too' ]]> \u202e\u0007"""
    text = f"archspec: 1\nname: n\ntitle: {json.dumps(title)}\ninput: {{shape: [4]}}\nlayers: [relu]\n"
    path = tmp_path / "n.svg"
    archspec.draw(load_text(text)).save(path)
    assert not list(ElementTree.parse(path).iter(f"{SVG}script"))
    assert any(found.startswith("</text><script>alert(1)</script> & \"quotes\" 'too'") for found in texts(path))


def test_png_and_pdf(tmp_path: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    drawing = archspec.draw("resnet18", level="stage", theme="dark")
    for suffix in ("png", "pdf"):
        for name in ("a", "b"):
            drawing.save(tmp_path / f"{name}.{suffix}")
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")
    pixels = image.imread(tmp_path / "a.png")
    height, wide = pixels.shape[:2]
    assert (height, wide) == (int(drawing.scene.height * 2), int(drawing.scene.width * 2))
    x, y, box = next(
        (x, y, group) for x, y, group in drawing.scene.root.walk() if group.box and group.box.kind == "convolution"
    )
    rect = next(shape for shape in box.shapes if isinstance(shape, Rect))
    color = pixels[int((y + rect.y + 4) * 2), int((x + rect.x + 4) * 2), :3]
    assert [round(float(value) * 255) for value in color] == [0x1F, 0x4E, 0x79]


def test_no_viewer_draws_text_wider_than_was_measured() -> None:
    font_manager = pytest.importorskip("matplotlib.font_manager")
    text_path = pytest.importorskip("matplotlib.textpath").TextPath
    drawing = archspec.draw("inception", "resnet50", level="layer", parameters=True, macs=True)
    found = {shape for _, _, group in drawing.scene.root.walk() for shape in group.shapes if isinstance(shape, Text)}
    assert len(found) > 50
    for text in {replace(text, x=0, y=0) for text in found}:
        font = font_manager.FontProperties(family="DejaVu Sans", weight="bold" if text.bold else "normal")
        drawn = text_path((0, 0), text.text, size=text.size, prop=font).get_extents().width
        assert drawn <= text.width + 0.5, text.text


def test_long_text_is_shortened() -> None:
    assert shortened("a" * 100, 20) == "a" * 12 + "…" + "a" * 7
    assert shortened("one\ntwo\x00three") == "one two three"
    assert width("層", 10) == 10


def test_a_long_title_is_set_in_lines_and_not_cut() -> None:
    words = "A network of many words in its title, which no single line of a picture has the room to show in full"
    short, long = archspec.draw("lenet", titles=["short"]), archspec.draw("lenet", titles=[words])

    def lines(drawing: Picture) -> list[Text]:
        shapes = [shape for _, _, group in drawing.scene.root.walk() for shape in group.shapes]
        return [shape for shape in shapes if isinstance(shape, Text) and shape.bold and shape.size == TITLE]

    assert [line.text for line in lines(short)] == ["short"]
    assert len(lines(long)) > 1
    assert " ".join(line.text for line in lines(long)) == words
    assert all(0 < line.width < long.scene.width for line in lines(long))
    assert all(after.y - before.y >= TITLE for before, after in pairwise(lines(long)))
    # One word without an end is no line without an end.
    assert archspec.draw("lenet", titles=["long" * 5000]).scene.width < 1000


def test_a_suffix_that_is_none_of_a_picture(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"E0605.*\n.*\.svg, \.png, \.pdf"):
        archspec.draw("resnet18").save(tmp_path / "a.gif")
    assert not list(tmp_path.iterdir())


def test_a_block_that_no_network_calls() -> None:
    with pytest.raises(SpecError, match=r"E0408.*calls no block `bottlenek`\n.*did you mean `bottleneck`"):
        archspec.draw("resnet50", block="bottlenek")


def test_levels_themes_and_titles_that_there_are_not() -> None:
    with pytest.raises(ValueError, match="no such level: units; there are stage, unit, layer"):
        archspec.draw("resnet50", level="units")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no such theme: pink; there are light, dark"):
        archspec.draw("resnet50", theme="pink")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nothing to draw"):
        archspec.draw()
    with pytest.raises(ValueError, match="2 networks, 1 titles"):
        archspec.draw("resnet18", "resnet34", titles=["one"])


def test_the_command(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "archspec.cli", "graph", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    done = run("resnet18", "--vary", "classes=10,100", "--level", "stage")
    assert (done.returncode, done.stdout) == (0, "resnet18.svg written\n")
    assert {"classes=10", "classes=100", "dense 10", "dense 100", "≠ changed"} <= set(texts(tmp_path / "resnet18.svg"))
    assert run("resnet18", "-o", "-").stdout.startswith("<svg ")
    for wrong, message in (
        (("--vary", "classes=1", "--vary", "size=64"), "--vary is for one param"),
        (("--block", "basic_block", "--level", "unit"), "--level is for whole networks"),
        (
            ("--block", "basic_block", "-o", "a.json"),
            "--block would change nothing: .json files have the whole layer graph",
        ),
        (("--title", "a", "--title", "b"), "--title stands once for each network: there are 1"),
    ):
        done = run("resnet18", *wrong)
        assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    done = run("resnet18", "--vary", "classes")
    assert done.returncode == 2
    assert "--vary takes NAME=VALUE,VALUE" in done.stderr
    assert run("resnet18", "-o", "a.bmp").returncode == 1
