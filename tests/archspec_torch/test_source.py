"""The PyTorch source itself: names, guards, and that nothing with weights is forgotten."""

from __future__ import annotations

from typing import Any

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.errors import BackendError, InternalError
from archspec.ir import OPS
from archspec.spec import load_text
from archspec_torch.ops import ROWS
from tests.needed import lazily, needs
from tests.zoo import NETWORKS

torch: Any = lazily("torch")
pytestmark = needs("torch")

HEAD = "archspec: 1\nname: net\ninput: {channels: 3, height: 8, width: 8}\n"


def built(text: str) -> tuple[str, Any]:
    graph = archspec.compile(load_text(HEAD + text))
    source = archspec.generate(graph, "torch")
    backend("torch", BuildsModels).verify(source, graph)
    return source, backend("torch", BuildsModels).build(source, graph)


@pytest.mark.parametrize("name", ["Tensor", "F", "nn", "OrderedDict", "SameConv2d", "Exception"])
def test_a_class_that_needs_another_name_is_found_by_it(name: str) -> None:
    layers = "layers: [conv: {filters: 4, kernel: 3, stride: 2, padding: same}]\n"
    _, model = built(f"class: {name}\n" + layers)
    assert type(model).__name__ == f"{name}2"
    graph = archspec.compile(load_text(HEAD + f"class: {name}\n" + layers))
    assert f"import {name}2" in "\n".join(backend("torch", BuildsModels).usage(graph, "net"))


def test_products_stand_in_sums_and_a_tensor_is_reshaped_by_methods() -> None:
    """A product within a product, or a sum within one, would need brackets, or be rounded otherwise."""
    source, _ = built(NETWORKS["products_in_sums"].partition("width: 6}\n")[2])
    assert "x = a * b + b / a\n" in source
    assert "        y = a * c\n        x = x * y\n" in source
    assert "self.global_avg_pool(x).flatten(1).unflatten(1, (2, -1, 1))" in source


def test_every_input_has_its_shape_in_the_usage() -> None:
    inputs = "inputs:\n  a: {channels: 3, height: 8, width: 8}\n  b: {channels: 1, height: 8, width: 8}\n"
    graph = archspec.compile(load_text(f"archspec: 1\nname: net\n{inputs}layers: [concat: [[], {{from: b}}]]\n"))
    assert "torch.randn(1, 3, 8, 8), torch.randn(1, 1, 8, 8)" in backend("torch", BuildsModels).usage(graph, "net")[-1]


def test_operands_that_nothing_uses_have_names_of_their_own() -> None:
    source, _ = built(
        "blocks: {b: {layers: [repeat: {name: r, times: 2, layers: [{from: input}, relu]}]}}\n"
        "layers: [conv: {name: a, filters: 4, kernel: 1}, b]\n"
    )
    assert "(self, x: Tensor, y: Tensor)" in source


INITS = "defaults: {conv: {init: {kaiming_normal: fan_out}}}\n"
INNER = "[conv: {name: c, filters: 4, kernel: 1}, conv: {name: d, filters: 4, kernel: 1, init: zeros}]"


@pytest.mark.parametrize(
    "where", [f"repeat: {{name: r, times: 2, layers: {INNER}}}", f"name: r\n        layers: {INNER}"]
)
@pytest.mark.parametrize("around", ["", "\n      - conv: {name: e, filters: 4, kernel: 1, init: ones}"])
def test_special_initializers_under_a_condition_are_drawn_where_they_are(where: str, around: str) -> None:
    source, model = built(
        f"{INITS}blocks:\n  u:\n    params: {{on: {{}}}}\n    layers:\n      - {where}\n        when: on{around}\n"
        "layers: [u: {name: a, on: true}, u: {name: b, on: false}]\n"
    )
    assert "isinstance(module.r, nn.Sequential)" in source
    drawn = {name: tensor for name, tensor in model.state_dict().items() if name.endswith("d.weight")}
    assert drawn
    assert not any(tensor.any() for tensor in drawn.values())
    assert all(tensor.any() for name, tensor in model.state_dict().items() if name.endswith("c.weight"))


def test_a_bias_that_some_calls_have_is_drawn() -> None:
    _, model = built(
        "blocks: {u: {params: {b: {}}, layers: [conv: {name: c, filters: 4, kernel: 1, bias: b, bias_init: zeros}]}}\n"
        "layers: [u: {name: p, b: false}, u: {name: q, b: true}]\n"
    )
    assert not model.state_dict()["q.c.bias"].any()


@pytest.mark.parametrize(
    ("scale", "written"),
    [
        ("{value: 0.17}", "x * 0.17"),
        ("{value: 2, shift: -1}", "x * 2 - 1"),
        ("{shift: 3}", "x + 3"),
        ("{value: -1, shift: 1}", "1 - x"),
        ("{value: -1}", "torch.neg(x)"),
        ("{}", "x * 1"),
        ("{value: 1e-6, learned: channel}", "self.scale(x)"),
    ],
)
def test_a_constant_scale_is_arithmetic(scale: str, written: str) -> None:
    source, _ = built(f"layers: [scale: {scale}]\n")
    assert f"        return {written}\n" in source


