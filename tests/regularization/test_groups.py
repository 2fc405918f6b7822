"""`parameter_groups` of generated PyTorch source: who is in which group, and how it reads."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.errors import InternalError
from archspec.spec import load_text
from tests.needed import lazily, needs
from tests.regularization.specs import ALL_ALIKE, KERNELS, MOST, SPECS, compiled, graph_of
from tests.zoo import NETWORKS

torch: Any = lazily("torch")
pytestmark = needs("torch")


def _source(text: str) -> str:
    """The body of `parameter_groups`, its docstring left out."""
    source = archspec.generate(graph_of(text), "torch")
    body = source.partition("    def parameter_groups(self)")[2].partition("    def forward")[0]
    return textwrap.dedent(body.rpartition('"""\n')[2]).strip()


@pytest.mark.parametrize("name", SPECS)
def test_every_parameter_is_in_the_group_of_its_decay_and_in_no_other(name: str) -> None:
    graph = compiled(name)
    model = backend("torch", BuildsModels).build(archspec.generate(graph, "torch"), graph)
    groups = model.parameter_groups()
    names = {id(parameter): key for key, parameter in model.named_parameters()}
    found = [(names[id(parameter)], group["weight_decay"]) for group in groups for parameter in group["params"]]
    wanted = {key: weight.decay for key, weight in graph.all_weights.items() if weight.trainable}
    assert len(found) == len(wanted)
    assert dict(found) == wanted
    # Saved states of an optimizer go by the order.
    order = list(names.values())
    for group in groups:
        keys = [names[id(parameter)] for parameter in group["params"]]
        assert keys == sorted(keys, key=order.index)
    numbers = [group["weight_decay"] for group in groups]
    assert numbers == sorted(set(wanted.values()), reverse=True)
    torch.optim.SGD(groups, lr=0.1, momentum=0.9)


WINDOWS = [
    f"{{heads: 6, window: [1, 3], scores: {scores}, bias: {bias}, weight_decay: {weight}, bias_decay: {of_bias}}}"
    for scores in ("dot", "cosine")
    for bias in ("true", "false")
    for weight, of_bias in ((0.5, 2.0), (0.5, 0.5), (0.0, 0.3))
]


@pytest.mark.parametrize("first", [*WINDOWS, None])
def test_attention_within_windows_has_parameters_beside_its_matrices(first: str | None) -> None:
    """Tables and factors, which never decay, and biases of a network for positions, which others need not have."""
    for second in WINDOWS:
        layers = "".join(f"  - window_attention: {layer}\n" for layer in (first, second) if layer is not None)
        text = f"archspec: 1\nname: net\ninput: {{channels: 6, height: 8, width: 9}}\nlayers:\n{layers}"
        graph = archspec.compile(load_text(text, name="net.yaml"))
        backend("torch", BuildsModels).verify(archspec.generate(graph, "torch"), graph)


def test_a_spec_without_a_decay_has_no_groups() -> None:
    graphs = [archspec.compile(load_text(text, name=f"{name}.yaml")) for name, text in NETWORKS.items()]
    without = [graph for graph in graphs if not any(weight.decay for weight in graph.all_weights.values())]
    assert 0 < len(without) < len(graphs)
    for graph in without:
        assert "parameter_groups" not in archspec.generate(graph, "torch"), graph.name
        assert "regularizer" not in archspec.generate(graph, "keras"), graph.name


def test_kernels_alone() -> None:
    assert _source(KERNELS) == textwrap.dedent(
        """\
        decay: dict[Tensor, float] = dict.fromkeys(self.parameters(), 0.0)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                decay[module.weight] = 0.0002
        return [
            {"params": [p for p in decay if decay[p] == value], "weight_decay": value}
            for value in (0.0002, 0.0)
        ]"""
    )


def test_all_alike() -> None:
    assert _source(ALL_ALIKE) == 'return [{"params": list(self.parameters()), "weight_decay": 0.0001}]'


def test_all_but_a_few() -> None:
    assert _source(MOST).startswith(
        textwrap.dedent(
            """\
            decay: dict[Tensor, float] = dict.fromkeys(self.parameters(), 0.1)
            for module in self.modules():
                if isinstance(module, nn.Linear):
                    decay[module.bias] = 0.0
            return ["""
        )
    )


