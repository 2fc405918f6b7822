"""What pictures show: the network's own layers and lines, at three levels, and what differs between two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import archspec
from archspec import LayerGraph
from archspec.diagram.drawing import Drawing
from archspec.diagram.figure import Box, End, Figure
from archspec.diagram.scene import Text
from archspec.diagram.theme import THEMES, ThemeName
from archspec.spec import load_text, shipped
from tests.diagram.geometry import faults
from tests.diagram.test_geometry import NETWORKS
from tests.pace import within_seconds

SVG = "{http://www.w3.org/2000/svg}"


def figure(drawing: Drawing) -> Figure:
    [panel] = drawing.panels
    return panel.part.figure


def leaves(drawn: Figure) -> list[Box]:
    return [box for box in drawn.walk() if box.inside is None]


def test_stages() -> None:
    drawn = figure(archspec.draw("resnet50", level="stage"))
    assert [(box.words[0].text, box.shapes) for box in drawn.boxes] == [
        ("input 3x224x224", ("",)),
        ("conv 7x7, 64, /2", ("64x112x112",)),
        ("max pool 3x3, /2", ("64x56x56",)),
        ("layer1", ("256x56x56",)),
        ("layer2", ("512x28x28",)),
        ("layer3", ("1024x14x14",)),
        ("layer4", ("2048x7x7",)),
        ("global average pool", ("2048x1x1",)),
        ("flatten", ("2048",)),
        ("dense 1000", ("1000",)),
    ]
    assert [words.text for words in drawn.boxes[1].words] == ["conv 7x7, 64, /2", "batch norm", "relu"]
    assert drawn.boxes[4].words[1].text == "bottleneck × 4"


def test_units_are_drawn_once() -> None:
    """ResNet-50 has 16 units, of which two in each stage differ."""
    units = [box for box in figure(archspec.draw("resnet50")).walk() if box.path.count(".") == 1 and box.inside]
    assert [(box.words[0].text, box.times) for box in units] == [
        ("layer1.0", 1),
        ("layer1.1 – 2", 2),
        ("layer2.0", 1),
        ("layer2.1 – 3", 3),
        ("layer3.0", 1),
        ("layer3.1 – 5", 5),
        ("layer4.0", 1),
        ("layer4.1 – 2", 2),
    ]


def test_projections_are_dashed_and_identities_are_not() -> None:
    dashed = {
        box.path: [line for line in box.inside.lines if line.dashed]
        for box in figure(archspec.draw("resnet50")).walk()
        if box.inside and box.path.count(".") == 1
    }
    assert {path: len(lines) for path, lines in dashed.items()} == {
        f"layer{stage}.{unit}": 2 * (unit == 0) for stage in range(1, 5) for unit in range(2)
    }


def test_what_other_sums_take_too_is_no_shortcut() -> None:
    """NASNet's reduction cell adds pools of one convolution to deep branches: none of that is a way around another."""
    drawn = figure(archspec.draw("nasnet_keras"))
    assert not [line for box in drawn.walk() if box.inside for line in box.inside.lines if line.dashed]


@pytest.mark.parametrize("level", ["stage", "unit", "layer"])
def test_every_layer_is_in_one_box(level: str) -> None:
    for name in shipped():
        graph = archspec.compile(name)
        drawn = figure(archspec.draw(graph, level=level))  # type: ignore[arg-type]
        held = Counter(path for box in leaves(drawn) for path in box.paths if path in graph.nodes)
        if level == "unit":  # a unit that stands for several has the layers of the first in it
            assert set(held.values()) == {1}
            several = {path for box in drawn.walk() if box.times > 1 for path in box.paths}
            assert set(held) | (several & set(graph.nodes)) == set(graph.nodes), name
        else:
            assert held == Counter(list(graph.nodes)), name


