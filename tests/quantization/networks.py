"""What the tests of int8 share: a small network, its weights, and examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import archspec
from archspec.ir.graph import LayerGraph
from archspec.parity import random_weights
from archspec.quantization.examples import Examples
from archspec.quantization.measurement import QuantizedModel, quantize
from archspec.spec import load_text
from archspec.weights import write

SPEC = """
archspec: 1
name: small
input: {channels: 3, height: 16, width: 16}
layers:
  - conv: {name: stem, filters: 8, kernel: 3, padding: 1, bias: false}
  - batch_norm
  - relu
  - max_pool: {kernel: 2}
  - name: unit
    layers:
      - conv: {name: one, filters: 8, kernel: 3, padding: 1, groups: 2}
      - relu
      - conv: {name: two, filters: 8, kernel: 1}
  - global_avg_pool
  - flatten
  - dense: {name: fc, units: 5}
"""


def network(text: str = SPEC) -> LayerGraph:
    return archspec.compile(load_text(text), form="inference")


def examples(graph: LayerGraph, tmp_path: Path, count: int = 20) -> Examples:
    sizes = graph.input_nodes[0].type.sizes
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(count, *sizes)).astype(np.float32))
    return Examples.of(tmp_path / "x.npy", graph)


def weights_of(graph: LayerGraph) -> Any:
    return graph.weights_of_form(random_weights(graph.training_form)) if graph.training_form else random_weights(graph)


def made(graph: LayerGraph, tmp_path: Path, **options: Any) -> QuantizedModel:
    return quantize(graph, examples(graph, tmp_path), weights=weights_of(graph), **options)


def file_of_weights(tmp_path: Path) -> tuple[Path, Path]:
    spec, weights = tmp_path / "small.yaml", tmp_path / "w.safetensors"
    spec.write_text(SPEC)
    graph = archspec.compile(spec)
    write(weights, random_weights(graph), graph)
    return spec, weights


def pictures(folder: Path, count: int = 6, mode: str = "RGB", size: tuple[int, int] = (20, 24)) -> Path:
    from PIL import Image

    draw = np.random.default_rng(0)
    for index in range(count):
        place = folder / f"class{index % 2}"
        place.mkdir(parents=True, exist_ok=True)
        shape = (*size[::-1], 3) if mode == "RGB" else size[::-1]
        Image.fromarray(draw.integers(0, 256, shape, dtype=np.uint8), mode).save(place / f"{index}.png")
    return folder
