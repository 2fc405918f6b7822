"""A block is one class, and one function, as long as one can say what all calls give it; else names tell them apart."""

from __future__ import annotations

from typing import Any

import pytest

import archspec
from archspec.spec.loading import load_text

HEAD = """
archspec: 1
name: net
params: {params}
input: {{channels: 3, height: 9, width: 9}}
blocks: {{part: {block}}}
layers: {layers}
"""
WIDE = "{wide: {default: 0.5, doc: of the first weights}}"
BACKENDS = pytest.mark.parametrize("backend", ["torch", "keras"])


def graph_of(block: str, layers: str) -> archspec.LayerGraph:
    return archspec.compile(
        load_text(HEAD.format(params=WIDE if "wide" in layers else "{}", block=block, layers=layers))
    )


def definitions(source: str, backend: str) -> list[str]:
    """The names of the block's classes or functions."""
    word = "class " if backend == "torch" else "def "
    found = [line.removeprefix(word).partition("(")[0] for line in source.splitlines() if line.startswith(word)]
    return [name for name in found if "part" in name.lower()]


WORDS = (
    "{params: {filters: {}, stride: 1, padding: {default: same, choices: [same, valid]}}, "
    "layers: [conv: {name: conv, filters: filters, kernel: 3, stride: stride, padding: padding}]}"
)


@BACKENDS
def test_a_word_for_padding_is_an_argument(backend: str) -> None:
    pytest.importorskip(backend)
    calls = "[part: {filters: 4}, part: {filters: 8, padding: valid}, part: {filters: 8, padding: valid, stride: 2}]"
    graph = graph_of(WORDS, calls)
    source = str(archspec.generate(graph, backend))
    assert len(definitions(source, backend)) == 1
    assert 'padding: str = "same"' in source
    assert 'padding="valid"' in source
    archspec.build(graph, backend)  # which verifies its shapes


def test_a_class_is_called_by_the_word_that_pytorch_does_not_take() -> None:
    pytest.importorskip("torch")
    graph = graph_of(WORDS, "[part: {filters: 4, stride: 2}, part: {filters: 8, padding: valid}]")
    # Its own `same` knows no strides.
    assert definitions(str(archspec.generate(graph, "torch")), "torch") == ["PartSame", "PartValid"]
    archspec.build(graph, "torch")
    assert definitions(str(archspec.generate(graph, "keras")), "keras") == ["part"]


def test_a_function_that_pads_by_numbers_is_called_so() -> None:
    block = "{params: {padding: {}}, layers: [conv: {name: conv, filters: 4, kernel: 3, padding: padding}, relu]}"
    graph = graph_of(block, "[part: {padding: 1}, part: {padding: 0}]")
    assert definitions(str(archspec.generate(graph, "keras")), "keras") == ["padded_part", "part"]
    assert definitions(str(archspec.generate(graph, "torch")), "torch") == ["Part"]


DRAWN = (
    "{params: {std: 0.1, bias: {default: 0, doc: what biases start with}}, layers: ["
    "conv: {name: conv, filters: 64, kernel: 3, init: {normal: std}, bias_init: {constant: 2 * bias}}, "
    "batch_norm: {name: bn}]}"
)
CALLS = "[part: {std: wide}, part, part: {std: 0.02, bias: 3}, conv: {name: last, filters: 4, kernel: 3}]"


@BACKENDS
def test_the_number_of_an_initializer_is_an_argument(backend: str) -> None:
    source = str(archspec.generate(graph_of(DRAWN, CALLS), backend))
    assert len(definitions(source, backend)) == 1
    assert "std: float = 0.1" in source
    assert "std: standard deviation of the initial weights of `conv`" in source
    assert "wide: float = 0.5" in source  # another value gives a right network


def test_each_instance_draws_by_its_own_argument() -> None:
    pytest.importorskip("torch")
    model: Any = archspec.build(graph_of(DRAWN, CALLS), "torch")
    changed = type(model)(wide=0.25)
    for net, wide in ((model, 0.5), (changed, 0.25)):
        net.reset_parameters()
        for part, std, bias in ((net.part, wide, 0.0), (net.part_2, 0.1, 0.0), (net.part_3, 0.02, 6.0)):
            assert float(part.conv.weight.std()) == pytest.approx(std, rel=0.1)
            assert part.conv.bias.tolist() == [bias] * 64
        bound = (64 * 9) ** -0.5
        assert 0.9 * bound < float(net.last.weight.abs().max()) <= bound  # PyTorch's own