def wired(drawn: Figure) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each layer's inputs as the lines show them, followed through the borders of frames."""

    def source(end: End, around: tuple[tuple[Figure, int], ...], inner: Figure) -> str:
        if end.box is None:
            outer, index = around[-1]
            line = next(line for line in outer.lines if line.target == End(index, end.port))
            return source(line.source, around[:-1], outer)
        box = inner.boxes[end.box]
        if box.inside is None:
            return box.path
        line = next(line for line in box.inside.lines if line.target == End(None, end.port))
        return source(line.source, (*around, (inner, end.box)), box.inside)

    def visit(inner: Figure, around: tuple[tuple[Figure, int], ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
        for index, box in enumerate(inner.boxes):
            if box.inside is not None:
                yield from visit(box.inside, (*around, (inner, index)))
                continue
            lines = {line.target.port: line for line in inner.lines if line.target.box == index}
            yield box.path, tuple(source(lines[port].source, around, inner) for port in sorted(lines))

    return visit(drawn, ())


@pytest.mark.parametrize("spec", [*NETWORKS, *shipped()], ids=lambda spec: getattr(spec, "stem", spec))
def test_lines_are_the_graphs(spec: Path | str) -> None:
    graph = archspec.compile(spec)
    drawn = figure(archspec.draw(graph, level="layer"))
    assert dict(wired(drawn)) == {path: node.inputs for path, node in graph.nodes.items()}
    outputs = [line for line in drawn.lines if line.target.box is None]
    assert len(outputs) == len(graph.outputs)


def marks(drawing: Drawing) -> list[dict[str, str]]:
    return [
        {box.path: box.mark for box in panel.part.figure.walk() if box.mark and (box.inside is None or box.times == 1)}
        for panel in drawing.panels
    ]


def test_what_differs_is_marked() -> None:
    before, after = marks(archspec.draw("resnet50", "resnet50_v1", level="layer"))
    changed = {"conv1", "bn1", "relu", "conv2"}  # the stride, and the shapes up to where it comes
    assert before == after == {f"layer{stage}.0.{name}": "changed" for stage in (2, 3, 4) for name in changed}


def test_what_one_has_more_is_marked() -> None:
    before, after = marks(archspec.draw("resnet50", "resnet101", level="stage"))
    assert before == after == {"layer3": "changed"}
    _, after = marks(archspec.draw("resnet50", "resnet101", level="layer"))
    added = {path for path, mark in after.items() if mark == "added"}
    assert {f"layer3.{unit}" for unit in range(6, 23)} <= added
    assert "layer3.22.conv2" in added
    assert "layer3.5.conv2" not in added


def test_equal_networks_have_no_marks() -> None:
    drawing = archspec.draw("resnet50", "resnet50")
    assert marks(drawing) == [{}, {}]
    assert drawing.notes == ("no differences",)


def test_the_forms_of_a_block() -> None:
    identity, strided, first = archspec.draw("resnet50", block="bottleneck").panels
    assert [panel.subtitle for panel in (identity, strided, first)] == [
        "layer1.1, and 11 more",
        "layer2.0, and 2 more",
        "layer1.0",
    ]
    assert len(identity.part.figure.boxes) == 10
    assert "conv 1x1, 512, /2" in {box.words[0].text for box in strided.part.figure.boxes}
    assert [len([line for line in panel.part.figure.lines if line.dashed]) for panel in (identity, strided)] == [0, 3]


def test_a_long_picture_is_set_in_columns() -> None:
    """Each stage of ResNet-50 has its own, with what stands before the first and after the last."""
    drawing = archspec.draw("resnet50")
    strip = archspec.draw("resnet50", columns=1)
    assert drawing.scene.height < 1600 < 5000 < strip.scene.height
    assert drawing.scene.height <= 1.6 * drawing.scene.width
    starts = {group.box.path: x for x, _, group in drawing.scene.root.walk() if group.box and "." not in group.box.path}
    assert len({round(starts[path]) for path in ("layer1", "layer2", "layer3", "layer4")}) == 4
    assert starts["input"] == starts["layer1"]
    assert starts["fc"] == starts["layer4"]
    two = archspec.draw("resnet50", columns=2)
    assert drawing.scene.height < two.scene.height < strip.scene.height
    for found in (drawing, two, archspec.draw("resnet18", level="layer", horizontal=True, columns=3)):
        assert not faults(found.scene)


@pytest.mark.parametrize("name", ["resnet152", "densenet", "unet", "inception", "vision_transformer", "espcn"])
def test_columns_are_used_only_where_they_make_a_picture_shorter(name: str) -> None:
    for level in ("unit", "layer"):
        strip = archspec.draw(name, level=level, columns=1).scene
        for columns in (2, 4, 9):
            drawn = archspec.draw(name, level=level, columns=columns).scene
            assert drawn.height < strip.height or (drawn.width, drawn.height) == (strip.width, strip.height)


def test_one_long_stage_is_not_surrounded_by_columns() -> None:
    """Columns beside a stage that cannot be cut make a picture wider, not shorter."""
    layers = "".join("  - conv: {filters: 4, kernel: 3, padding: same}\n" for _ in range(8))
    stage = "  - repeat: {times: 60, layers: [{conv: {filters: 4, kernel: 3, padding: same}}, relu]}\n"
    spec = "archspec: 1\nname: net\ninput: {channels: 4, height: 8, width: 8}\nlayers:\n" + stage + layers
    drawn = archspec.draw(load_text(spec), level="layer").scene
    strip = archspec.draw(load_text(spec), level="layer", columns=1).scene
    assert (drawn.width, drawn.height) == (strip.width, strip.height)
    assert not faults(drawn)


def test_what_is_marked_inside_shows_on_a_folded_box() -> None:
    drawing = archspec.draw("resnet50", "resnet50_v1")
    [loop] = [box for box in drawing.panels[0].part.figure.boxes if box.path == "layer2"]
    assert (loop.mark, loop.inner_mark) == ("", "changed")


def test_the_activation_orders_of_he_et_al() -> None:
    """Figure 4 of He et al. 2016: what follows what in the residual branch, and after the sum."""
    orders = ("original", "bn_after_addition", "relu_before_addition", "relu_only_preactivation", "full_preactivation")
    graphs = [archspec.compile("cifar_resnet_activations", order=order) for order in orders]
    drawing = archspec.draw(*graphs, block="activation_unit", titles=orders)
    found = {
        panel.title: [box.sign or box.words[0].text.split()[0] for box in leaves(panel.part.figure)]
        for panel in drawing.panels
    }
    assert found == {
        "original": ["conv", "batch", "relu", "conv", "batch", "+", "relu"],
        "bn_after_addition": ["conv", "batch", "relu", "conv", "+", "batch", "relu"],
        "relu_before_addition": ["conv", "batch", "relu", "conv", "batch", "relu", "+"],
        "relu_only_preactivation": ["relu", "conv", "batch", "relu", "conv", "batch", "+"],
        "full_preactivation": ["batch", "relu", "conv", "batch", "relu", "conv", "+"],
    }


def test_what_boxes_cost_adds_up() -> None:
    graph = archspec.compile("resnet50")
    drawn = figure(archspec.draw(graph, level="stage", parameters=True, macs=True))
    said = [words.text for box in drawn.boxes for words in box.words]
    counts = [int(text.split()[0].replace(",", "")) for text in said if text.endswith(" parameters")]
    assert sum(counts) == graph.parameters
    assert "1.028 G MACs" in said


def many_layers(repeated: bool) -> LayerGraph:
    unit = "{conv: {filters: 4, kernel: 1}}, batch_norm, relu"
    body = f"- repeat: {{times: 3334, layers: [{unit}]}}" if repeated else ""
    flat = "- conv: {filters: 4, kernel: 1}\n- batch_norm\n- relu\n" * (0 if repeated else 3334)
    text = f"archspec: 1\nname: many\ninput: {{channels: 4, height: 8, width: 8}}\nlayers:\n{body}{flat}"
    return archspec.compile(load_text(text))


@pytest.mark.parametrize(("repeated", "level"), [(True, "unit"), (False, "stage")])
def test_ten_thousand_layers_are_drawn_at_a_level_that_can_be(repeated: bool, level: str) -> None:
    drawing = archspec.draw(many_layers(repeated), level="layer")
    assert drawing.panels[0].level == level
    assert len(leaves(figure(drawing))) <= 301
    assert sum(len(set(box.paths)) for box in leaves(figure(drawing)) if box.inside is None) >= 3
    assert not faults(drawing.scene)


@pytest.mark.timing
def test_resnet152_layer_by_layer_in_under_five_seconds(tmp_path: Path) -> None:
    with within_seconds(5):
        drawing = archspec.draw("resnet152", level="layer")
        drawing.save(tmp_path / "a.svg")
    assert len(leaves(figure(drawing))) == 516


UNLIKE = """
archspec: 1
name: unlike
input: {channels: 4, height: 8, width: 8}
params: {extra: 0}
blocks:
  unit:
    unit: [early, more]
    layers:
      - tap: before
      - relu
      - tap: after
      - add:
          - conv: {filters: 4, kernel: 1}
          - when: early == 1
            layers: [{from: before}]
            else: [{from: after}]
      - name: tail
        when: more == 1
        layers: [sigmoid]
stages:
  - {name: rows, block: unit, units: "[(0, 0), (1, 0), (0, 0), (0, extra), (0, 0)]"}
  - {name: none, block: unit, units: "[(0, 0)] * 3"}
head:
  - conv: {name: c, filters: 4, kernel: 1}
  - batch_norm: {name: bn, eps: 1e-5 * (1 + extra)}
"""


def test_units_that_are_wired_otherwise_are_not_one() -> None:
    """The second unit has the layers of the others; its shortcut begins elsewhere."""
    graph = archspec.compile(load_text(UNLIKE))
    units = [(box.path, box.times) for box in figure(archspec.draw(graph)).walk() if box.path.count(".") == 1]
    assert [unit for unit in units if unit[0].startswith("rows.")] == [("rows.0", 1), ("rows.1", 1), ("rows.2", 3)]
    assert [panel.subtitle for panel in archspec.draw(graph, block="unit").panels] == ["rows.0, and 6 more", "rows.1"]


def test_a_block_of_two_networks_is_drawn_where_they_differ() -> None:
    """Most units of ResNet-50 have no stride, and are the same in v1 and v1.5."""
    for panel in archspec.draw("resnet50", "resnet50_v1", block="bottleneck").panels:
        assert panel.subtitle == "bottleneck: layer2.0, and 2 more"
        marked = {box.path for box in panel.part.figure.walk() if box.mark}
        assert marked == {f"layer2.0.{name}" for name in ("conv1", "bn1", "relu", "conv2")}


def test_one_changed_unit_is_not_drawn_with_its_neighbors() -> None:
    before, after = (archspec.compile(load_text(UNLIKE, overrides={"extra": extra})) for extra in (0, 1))
    drawn = archspec.draw(before, after).panels[0].part.figure
    assert {box.path: box.times for box in drawn.walk() if box.mark} == {"rows.3": 1, "bn": 1}


def test_the_mark_of_a_norm_is_that_of_the_box_it_stands_in() -> None:
    before, after = (archspec.compile(load_text(UNLIKE, overrides={"extra": extra})) for extra in (0, 1))
    for drawn in marks(archspec.draw(before, after, level="stage")):
        assert drawn == {"rows": "changed", "c": "changed"}


def test_every_output_is_named_where_it_leaves_its_layer() -> None:
    text = """
archspec: 1
name: outputs
input: {channels: 4, height: 8, width: 8}
outputs: [last, again, first]
layers:
  - {name: part, layers: [relu, tap: first, conv: {filters: 3, kernel: 1}]}
  - tap: last
  - tap: again
"""
    drawing = archspec.draw(load_text(text))
    said = {
        shape.text for _, _, group in drawing.scene.root.walk() for shape in group.shapes if isinstance(shape, Text)
    }
    assert {"last, again: 3x8x8", "first: 4x8x8"} <= said


def luminance(color: str) -> float:
    """Of `#rrggbb`, as WCAG 2 defines it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", THEMES)
def test_text_is_legible_on_every_color(name: ThemeName) -> None:
    """WCAG 2.1, 1.4.3: a contrast of 4.5 to 1 for text of this size."""
    theme = THEMES[name]
    papers = (theme.paper, *theme.depths, *theme.kinds.values())
    texts = [(ink, paper) for ink in (theme.ink, theme.quiet) for paper in papers]
    for ink, paper in (*texts, *((mark, theme.paper) for mark in theme.marks.values())):
        dark, bright = sorted(map(luminance, (ink, paper)))
        assert (bright + 0.05) / (dark + 0.05) >= 4.5, (ink, paper)
