"""Networks of a thousand layers: compiled, generated and run in proportion to their length."""

from __future__ import annotations

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend

DEEP = [("cifar_resnet", 1202), ("cifar_resnet_v2", 1001), ("cifar_resnet_v2_keras", 1001)]


@pytest.mark.parametrize(("name", "depth"), DEEP)
@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_the_source_is_as_short_as_that_of_a_shallow_one(name: str, depth: int, framework: str) -> None:
    deep, shallow = (archspec.generate(archspec.compile(name, depth=at), framework) for at in (depth, 38))
    more = len(deep.splitlines()) - len(shallow.splitlines())
    assert 0 <= more <= 12, more


def test_keras_is_let_go_as_deep_as_the_network_is() -> None:
    """It follows layers by recursion, and Python ends that at 1,000 calls."""
    sources = [archspec.generate(archspec.compile("cifar_resnet", depth=depth), "keras") for depth in (110, 1202)]
    assert ["sys.setrecursionlimit(" in source for source in sources] == [False, True]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "depth"), DEEP)
@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_the_models_are_their_graphs(name: str, depth: int, framework: str) -> None:
    pytest.importorskip(framework)
    graph = archspec.compile(name, depth=depth)
    backend(framework, BuildsModels).verify(archspec.generate(graph, framework), graph)
