"""Every kind of name that a spec gives, with every word that Python, a framework or a generated module has a use for.

What `validate` accepts must be built by each backend: the same weights under their paths, the same numbers. What it
does not accept is E0404 with a way out. The words are collected here and now from Python, PyTorch, Keras and the
sources that are generated, so that a new version of one of them, or a new helper, is tried too.
"""

from __future__ import annotations

import ast
import builtins
import keyword
from functools import cache
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import BuildsModels, RunsModels
from archspec.codegen.registry import backend
from archspec.parity import random_inputs
from archspec.spec import load_text
from tests.needed import lazily, needs

torch: Any = lazily("torch")
keras: Any = lazily("keras")
pytestmark = needs("torch", "keras")

SPEC = """
archspec: 1
name: {network}
class: {class}
params: {{{param}: 4}}
inputs:
  {input}: {{channels: 3, height: 8, width: 8}}
  second: {{channels: 3, height: 8, width: 8}}
outputs: [{tap}, last]
blocks:
  {block}:
    params: {{{block_param}: {{}}, stride: 1}}
    inputs: [{block_input}]
    outputs: [{block_output}]
    layers:
      - conv: {{name: {block_layer}, filters: {block_param}, kernel: 3, padding: same, stride: stride}}
      - tap: {block_tap}
      - repeat: {{name: times, times: 4, layers: [conv: {{filters: channels + 1, kernel: 1}}]}}
      - tap: {block_output}
      - {{when: channels != {block_param}, layers: [{{conv: {{filters: {block_param}, kernel: 1}}}}]}}
      - add: [[], {{from: {block_tap}}}]
      - concat: [[], {{from: {block_input}}}]
  plain:
    params: {{width: 4}}
    layers:
      - {{when: channels != width, layers: [{{conv: {{filters: width, kernel: 1}}}}], else: [relu, tanh]}}
layers:
  - add: [[], {{from: second}}]
  - conv: {{name: {layer}, filters: 4, kernel: 3, padding: 1, dilation: 1}}
  - tap: {tap}
  - {block}: {{name: {call}, {block_param}: 4, {block_input}: {tap}}}
  - {block}: {{name: again, {block_param}: 6, {block_input}: {tap}}}
  - {{name: {sequence}, layers: [{{conv: {{name: {part}, filters: 4, kernel: 3}}}}, relu]}}
  - {{max_pool: {{kernel: 3, stride: 2, padding: 1}}}}
  - repeat: {{name: {repeat}, times: 4, layers: [plain, {{repeat: {{times: 4, layers: [relu]}}}}]}}
  - plain: {{width: 5}}
  - global_avg_pool
  - flatten
  - dense: {{units: {param}}}
  - tap: last
"""
NEUTRAL = {
    "network": "probed_net",
    "class": "ProbedNet",
    "param": "probed_param",
    "input": "probed_entry",
    "tap": "probed_tap",
    "block": "probed_unit",
    "block_param": "probed_size",
    "block_input": "probed_side",
    "block_tap": "probed_kept",
    "block_output": "probed_given",
    "block_layer": "probed_inner",
    "layer": "probed_layer",
    "call": "probed_call",
    "sequence": "probed_row",
    "part": "probed_part",
    "repeat": "probed_rounds",
}
OTHERS = ("E0103", "E0202", "E0205", "E0302", "E0401", "E0405", "E0407", "E0408", "E0409")
"""Two things of one name, and words with a meaning of their own where they stand."""
ODD = (
    *(
        "_",
        "__",
        "_1",
        "_1x",
        "__init__",
        "__class__",
        "_x",
        "__x",
        "x_",
        "x__",
        "_modules",
        "a1",
        "1x",
        "X",
        "i_",
        "in_",
    ),
    *("ﬁeld", "ªb", "µ", "ñ", "名前", "e\u0301", "K", "x²", "a-b", "a.b", "a b", ""),
)


