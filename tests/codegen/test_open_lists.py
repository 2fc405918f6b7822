"""Lists of tensors as long as a repeat's count, which stays an argument: others give the networks that they say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.execute import execute
from archspec.codegen.simplify import fixed_params
from archspec.parity import random_inputs
from archspec.spec import load_text
from tests.needed import needs

HEAD = "archspec: 1\nname: lists\ninput: {channels: 4, height: 12, width: 12}\n"
BACKENDS = pytest.mark.parametrize("backend", ["torch", "keras"])

ONE_SHOT = """
params: {convs: 5, mid: [3, 4], depths: [1, 2]}
blocks:
  one_shot:
    params: {mid: {}, filters: {}, convs: 5, residual: false, last: false}
    layers:
      - add:
          - - repeat:
                name: convs
                times: convs
                collect: outputs
                layers: [conv: {filters: mid, kernel: 3, padding: 1}]
            - concat: [{from: input}, {from: outputs}]
            - conv: {name: joined, filters: filters, kernel: 1}
            - {batch_norm: {name: norm}, when: last}
          - {from: input, when: residual, else: omit}
layers:
  - repeat:
      name: stages
      times: 2
      index: stage
      layers:
        - repeat:
            name: blocks
            times: depths[stage]
            layers:
              - one_shot:
                  {mid: "mid[stage]", filters: 6, convs: convs, residual: i > 0, last: "i == depths[stage] - 1"}
"""
"""VoVNet's blocks."""
CROSS_STAGE = """
params: {depths: [1, 2, 1]}
blocks:
  bottleneck:
    layers: [add: [[], [conv: {name: cv, filters: in_channels, kernel: 3, padding: 1}]]]
  cross_stage:
    params: {filters: {}, count: 1}
    layers:
      - conv: {name: cv1, filters: filters, kernel: 1}
      - split: {parts: 2, outputs: parts}
      - {from: "parts[1]"}
      - repeat: {name: m, times: count, collect: outputs, layers: [bottleneck]}
      - concat: [{from: "parts[0]"}, {from: "parts[1]"}, {from: outputs}]
      - conv: {name: cv2, filters: filters, kernel: 1}
layers:
  - cross_stage: {name: a, filters: 4, count: "depths[0]"}
  - cross_stage: {name: b, filters: 8, count: "depths[1]"}
  - cross_stage: {name: c, filters: 8, count: "depths[2]"}
"""
"""YOLO's."""
PYRAMID = """
params: {bins: [1, 2, 3, 6]}
blocks:
  pyramid:
    params: {bins: {}}
    layers:
      - {tap: features}
      - repeat:
          name: stages
          times: len(bins)
          collect: pooled
          layers:
            - from: features
            - adaptive_avg_pool: {size: "bins[i]"}
            - conv: {filters: in_channels // len(bins), kernel: 1}
            - upsample: {branches: [[], {from: features}], mode: bilinear}
      - concat: [{from: features}, {from: pooled}]
layers:
  - conv: {name: first, filters: 12, kernel: 3, padding: 1}
  - pyramid: {bins: bins}
  - conv: {name: last, filters: 3, kernel: 1}
"""
"""PSPNet's: the stages are no chain."""
ALONE = """
params: {count: 3}
layers:
  - repeat: {name: m, times: count, collect: outputs, layers: [conv: {filters: 4, kernel: 3, padding: 1}]}
  - concat: [{from: outputs}]
  - conv: {name: last, filters: 3, kernel: 1}
"""
"""Nothing else is joined: the list must not be empty."""
BESIDE = ALONE.replace("concat: [", "concat: [{from: input}, ")


