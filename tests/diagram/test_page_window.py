"""How the page uses its window: large, small, and under fingers."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

import archspec
from archspec.diagram.page.page import html
from tests.diagram.conftest import Opener, Visit

pytestmark = pytest.mark.browser

NETWORKS = (
    *("lenet", "resnet50", "resnet152", "unet", "feature_pyramid", "vision_transformer", "densenet", "inception"),
    *("mobilenet_v2", "convnext", "densenet_bc", "regnet"),
)


def page_of(name: str, **options: Any) -> str:
    return html(archspec.draw(name, **options))


def filled(found: Visit) -> tuple[float, float]:
    """Which share of its pane the picture takes, across and down."""
    world, pane = found.area("#world"), found.area("#picture")

    def share(at: str, length: str) -> float:
        low, high = max(world[at], pane[at]), min(world[at] + world[length], pane[at] + pane[length])
        taken: float = (high - low) / pane[length]
        return taken

    return share("x", "width"), share("y", "height")


_SMALLEST_TEXT = """() => Math.min(...[...document.querySelectorAll('#world text')].map(text =>
  Number(text.getAttribute('font-size')) * text.getScreenCTM().a))"""


@pytest.mark.parametrize("name", NETWORKS)
def test_a_picture_fills_its_window_and_can_be_read(visit: Opener, name: str) -> None:
    found = visit(page_of(name), width=1440, height=900)
    across, down = filled(found)
    assert max(across, down) > 0.8
    assert min(across, down) > 0.55
    assert across * down > 0.5
    assert found.page.evaluate(_SMALLEST_TEXT) >= 8.99


@pytest.mark.parametrize("name", ["resnet50", "resnet152", "unet"])
def test_all_of_a_picture_is_shown_on_demand(visit: Opener, name: str) -> None:
    found = visit(page_of(name), width=1440, height=900)
    for level in ("Stages", "Layers", "Units"):
        button = found.page.get_by_role("button", name=level, exact=True)
        if button.count():
            button.click()
        found.page.keyboard.press("0")
        world, pane = found.area("#world"), found.area("#picture")
        assert world["y"] >= pane["y"]
        assert world["x"] >= pane["x"]
        assert world["y"] + world["height"] <= pane["y"] + pane["height"]
        assert world["x"] + world["width"] <= pane["x"] + pane["width"]


def test_a_number_of_columns_that_was_asked_for_is_kept(visit: Opener) -> None:
    assert visit(page_of("resnet50", columns=1)).page.evaluate("archspecPage.cuts()") == []
    assert len(visit(page_of("resnet50", columns=3)).page.evaluate("archspecPage.cuts()")) == 2


_LONG_LINES = """() => [...document.querySelectorAll('#panes > div:not([hidden]) .line')].map(line => {
  const area = line.getBoundingClientRect(), row = parseFloat(getComputedStyle(line).lineHeight);
  const range = document.createRange();
  range.selectNodeContents(line);
  const right = range.getBoundingClientRect().right;
  return {rows: Math.round(area.height / row), right,
    number: Number(line.dataset.line), shown: getComputedStyle(line, '::before').content};
})"""


@pytest.mark.parametrize("width", [390, 720, 1440])
def test_code_is_wrapped_and_keeps_its_numbers(visit: Opener, width: int) -> None:
    found = visit(page_of("resnet50"), width=width, height=900)
    for pane in ("spec", "torch", "keras"):
        found.page.locator(f"#tab-{pane}").click()
        side = found.area(f"#pane-{pane}")
        lines = found.page.evaluate(_LONG_LINES)
        assert max(line["rows"] for line in lines) > 1
        assert all(line["right"] <= side["x"] + side["width"] for line in lines)
        assert found.page.evaluate(
            "pane => pane.scrollWidth <= pane.clientWidth", found.page.query_selector(f"#pane-{pane}")
        )
        assert all(line["shown"] in ("attr(data-line)", f'"{line["number"]}"') for line in lines)
        assert all(after["number"] in (before["number"] + 1, 1) for before, after in pairwise(lines))


_PARTS = ("#bar", "#picture", "#foot", "#split", "#details", "#tabs", "#panes")
_CONTROLS = "#bar button:visible, #bar input, #foot button, #tabs button"


@pytest.mark.parametrize(("width", "height"), [(390, 844), (320, 568), (720, 900), (844, 390), (1440, 900)])
def test_nothing_overlaps_or_is_cut_in_a_window_of_any_size(visit: Opener, width: int, height: int) -> None:
    found = visit(page_of("resnet50"), width=width, height=height)
    page = found.page
    page.evaluate("archspecPage.choose('layer1.0.conv1')")
    areas = [found.area(part) for part in _PARTS]
    for number, area in enumerate(areas):
        assert area["x"] >= 0
        assert area["y"] >= 0
        assert area["x"] + area["width"] <= width + 0.5, _PARTS[number]
        assert area["y"] + area["height"] <= height + 0.5, _PARTS[number]
        assert area["height"] > 8
        for other in areas[:number]:
            assert not _meet(area, other), _PARTS[number]
    assert areas[_PARTS.index("#picture")]["height"] > height / 6
    controls = [control.bounding_box() for control in page.locator(_CONTROLS).all()]
    for number, area in enumerate(controls):
        assert area is not None
        assert area["x"] >= 0
        assert area["x"] + area["width"] <= width + 0.5
        assert not any(_meet(area, other) for other in controls[:number])
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("?")
    area = found.area("dialog")
    assert area["x"] >= 0
    assert area["x"] + area["width"] <= width
    assert area["y"] + area["height"] <= height


def _meet(one: Any, other: Any) -> bool:
    def apart(at: str, length: str) -> bool:
        return bool(one[at] + one[length] <= other[at] + 0.5 or other[at] + other[length] <= one[at] + 0.5)

    return not apart("x", "width") and not apart("y", "height")


def test_a_picture_is_moved_pinched_and_folded_by_fingers(visit: Opener) -> None:
    found = visit(page_of("resnet50"), width=390, height=844, touch=True)
    page = found.page
    client = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        client.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": fingers})

    pane = found.area("#picture")
    middle = pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2
    before = found.area("#world")
    touch("Start", middle)
    for step in range(1, 5):
        touch("Move", (middle[0] - 10 * step, middle[1] - 20 * step))
    touch("End")
    after = found.area("#world")
    assert (after["x"] - before["x"], after["y"] - before["y"]) == pytest.approx((-40, -80), abs=12)
    assert found.chosen() is None
    assert page.evaluate("[scrollX, scrollY, visualViewport.scale]") == [0, 0, 1]  # the page itself does not move
    touch("Start", (150, 300), (240, 300))
    for step in range(1, 6):
        touch("Move", (150 - 10 * step, 300), (240 + 10 * step, 300))
    touch("End")
    assert found.area("#world")["width"] / after["width"] == pytest.approx(190 / 90, rel=0.1)
    page.get_by_role("button", name="Fit").tap()
    page.locator("#scale").tap()
    page.evaluate("archspecPage.choose('layer1.0')")
    box = found.box("layer1.0").bounding_box()
    page.touchscreen.tap(box["x"] + 9, box["y"] + 9)  # near the sign, not on it
    assert "layer1.0" not in found.folded()
    page.evaluate("archspecPage.choose('bn1')")
    page.locator('g.box[data-path="conv1"]').tap()
    assert found.chosen() == "conv1"
    assert "kernel" in page.locator("#details").inner_text()


_NAMELESS = """() => {
  const told = ['presentation', 'group', 'treeitem', 'alert', 'option', 'status', 'tooltip'];
  const parts = [...document.querySelectorAll('button, input, [role], section, aside, dialog, [tabindex]')];
  const labels = ['aria-label', 'aria-labelledby'];
  const named = part => labels.some(name => part.getAttribute(name)) || part.textContent.trim();
  return parts.filter(part => !told.includes(part.getAttribute('role')) && !named(part)).map(part => part.outerHTML);
}"""


def test_what_the_page_has_is_named_for_those_who_do_not_see_it(visit: Opener) -> None:
    found = visit(page_of("unet"))
    nameless = found.page.evaluate(_NAMELESS)
    assert nameless == []
    items = "[...document.querySelectorAll('[role=treeitem]')].filter(item => !item.getAttribute('aria-label')).length"
    assert found.page.evaluate(items) == 0
    assert found.page.evaluate("document.documentElement.lang") == "en"
