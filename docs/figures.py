"""The figures, tables and blocks of `docs/ideas`, from the networks that they are about; the prose is written by hand.

A figure within a sentence stands between `<!-- figure: NAME -->` and `<!-- end -->`, a table between
`<!-- table: NAME -->` and `<!-- end of table -->`, a block's text between `<!-- block: LIBRARY NAME -->` and
`<!-- end of block -->`. What the papers measured is typed here, once, with its place there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Final

import archspec
from archspec.analysis.number_format import counted
from archspec.api import loaded
from archspec.spec import Stage, load_text

PAGES: Final = ("degradation", "bottlenecks", "versions", "preactivation")
_FIGURE: Final = re.compile(r"<!-- figure: (\w+) -->.*?<!-- end -->", re.DOTALL)
_TABLE: Final = re.compile(r"<!-- table: (\w+) -->\n.*?<!-- end of table -->\n", re.DOTALL)
_BLOCK: Final = re.compile(r"<!-- block: (\w+) (\w+) -->\n.*?<!-- end of block -->\n", re.DOTALL)
LIBRARIES: Final = Path(__file__).resolve().parents[1] / "specs" / "blocks"

CIFAR_ERRORS: Final = {
    20: ("0.27M", "8.75"),
    32: ("0.46M", "7.51"),
    44: ("0.66M", "7.17"),
    56: ("0.85M", "6.97"),
    110: ("1.7M", "6.43"),
}
"""He et al. 2015, Table 6: parameters as printed, and the test error in %, by depth."""
SHORTCUT_ERRORS: Final = {
    "identity": "6.61",
    "constant_scaling": "12.35",
    "exclusive_gating": "8.70",
    "shortcut_only_gating": "6.91",
    "convolution": "12.22",
    "dropout": "fails",
}
"""He et al. 2016, Table 1, ResNet-110, the best row of each kind: the test error in %, the median of five runs."""
ORDER_ERRORS: Final = {
    "original": ("6.61", "5.93"),
    "bn_after_addition": ("8.17", "6.50"),
    "relu_before_addition": ("7.84", "6.14"),
    "relu_only_preactivation": ("6.71", "5.91"),
    "full_preactivation": ("6.37", "5.46"),
}
"""He et al. 2016, Table 2: the test errors in % of ResNet-110 and ResNet-164, medians of five runs."""
PAPER_GFLOPS: Final = {50: "3.8", 101: "7.6", 152: "11.3"}
"""He et al. 2015, Table 1: what it calls FLOPs, multiply-adds, in 10**9."""

UNIT: Final = """
archspec: 1
name: unit
include: [blocks/residual.yaml]
input: {{channels: {channels}, height: 56, width: 56}}
defaults: {{conv: {{bias: false}}}}
layers: [{{{item}}}]
"""


def filled(page: str) -> str:
    """The page with its figures and tables as the networks have them now."""
    page = _FIGURE.sub(lambda match: f"<!-- figure: {match[1]} -->{FIGURES[match[1]]()}<!-- end -->", page)
    page = _TABLE.sub(lambda match: _between("table", match[1], TABLES[match[1]]()), page)
    return _BLOCK.sub(lambda match: _between("block", f"{match[1]} {match[2]}", _text(match[1], match[2])), page)


def _between(kind: str, what: str, lines: Iterable[str]) -> str:
    return "\n".join([f"<!-- {kind}: {what} -->", "", *lines, "", f"<!-- end of {kind} -->", ""])


def _text(library: str, block: str) -> Iterator[str]:
    """A block as its library has it."""
    text = (LIBRARIES / f"{library}.yaml").read_text(encoding="utf-8")
    [body] = re.findall(rf"^  {block}:\n(?:    .*\n)+", text, re.MULTILINE)
    yield from ("```yaml", dedent(body).rstrip("\n"), "```")


@cache
def network(name: str, **params: object) -> archspec.LayerGraph:
    """A network that ships, with these params."""
    return archspec.compile(loaded(name, params))


@cache
def unit(item: str, channels: int) -> archspec.LayerGraph:
    """One unit alone, on images of 56x56 with that many channels."""
    return archspec.compile(load_text(UNIT.format(channels=channels, item=item)))


def _weights(graph: archspec.LayerGraph) -> int:
    """Weights of convolutions and dense layers, as papers count them: no biases, no batch norms."""
    nodes = (node for node in graph.nodes.values() if node.op.weighted)
    return sum(weight.size for node in nodes for weight in graph.weights(node) if weight.name == "weight")


BASIC_256: Final = ("basic_block: {depth: 256}", 256)
BOTTLENECK_256: Final = ("bottleneck: {depth: 256, bottleneck: 64}", 256)
BASIC_64: Final = ("basic_block: {depth: 64}", 64)
PROJECTION_256: Final = ("conv: {filters: 256, kernel: 1}", 256)


def _projections(depth: int) -> int:
    """How many parameters option B has more than option A."""
    return (
        network("cifar_resnet", depth=depth, shortcut="B").parameters - network("cifar_resnet", depth=depth).parameters
    )


FIGURES: Final[Mapping[str, Callable[[], str]]] = {
    "basic_256": lambda: f"{_weights(unit(*BASIC_256)):,}",
    "bottleneck_256": lambda: f"{_weights(unit(*BOTTLENECK_256)):,}",
    "basic_64": lambda: f"{_weights(unit(*BASIC_64)):,}",
    "projection_256": lambda: f"{_weights(unit(*PROJECTION_256)):,}",
    "ratio_256": lambda: f"{_weights(unit(*BASIC_256)) / _weights(unit(*BOTTLENECK_256)):.1f}",
    "projections_20": lambda: f"{_projections(20):,}",
    "parameters_20": lambda: f"{network('cifar_resnet', depth=20).parameters:,}",
    "resnet34_macs": lambda: counted(network("resnet34").macs),
    "resnet50_macs": lambda: counted(network("resnet50").macs),
    "v1_macs": lambda: counted(network("resnet50_v1").macs),
    "slim_macs": lambda: counted(network("resnet_v2_50").macs),
    "v15_more": lambda: f"{network('resnet50').macs - network('resnet50_v1').macs:,}",
    "v15_more_percent": lambda: f"{100 * (network('resnet50').macs / network('resnet50_v1').macs - 1):.1f} %",
}


def _cifar() -> Iterator[str]:
    yield "| depth | n | parameters, A | the paper prints | parameters, B | MACs, A | test error, % |"
    yield "|---:|---:|---:|---:|---:|---:|---:|"
    for depth, (printed, error) in CIFAR_ERRORS.items():
        plain, projected = network("cifar_resnet", depth=depth), network("cifar_resnet", depth=depth, shortcut="B")
        n = archspec.load("cifar_resnet", depth=depth).depth
        assert n is not None
        costs = f"{plain.parameters:,} | {printed} | {projected.parameters:,} | {counted(plain.macs)}"
        yield f"| {depth} | {n.n(depth)} | {costs} | {error} |"


def _arithmetic() -> Iterator[str]:
    yield "| unit | layer | weights | MACs at 56x56 |"
    yield "|---|---|---:|---:|"
    for item, channels in (BASIC_256, BOTTLENECK_256):
        graph = unit(item, channels)
        for path, node in graph.nodes.items():
            if node.op.weighted:
                arriving = graph.input_types(node)
                name, width = path.rpartition(".")[2], arriving[0].channels
                layer = f"{name}: {graph.table_text(path, strides=True)}, from {width} channels"
                [weight] = graph.weights(node)
                yield f"| `{item}` | {layer} | {weight.size:,} | {counted(node.op.macs(arriving, node.types))} |"
        yield f"| `{item}` | in all | **{_weights(graph):,}** | **{counted(graph.macs)}** |"


def _by_depth() -> Iterator[str]:
    yield "| network | unit | units | parameters | MACs |"
    yield "|---|---|---:|---:|---:|"
    for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"):
        graph = network(name)
        units = {path.rsplit(".", 1)[0] for path in graph.nodes if re.fullmatch(r"layer\d\.\d+\.conv1", path)}
        [block] = {stage.block for stage in archspec.load(name).stages or () if isinstance(stage, Stage)}
        yield f"| `{name}` | `{block}` | {len(units)} | {graph.parameters:,} | {counted(graph.macs)} |"


def _versions() -> Iterator[str]:
    yield "| depth | v1, MACs | the paper prints | v1.5, MACs | v2 of TF-slim, MACs |"
    yield "|---:|---:|---:|---:|---:|"
    for depth, printed in PAPER_GFLOPS.items():
        macs = [counted(network(name).macs) for name in (f"resnet{depth}_v1", f"resnet{depth}", f"resnet_v2_{depth}")]
        yield f"| {depth} | {macs[0]} | {printed} G | {macs[1]} | {macs[2]} |"


def _where() -> Iterator[str]:
    """Each layer that carries a stride, with what it computes."""
    yield "| network | layer with stride 2 | its output |"
    yield "|---|---|---|"
    for name in ("resnet50_v1", "resnet50", "resnet_v2_50"):
        graph = network(name)
        for path, node in graph.nodes.items():
            if node.op.weighted and getattr(node.op, "stride", (1, 1)) != (1, 1) and not _is_shortcut(path):
                yield f"| `{name}` | `{path}`: {graph.table_text(path, strides=True)} | {node.type.text} |"


def _is_shortcut(path: str) -> bool:
    return any(part in ("downsample", "shortcut") for part in path.split("."))


def _sizes() -> Iterator[str]:
    yield "| stage | v1 and v1.5 | v2 of TF-slim |"
    yield "|---|---|---|"
    ours, slims = archspec.count("resnet50").stages, archspec.count("resnet_v2_50").stages
    shapes = {stage.name: stage.shape for stage in (*ours, *slims)}
    for number in (1, 2, 3, 4):
        pair = (f"`{name}`: {'x'.join(map(str, shapes[name]))}" for name in (f"layer{number}", f"block{number}"))
        yield f"| {number} | {' | '.join(pair)} |"


def _shortcuts() -> Iterator[str]:
    yield "| `shortcut` | what the shortcut is | parameters | test error, % |"
    yield "|---|---|---:|---:|"
    for kind, error in SHORTCUT_ERRORS.items():
        graph = network("cifar_resnet_shortcuts", shortcut=kind)
        yield f"| `{kind}` | {SHORTCUTS[kind]} | {graph.parameters:,} | {error} |"


SHORTCUTS: Final = {
    "identity": "x",
    "constant_scaling": "0.5 x, and the residual branch times 0.5",
    "exclusive_gating": "(1 - g(x)) x, and the residual branch times g(x); the gate's bias begins at -6",
    "shortcut_only_gating": "(1 - g(x)) x; the gate's bias begins at -6",
    "convolution": "a 1x1 convolution of x",
    "dropout": "x, of which half is dropped",
}
OPS: Final = {"conv": "conv", "batch_norm": "BN", "relu": "ReLU"}


def _orders() -> Iterator[str]:
    yield "| `order` | the residual branch | after the addition | ResNet-110, % | ResNet-164, % |"
    yield "|---|---|---|---:|---:|"
    for order, errors in ORDER_ERRORS.items():
        graph = network("cifar_resnet_activations", order=order)
        ops = [node.op.name for path, node in graph.nodes.items() if path.startswith("layer1.1.")]
        at = ops.index("add")
        branch, after = (", ".join(OPS[op] for op in part) for part in (ops[:at], ops[at + 1 :]))
        yield f"| `{order}` | {branch} | {after or 'nothing'} | {' | '.join(errors)} |"


TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "cifar": _cifar,
    "arithmetic": _arithmetic,
    "by_depth": _by_depth,
    "versions": _versions,
    "strides": _where,
    "sizes": _sizes,
    "shortcuts": _shortcuts,
    "orders": _orders,
}
