"""The HTML page in a real browser: how it folds and is moved, and that all lies where Python places it."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.diagram.columns import cut
from archspec.diagram.coordinates import arrange, place
from archspec.diagram.figure_builder import Details, figure
from archspec.diagram.page.page import html
from archspec.diagram.scene import Group, Panel, Rect, scene
from archspec.diagram.scene import Path as Line
from archspec.diagram.svg import outline
from archspec.diagram.u_shape import unfolded
from tests.diagram.conftest import Opener, drawn, text_of

pytestmark = pytest.mark.browser
U = Path(__file__).parents[1] / "zoo" / "encoder_decoders"


@pytest.mark.parametrize(
    ("name", "horizontal"),
    [
        *(("resnet50", False), ("unet", False), ("feature_pyramid", False), ("inception", False)),
        *((str(U / "uneven_skips.yaml"), False), (str(U / "units_on_skips.yaml"), False)),
        *(("two_streams", False), ("se_resnet", True), ("mobilenet_v2", False), ("vision_transformer", True)),
    ],
)
def test_the_page_gives_everything_the_place_that_placing_gives(visit: Opener, name: str, horizontal: bool) -> None:
    drawing = drawn(name, horizontal=horizontal)
    found = visit(html(drawing))
    part = arrange(figure(archspec.compile(name), "layer", Details())[0], horizontal=horizontal)
    bend = drawing.bend(part)
    assert (bend is not None) == (name in ("unet", "feature_pyramid") or name.startswith(str(U)))
    parts = sorted(box.path for box in part.figure.walk() if box.inside is not None)
    chance = random.Random(7)
    for share in (0.0, 0.2, 0.5, 1.0):
        folded = frozenset(path for path in parts if chance.random() < share)
        found.page.evaluate("paths => archspecPage.setFolded(paths)", list(folded))
        cuts = found.page.evaluate("archspecPage.cuts()")
        assert not (cuts and bend)
        placed = unfolded(bend, folded) if bend else cut(place(part, folded), cuts)
        theirs = found.page.evaluate(_PLACES)
        root = scene([Panel("", "", placed)], horizontal=horizontal, foldable=True).root
        ours: dict[str, Any] = {}
        _read_places(root.groups[0], "", ours)
        assert theirs.keys() == ours.keys()
        for path, (place_, frame, lines, arrows) in ours.items():
            assert theirs[path]["at"] == pytest.approx(place_, abs=0.1), path
            assert theirs[path]["frame"] == pytest.approx(frame, abs=0.1), path
            assert theirs[path]["arrows"] == arrows, path
            for their, our in zip(theirs[path]["lines"], lines, strict=True):
                assert _numbers(their) == pytest.approx(_numbers(our), abs=0.1), path


_PLACES = """() => {
  const found = {};
  const read = (holder, path, at, frame) => {
    const lines = [...holder.children].filter(child => child.tagName === 'path');
    found[path] = {
      at, frame, lines: lines.map(line => line.getAttribute('d')),
      arrows: lines.map(line => line.hasAttribute('marker-end')),
    };
    for (const box of [...holder.children].filter(child => child.classList.contains('box'))) {
      const place = box.getAttribute('transform').match(/-?[\\d.]+/g).map(Number);
      const open = box.querySelector(':scope > .open');
      if (open && getComputedStyle(open).display !== 'none') {
        const rect = open.querySelector(':scope > rect');
        const size = ['x', 'y', 'width', 'height'].map(name => Number(rect.getAttribute(name)));
        read(open.querySelector(':scope > .inside'), box.dataset.path, place, size);
      } else {
        found[box.dataset.path] = {at: place, frame: [], lines: [], arrows: []};
      }
    }
  };
  read(document.querySelector('#world > g').firstElementChild, '', [0, 0], []);
  return found;
}"""


def _read_places(holder: Group, path: str, found: dict[str, Any], at: tuple[float, float] = (0, 0)) -> None:
    lines = [shape for shape in holder.shapes if isinstance(shape, Line)]
    found[path] = list(at), [], [outline(line.points) for line in lines], [line.arrow for line in lines]
    for group in holder.groups:
        assert group.box is not None
        opened = next((inner for inner in group.groups if inner.role == "open"), None)
        if opened is None:
            found[group.box.path] = [group.x, group.y], [], [], []
            continue
        frame = opened.shapes[0]
        assert isinstance(frame, Rect)
        content = next(inner for inner in opened.groups if inner.role == "inside")
        _read_places(content, group.box.path, found, (group.x, group.y))
        found[group.box.path] = (
            *found[group.box.path][:1],
            [frame.x, frame.y, frame.width, frame.height],
            *found[group.box.path][2:],
        )


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?[\d.]+", text)]


def test_parts_are_folded_by_their_signs_headers_and_levels(visit: Opener) -> None:
    found = visit(text_of("resnet50"))
    page = found.page
    units = {f"layer{stage}.{unit}" for stage, units in enumerate((3, 4, 6, 3), 1) for unit in range(units)}
    stages = {f"layer{stage}" for stage in range(1, 5)}
    assert found.folded() == units  # as at the drawing's own level
    page.get_by_role("button", name="Stages").click()
    assert found.folded() == units | stages
    page.locator('g.box[data-path="layer1"] .fold:visible').click()
    assert found.folded() == units | stages - {"layer1"}
    assert page.locator('g.box[data-path="layer1"]').get_attribute("aria-expanded") == "true"
    frame = found.box("layer1").bounding_box()
    page.mouse.click(frame["x"] + 100, frame["y"] + 8)
    assert found.folded() == units | stages
    found.box("layer2").dblclick()
    assert found.folded() == units | stages - {"layer2"}
    page.get_by_role("button", name="Layers").click()
    assert found.folded() == set()
    assert page.get_by_role("button", name="Layers").get_attribute("aria-pressed") == "true"


def test_what_is_folded_stays_where_it_is_on_the_screen(visit: Opener) -> None:
    found = visit(text_of("resnet50"))
    sign = 'g.box[data-path="layer1.1"] > g > .fold:visible'
    before = found.area(sign)
    found.page.locator(sign).click()
    assert "layer1.1" not in found.folded()
    after = found.area(sign)
    assert after["y"] == pytest.approx(before["y"], abs=1)


def test_the_picture_is_moved_and_zoomed_under_the_pointer(visit: Opener) -> None:
    found = visit(text_of("resnet50"))
    page = found.page
    box = 'g.box[data-path="max_pool"]'
    start = found.area(box)
    page.mouse.move(600, 700)
    page.mouse.down()
    page.mouse.move(620, 640, steps=4)
    page.mouse.up()
    dragged = found.area(box)
    assert (dragged["x"] - start["x"], dragged["y"] - start["y"]) == pytest.approx((20, -60), abs=1)
    assert found.chosen() is None  # a drag is no click
    page.mouse.wheel(0, 40)
    assert found.area(box)["y"] == pytest.approx(dragged["y"] - 40, abs=1)
    before = found.area(box)
    x, y = before["x"] + before["width"] / 2, before["y"] + 8
    page.mouse.move(x, y)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    after = found.area(box)
    assert after["width"] > 1.5 * before["width"]
    assert after["x"] < x < after["x"] + after["width"]
    assert after["y"] < y < after["y"] + after["height"]
    page.get_by_role("button", name="Fit").click()
    assert found.area("#world")["height"] < 800
