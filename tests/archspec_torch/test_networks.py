"""Every network of `networks.py`: compiled, generated, verified, run, and held against ONNX's reference evaluator."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Choice, walk
from archspec.reserved_names import in_sequence
from archspec.spec import load_text
from tests.needed import lazily, needs
from tests.zoo import NETWORKS

torch: Any = lazily("torch")
pytestmark = needs("torch")

RULES = "E,F,W,I,UP,B"
IGNORED = "B905"  # TorchScript's `zip` has no `strict`
COUNTER = ".num_batches_tracked"


@cache
def compiled(name: str) -> tuple[LayerGraph, str]:
    graph = archspec.compile(load_text(NETWORKS[name], name=f"{name}.yaml"))
    return graph, archspec.generate(graph, "torch")


@pytest.mark.parametrize("name", NETWORKS)
def test_state_dict_has_the_graphs_names_in_the_graphs_order(name: str) -> None:
    graph, source = compiled(name)
    backend("torch", BuildsModels).verify(source, graph)
    model = backend("torch", BuildsModels).build(source, graph)
    keys = [key for key in model.state_dict() if not key.endswith(COUNTER)]
    assert {*keys} == {*graph.all_weights}
    sequences = {in_sequence(item.name)[0] for item in walk(graph.root) if not isinstance(item, Choice)}
    if sequences == {""}:  # else the members of a sequence stand together
        assert keys == list(graph.all_weights)
    assert all(torch.isfinite(tensor).all() for tensor in model.state_dict().values())


@pytest.mark.parametrize("name", NETWORKS)
def test_generating_twice_gives_the_same_bytes(name: str) -> None:
    _, source = compiled(name)
    assert archspec.generate(archspec.compile(load_text(NETWORKS[name], name=f"{name}.yaml")), "torch") == source
    assert source.isascii()
    assert "archspec" not in source.split("\n", 3)[-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All generated sources as files."""
    folder = tmp_path_factory.mktemp("generated")
    for name in NETWORKS:
        (folder / f"{name}.py").write_text(compiled(name)[1], encoding="utf-8")
    return folder


def run_tool(*arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_generated_source_is_formatted(folder: Path) -> None:
    pytest.importorskip("ruff")
    run_tool("ruff", "format", "--isolated", "--check", "--line-length", "100", str(folder))


def test_generated_source_is_lint_clean(folder: Path) -> None:
    pytest.importorskip("ruff")
    run_tool("ruff", "check", "--isolated", "--select", RULES, "--ignore", IGNORED, "--line-length", "100", str(folder))


@pytest.mark.slow
def test_generated_source_is_typed(folder: Path) -> None:
    pytest.importorskip("mypy")
    files = sorted(map(str, folder.glob("*.py")))
    cache = str(folder / ".mypy_cache")
    run_tool("mypy", "--config-file", "", "--strict", "--no-warn-return-any", "--cache-dir", cache, *files)


@pytest.mark.parametrize(
    ("name", "argument"),
    [("densenet", {"growth": 8}), ("vgg", {"classes": 3}), ("unet", {"base": 4}), ("width_everywhere", {"width": 4})],
)
def test_a_param_that_stays_an_argument_works_as_one(name: str, argument: dict[str, int]) -> None:
    graph = archspec.compile(load_text(NETWORKS[name], name=f"{name}.yaml", overrides=argument))
    _, source = compiled(name)  # generated for the defaults
    module: dict[str, object] = {}
    exec(compile(source, name, "exec", dont_inherit=True), module)
    model = module[graph.class_name](**argument)  # type: ignore[operator]
    found = {key: tuple(value.shape) for key, value in model.state_dict().items() if not key.endswith(COUNTER)}
    assert found == {key: weight.shape for key, weight in graph.all_weights.items()}


def test_initializers_are_drawn_as_the_spec_says() -> None:
    graph, source = compiled("initializers")
    torch.manual_seed(0)
    state = backend("torch", BuildsModels).build(source, graph).state_dict()
    assert abs(float(state["attention.query.weight"].std()) - 0.02) < 0.01
    assert not state["attention.query.bias"].any()
    assert not state["a.body.2.weight"].any()
    assert (state["a.extra.weight"] == 0.5).all()
    assert state["a.body.0.weight"].any()
    assert state["stem.bias"].any()
    assert abs(float(state["rounds.1.second.weight"].std()) - 0.1) < 0.02
    assert float(state["rounds.1.first.weight"].std()) > 0.12  # kaiming: sqrt(2 / 72) = 0.167
    assert abs(float(state["fc.weight"].std()) - 0.01) < 0.005
    assert float(state["hidden.weight"].std()) > 0.1
