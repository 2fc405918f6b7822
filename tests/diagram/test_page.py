"""The HTML page in a real browser: what it shows, and that it asks nobody for anything."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.codegen.source_map import source_lines
from archspec.diagram.page.page import html, payload
from archspec.errors import BackendError, Diagnostic
from archspec.provenance import spec_lines
from archspec.spec import load_text
from tests.diagram.conftest import Opener, drawn, text_of

pytestmark = pytest.mark.browser
U = Path(__file__).parents[1] / "zoo" / "encoder_decoders"


# Finding, pointing, choosing


def test_search_finds_paths_and_unfolds_what_hides_them(visit: Opener) -> None:
    found = visit(text_of("resnet50"))
    page = found.page
    page.keyboard.press("/")
    page.keyboard.type("downsample.0")
    assert page.locator("#status").inner_text() == "4 matches"
    assert page.locator("#hits [role=option]").count() == 4
    assert page.locator("#hits mark").first.inner_text() == "downsample.0"
    assert page.locator(".box.hit").count() == 4  # the units that hide them
    page.keyboard.press("Enter")
    assert found.chosen() == "layer1.0.downsample.0"
    assert "layer1.0" not in found.folded()
    area = found.box("layer1.0.downsample.0").bounding_box()
    assert 0 < area["y"] < 800
    page.keyboard.press("Enter")
    assert found.chosen() == "layer2.0.downsample.0"
    page.keyboard.press("Escape")
    assert page.locator(".box.hit").count() == 0
    page.locator("#query").fill("no such layer")
    assert page.locator("#status").inner_text() == "no match"


def test_the_card_tells_of_what_is_pointed_at(visit: Opener) -> None:
    found = visit(text_of("resnet50"))
    found.box("conv1").hover()
    card = found.page.locator("#card")
    assert card.is_visible()
    reported = " ".join(card.inner_text().split())
    for words in (
        "conv1 conv 7x7, 64, /2",
        "kernel 7",
        "output 64x112x112",
        "parameters 9,408",
        "MACs 118.014 M",
        "receptive field 7x7, stride 2",
        "resnet50.yaml:",
    ):
        assert words in reported
    found.page.mouse.move(5, 400)
    assert card.is_hidden()
    frame = found.area('g.box[data-path="layer1"] > .open > rect')
    found.page.mouse.move(frame["x"] + frame["width"] - 20, frame["y"] + 10)
    assert card.locator("h2").inner_text() == "layer1"
    found.page.mouse.move(frame["x"] + frame["width"] - 20, frame["y"] + 60)
    assert card.is_hidden()  # a frame's paper is not what one points at


def test_a_chosen_box_has_its_lines_lit(visit: Opener) -> None:
    found = visit(text_of("resnet50"))
    graph = archspec.compile("resnet50")
    spec = spec_lines(graph)
    sources = {backend: source_lines(graph, backend).lines for backend in ("torch", "keras")}
    for path in ("conv1", "layer1", "layer2.0", "layer3.1.bn2"):
        found.page.evaluate("path => archspecPage.choose(path)", path)
        assert found.chosen() == path
        for name in spec.files:
            places = [place for place in spec.lines[path] if place.file == name]
            assert found.lit(f'[aria-label="{name}"]') == _numbered((at.first, at.last) for at in places)
        for backend, lines in sources.items():
            pane = f"#pane-{backend}"
            found.page.locator(f"#tab-{backend}").click()
            assert found.lit(pane) == _numbered(lines[path])
            area, room = found.area(f"{pane} .main"), found.area(pane)
            assert room["y"] <= area["y"] < room["y"] + room["height"]


def _numbered(ranges: Iterable[tuple[int, int]]) -> set[int]:
    return {line for first, last in ranges for line in range(first, last + 1)}


def test_a_line_chooses_the_boxes_that_it_makes(visit: Opener) -> None:
    found = visit(text_of("resnet50"))
    graph = archspec.compile("resnet50")
    place_ = spec_lines(graph).lines["layer1.0.conv2"][0]
    index = list(spec_lines(graph).files).index(place_.file)
    found.page.locator(f'.text[data-text="{index}"] .line[data-line="{place_.first + 1}"]').click()
    assert (found.chosen() or "").endswith(".conv2")
    assert found.page.locator("#status").inner_text() == "16 boxes are of this line"


def test_all_of_it_can_be_done_with_keys_alone(visit: Opener) -> None:
    found = visit(text_of("resnet50"), width=800, height=600)
    page = found.page

    def focused() -> str:
        name: str = page.evaluate("document.activeElement.id || document.activeElement.textContent")
        return name

    order = []
    for _ in range(16):
        page.keyboard.press("Tab")
        order.append(focused())
    assert order[:7] == ["query", "Stages", "Units", "Layers", "theme", "keys", "picture"]
    assert order[7:13] == ["out", "scale", "in", "fit", "split", "tab-spec"]
    assert order[13] == "pane-spec"
    page.locator("#picture").focus()
    page.keyboard.press("ArrowDown")
    assert found.chosen() == "input"
    assert page.locator("#card").is_visible()
    for path in ("conv1", "bn1", "relu", "max_pool", "layer1", "layer1.0"):
        page.keyboard.press("ArrowDown")
        assert found.chosen() == path
    active = page.locator("#picture").get_attribute("aria-activedescendant")
    assert page.locator(f"#{active}").get_attribute("data-path") == "layer1.0"
    page.keyboard.press("Enter")
    assert "layer1.0" not in found.folded()
    page.keyboard.press("ArrowRight")
    assert found.chosen() == "layer1.0.conv1"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert found.chosen() == "layer1.0"
    assert "layer1.0" in found.folded()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press(" ")
    assert "layer1" in found.folded()
    scale = page.locator("#scale").inner_text()
    page.keyboard.press("+")
    assert page.locator("#scale").inner_text() != scale
    page.keyboard.press("0")
    page.locator("#tab-spec").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#pane-torch").is_visible()
    page.locator("#split").focus()
    before = found.area("#split")
    page.keyboard.press("ArrowUp")
    assert found.area("#split")["y"] < before["y"]
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()


# Colors, safety, and what a server does with the page


def test_the_colors_are_the_readers_and_can_be_changed(visit: Opener) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    fill = "getComputedStyle(document.querySelector('g.box rect')).fill"
    found = visit(text_of("unet"), dark=True)
    assert found.page.evaluate(paper) == "rgb(13, 17, 23)"
    assert found.page.evaluate(fill) == "rgb(13, 17, 23)"
    found.page.locator("#theme").click()
    assert found.page.evaluate(paper) == "rgb(255, 255, 255)"
    assert found.page.evaluate(fill) == "rgb(255, 255, 255)"
    assert visit(text_of("unet")).page.evaluate(paper) == "rgb(255, 255, 255)"


HOSTILE = """</script><script>alert(1)</script><img src=x onerror="alert(2)">'"`<!--<script>]]>&lt;b&gt;${x}{{y}}"""