@needs("torch", "keras")
@pytest.mark.parametrize(
    ("text", "other"),
    [
        (ONE_SHOT, {"convs": 3}),
        (ONE_SHOT, {"convs": 1, "depths": (2, 3)}),
        (CROSS_STAGE, {"depths": (0, 3, 1)}),
        (BESIDE, {"count": 0}),
        (PYRAMID, {"bins": (2, 4, 1, 5)}),
        (PYRAMID, {"bins": (1, 3)}),
        (PYRAMID, {"bins": (2, 3, 4, 1, 5, 6)}),
    ],
)
@BACKENDS
def test_other_counts_give_the_networks_that_they_say(text: str, other: dict[str, Any], backend: str) -> None:
    graph = archspec.compile(load_text(HEAD + text))
    assert fixed_params(graph) == {}
    module = execute(archspec.generate(graph, backend), backend, "lists")
    changed = archspec.compile(load_text(HEAD + text, overrides=other))
    wanted = archspec.build(changed, backend, seed=0)
    [batch] = random_inputs(changed, batch=2).values()
    if backend == "torch":
        import torch

        found = module.Lists(**other).eval()
        found.load_state_dict(wanted.state_dict())
        images = torch.from_numpy(batch).float()
        with torch.no_grad():
            torch.testing.assert_close(found(images), wanted.eval()(images))
            torch.testing.assert_close(torch.jit.script(found)(images), found(images))
    else:
        model = module.lists(**other)
        names = [[layer.name for layer in made.layers if layer.weights] for made in (model, wanted)]
        assert names[0] == names[1]
        model.set_weights(wanted.get_weights())
        pixels = np.moveaxis(batch, 1, -1).astype(np.float32)
        np.testing.assert_allclose(model(pixels), wanted(pixels), rtol=1e-5, atol=1e-6)


@needs("torch", "keras")
@pytest.mark.parametrize(
    ("text", "refused", "said"),
    [
        (ONE_SHOT, {"convs": 0}, "convs >= 1"),
        (ONE_SHOT, {"depths": (1, 0)}, r"min\(depths\) >= 1"),
        (PYRAMID, {"bins": ()}, r"len\(bins\) >= 1"),
        (ALONE, {"count": 0}, "count >= 1"),
    ],
)
@BACKENDS
def test_counts_that_no_layers_are_for_are_refused(text: str, refused: dict[str, Any], said: str, backend: str) -> None:
    graph = archspec.compile(load_text(HEAD + text))
    module = execute(archspec.generate(graph, backend), backend, "lists")
    make: Any = module.Lists if backend == "torch" else module.lists
    with pytest.raises(ValueError, match=said):
        make(**refused)


@needs("torch", "keras")
@BACKENDS
def test_iterations_beside_each_other_are_a_list_and_no_chain(backend: str) -> None:
    source = str(archspec.generate(archspec.compile(load_text(HEAD + PYRAMID)), backend))
    assert "pooled = [x]" in source
    assert "range(len(bins))" in source
    if backend == "torch":
        assert "nn.ModuleList(" in source
        assert "pooled.append(layer(x))" in source


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        (ALONE.replace("{from: outputs}]", "{from: outputs}, {from: 'outputs[0]'}]"), {"count"}),
        (ALONE.replace("- concat: [{from: outputs}]", "- add: [{from: outputs}]"), {"count"}),
        (ALONE.replace("filters: 4", "filters: 4 + i"), {"count"}),
    ],
    ids=["one is taken elsewhere", "no concatenation", "of other widths"],
)
def test_what_is_no_list_of_any_length_is_fixed(text: str, fixed: set[str]) -> None:
    assert set(fixed_params(archspec.compile(load_text(HEAD + text)))) == fixed


