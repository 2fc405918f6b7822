"""Every argument of generated code, with another value: the same network as the spec compiled with that value."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import OffersArguments, RunsModels
from archspec.codegen.execute import execute
from archspec.codegen.registry import backend
from archspec.codegen.simplify import fixed_params
from archspec.ir.evaluation import evaluated
from archspec.parity import random_inputs, random_weights
from archspec.spec import load_text
from archspec_keras.names import function_name
from archspec_torch.names import class_name
from tests.conformance.argument_networks import ARGUMENT_NETWORKS
from tests.needed import lazily, needs
from tests.reference.evaluate import evaluate
from tests.zoo import NETWORKS

settings: Any = lazily("archspec_keras.settings")  # which imports Keras
pytestmark = needs("torch", "keras")

HEAD = "archspec: 1\nname: net\ninput: {channels: 3, height: 16, width: 16}\n"
LONG = "params: {w: 8}\nlayers:\n  - conv: {filters: w, kernel: 1}\n" + (
    "  - conv: {filters: channels + channels // 8, kernel: 1}\n" * 18
)
REPEATED = (
    "params: {w: 8}\nlayers:\n  - conv: {filters: w, kernel: 1}\n"
    "  - repeat: {name: r, times: 12, layers: [conv: {filters: channels + channels // 8, kernel: 1}]}\n"
)
DECAY = "params: {d: 0.9, e: 0.1}\nlayers:\n  - batch_norm: {decay: d - e}\n"
COUNTS = """
params: {m: 2, k: 2, g: 4, rate: 0.5}
blocks:
  unit: {params: {r: {}}, layers: [add: [[], [conv: {filters: channels, kernel: 1}, dropout: {rate: r}]]]}
  row: {params: {m: {}}, layers: [repeat: {name: units, times: m, layers: [unit: {r: 0.5}]}]}
  grown: {params: {g: {}}, layers: [concat: [[], [conv: {filters: g, kernel: 1}]]]}
layers:
  - repeat: {name: a, times: m, layers: [unit: {r: rate * i / (m + 1)}]}
  - {name: s, layers: [repeat: {name: b, times: m + 1, layers: [grown: {g: g}]}, relu]}
  - row: {name: c, m: k}
  - repeat: {name: pools, times: 2, layers: [max_pool: {kernel: 2}]}
  - repeat: {name: d, times: k * 2, layers: [batch_norm, relu]}
  - flatten
  - dense: {units: 5}
"""
ENDS = """
params: {often: 2, pools: 1}
layers:
  - repeat: {name: a, times: pools, layers: [max_pool: {kernel: 2}]}
  - repeat: {name: b, times: often, layers: [conv: {filters: 4, kernel: 1}]}
  - flatten
  - dense: {units: 5}
"""
DRAWN = """
params: {classes: 1000, prior: 0.01, sure: 2}
blocks:
  head: {params: {limit: {}}, layers: [dense: {units: channels, init: {uniform: limit}}]}
layers:
  - conv: {name: first, filters: 8, kernel: 3, init: {normal: 0.1}}
  - global_avg_pool: {keep_axes: false}
  - head: {limit: 1 / sure}
  - dense: {name: last, units: classes, init: {uniform: classes ** -0.5}, bias_init: {constant: "-log(1 / prior)"}}