def test_text_of_a_spec_is_only_text(visit: Opener) -> None:
    lines = [
        "archspec: 1",
        "name: net",
        "title: '" + HOSTILE.replace("'", "''") + "'",
        "input: {channels: 3, height: 32, width: 32}",
        f"# {HOSTILE}",
        "layers:",
        "  - conv: {name: 'onerror', filters: 4, kernel: 3}",
        "  - relu",
    ]
    text = "\n".join(lines)
    drawing = archspec.draw(load_text(text))
    found = visit(html(drawing))
    policy = found.page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content")
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert found.page.title().startswith("</script><script>alert(1)")
    assert found.page.locator("script").count() == 2
    assert found.page.locator("img, b, iframe").count() == 0
    assert text in found.page.locator("#pane-spec pre").inner_text()
    found.page.evaluate("error => archspecPage.showErrors([error])", _error("<string>", 3, HOSTILE))
    assert HOSTILE in found.page.locator("#errors").inner_text()
    assert found.page.locator("img, b, iframe").count() == 0


def _error(file: str, line: int, message: str) -> dict[str, Any]:
    text = f"error[E0411]: {message}\n --> {file}:{line}:3"
    return {"code": "E0411", "message": message, "file": file, "line": line, "column": 3, "text": text, "help": "so"}


