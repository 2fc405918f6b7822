"""Specs, graphs and pictures show themselves in a notebook."""

from __future__ import annotations

import re
from typing import Any

import pytest

import archspec
from archspec.spec import load_text

HEAD = "archspec: 1\nname: net\ninput: {channels: 3, height: 8, width: 8}\n"


def shown(thing: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """What IPython makes of it in a notebook, by media type."""
    from IPython.core.formatters import DisplayFormatter

    found: tuple[dict[str, Any], dict[str, Any]] = DisplayFormatter().format(thing)
    return found


def test_a_notebook_shows_a_picture_of_a_spec_and_of_a_graph() -> None:
    spec = archspec.load("specs/examples/lenet.yaml")
    graph = archspec.compile(spec)
    expected = archspec.draw(graph).svg()
    for thing in (spec, graph, archspec.draw(graph)):
        found, _ = shown(thing)
        assert found == {"image/svg+xml": expected, "text/plain": repr(thing)}
    assert repr(graph) == "<LayerGraph lenet: 12 layers, 61,706 parameters>"
    assert repr(spec) == "<Spec lenet: specs/examples/lenet.yaml>"
    assert repr(archspec.draw(graph)) == f"<Drawing of {graph.title}>"


def test_a_network_that_fills_more_than_a_window_is_shown_by_its_stages() -> None:
    graph = archspec.compile("resnet50")
    assert graph._repr_svg_() == archspec.draw(graph, level="stage").svg() != archspec.draw(graph).svg()


def test_a_spec_that_cannot_be_compiled_shows_its_name() -> None:
    spec = load_text(f"{HEAD}layers: [conv: {{filters: 4, kernel: 99}}]")
    with pytest.raises(archspec.SpecError):
        archspec.compile(spec)
    found, _ = shown(spec)
    assert found == {"text/plain": "<Spec net: from text>"}


def test_pictures_in_one_page_do_not_share_names() -> None:
    graph = archspec.compile(load_text(f"{HEAD}layers: [relu]"))
    pictures = [
        archspec.draw(graph),
        archspec.draw(graph, theme="dark"),
        archspec.draw(graph, titles=["other"]),
        archspec.draw(graph, horizontal=True),
        archspec.draw("resnet18"),
    ]
    names = [set(re.findall(r'id="([^"]*)"', picture.svg())) for picture in pictures]
    assert all(len(found) == 1 for found in names)
    assert len(set().union(*names)) == len(pictures)
    for picture, [name] in zip(pictures, names, strict=True):
        assert set(re.findall(r"url\(#([^)]*)\)", picture.svg())) == {name}