"""
SPECS = {
    **NETWORKS,
    **ARGUMENT_NETWORKS,
    "drawn": HEAD + DRAWN,
    "counts": HEAD + COUNTS,
    "ends": HEAD + ENDS,
    "long": HEAD + LONG,
    "repeated": HEAD + REPEATED,
    "decay": HEAD + DECAY,
}


@cache
def compiled(name: str, *overrides: tuple[str, Any]) -> archspec.LayerGraph:
    return archspec.compile(load_text(SPECS[name], name=f"{name}.yaml", overrides=dict(overrides)))


def others(value: Any, choices: tuple[Any, ...]) -> list[Any]:
    """Other values for a param, of the same type."""
    if isinstance(value, str):
        return [choice for choice in choices if choice != value]
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, 2 * value]
    if isinstance(value, tuple) and value and all(type(item) is int for item in value):
        return [tuple(item + 1 for item in value), (2 * value[0], *value[1:])]
    return [value / 2] if isinstance(value, float) else []


def changes(name: str, arguments: set[str]) -> Iterator[tuple[str, Any, archspec.LayerGraph]]:
    """Each param that is an argument, with another value, and the spec compiled with it."""
    for param in compiled(name).params:
        if param.name not in arguments:
            continue
        for value in others(param.value, param.choices):
            try:
                graph = compiled(name, (param.name, value))
            except archspec.ArchspecError:
                continue  # the spec refuses the value
            yield param.name, value, graph


def given(made: Callable[..., Any], param: str, value: Any) -> Any:
    """The network with this argument; None where its source says that its layers are not those for it."""
    try:
        return made(**{param: value})
    except ValueError as error:
        if not re.match(r"the layers here are those for |(all of )?\S+ (has|have) to be ", str(error)):
            raise
        return None


def agree(outputs: Any, graph: archspec.LayerGraph, what: str) -> None:
    wanted = evaluate(graph, random_weights(graph), random_inputs(graph, batch=2), training=False)
    for name, path in evaluated(graph).outputs.items():
        expected = wanted.values[path]
        assert outputs[name].shape == expected.shape, what
        assert np.abs(outputs[name] - expected).max() <= 1e-12 * np.abs(expected).max(), what


def test_a_count_is_an_argument_where_none_is_right_too() -> None:
    assert set(fixed_params(compiled("counts"))) == set()
    assert fixed_params(compiled("ends")) == {"pools": "how often a runs"}
    graph = compiled("ends")
    for framework, named in (("torch", class_name), ("keras", function_name)):
        made = getattr(execute(archspec.generate(graph, framework), framework, "ends"), named(graph))
        with pytest.raises(ValueError, match="often >= 1"):  # it leaves other channels than arrive
            made(often=0)


@pytest.mark.parametrize("name", SPECS)
def test_torch(name: str) -> None:
    first = compiled(name)
    made = getattr(execute(archspec.generate(first, "torch"), "torch", name), class_name(first))
    target = backend("torch", RunsModels)
    for param, value, graph in changes(name, set(inspect.signature(made).parameters)):
        model = given(made, param, value)
        if model is None:
            continue
        model = model.double()
        found = {key: tuple(tensor.shape) for key, tensor in model.state_dict().items() if "num_batches" not in key}
        assert found == {key: weight.shape for key, weight in graph.all_weights.items()}, (param, value)
        target.load_weights(model, graph, random_weights(graph))
        outcome = target.run(model, graph, random_inputs(graph, batch=2), training=False)
        agree(outcome.outputs, graph, f"{param}={value}")


@pytest.mark.parametrize("name", SPECS)
def test_keras(name: str) -> None:
    first = compiled(name)
    made = getattr(execute(archspec.generate(first, "keras"), "keras", name), function_name(first))
    target = backend("keras", RunsModels)
    for param, value, graph in changes(name, set(inspect.signature(made).parameters)):
        with settings.settings("float64"):
            model = given(made, param, value)
        if model is None:
            continue
        found = {key: array.shape for key, array in target.export_weights(model, graph).items()}
        assert found == {key: weight.shape for key, weight in graph.all_weights.items()}, (param, value)
        target.load_weights(model, graph, random_weights(graph))
        outcome = target.run(model, graph, random_inputs(graph, batch=2), training=False)
        agree(outcome.outputs, graph, f"{param}={value}")


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_weights_are_drawn_by_the_argument(framework: str) -> None:
    graph = compiled("drawn")
    assert fixed_params(graph) == {}  # the block's own number, too, follows from the network's
    source = archspec.generate(graph, framework)
    named = class_name(graph) if framework == "torch" else function_name(graph)
    model = getattr(execute(source, framework, "drawn"), named)(classes=100, prior=0.5, sure=4)
    weights = backend(framework, RunsModels).export_weights(model, compiled("drawn", ("classes", 100)))
    assert 0.095 < np.abs(weights["last.weight"]).max() <= 0.1
    assert np.allclose(weights["last.bias"], -np.log(2))
    assert 0.2 < np.abs(weights["head.dense.weight"]).max() <= 0.25


@pytest.mark.parametrize(
    ("name", "arguments", "fixed"),
    [
        ("borders", {"border", "outer", "width"}, {}),
        ("streams", {"cells", "narrow"}, {}),
        ("stages", {"base", "lengths"}, {}),
        ("arms", {"scale"}, {}),
        ("starts", {"first", "deviation"}, {}),
        ("turns", {"rate"}, {}),
        ("inlined", {"edge", "width"}, {"step": "the stride of down"}),
        (
            "chains",
            {"convs", "steps", "width", "wide"},
            {"start": "names of layers", "ends": "how many times the layers from last.0 on are there"},
        ),
    ],
)
def test_what_stays_an_argument(name: str, arguments: set[str], fixed: dict[str, str]) -> None:
    graph = compiled(name)
    made = getattr(execute(archspec.generate(graph, "torch"), "torch", name), class_name(graph))
    assert set(inspect.signature(made).parameters) == arguments
    for framework in ("torch", "keras"):
        target = backend(framework)
        assert isinstance(target, OffersArguments)
        assert target.fixed_params(graph) == fixed


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_weights_start_with_the_argument(framework: str) -> None:
    graph = compiled("starts")
    named = class_name(graph) if framework == "torch" else function_name(graph)
    model = getattr(execute(archspec.generate(graph, framework), framework, "starts"), named)(first=3.0, deviation=1e-4)
    weights = backend(framework, RunsModels).export_weights(model, graph)
    assert np.all(weights["last"] == 3)
    assert np.all(weights["parts.1.gain.factor"] == 1.5)
    assert np.abs(weights["token"]).max() < 1e-3
