"""Nothing overlaps in a picture: of every spec that ships, of the networks of the tests, and of random ones."""

from __future__ import annotations

import random
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, seed, settings

import archspec
from archspec.analysis.levels import LEVELS, Level
from archspec.diagram.columns import wrapped
from archspec.diagram.coordinates import arrange, place
from archspec.diagram.figure_builder import Details, figure
from archspec.diagram.scene import Group, Panel, Rect, Scene, Text, scene
from archspec.diagram.scene import Path as Line
from archspec.diagram.u_shape import u_shaped, unfolded
from archspec.errors import ArchspecError
from archspec.spec import shipped
from tests.diagram.geometry import faults
from tests.fuzz.agreement import compiled, text_of
from tests.fuzz.specs.networks import specs

NETWORKS = sorted((Path(__file__).parents[1] / "zoo").glob("*.yaml"))
EXAMPLES = 60


@pytest.mark.parametrize(
    "level", [pytest.param(level, marks=[pytest.mark.slow] * (level == "layer")) for level in LEVELS]
)
def test_every_spec_that_ships(level: Level) -> None:
    for name in shipped():
        graph = archspec.compile(name)
        assert not faults(archspec.draw(graph, level=level, parameters=True, macs=True).scene), name
        if level == "unit":
            assert not faults(archspec.draw(graph, level=level, horizontal=True).scene), name


@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_networks_of_all_kinds(path: Path) -> None:
    graph = archspec.compile(path)
    for level in LEVELS:
        for horizontal in (False, True):
            assert not faults(archspec.draw(graph, level=level, horizontal=horizontal).scene)


@seed(0)
@settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(specs())
def test_random_networks(spec: dict[str, Any]) -> None:
    text = text_of(spec)
    try:
        graph = compiled(text)
    except ArchspecError:
        return
    note(text)
    for level in LEVELS:
        for horizontal in (False, True):
            assert not faults(archspec.draw(graph, level=level, horizontal=horizontal).scene)


@pytest.mark.parametrize(
    "name", ["unet", "feature_pyramid", "resnet50", "inception", "mobilenet_v2", "densenet", "vision_transformer"]
)
def test_whatever_is_folded(name: str) -> None:
    """As on the page: a strip, columns and a U of boxes that are open or not."""
    whole, _ = figure(archspec.compile(name), "layer", Details())
    chance = random.Random(3)
    for horizontal in (False, True):
        part = arrange(whole, horizontal=horizontal)
        bend = None if horizontal else u_shaped(part)
        parts = sorted(box.path for box in whole.walk() if box.inside is not None)
        for share in (0.1, 0.4, 0.7, 1.0):
            folded = frozenset(path for path in parts if chance.random() < share)
            placed = place(part, folded)
            found = [placed, *(wrapped(placed, columns) for columns in (2, 3, 5))]
            for one in (*found, unfolded(bend, folded)) if bend else found:
                assert not faults(scene([Panel("", "", one)], horizontal=horizontal))


def test_what_differs_and_blocks() -> None:
    for drawing in (
        archspec.draw("resnet50", "resnet101"),
        archspec.draw("resnet50", "resnet50_v1", horizontal=True),
        archspec.draw("resnet50", block="bottleneck"),
        archspec.draw("resnet50", block="bottleneck", horizontal=True),
    ):
        assert not faults(drawing.scene)


def group_of(scene: Scene, path: str) -> Group:
    return next(group for _, _, group in scene.root.walk() if group.box and group.box.path == path)


@pytest.mark.parametrize("level", ["unit", "layer"])
def test_planted_faults_are_seen(level: Level) -> None:
    """The checks above can fail: each kind of fault, put into a picture that has none, is reported."""

    def scene() -> Scene:
        return deepcopy(archspec.draw("resnet18", level=level).scene)

    def reported(spoiled: Scene, message: str) -> bool:
        return any(message in fault for fault in faults(spoiled))

    assert not faults(scene())
    moved = scene()
    group_of(moved, "layer1.0.conv1").y += 30
    assert reported(moved, "layer1.0.bn1 and layer1.0.conv1 overlap") or reported(
        moved, "conv1 and layer1.0.bn1 overlap"
    )
    aside = scene()
    group_of(aside, "layer1.0.conv1").x += 40
    assert reported(aside, "a line goes through layer1.0.conv1")
    out = scene()
    group_of(out, "layer1.0.conv1").x -= 90
    assert reported(out, "layer1.0.conv1 leaves")
    wide = scene()
    conv = group_of(wide, "layer1.0.conv1")
    conv.shapes = [replace(shape, size=40.0) if isinstance(shape, Text) else shape for shape in conv.shapes]
    assert reported(wide, "leaves its box layer1.0.conv1")
    assert reported(wide, "overlap")
    through = scene()
    inside = group_of(through, "layer2.0").groups[0]
    index = next(i for i, shape in enumerate(inside.shapes) if isinstance(shape, Line) and len(shape.points) > 2)
    line = inside.shapes[index]
    assert isinstance(line, Line)
    inside.shapes[index] = replace(line, points=(line.points[0], (0.0, line.points[-1][1]), line.points[-1]))
    assert reported(through, "a line goes through layer2.0.")
    assert reported(through, "two lines lie on each other")
    short = scene()
    inside = group_of(short, "layer2.0").groups[0]
    inside.shapes = [
        replace(shape, points=shape.points[:-1]) if isinstance(shape, Line) and len(shape.points) > 2 else shape
        for shape in inside.shapes
    ]
    assert reported(short, "a line ends nowhere in layer2.0")
    lost = scene()
    gone = group_of(lost, "layer1.0.conv1")
    gone.shapes = [shape for shape in gone.shapes if isinstance(shape, Rect)]
    assert reported(lost, "layer1.0.conv1 says nothing")
