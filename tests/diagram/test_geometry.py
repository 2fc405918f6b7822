"""Nothing overlaps in a picture: of every spec that ships, of the networks of the tests, and of random ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, seed, settings

import archspec
from archspec.diagram.layout import Layout
from archspec.diagram.reading import LEVELS, Level
from archspec.errors import ArchspecError
from archspec.spec import shipped
from tests.diagram.geometry import faults
from tests.fuzz.agreement import compiled, text_of
from tests.fuzz.specs.networks import specs

NETWORKS = sorted((Path(__file__).parents[1] / "networks").glob("*.yaml"))
EXAMPLES = 400


@pytest.mark.parametrize("level", LEVELS)
def test_every_spec_that_ships(level: Level) -> None:
    for name in shipped():
        graph = archspec.compile(name)
        assert not faults(archspec.draw(graph, level=level, parameters=True, macs=True).scene), name
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


def test_what_differs_and_blocks() -> None:
    for drawing in (
        archspec.draw("resnet50", "resnet101"),
        archspec.draw("resnet50", "resnet50_v1", horizontal=True),
        archspec.draw("resnet50", block="bottleneck"),
        archspec.draw("resnet50", block="bottleneck", horizontal=True),
    ):
        assert not faults(drawing.scene)
