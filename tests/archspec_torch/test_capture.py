"""What PyTorch's own tools make of generated source: torch.fx, TorchScript, torch.export with open sizes."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

import archspec
from archspec.ir.graph import LayerGraph
from archspec.spec.loading import load_text
from tests.conformance.cases import CASES
from tests.conformance.graphs import graph_of
from tests.needed import lazily, needs

torch: Any = lazily("torch")
pytestmark = needs("torch")

SPECS: Final = Path(__file__).parents[2] / "specs"
NETWORKS: Final = sorted((*SPECS.glob("*.yaml"), *SPECS.glob("examples/*.yaml")))

SMALL: Final = {
    "same": """
input: {channels: 3, height: 17, width: 16}
layers:
  - conv: {filters: 8, kernel: 3, stride: 2, padding: same}
  - max_pool: {kernel: 3, stride: 2, padding: same}
  - conv: {filters: 8, kernel: 2, stride: 3, padding: same, dilation: 1}
  - avg_pool: {kernel: 2, stride: 1, padding: same, count_padding: false}
""",
    "uneven": """
input: {channels: 3, height: 16, width: 16}
layers:
  - conv: {filters: 8, kernel: 3, padding: [0, 1, 2, 0]}
  - max_pool: {kernel: 3, stride: 2, padding: [0, 1, 0, 1]}
  - conv_transpose: {filters: 4, kernel: 3, stride: 2, padding: [0, 1, 0, 1]}
  - avg_pool: {kernel: 3, stride: 2, padding: [0, 1, 0, 1]}
""",
    "norms": """
input: {channels: 8, height: 8, width: 8}
layers:
  - layer_norm
  - batch_norm: {variance: biased}
  - drop_path: {rate: 0.2}
  - to_tokens
  - attention: {heads: 2}
  - prelu
  - class_token
  - position_embedding
  - select_token: {index: 0}
""",
    "windows": """
input: {channels: 8, height: 13, width: 16}
layers:
  - pad_to_multiple: {multiple: 4}
  - roll: {shift: [1, -2]}
  - window_attention: {heads: 2, window: 4, shift: 2}
  - window_attention: {heads: 2, window: [3, 5], scores: cosine, bias_init: fan_in_uniform}
  - window_attention: {heads: 4, window: 4, grid: true, names: maxvit}
  - rearrange: {pattern: "c (h a) (w b) -> (b a c) h w", sizes: [-1, 2, -1, 2]}
""",
    "conditions": """
input: {channels: 8, height: 8, width: 8}
blocks:
  unit:
    params: {filters: {}, deep: false, wide: false}
    layers:
      - add:
        - - conv: {name: "0", filters: filters, kernel: 1}
          - {layers: [conv: {name: more, filters: filters, kernel: 1}, {relu: {}, when: wide}, sigmoid: {}], when: deep}
        - [{layers: [conv: {name: b-1, filters: filters, kernel: 1}, batch_norm], when: channels != filters}]
      - {add: [{from: input}, []], when: channels == filters and not deep and filters == 8}
layers:
  - unit: {filters: 8}
  - unit: {filters: 8, deep: true}
  - unit: {filters: 16, deep: true, wide: true}
  - unit: {filters: 16, wide: true}
""",
    "lists under conditions": """
input: {channels: 8, height: 6, width: 6}
blocks:
  unit:
    params: {go: {}, more: false}
    layers:
      - when: go
        layers:
          - repeat: {name: mid, times: 3, collect: found, layers: [{conv: {filters: 8, kernel: 3, padding: 1}}, relu]}
          - concat: [{from: input}, {from: found}]
          - conv: {filters: 8, kernel: 1}
          - when: more
            layers:
              - repeat: {name: two, times: 2, collect: ends, layers: [{conv: {filters: 8, kernel: 1}}]}
              - add: [{from: ends}]
        else:
          - split: {parts: 2, outputs: parts}
          - concat: [{from: "parts[1]"}, {from: "parts[0]"}]
          - conv: {name: last.0, filters: 8, kernel: 1}
      - batch_norm: {name: last.1}
layers:
  - unit: {go: true, name: units.0}
  - unit: {go: false, name: units.1}
  - unit: {go: true, more: true, name: units.2}
""",
    "several tensors under conditions": """
input: {channels: 8, height: 6, width: 6}
blocks:
  pair:
    outputs: [left, right]
    layers:
      - conv: {filters: 8, kernel: 3, padding: 1}
      - tap: left
      - conv: {filters: 8, kernel: 1}
      - tap: right
  unit:
    params: {go: {}}
    layers:
      - when: go
        layers:
          - pair: {name: plain}
          - add: [{from: plain.left}, {from: plain.right}]
          - pair: {name: dotted.0}
          - multiply: [{from: dotted.0.left}, {from: dotted.0.right}]
        else: relu
      - when: not go
        layers:
          - name: stage
            layers:
              - conv: {filters: 8, kernel: 1}
              - tap: kept
              - conv: {filters: 8, kernel: 1}
          - add: [[], {from: kept}]
