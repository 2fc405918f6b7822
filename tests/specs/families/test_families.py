"""Families written from the documentation alone, as their authors wrote them: their sizes are those of torchvision.

The counts are those of torchvision 0.28's builders.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

import archspec
from archspec.ir.ops.regularizers import DropPath

FOLDER = Path(__file__).parent
PARAMETERS = {
    ("regnet_y", "y_400mf"): 4_344_144,
    ("regnet_y", "y_800mf"): 6_432_512,
    ("regnet_y", "y_1_6gf"): 11_202_430,
    ("regnet_y", "y_3_2gf"): 19_436_338,
    ("regnet_y", "y_8gf"): 39_381_472,
    ("efficientnet", "b0"): 5_288_548,
    ("efficientnet", "b1"): 7_794_184,
    ("efficientnet", "b2"): 9_109_994,
    ("efficientnet", "b3"): 12_233_232,
    ("efficientnet", "b4"): 19_341_616,
    ("convnext", "tiny"): 28_589_128,
    ("convnext", "small"): 50_223_688,
    ("convnext", "base"): 88_591_464,
}


@pytest.mark.parametrize(("name", "variant"), PARAMETERS)
def test_parameters(name: str, variant: str) -> None:
    assert archspec.compile(FOLDER / f"{name}.yaml", variant=variant).parameters == PARAMETERS[name, variant]


def test_the_default_variant_is_the_first() -> None:
    for name in ("regnet_y", "efficientnet", "convnext"):
        path = FOLDER / f"{name}.yaml"
        assert archspec.compile(path).parameters == archspec.compile(path, variant=_first(name)).parameters


def _first(name: str) -> str:
    return next(variant for family, variant in PARAMETERS if family == name)


def test_auxiliary_classifiers() -> None:
    """With torchvision's names of the outputs' layers, too."""
    whole, alone = archspec.compile("googlenet"), archspec.compile("googlenet", aux_logits=False)
    assert whole.parameters == 13_004_888
    assert alone.parameters == 6_624_904
    assert list(whole.outputs) == ["logits", "aux2", "aux1"]
    assert whole.training_outputs == ("aux2", "aux1")
    assert whole.macs == alone.macs
    assert list(alone.outputs) == ["logits"]
    assert {name.partition(".")[0] for name in whole.all_weights.keys() - alone.all_weights.keys()} == {"aux1", "aux2"}


def test_what_is_dropped_grows_linearly() -> None:
    """As torchvision's `stochastic_depth_prob * stage_block_id / total_stage_blocks`, or `/ (total - 1)`."""
    for name, last in (("efficientnet", 0.2 * 15 / 16), ("convnext", 0.1)):
        graph = archspec.compile(FOLDER / f"{name}.yaml")
        rates = [node.op.rate for node in graph.nodes.values() if isinstance(node.op, DropPath)]
        steps = {round(after - before, 9) for before, after in pairwise(rates)}
        assert rates[-1] == pytest.approx(last) if name == "convnext" else rates[-1] < last
        assert name != "convnext" or len(steps) == 1
        assert rates == sorted(rates)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("name", ["regnet_y", "efficientnet", "convnext"])
def test_sources_are_checked_against_the_graph(name: str, backend: str) -> None:
    from archspec.codegen.backend import BuildsModels
    from archspec.codegen.registry import backend as backend_by_name

    pytest.importorskip(backend)
    graph = archspec.compile(FOLDER / f"{name}.yaml")
    backend_by_name(backend, BuildsModels).verify(archspec.generate(graph, backend), graph)