def test_a_row_keeps_what_it_is_drawn_by() -> None:
    pytest.importorskip("torch")
    conv = "conv: {name: '0', filters: 64, kernel: 3, init: {normal: std}}"
    block = f"{{params: {{std: {{}}}}, layers: [{conv}, relu: {{name: '1'}}]}}"
    model: Any = archspec.build(graph_of(block, "[part: {std: 0.1}, part: {std: 0.01}]"), "torch")
    assert isinstance(model.part, pytest.importorskip("torch").nn.Sequential)
    model.reset_parameters()
    assert float(model.part[0].weight.std()) == pytest.approx(0.1, rel=0.1)
    assert float(model.part_2[0].weight.std()) == pytest.approx(0.01, rel=0.1)


SHORTCUT = (
    "{params: {filters: {}, stride: 1}, layers: [add: [{name: down, when: stride != 1 or channels != filters, layers: ["
    "{avg_pool: {name: '0', kernel: 3}, when: stride == 3}, conv: {name: '1', filters: filters, kernel: 1}]}, "
    "[conv: {name: conv, filters: filters, kernel: 3, stride: stride, padding: 1}]]]}"
)


@BACKENDS
def test_a_part_counts_where_it_is_not_there(backend: str) -> None:
    pytest.importorskip(backend)
    graph = graph_of(SHORTCUT, "[part: {filters: 4}, part: {filters: 4}, part: {filters: 8, stride: 3}]")
    source = str(archspec.generate(graph, backend))
    assert len(definitions(source, backend)) == 1
    if backend == "torch":
        assert "nn.AvgPool2d(kernel_size=3) if stride == 3 else nn.Identity()" in source
        model: Any = archspec.build(graph, backend)
        assert {"part.down.1.weight", "part_3.down.1.weight"} < model.state_dict().keys()
    else:
        archspec.build(graph, backend)


@BACKENDS
def test_an_activation_is_one_for_images_and_for_features(backend: str) -> None:
    block = "{params: {word: relu}, layers: [word, dropout: {rate: 0.1}]}"
    graph = graph_of(block, "[part, flatten, part]")
    assert len(definitions(str(archspec.generate(graph, backend)), backend)) == 2  # dropout is another layer
    graph = graph_of("{layers: [relu]}", "[part, flatten, part]")
    assert len(definitions(str(archspec.generate(graph, backend)), backend)) == 1


@BACKENDS
def test_an_argument_is_given_one_way_by_all_calls(backend: str) -> None:
    block = "{params: {filters: {}, size: {}}, layers: [conv: {filters: filters, kernel: size, padding: size // 2}]}}"
    outer = "whole: {params: {size: {}}, layers: [part: {filters: 4, size: size}, part: {filters: 8, size: size + 2}]"
    graph = graph_of(f"{block[:-1]}, {outer}}}", "[whole: {size: 3}, whole: {size: 1}]")
    source = str(archspec.generate(graph, backend))
    assert "size=size," in source or "size=size)" in source
    assert "size=size + 2" in source


def test_a_helper_that_the_source_has_not_leaves_its_name_to_a_block() -> None:
    text = """
archspec: 1
name: net
input: {channels: 4, height: 8, width: 8}
blocks:
  layer_scale: {layers: [conv: {filters: 4, kernel: 1}, relu]}
layers: [layer_scale, layer_scale, slice_channels: {start: 1}]
"""
    source = str(archspec.generate(archspec.compile(load_text(text)), "torch"))
    assert "class LayerScale(nn.Module)" in source
    assert "LayerScale2" not in source


def test_the_second_class_of_a_name_with_a_digit_has_a_letter() -> None:
    pytest.importorskip("torch")
    from archspec_torch.names import unused

    taken: set[str] = set()
    assert [unused("L1", taken), unused("L1", taken), unused("Part", taken), unused("Part", taken)] == [
        "L1",
        "L1B",
        "Part",
        "Part2",
    ]