MEANT = """
params: {depths: [1, 2]}
blocks:
  plain:
    params: {filters: {}}
    layers: [conv: {name: conv, filters: filters, kernel: 3, padding: 1}]
  light:
    params: {filters: {}}
    layers:
      - conv: {name: first, filters: filters, kernel: 1}
      - conv: {name: second, filters: filters, kernel: 3, padding: 1, groups: filters}
  one_shot:
    params: {mid: {}, filters: {}, count: 3, layer: {default: plain, choices: [plain, light]}}
    layers:
      - repeat: {name: layers, times: count, collect: outputs, layers: [layer: {filters: mid}]}
      - concat: [{from: input}, {from: outputs}]
      - conv: {name: joined, filters: filters, kernel: 1}
layers:
  - one_shot: {name: a, mid: 3, filters: 6, count: "depths[0]"}
  - one_shot: {name: b, mid: 4, filters: 6, count: "depths[1]", layer: light}
"""
"""PP-HGNetV2's: what is repeated is a param's."""


@needs("torch", "keras")
def test_iterations_are_the_block_that_a_param_stands_for() -> None:
    text = HEAD + MEANT
    graph = archspec.compile(load_text(text))
    assert {"a.layers.0.conv", "b.layers.1.first"} <= graph.nodes.keys()
    assert fixed_params(graph) == {}
    for backend in ("torch", "keras"):
        archspec.build(graph, backend)
        module = execute(archspec.generate(graph, backend), backend, "lists")
        make: Any = module.Lists if backend == "torch" else module.lists
        changed = archspec.compile(load_text(text, overrides={"depths": (3, 1)}))
        made = make(depths=(3, 1))
        found = [*made.parameters()] if backend == "torch" else made.trainable_variables
        sizes = [int(np.prod(tuple(weight.shape))) for weight in found]
        assert sum(sizes) == sum(int(np.prod(weight.shape)) for weight in changed.all_weights.values())


def test_a_param_that_says_what_is_repeated_is_fixed() -> None:
    text = HEAD + MEANT.replace("layer: light}", "layer: layer}")
    text = text.replace("params: {depths", "params: {layer: {default: light, choices: [plain, light]}, depths")
    assert set(fixed_params(archspec.compile(load_text(text)))) == {"layer"}
    other = archspec.compile(load_text(text, overrides={"layer": "plain"}))
    assert "b.layers.1.conv" in other.nodes


STAGES = """
params: {depths: [2, 1, 3], widths: [4, 6, 8]}
blocks:
  unit:
    params: {filters: {}, drop: {}}
    layers:
      - conv: {name: conv, filters: filters, kernel: 3, padding: 1}
      - scale: {value: 1 + drop}
layers:
  - repeat:
      name: stages
      times: len(depths)
      index: stage
      layers:
        - {conv: {name: down, filters: "widths[stage]", kernel: 1}, when: stage > 0}
        - repeat:
            name: blocks
            times: depths[stage]
            layers: [unit: {filters: "widths[stage]", drop: "(sum(depths[:stage]) + i) / sum(depths)"}]
"""
"""ConvNeXt's and Swin's: how long the list is decides the layers, not what it holds."""


@needs("torch", "keras")
@BACKENDS
def test_of_a_list_whose_length_decides_the_layers_its_items_are_arguments(backend: str) -> None:
    graph = archspec.compile(load_text(HEAD + STAGES))
    assert fixed_params(graph) == {}
    module = execute(archspec.generate(graph, backend), backend, "lists")
    make: Any = module.Lists if backend == "torch" else module.lists
    for depths in ((1, 4, 2), (3, 1, 1)):
        changed = archspec.compile(load_text(HEAD + STAGES, overrides={"depths": depths}))
        wanted = archspec.build(changed, backend, seed=0)
        [batch] = random_inputs(changed, batch=2).values()
        if backend == "torch":
            import torch

            found = make(depths=depths)
            found.load_state_dict(wanted.state_dict())
            torch.testing.assert_close(found(torch.from_numpy(batch).float()), wanted(torch.from_numpy(batch).float()))
        else:
            found = make(depths=depths)
            found.set_weights(wanted.get_weights())
            pixels = np.moveaxis(batch, 1, -1).astype(np.float32)
            np.testing.assert_allclose(found(pixels), wanted(pixels), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"len\(depths\) == 3"):
        make(depths=(1, 2))