def test_an_exception_in_a_block_is_said_of_the_block() -> None:
    unit = "conv: {name: dw, filters: 4, kernel: 3, padding: 1, weight_decay: 0}"
    found = _source(
        "defaults: {conv: {weight_decay: 0.5, bias: false}}\n"
        f"blocks: {{unit: {{layers: [{unit}, conv: {{filters: 4, kernel: 1}}, conv: {{filters: 4, kernel: 1}}]}}}}\n"
        "layers: [repeat: {name: r, times: 3, layers: [unit]}]\n"
    )
    assert "    if isinstance(module, Unit):\n        decay[module.dw.weight] = 0.0\n" in found
    assert "get_parameter" not in found


def test_calls_that_differ_are_one_class_still() -> None:
    text = (
        "blocks: {unit: {params: {d: {}}, layers: [conv: {name: c, filters: 4, kernel: 1, weight_decay: d}]}}\n"
        "layers: [unit: {name: a, d: 0.5}, unit: {name: b, d: 0.5}, unit: {name: e, d: 0}, unit: {name: f, d: 1}]\n"
    )
    source = archspec.generate(graph_of(text), "torch")
    assert source.count("(nn.Module):") == 2
    assert "self.a = Unit(4)\n" in source  # the block's param is no argument: nothing in the class would use it
    assert 'decay[self.get_parameter("e.c.weight")] = 0.0\n' in source


def test_many_names_are_broken_into_lines() -> None:
    calls = ", ".join(f"unit: {{name: some_long_name_{index}, d: {0.5 if index % 2 else 1}}}" for index in range(11))
    text = (
        "blocks: {unit: {params: {d: {}}, layers: [conv: {name: c, filters: 4, kernel: 1, weight_decay: d}]}}\n"
        f"layers: [{calls}]\n"
    )
    graph = graph_of(text)
    source = archspec.generate(graph, "torch")
    assert max(map(len, source.splitlines())) <= 100
    backend("torch", BuildsModels).verify(source, graph)


def test_a_param_of_decays_alone_is_no_argument_of_the_class() -> None:
    text = (
        "params: {wd: 0.5, classes: 3}\n"
        "blocks: {unit: {params: {d: {}}, layers: [conv: {filters: 4, kernel: 1, weight_decay: d}]}}\n"
        "layers: [unit: {d: wd}, unit: {d: 2 * wd}, flatten, dense: {units: classes, weight_decay: wd}]\n"
    )
    for given, wanted in ((0.5, "(1.0, 0.5, 0.0)"), (0.125, "(0.25, 0.125, 0.0)")):
        source = archspec.generate(graph_of(text, wd=given), "torch")
        assert "def __init__(self, classes: int = 3) -> None:" in source
        assert f"for value in {wanted}" in source


def test_a_class_called_any_gets_another_name() -> None:
    block = "blocks: {any: {layers: [conv: {filters: 4, kernel: 1, weight_decay: 1}]}}\nlayers: [any]\n"
    graph = graph_of(block)
    source = archspec.generate(graph, "torch")
    assert "class Any2(nn.Module)" in source
    backend("torch", BuildsModels).verify(source, graph)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("decay[module.weight] = 0.0002", "decay[module.weight] = 0.0001"),
        ("decay[module.weight] = 0.0002", "decay.pop(module.weight)"),
        ("for value in (0.0002, 0.0)", "for value in (0.0002, 0.0, 0.0)"),
    ],
)
def test_groups_that_do_not_fit_the_graph_are_a_fault(old: str, new: str) -> None:
    graph = compiled("kernels")
    source = archspec.generate(graph, "torch")
    assert old in source
    with pytest.raises(InternalError, match="weight decay"):
        backend("torch", BuildsModels).verify(source.replace(old, new), graph)


def test_a_model_without_groups_where_the_spec_has_decays_is_a_fault() -> None:
    graph: Any = compiled("kernels")
    source = archspec.generate(graph, "torch").replace("def parameter_groups", "def other")
    with pytest.raises(InternalError, match="weight decay"):
        backend("torch", BuildsModels).verify(source, graph)
