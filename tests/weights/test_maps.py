"""Maps that a user gives, and weights by their order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import archspec
from archspec import SpecError, WeightsError
from archspec.checkpoints import candidates
from archspec.checkpoints.sketches import networks, sketch
from archspec.cli import main
from archspec.parity import random_weights
from archspec.weights import read_weights
from benchmarks.sketches import PATH, of

MAP = """archspec-map: 1
library: mine
layers:
  conv{n}: body.{n - 1}
  fc{n}: head.{n}
  other: never
"""


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """LeNet's weights under other names, and a map of these."""
    named = {
        name.replace("conv1", "body.0").replace("conv2", "body.1").replace("fc", "head."): array
        for name, array in random_weights(archspec.compile("lenet")).items()
    }
    np.savez(tmp_path / "w.npz", allow_pickle=False, **named)
    (tmp_path / "mine.yaml").write_text(MAP, encoding="utf-8")
    return tmp_path / "w.npz"


def test_a_map_of_the_users_own(other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = archspec.compile("lenet")
    wanted = random_weights(graph)
    with pytest.raises(WeightsError, match="`--map order`") as caught:
        read_weights(other, graph)
    assert "by the nearest names: `conv1.weight` may be `body.0.weight`, " in str(caught.value)
    found, report = read_weights(other, graph, map=other.with_name("mine.yaml"))
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
    assert report.notes[:2] == ("read by mine", "rules that name nothing of lenet: other")
    there = other.with_name("back.safetensors")
    given = ["weights", "convert", str(other), "lenet", "--map", str(other.with_name("mine.yaml")), "-o"]
    assert main([*given, str(there)]) == 0
    assert "read by mine" in capsys.readouterr().out
    names = ["--names", str(other.with_name("mine.yaml"))]
    assert main(["weights", "convert", str(there), "lenet", "-o", str(other.with_name("again.npz")), *names]) == 0
    with np.load(other) as first, np.load(other.with_name("again.npz")) as second:
        assert {*first} == {*second}
        assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_map_that_does_not_fit_says_what_it_does_not_name(other: Path) -> None:
    path = other.with_name("short.yaml")
    path.write_text("archspec-map: 1\nlibrary: mine\nlayers: {'conv{n}': 'body.{n - 1}'}\n", encoding="utf-8")
    with pytest.raises(WeightsError, match=r"no rule names `fc1\.weight`"):
        read_weights(other, archspec.compile("lenet"), map=path)
    with pytest.raises(WeightsError, match="did you mean `timm_vgg`"):
        read_weights(other, archspec.compile("lenet"), map="timm_vg")
    with pytest.raises(WeightsError, match="it has none of the names"):
        read_weights(other, archspec.compile("vgg"), map="timm_vgg")
    with pytest.raises(SpecError, match="does not exist"):
        read_weights(other, archspec.compile("lenet"), map="none.yaml")


def test_weights_by_their_order_are_taken_where_that_is_asked_for(other: Path) -> None:
    graph = archspec.compile("lenet")
    found, report = read_weights(other, graph, map="order")
    assert all(np.array_equal(found[name], array) for name, array in random_weights(graph).items())
    assert report.notes[0] == "taken by their order, as `body.0.weight` for `conv1.weight`: see that outputs are right"
    with pytest.raises(WeightsError, match="not those of resnet18 in their order"):
        read_weights(other, archspec.compile("resnet18"), map="order")


@pytest.mark.parametrize("form", ["a file", "arrays"])
def test_order_is_that_of_the_names_that_begin_with_a_prefix(other: Path, form: str) -> None:
    graph = archspec.compile("lenet")
    with np.load(other) as held:
        arrays = {f"generator.{name}": held[name] for name in held}
    arrays = {"extra.weight": np.zeros((2, 2), np.float32), **arrays}
    np.savez(other.with_name("gan.npz"), allow_pickle=False, **arrays)
    given = other.with_name("gan.npz") if form == "a file" else arrays
    with pytest.raises(WeightsError, match="not those of lenet in their order"):
        read_weights(given, graph, map="order")
    found, report = read_weights(given, graph, map="order", prefix="generator.")
    assert all(np.array_equal(found[name], array) for name, array in random_weights(graph).items())
    assert "as `generator.body.0.weight` for `conv1.weight`" in report.notes[0]
    with pytest.raises(WeightsError, match=r"no name in it begins with `other\.`"):
        read_weights(given, graph, map="order", prefix="other.")


@pytest.mark.parametrize("names", ["order", "mine.yaml"])
def test_a_key_that_is_not_there_is_said_with_a_map_as_without(other: Path, names: str) -> None:
    graph, given = archspec.compile("lenet"), other.with_name(names) if names != "order" else names
    with pytest.raises(WeightsError, match=r"has no key `ema`[\s\S]*leave --weights-key out"):
        read_weights(other, graph, map=given, key="ema")
    with np.load(other) as held:
        nested = {"state": {name: held[name] for name in held}, "model": {"x": np.zeros(3, np.float32)}}
    torch = pytest.importorskip("torch")
    path = other.with_name("w.pth")
    torch.save({key: {name: torch.from_numpy(x) for name, x in arrays.items()} for key, arrays in nested.items()}, path)
    with pytest.raises(WeightsError, match=r"has no key `ema`[\s\S]*there is `state`, `model`"):
        read_weights(path, graph, map=given, key="ema")
    assert read_weights(path, graph, map=given, key="state")[1].complete


@pytest.mark.parametrize(("name", "variant"), [("vgg", "vgg13"), ("efficientnet", "b0"), ("mnasnet", "x1_3")])
def test_a_variant_is_named(name: str, variant: str, tmp_path: Path) -> None:
    graph = archspec.compile(name, variant=variant)
    shapes = {name: weight.shape for name, weight in graph.all_weights.items()}
    path = tmp_path / "w.npz"
    empty = {name: np.broadcast_to(np.float16(0), shape) for name, shape in shapes.items()}
    np.savez(path, allow_pickle=False, **empty)
    [found] = candidates(path)
    assert found.complete
    assert found.name in (f"{name} --set variant={variant}", name)


@pytest.mark.parametrize("some", [("resnet50", ""), ("efficientnet", "b3"), ("vision_transformer", "b_16")])
def test_sketches_are_current(some: tuple[str, str]) -> None:
    import json

    held = json.loads(PATH.read_text(encoding="utf-8"))
    assert held.keys() == {f"{name}:{variant}" if variant else name for name, variant in networks()}
    assert held[":".join(filter(None, some))] == of(*some), "run `python -m benchmarks.sketches`"


def test_a_sketch_does_not_depend_on_layouts() -> None:
    assert sketch([(8, 3, 5, 5), (8,), (10, 8)]) == sketch([(5, 5, 3, 8), (8, 1, 1), (8, 10)])
