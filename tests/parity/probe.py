"""A small network with what frameworks treat differently, and comparisons of edited sources of it."""

from __future__ import annotations

import atexit
from functools import lru_cache

import archspec
from archspec.parity import Participant, ProcessPool, Report, compare
from archspec.spec import load_text

TORCH, KERAS = Participant("torch"), Participant("keras", "tensorflow")

NETWORK = """
archspec: 1
name: probe
input: {channels: 3, height: 17, width: 16}
defaults:
  conv: {weight_decay: 1e-2}
  batch_norm: {eps: 1e-3, decay: 0.8}
blocks:
  residual:
    unit: [depth, stride]
    layers:
      - add:
          - layers:
              - conv: {name: conv1, filters: depth, kernel: 3, stride: stride, padding: 1, bias: false}
              - batch_norm: {name: bn1}
              - relu
              - conv: {name: conv2, filters: depth, kernel: 3, padding: 1, bias: false}
              - batch_norm: {name: bn2}
          - name: downsample
            when: stride != 1 or channels != depth
            layers:
              - conv: {filters: depth, kernel: 1, stride: stride, bias: false}
      - relu
stem:
  - conv: {name: conv1, filters: 8, kernel: 3, stride: 2, padding: 1}
  - batch_norm: {name: bn1}
  - max_pool: {name: pool, kernel: 3, padding: 1, stride: 1}
  - conv: {name: conv2, filters: 12, kernel: 3, stride: 2, padding: same}
  - relu
stages:
  - {name: layer1, block: residual, units: "[(12, 1), (12, 2)]"}
head:
  - conv: {name: conv3, filters: 12, kernel: 3, padding: 1}
  - gelu
  - avg_pool: {kernel: 2, stride: 1, padding: 1}
  - conv: {name: conv4, filters: 12, kernel: 1}
  - conv: {name: conv5, filters: 12, kernel: 1}
  - flatten
  - dense: {name: fc, units: 5}
"""
GROUPED = NETWORK.replace("padding: 1}\n  - gelu", "padding: 1, groups: 3}\n  - gelu")
"""The same with a grouped convolution, which Keras on TensorFlow compiles at each call, longer than all else takes."""


@lru_cache
def graph(network: str = NETWORK) -> archspec.LayerGraph:
    return archspec.compile(load_text(network, "probe.yaml"))


@lru_cache
def pool() -> ProcessPool:
    """Frameworks take seconds to import; the processes end with this one."""
    made = ProcessPool()
    atexit.register(made.end)
    return made


@lru_cache
def source(backend: str, network: str = NETWORK) -> str:
    text = archspec.generate(graph(network), backend)
    assert isinstance(text, str)
    return text


def edited(backend: str, *edits: tuple[str, str], network: str = NETWORK) -> str:
    """The generated source with edits, each of which must change something: (old, new), the first of each old."""
    text = source(backend, network)
    for old, new in edits:
        assert old in text, f"{old!r} is not in the source:\n{text}"
        text = text.replace(old, new, 1)
    return text


def compared(
    torch_source: str | None = None, keras_source: str | None = None, network: str = NETWORK, **options: object
) -> Report:
    """PyTorch against Keras on TensorFlow, at the spec's own size, in processes that serve all tests."""
    pair = (Participant("torch", source=torch_source), Participant("keras", "tensorflow", keras_source))
    return compared_pair(pair, network, **options)


def compared_pair(pair: tuple[Participant, Participant], network: str = NETWORK, **options: object) -> Report:
    """Any two, in the same way."""
    given = {"dtypes": ("float64",), "sizes": [(17, 16)], "batch": 4, "steps": 3, **options}
    return compare(graph(network), pair, pool=pool(), **given)  # type: ignore[arg-type]