layers:
  - unit: {go: true, name: first}
  - unit: {go: false, name: second}
""",
}


def spec_of(text: str) -> LayerGraph:
    return archspec.compile(load_text(f"archspec: 1\nname: small\n{text}"))


def inputs_of(graph: LayerGraph, batch: int, grown: int = 0) -> tuple[Any, ...]:
    """A batch for each input; the sizes of images larger by so many elements."""
    found = []
    for node in graph.input_nodes:
        size = [*node.type.sizes]
        if len(size) > 2 and not node.type.is_ids:
            size = [size[0], *(number + grown for number in size[1:])]
        ids = node.type.vocabulary
        found.append(torch.randint(ids, (batch, *size)) if node.type.is_ids else torch.randn(batch, *size))
    return tuple(found)


def close(found: Any, wanted: Any) -> None:
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for name, tensor in wanted.items():
            torch.testing.assert_close(found[name], tensor)
    else:
        torch.testing.assert_close(found, wanted)


def exported(model: Any, inputs: tuple[Any, ...], *, sizes: bool) -> Any:
    auto, batch = torch.export.Dim.AUTO, torch.export.Dim.DYNAMIC
    open_axes = tuple(
        {0: batch, **(dict.fromkeys(range(2, tensor.ndim), auto) if sizes and tensor.ndim > 2 else {})}
        for tensor in inputs
    )
    with torch.no_grad():
        return torch.export.export(model, inputs, dynamic_shapes=open_axes).module()


def captured(graph: LayerGraph, capture: Callable[[Any], Any]) -> None:
    model: Any = archspec.build(graph, "torch").eval()
    with torch.no_grad():
        inputs = inputs_of(graph, 2)
        close(capture(model)(*inputs), model(*inputs))


@pytest.mark.parametrize("text", SMALL.values(), ids=SMALL.keys())
def test_small_networks_are_traced_scripted_and_exported(text: str) -> None:
    graph = spec_of(text)
    captured(graph, lambda model: torch.fx.symbolic_trace(model))
    captured(graph, lambda model: torch.jit.script(model))
    captured(graph, lambda model: exported(model, inputs_of(graph, 3), sizes=False))


@pytest.mark.slow
@pytest.mark.parametrize("op", CASES)
def test_every_case_of_an_op_is_traced_and_scripted(op: str) -> None:
    for case in CASES[op]:
        graph = graph_of(case, (8, 7))
        captured(graph, lambda model: torch.fx.symbolic_trace(model))
        captured(graph, lambda model: torch.jit.script(model))


@pytest.mark.parametrize("what", ["same", "uneven", "windows", "conditions"])
def test_small_networks_are_exported_with_open_sizes(what: str) -> None:
    graph = spec_of(SMALL[what])
    model: Any = archspec.build(graph, "torch").eval()
    program = exported(model, inputs_of(graph, 3, 40), sizes=True)
    with torch.no_grad():
        for grown in (7, 32, random.Random(what).randrange(8, 64)):
            inputs = inputs_of(graph, 2, grown)
            close(program(*inputs), model(*inputs))


def test_nothing_is_dropped_in_part() -> None:
    """Stochastic depth drops whole examples, and in inference none."""
    graph = spec_of("input: {channels: 4, height: 3, width: 3}\nlayers: [drop_path: {rate: 0.5}]")
    model: Any = archspec.build(graph, "torch")
    x = torch.ones(64, 4, 3, 3)
    kept = model(x).flatten(1)
    assert {0.0, 2.0} == {*kept.flatten().tolist()}
    assert bool((kept == kept[:, :1]).all())
    assert bool((model.eval()(x) == x).all())


@pytest.mark.slow
@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_a_network_is_traced_and_scripted(path: Path) -> None:
    graph = archspec.compile(path)
    captured(graph, lambda model: torch.fx.symbolic_trace(model))
    captured(graph, lambda model: torch.jit.script(model))


@pytest.mark.nightly
@pytest.mark.parametrize("path", NETWORKS, ids=lambda path: path.stem)
def test_a_network_is_exported(path: Path) -> None:
    """With an open batch, and with open sizes where the model takes others.

    The sizes that it is exported with are still larger: where one window covers an image, nothing is shifted, and
    `torch.export` keeps to that side of it.
    """
    graph = archspec.compile(path)
    model: Any = archspec.build(graph, "torch").eval()
    larger = inputs_of(graph, 2, 32)
    with torch.no_grad():
        inputs = inputs_of(graph, 3)
        close(exported(model, inputs_of(graph, 2), sizes=False)(*inputs), model(*inputs))
        try:
            wanted = model(*larger)
        except (RuntimeError, ValueError):  # the network fixes its sizes
            return
        if any(tensor.ndim > 3 for tensor in larger):
            close(exported(model, inputs_of(graph, 3, 64), sizes=True)(*larger), wanted)