def test_every_op_with_weights_says_of_which_class_it_is() -> None:
    for op in OPS.values():
        if op.weights is not archspec.ir.Op.weights:
            assert ROWS[op.name].type is not None, op.name


def test_an_op_with_weights_and_no_class_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    monkeypatch.setitem(ROWS, "dense", dataclasses.replace(ROWS["dense"], type=None))
    with pytest.raises(InternalError, match="dense has weights"):
        built("layers: [flatten, dense: {units: 3}]\n")


@pytest.mark.parametrize("name", ["torch", "keras"])
@pytest.mark.parametrize(("what", "value"), [("device", "nope"), ("dtype", "float8_e4m3fn"), ("dtype", "int8")])
def test_a_device_or_dtype_that_is_not_there_is_an_error(name: str, what: str, value: str) -> None:
    if name == "keras":
        pytest.importorskip("keras")
    graph = archspec.compile(load_text(HEAD + "layers: [relu]\n"))
    device, dtype = (value, None) if what == "device" else (None, value)
    with pytest.raises(BackendError, match=value) as caught:
        archspec.build(graph, name, device=device, dtype=dtype)
    assert caught.value.diagnostics[0].code == "E0411"
    assert caught.value.diagnostics[0].help


def test_cuda_that_is_not_there_is_an_error() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(BackendError, match="no device `cuda`"):
        archspec.build("resnet18", "torch", device="cuda")


def test_dense_layers_beside_an_attention_without_biases_are_drawn() -> None:
    text = "archspec: 1\nname: drawn\ninput: {shape: [4, 8]}\nlayers:\n"
    text += "  - attention: {heads: 2, bias: false}\n  - dense: {units: 8, bias_init: ones}\n"
    model = archspec.build(archspec.compile(load_text(text)), "torch")
    assert (model.dense.bias == 1).all()


def test_a_member_that_one_side_has_under_a_further_condition_is_an_identity_without_it() -> None:
    text = """
blocks:
  unit:
    params: {fused: {}, expansion: {}}
    layers:
      - when: fused
        layers:
          - when: expansion != 1
            layers:
              - conv: {name: wide, filters: 8 * expansion, kernel: 3, padding: 1}
              - conv: {name: narrow, filters: 8, kernel: 1}
            else:
              - conv: {name: narrow, filters: 8, kernel: 3, padding: 1}
        else:
          - conv: {name: wide, filters: 8 * expansion, kernel: 1}
          - relu: {name: act}
          - conv: {name: narrow, filters: 8, kernel: 1}
layers:
  - unit: {fused: true, expansion: 1}
  - unit: {fused: true, expansion: 2}
  - unit: {fused: false, expansion: 2}
"""
    source = str(archspec.generate(archspec.compile(load_text(HEAD + text)), "torch"))
    assert "self.wide: nn.Module = nn.Identity()" in source
    assert "self.narrow: nn.Module\n" in source


def test_a_difference_is_written_in_its_order() -> None:
    """PoolFormer's token mixer, and a difference of what is a difference itself."""
    pool = "avg_pool: {name: pool, kernel: 3, stride: 1, padding: 1}"
    source, model = built(f"layers: [subtract: [{pool}, []]]\n")
    assert "return self.pool(x) - x" in source
    x = torch.randn(1, 3, 8, 8)
    assert torch.equal(model(x), torch.nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False) - x)
    source, model = built("layers: [subtract: [[], subtract: [[relu], divide: [[], [sigmoid]]]]]\n")
    assert torch.equal(model(x), x - (torch.relu(x) - x / torch.sigmoid(x)))


@pytest.mark.parametrize(
    ("given", "shape", "line"),
    [
        ("bare: true, shape: channels", (3,), "x * self.gamma.view(-1, 1, 1)"),
        ("bare: true, shape: broadcast", (3, 1, 1), "x * self.gamma"),
        ("bare: true", (3, 1, 1), "x * self.gamma"),
        ("shape: channels", (3,), "self.gamma = LayerScale2d(3, 0.5)"),
        ("shape: broadcast", (3, 1, 1), "self.gamma = LayerScale((3, 1, 1), 0.5)"),
        ("bare: false", (3,), "self.gamma = LayerScale2d(3, 0.5)"),
    ],
)
def test_the_shape_of_factors_of_channels(given: str, shape: tuple[int, ...], line: str) -> None:
    source, model = built(f"layers: [scale: {{name: gamma, learned: channel, value: 0.5, {given}}}]\n")
    assert line in source
    [(name, weight)] = model.state_dict().items()
    assert (name, tuple(weight.shape)) == ("gamma" if "bare: true" in given else "gamma.weight", shape)
    with torch.no_grad():
        weight.copy_(torch.tensor([1.0, 2.0, 3.0]).view(shape))
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(model(x), x * torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1))


def test_blocks_with_factors_of_two_shapes_are_two_classes() -> None:
    block = (
        "blocks: {b: {params: {form: {choices: [channels, broadcast]}}, "
        "layers: [scale: {name: g, learned: channel, bare: true, shape: form}]}}\n"
    )
    _, model = built(block + "layers: [b: {name: one, form: channels}, b: {name: two, form: broadcast}]\n")
    assert [tuple(weight.shape) for weight in model.state_dict().values()] == [(3,), (3, 1, 1)]
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(torch.jit.script(model)(x), x)
