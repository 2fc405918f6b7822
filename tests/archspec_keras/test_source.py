"""The Keras source itself: what it says, and what it must never say. No framework is imported here."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import archspec
from archspec.codegen.registry import backend
from tests.conformance.cases import CASES
from tests.conformance.graphs import example_of, graph_of
from tests.zoo import NETWORKS


def _graph(tmp_path: Path, text: str) -> archspec.LayerGraph:
    path = tmp_path / "net.yaml"
    path.write_text(text)
    return archspec.compile(path)


def _source(tmp_path: Path, layers: str) -> str:
    head = "archspec: 1\nname: net\ninput: {channels: 3, height: 8, width: 8}\nlayers:\n"
    return backend("keras").render(_graph(tmp_path, head + layers))


@pytest.fixture(scope="module")
def resnet50() -> str:
    return backend("keras").render(archspec.compile("resnet50"))


def test_resnet50_reads_as_a_person_would_write_it(resnet50: str) -> None:
    assert len(resnet50.splitlines()) < 140
    assert 'for i in range(1, 6):\n        x = bottleneck(x, 1024, 256, name=f"layer3_{i}")' in resnet50
    assert 'x = bottleneck(x, 1024, 256, stride=2, name="layer3_0")' in resnet50
    assert "    shortcut = x\n    if stride != 1 or x.shape[-1] != depth:\n" in resnet50
    assert 'return keras.Model(inputs, x, name="resnet50")' in resnet50
    functions = [node.name for node in ast.parse(resnet50).body if isinstance(node, ast.FunctionDef)]
    assert functions[-2:] == ["bottleneck", "resnet50"]


def test_it_imports_keras_alone(resnet50: str) -> None:
    imports = [line for line in resnet50.splitlines() if line.startswith(("import ", "from "))]
    assert imports == ["from functools import partial", "import keras", "from keras import layers"]


def test_the_network_function_takes_params_and_the_input_size(resnet50: str) -> None:
    assert "    classes: int = 1000,\n    in_channels: int = 3,\n" in resnet50
    assert "    input_size: tuple[int | None, int | None] = (224, 224),\n) -> keras.Model:" in resnet50
    assert "        classes: number of classes.\n" in resnet50


def test_rendering_imports_no_framework() -> None:
    code = (
        "import sys, archspec; from archspec.codegen.registry import backend;"
        "backend('keras').render(archspec.compile('resnet18'));"
        "assert not {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", [*NETWORKS, "resnet18", "resnet50"])
def test_source_is_formatted_and_the_same_each_time(name: str, tmp_path: Path) -> None:
    text = NETWORKS.get(name, "").replace(", dilation: [1, 2]}", "}")
    graph = _graph(tmp_path, text) if text else archspec.compile(name)
    source = backend("keras").render(graph)
    assert source == backend("keras").render(graph)
    file = tmp_path / "source.py"
    file.write_text(source)
    ruff = Path(sys.executable).parent / "ruff"
    if not ruff.exists():
        pytest.skip("ruff is not installed")
    subprocess.run([ruff, "format", "--isolated", "--line-length", "100", "--check", "-q", file], check=True)
    subprocess.run([ruff, "check", "--isolated", "--select", "E4,E7,E9,F,I,RET", "-q", file], check=True)


@pytest.mark.parametrize(
    ("conv", "padding"),
    [
        ("kernel: 3, padding: 1", "same"),
        ("kernel: [1, 7], padding: [0, 3]", "same"),
        ("kernel: 3, padding: 2, dilation: 2", "same"),
        ("kernel: 3, padding: same, stride: 2", "same"),
        ("kernel: 3", "none"),
        ("kernel: 3, padding: 1, stride: 2", "zeros"),
        ("kernel: 4, padding: 1", "zeros"),
        ("kernel: 3, padding: 2", "zeros"),
        ("kernel: 3, padding: [0, 1, 0, 1]", "zeros"),
    ],
)
def test_padding_of_a_convolution(conv: str, padding: str, tmp_path: Path) -> None:
    source = _source(tmp_path, f"  - conv: {{filters: 4, {conv}}}")
    assert ('padding="same"' in source) is (padding == "same")
    assert ("ZeroPadding2D(" in source) is (padding == "zeros")


def test_a_max_pool_is_padded_with_zeros_only_where_nothing_is_negative(tmp_path: Path) -> None:
    pool = "  - max_pool: {kernel: 3, stride: 2, padding: 1}\n"
    assert 'ZeroPadding2D(1, name="max_pool_pad")' in _source(tmp_path, "  - relu\n" + pool)
    assert 'InfinityPadding2D(1, data_format="channels_last", name="max_pool_pad")' in _source(tmp_path, pool)
    assert "InfinityPadding2D" in _source(tmp_path, "  - relu\n  - batch_norm\n" + pool)
    assert "ZeroPadding2D(" in _source(tmp_path, "  - relu6\n  - gelu\n  - scale: {value: 2, shift: 1}\n" + pool)
    assert "InfinityPadding2D" in _source(tmp_path, "  - relu\n  - scale: {shift: -1}\n" + pool)
    assert "InfinityPadding2D" in _source(tmp_path, "  - silu\n" + pool)


def test_flatten_permutes_only_where_that_changes_something(tmp_path: Path) -> None:
    assert "layers.Permute((3, 1, 2)" in _source(tmp_path, "  - flatten")
    assert "Permute" not in _source(tmp_path, "  - global_avg_pool\n  - flatten")
    assert "Permute" not in _source(tmp_path, "  - global_avg_pool\n  - batch_norm\n  - relu\n  - flatten")
    # A single pixel at the spec's own size is more at another.
    assert "Permute" in _source(tmp_path, "  - conv: {filters: 4, kernel: 8}\n  - flatten")


def test_rounds_that_do_nothing_are_not_written(tmp_path: Path) -> None:
    source = _source(tmp_path, "  - repeat: {name: r, times: 3, layers: []}\n  - relu")
    assert "for " not in source
    ast.parse(source)


def test_every_op_with_weights_says_what_keras_calls_them() -> None:
    from archspec.ir import OPS, Op
    from archspec_keras.ops import ROWS

    for op in OPS.values():
        if op.weights is not Op.weights:
            weights = {
                weight.name
                for graph in (example_of(op.name), *(graph_of(case, (9, 9)) for case in CASES[op.name]))
                for node in graph.nodes.values()
                if type(node.op) is op
                for weight in graph.weights(node)
            }
            assert weights == ROWS[op.name].variables.keys(), op.name


def test_a_layer_that_no_output_needs_is_not_written(tmp_path: Path) -> None:
    layers = "  - tap: start\n  - conv: {filters: 4, kernel: 1}\n  - {name: last, from: start, layers: [relu]}"
    assert "Conv2D" not in _source(tmp_path, layers)


def test_stride_with_dilation_has_a_layer_of_its_own(tmp_path: Path) -> None:
    both = _source(tmp_path, "  - conv: {filters: 4, kernel: 3, stride: 2, dilation: 2}")
    assert "x = StridedDilatedConv2D(" in both
    assert "StridedDilatedConv2D" not in _source(tmp_path, "  - conv: {filters: 4, kernel: 3, dilation: 2}")


def test_of_a_block_only_the_calls_with_both_stride_and_dilation_have_that_layer(tmp_path: Path) -> None:
    source = backend("keras").render(_graph(tmp_path, NETWORKS["strides_and_dilations"]))
    assert "x = (StridedDilatedConv2D if stride > 1 and dilation > 1 else layers.Conv2D)(" in source


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("kernel: 2, stride: 2", []),
        ("kernel: 4, stride: 2, padding: 1", ['padding="same"']),
        ("kernel: 4, stride: 2, padding: same", ['padding="same"']),
        ("kernel: 3, stride: 2, padding: same", ["Cropping2D(((0, 1), (0, 1))"]),
        ("kernel: 3, stride: 2, padding: 1, output_padding: 1", ["Cropping2D(((1, 0), (1, 0))"]),
        ("kernel: 3, stride: 2, output_padding: 1", ["output_padding=1"]),
    ],
)
def test_a_transposed_convolution_leaves_out_as_little_as_it_can(
    tmp_path: Path, given: str, written: list[str]
) -> None:
    source = _source(tmp_path, f"  - conv_transpose: {{filters: 4, {given}}}")
    assert all(text in source for text in written)
    assert source.count("padding=") + source.count("= Cropping2D(") == len(written)


def test_every_op_has_a_row() -> None:
    from archspec.ir.ops import OPS
    from archspec_keras.ops import ROWS

    assert set(ROWS) == set(OPS)