def test_another_payload_is_drawn_where_the_reader_is(visit: Opener) -> None:
    found = visit(text_of("resnet50"))
    page = found.page
    page.locator("#tab-keras").click()
    page.evaluate("archspecPage.setFolded(['layer2.1', 'layer3'])")
    page.evaluate("archspecPage.choose('layer1.0.conv2')")
    for _ in range(3):
        page.locator("#out").click()
    page.evaluate("document.querySelector('#pane-keras').scrollTop = 333")
    query = "document.querySelector"
    state = f"[{query}('#world').getAttribute('transform'), {query}('#pane-keras').scrollTop]"
    before = page.evaluate(state)
    page.evaluate("shown => archspecPage.load(shown)", payload(drawn("resnet101")))
    assert page.evaluate(state) == before
    assert page.title() == "ResNet-101 v1.5, as torchvision has it"
    assert found.chosen() == "layer1.0.conv2"
    known = {"layer2.1", "layer3"}
    new = {f"layer3.{unit}" for unit in range(6, 23)}  # units that were not there are folded as at first
    assert found.folded() == known | new
    assert page.locator("#pane-keras").is_visible()


def test_errors_are_shown_at_their_lines_until_they_are_gone(visit: Opener) -> None:
    found = visit(text_of("resnet50"))
    page = found.page
    page.locator("#tab-torch").click()
    errors = [_error("/somewhere/specs/resnet50.yaml", 22, "no such kernel"), _error("", 0, "nowhere")]
    page.evaluate("errors => archspecPage.showErrors(errors)", errors)
    assert "no such kernel" in page.get_by_role("alert").inner_text()
    assert "nowhere" in page.get_by_role("alert").inner_text()
    assert page.locator("#pane-spec").is_visible()
    assert page.locator(".line.wrong").get_attribute("data-line") == "22"
    assert "no such kernel" in page.locator(".line.wrong + .error-row").inner_text()
    assert page.evaluate("getComputedStyle(document.querySelector('#canvas')).filter") != "none"
    page.evaluate("archspecPage.clearErrors()")
    assert page.get_by_role("alert").is_hidden()
    assert page.locator(".wrong, .error-row").count() == 0
    page.evaluate("errors => archspecPage.showErrors(errors)", errors)
    page.evaluate("shown => archspecPage.load(shown)", payload(drawn("resnet50")))
    assert page.get_by_role("alert").is_hidden()


# Other drawings


def test_two_networks_stand_in_one_page(visit: Opener) -> None:
    found = visit(html(archspec.draw("resnet18", "resnet34")))
    page = found.page
    assert page.locator('g.box[data-path="conv1"]').count() == 2
    page.locator('g.box[data-path="conv1"]').nth(1).click()
    assert page.locator("#pane-spec h3").first.inner_text() == "resnet34.yaml"


def test_a_backend_that_lacks_an_op_says_so(visit: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(graph: Any, backend: str) -> Any:
        if backend == "keras":
            raise BackendError(Diagnostic("E0601", "the backend keras lacks the op conv"))
        return source_lines(graph, backend)

    monkeypatch.setattr("archspec.diagram.page.page.source_lines", lacking)
    found = visit(html(drawn("unet")))
    found.page.locator("#tab-keras").click()
    assert "lacks the op conv" in found.page.locator("#pane-keras").inner_text()
    found.page.evaluate("archspecPage.choose('down1')")
    assert found.page.locator("#pane-torch .lit").count() > 0


def test_large_networks_have_pages_of_a_sane_size(visit: Opener) -> None:
    assert len(text_of("resnet152")) < 1_000_000
    deep = "archspec: 1\nname: deep\ninput: {channels: 4, height: 8, width: 8}\nlayers:\n" + (
        "  - repeat: {times: 900, layers: [{conv: {filters: 4, kernel: 1}}, relu]}\n"
    )
    found = visit(html(archspec.draw(load_text(deep))))
    assert found.page.locator("g.box:visible").count() < 20
    found.page.locator("#query").fill("500")
    found.page.keyboard.press("Enter")
    assert found.chosen()  # the box that stands for it