@cache
def named(kind: str = "", name: str = "") -> archspec.LayerGraph:
    """The network with a name of one kind, and everything else called so that nothing can be wrong with it."""
    shown = f'"{name}"' if name in ("", "null", "true", "false", "yes", "no", "on", "off") else name
    return archspec.compile(load_text(SPEC.format(**{**NEUTRAL, **({kind: shown} if kind else {})})))


@cache
def said_by(name: str) -> frozenset[str]:
    """Every name that stands in a backend's generated module: what it imports, defines, calls and stores."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(backend(name).render(named()))):
        match node:
            case ast.Name(id=text) | ast.arg(arg=text) | ast.Attribute(attr=text) | ast.alias(name=text):
                found.add(text)
            case ast.FunctionDef(name=text) | ast.ClassDef(name=text):
                found.add(text)
            case ast.keyword(arg=str(text)):
                found.add(text)
            case _:
                pass
    return frozenset(text for text in found if "probed" not in text and "." not in text and "Probed" not in text)


def words() -> frozenset[str]:
    """Everything that may be taken."""
    from archspec_keras.names import RESERVED as IN_KERAS
    from archspec_torch.names import RESERVED as IN_TORCH

    modules = (torch.nn.Module(), torch.nn.Sequential(), torch.nn.ModuleList())
    found = {
        *keyword.kwlist,
        *keyword.softkwlist,
        *dir(builtins),
        *IN_KERAS,
        *IN_TORCH,
        *ODD,
        *said_by("torch"),
        *said_by("keras"),
    }
    for module in modules:
        found |= {*dir(module), *vars(module)}
    return frozenset(found)


def accepted(kind: str, name: str) -> bool:
    """Whether a spec may say so; a refusal must be one of the name."""
    try:
        named(kind, name)
    except archspec.SpecError as error:
        found = error.diagnostics
    else:
        return True
    assert found[0].code in {"E0404", *OTHERS}, found
    if found[0].code == "E0404":
        assert found[0].help or "meaning of its own" in found[0].message, found[0]
        assert found[0].span is not None
    return False


@cache
def expected() -> tuple[dict[str, Any], list[Any], list[Any]]:
    """Inputs, weights and outputs of the network with neutral names."""
    graph = named()
    weights, inputs = archspec.init_weights(graph, seed=1), random_inputs(graph, batch=2)
    model = archspec.build(graph, "torch", weights=weights, dtype="float64")
    outputs = backend("torch", RunsModels).run(model, graph, inputs, training=False).outputs
    return dict(inputs), [*weights.values()], [*outputs.values()]


def check(graph: archspec.LayerGraph, name: str) -> Any:
    """Build a network on a backend, and hold its numbers against those that it has under neutral names."""
    inputs, weights, outputs = expected()
    given = dict(zip(graph.all_weights, weights, strict=True))
    target = backend(name, RunsModels)
    model = target.build(target.render(graph), graph, weights=given, dtype="float64")
    batches = dict(zip(graph.inputs, inputs.values(), strict=True))
    found = target.run(model, graph, batches, training=False).outputs
    assert list(found) == list(graph.outputs)
    for one, other in zip(found.values(), outputs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    return model


def numbers(text: str) -> archspec.LayerGraph:
    """Build a spec on both backends, checked against its graph, and see that they compute the same."""
    graph = archspec.compile(load_text(text))
    weights, inputs = archspec.init_weights(graph), random_inputs(graph, batch=1)
    found = []
    for name in ("torch", "keras"):
        target = backend(name, RunsModels)
        source = target.render(graph)
        target.verify(source, graph)
        model = target.build(source, graph, weights=weights, dtype="float64")
        found.append(target.run(model, graph, inputs, training=False).outputs)
        if name == "torch":
            assert model.state_dict().keys() - {"num_batches_tracked"} == graph.all_weights.keys()
    for one, other in zip(*(outputs.values() for outputs in found), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)
    return graph


TORCH_KINDS = tuple(NEUTRAL)
KERAS_KINDS = tuple(
    kind for kind in NEUTRAL if kind not in ("class", "layer", "sequence", "part", "repeat", "block_layer")
)
"""The others stand in strings alone; `test_all_words_at_once` tries them."""


@pytest.mark.parametrize("kind", TORCH_KINDS)
def test_torch_with_what_its_modules_say(kind: str) -> None:
    _each(kind, "torch")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KERAS_KINDS)
def test_keras_with_what_its_modules_say(kind: str) -> None:
    _each(kind, "keras")


def _each(kind: str, name: str) -> None:
    """Each of these words as the name of this kind: the paths are those of neutral names, and so are the numbers."""
    for word in sorted(said_by(name)):
        if not accepted(kind, word):
            continue
        graph = named(kind, word)
        paths = [path.replace(NEUTRAL[kind], word) for path in named().nodes if NEUTRAL[kind] in path]
        assert graph.nodes.keys() >= {*paths}, word
        try:
            model = check(graph, name)
        except Exception as error:
            raise AssertionError(f"{kind} {word!r}") from error
        if name == "torch":
            assert model.state_dict().keys() == graph.all_weights.keys(), word


HEAD = "archspec: 1\nname: {name}\ninput: {{channels: 2, height: 4, width: 4}}\n"
CONV = "{filters: 2, kernel: 1}"


@pytest.mark.slow
def test_all_words_at_once_as_layers() -> None:
    free = [word for word in sorted(words() - {"input"}) if accepted("layer", word) and accepted("part", word)]
    free = [*{word.lstrip("_"): word for word in free}.values()]  # `_1x` beside `1x` is refused: one name in Keras
    assert len(free) > 150
    rows = "".join(f"  - conv: {{name: {word}, filters: 2, kernel: 1}}\n" for word in free)
    inner = "".join(f"      - conv: {{name: {word}, filters: 2, kernel: 1}}\n" for word in free[::4])
    graph = numbers(f"{HEAD.format(name='net')}layers:\n{rows}  - name: inside\n    layers:\n{inner}")
    assert {*free} <= graph.nodes.keys()


@pytest.mark.slow
def test_all_words_at_once_as_blocks() -> None:
    free = [word for word in sorted(words()) if accepted("block", word)]
    blocks = "".join(f"  {word}: {{layers: [conv: {CONV}, relu: {{name: a_{i}}}]}}\n" for i, word in enumerate(free))
    calls = "".join(f"  - {word}: {{name: call_{i}}}\n" for i, word in enumerate(free))
    numbers(f"{HEAD.format(name='net')}blocks:\n{blocks}layers:\n{calls}")


@pytest.mark.slow
def test_all_words_at_once_as_taps_and_outputs() -> None:
    free = [word for word in sorted(words()) if accepted("tap", word)]
    rows = "".join(f"  - tanh\n  - tap: {word}\n" for word in free)
    graph = numbers(f"{HEAD.format(name='net')}outputs: [{', '.join(free)}]\nlayers:\n{rows}")
    assert [*graph.outputs] == free


@pytest.mark.slow
def test_all_words_at_once_as_params() -> None:
    free = [word for word in sorted(words()) if accepted("param", word) and accepted("block_param", word)]
    params = ", ".join(f"{word}: 2" for word in free)
    own = ", ".join(f"{word}: {{}}" for word in free)
    given = ", ".join(f"{word}: {word}" for word in free)
    rows = "".join(f"  - conv: {{filters: {word}, kernel: 1}}\n" for word in free)
    inner = "".join(f"      - conv: {{filters: {word} + 1, kernel: 1}}\n" for word in free)
    numbers(
        f"{HEAD.format(name='net')}params: {{{params}}}\nblocks:\n  unit:\n    params: {{{own}}}\n    layers:\n{inner}"
        f"layers:\n{rows}  - unit: {{name: one, {given}}}\n"
        f"  - unit: {{name: two, {', '.join(f'{word}: 3' for word in free)}}}\n"
    )


@pytest.mark.slow
def test_all_words_at_once_as_inputs() -> None:
    free = [word for word in sorted(words()) if accepted("input", word) and accepted("block_input", word)][:250]
    inputs = "".join(f"  {word}: {{channels: 2, height: 4, width: 4}}\n" for word in free)
    branches = ", ".join(f"{{from: {word}}}" for word in free[1:])
    given = ", ".join(f"{word}: {word}" for word in free)
    inner = ", ".join(f"{{from: {word}}}" for word in free)
    graph = numbers(
        f"archspec: 1\nname: net\ninputs:\n{inputs}blocks:\n  unit:\n    inputs: [{', '.join(free)}]\n"
        f"    layers: [add: [[], {inner}]]\nlayers:\n  - add: [[], {branches}]\n  - unit: {{name: the_call, {given}}}\n"
    )
    assert [*graph.inputs] == free


@pytest.mark.slow
def test_every_word_as_the_name_of_a_network() -> None:
    for word in sorted(words()):
        for kind, line in (("network", ""), ("class", f"class: {word}\n")):
            if accepted(kind, word):
                head = HEAD.format(name=word if kind == "network" else "net") + line
                graph = archspec.compile(load_text(f"{head}layers: [conv: {CONV}]\n"))
                for name in ("torch", "keras") if kind == "network" else ("torch",):
                    backend(name, BuildsModels).verify(backend(name).render(graph), graph)


def test_names_that_are_one_in_another_spelling() -> None:
    """`a_b` and `aB` are one class name, `Relu` and `relu` differ in case, `a_b_2` is what a second one is called."""
    names = ["a_b", "aB", "a__b", "AB", "ab", "a_b2", "ab2", "a_b_2", "relu_", "Relu", "in_channels", "in_channels_"]
    blocks = "".join(
        f"  {name}: {{params: {{w: 2}}, layers: [conv: {{filters: w, kernel: 1}}, tanh]}}\n" for name in names
    )
    calls = "".join(f"  - {name}: {{name: c{i}, w: {i % 3 + 1}}}\n" for i, name in enumerate(names))
    numbers(f"{HEAD.format(name='a_b')}blocks:\n{blocks}layers:\n{calls}")
    params = ("in_channels", "in_channels_", "channels_", "x", "x_", "name", "name_")
    rows = "".join(f"  - conv: {{filters: {param}, kernel: 1}}\n" for param in params)
    given = ", ".join(f"{param}: {index}" for index, param in enumerate(params, start=1))
    numbers(f"{HEAD.format(name='net')}params: {{{given}}}\nlayers:\n{rows}")


def test_no_layer_can_have_a_name_that_a_module_has() -> None:
    modules = (torch.nn.Module(), torch.nn.Sequential(), torch.nn.ModuleList())
    taken = {name for module in modules for name in (*dir(module), *vars(module))} | {"parameter_groups"}
    for kind in ("layer", "call", "sequence", "part", "repeat", "block_layer"):
        assert not [name for name in sorted(taken) if accepted(kind, name)], kind
    with pytest.raises(archspec.SpecError, match="E0404"):
        archspec.compile(
            load_text(f"{HEAD.format(name='net')}blocks: {{half: {{layers: [conv: {CONV}]}}}}\nlayers: [half]\n")
        )


def test_a_padding_layer_gets_out_of_the_way_of_a_layer_of_its_name() -> None:
    pool = "max_pool: {name: p, kernel: 3, stride: 2, padding: 1}"
    up = "conv_transpose: {name: c, filters: 2, kernel: 3, stride: 2, padding: same}"
    numbers(
        f"{HEAD.format(name='net')}layers:\n  - {pool}\n  - relu: {{name: p_pad}}\n"
        f"  - {up}\n  - tanh: {{name: c_crop}}\n"
    )
