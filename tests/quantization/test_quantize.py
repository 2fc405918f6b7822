"""`archspec quantize`: models in int8 that runtimes take, what they lost, and what is wrong with examples."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.errors import BackendError, TrainingDataError
from archspec.ir.graph import LayerGraph
from archspec.parity import random_weights
from archspec.quantization.examples import Examples
from archspec.quantization.measurement import QuantizedModel, packed_as, quantize
from archspec.spec import load_text
from archspec.weights import write
from tests.commands.conftest import Run, run
from tests.needed import lazily, needs

__all__ = ["run"]
pytestmark = needs("onnx", "onnxruntime", "PIL")
onnx: Any = lazily("onnx")

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


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy"])
def test_a_model_in_int8_is_near_to_float32(tmp_path: Path, method: Any, symmetric: bool) -> None:
    found = made(network(), tmp_path, method=method, symmetric=symmetric)
    onnx.checker.check_model(found.model, full_check=True)
    assert found.layers == ("stem", "unit.one", "unit.two", "fc")
    assert found.agreement is not None
    assert found.agreement >= 0.9
    assert 0 < found.difference < 0.05
    assert min(found.ratios.values()) > 25
    kinds = {tensor.name: tensor.data_type for tensor in found.model.graph.initializer}
    assert {kinds[f"{path}.weight"] for path in found.layers} == {onnx.TensorProto.INT8}
    assert {kinds[f"{path}.bias"] for path in found.layers} == {onnx.TensorProto.INT32}
    zeros = [
        onnx.numpy_helper.to_array(node.attribute[0].t)
        for node in found.model.graph.node
        if node.name.endswith("/zero_point")
    ]
    assert {zero.dtype.name for zero in zeros} == {"int8" if symmetric else "uint8"}
    assert not symmetric or not any(zeros)


def test_onnx_runtime_makes_int8_kernels_of_it(tmp_path: Path) -> None:
    import onnxruntime

    found = made(network(), tmp_path)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    onnxruntime.InferenceSession(found.model.SerializeToString(), options)
    kinds = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert kinds.count("QLinearConv") == 3
    assert "Conv" not in kinds


@pytest.mark.parametrize(("keep", "left"), [(["unit"], ("stem", "fc")), (["stem", "fc"], ("unit.one", "unit.two"))])
def test_layers_that_are_kept(tmp_path: Path, keep: list[str], left: tuple[str, ...]) -> None:
    found = made(network(), tmp_path, keep=keep)
    assert found.layers == left
    kinds = {tensor.name: tensor.data_type for tensor in found.model.graph.initializer}
    assert {name.rpartition(".")[0] for name, kind in kinds.items() if kind == onnx.TensorProto.INT8} == {*left}


def test_weights_that_are_used_twice_stay_where_one_use_is_kept(tmp_path: Path) -> None:
    text = """
archspec: 1
name: twice
input: {shape: [6]}
layers:
  - dense: {name: first, units: 6}
  - relu
  - reuse: {item: first, name: again}
  - dense: {name: last, units: 3}
"""
    graph = network(text)
    found = made(graph, tmp_path)
    assert found.layers == ("first", "again", "last")
    assert found.difference < 0.1
    assert made(graph, tmp_path, keep=["again"]).layers == ("last",)


def test_a_passed_on_tensor_keeps_its_scale(tmp_path: Path) -> None:
    graph = network()
    found = made(graph, tmp_path).quantization.tensors
    assert found["max_pool"] == found["relu"]


def test_a_path_that_is_not_there_is_said_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"no layer `unit\.on`[\s\S]*did you mean `unit\.one`"):
        made(network(), tmp_path, keep=["unit.on"])


def test_nothing_to_quantize_is_said(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="no convolution and no dense layer"):
        made(network("archspec: 1\nname: n\ninput: {shape: [3]}\nlayers: [relu]\n"), tmp_path)
    with pytest.raises(BackendError, match=r"leave layers out of --keep"):
        made(network(), tmp_path, keep=["stem", "unit", "fc"])


def test_numbers_that_are_not_finite_are_said(tmp_path: Path) -> None:
    graph = network()
    weights = {**weights_of(graph)}
    weights["unit.one.bias"] = np.full_like(weights["unit.one.bias"], np.inf)
    with pytest.raises(TrainingDataError, match="not finite"):
        quantize(graph, examples(graph, tmp_path), weights=weights)


def pictures(folder: Path, count: int = 6, mode: str = "RGB", size: tuple[int, int] = (20, 24)) -> Path:
    from PIL import Image

    draw = np.random.default_rng(0)
    for index in range(count):
        place = folder / f"class{index % 2}"
        place.mkdir(parents=True, exist_ok=True)
        shape = (*size[::-1], 3) if mode == "RGB" else size[::-1]
        Image.fromarray(draw.integers(0, 256, shape, dtype=np.uint8), mode).save(place / f"{index}.png")
    return folder


def file_of_weights(tmp_path: Path) -> tuple[Path, Path]:
    spec, weights = tmp_path / "small.yaml", tmp_path / "w.safetensors"
    spec.write_text(SPEC)
    graph = archspec.compile(spec)
    write(weights, random_weights(graph), graph)
    return spec, weights


def test_the_command_writes_a_model_and_says_what_it_lost(run: Run, tmp_path: Path) -> None:
    spec, weights = file_of_weights(tmp_path)
    folder = pictures(tmp_path / "pictures")
    command = ("quantize", str(spec), "--weights", str(weights), "--images", str(folder))
    code, out, _ = run(*command)
    assert code == 0
    assert "6 pictures, mean 0.485, 0.456, 0.406, deviation 0.229, 0.224, 0.225" in out
    assert "of the classes are those of float32" in out
    assert "signal to noise, dB" in out
    path = tmp_path / "generated" / "onnx" / "small_int8.onnx"
    onnx.checker.check_model(path, full_check=True)
    code, out, _ = run(*command, "--format", "json", "--keep", "unit", "-o", "other.onnx", "--most", "4")
    found = json.loads(out)
    assert (found["examples"], [*found["decibels"]]) == (4, ["stem", "fc"])
    path.write_bytes(b"mine")
    code, _, err = run(*command)
    assert (code, "E0604" in err) == (1, True)


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("empty", "there are no pictures in"),
        ("absent", "is no folder of pictures"),
        ("broken", "cannot be decoded as a picture"),
        ("shape", "the network takes (N, 3, 16, 16)"),
        ("pickle", "cannot be read"),
        ("mean", "--mean has 1 numbers, and small takes 3 channels"),
        ("layer", "did you mean `unit`"),
        ("none", "holds no examples"),
        ("prepared", "an array holds inputs as the network takes them"),
        ("deviation", "its numbers are above 0"),
    ],
)
def test_examples_that_do_not_fit(run: Run, tmp_path: Path, case: str, message: str) -> None:
    spec, weights = file_of_weights(tmp_path)
    path, more = tmp_path / "pictures", []
    match case:
        case "empty":
            path.mkdir()
            (path / "notes.txt").write_text("none")
        case "broken":
            data = (pictures(path, 3) / "class0" / "0.png").read_bytes()
            (path / "class0" / "0.png").write_bytes(data[: len(data) // 2])
        case "shape":
            path = tmp_path / "x.npy"
            np.save(path, np.zeros((4, 3, 8, 8), np.float32))
        case "pickle":
            path = tmp_path / "x.npy"
            np.save(path, np.array([{}]), allow_pickle=True)
        case "mean":
            pictures(path)
            more = ["--mean", "0.5"]
        case "layer":
            pictures(path)
            more = ["--keep", "units"]
        case "none" | "prepared":
            path = tmp_path / "x.npy"
            np.save(path, np.zeros((0 if case == "none" else 2, 3, 16, 16), np.float32))
            more = ["--std", "1,1,1"] if case == "prepared" else []
        case "deviation":
            pictures(path)
            more = ["--std", "1,0,1"]
    code, _, err = run("quantize", str(spec), "--weights", str(weights), "--images", str(path), *more)
    assert (code, message in err) == (1, True), err
    assert not (tmp_path / "generated").exists()


def test_pictures_are_cut_and_scaled_as_they_should_be(tmp_path: Path) -> None:
    from PIL import Image

    graph = network()
    array = np.zeros((16, 16, 3), np.uint8)
    array[..., 1] = 255
    (tmp_path / "p").mkdir()
    Image.fromarray(array).save(tmp_path / "p" / "a.png")
    [batch] = Examples.of(tmp_path / "p", graph).batches()
    wanted = [(value - mean) / std for value, mean, std in ((0, 0.485, 0.229), (1, 0.456, 0.224), (0, 0.406, 0.225))]
    assert np.allclose(batch["input"], np.reshape(wanted, (1, 3, 1, 1)), atol=1e-6)
    Image.fromarray(np.tile(array, (2, 4, 1))).save(tmp_path / "p" / "b.png")
    [batch] = Examples.of(tmp_path / "p", graph).batches()
    assert np.allclose(batch["input"][1], batch["input"][0], atol=1e-6)


@pytest.mark.parametrize("fault", ["scale", "zero point", "channel", "bias"])
def test_a_planted_fault_shows(tmp_path: Path, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import archspec_onnx.quantization as module

    right = made(network(), tmp_path).difference
    match fault:
        case "channel":
            monkeypatch.setattr(module, "to_int8", lambda weight, scales: np.full(weight.shape, 3, np.int8))
        case "bias":
            monkeypatch.setattr(module, "_INT32", 3)
        case _:
            rounding = module._rounding

            def wrong(name: str, quantization: Any, path: str) -> Any:
                nodes = rounding(name, quantization, path)
                place = 0 if fault == "scale" else 1
                tensor = nodes[place].attribute[0].t
                if fault == "scale":
                    tensor.float_data[0] *= 0.3
                else:
                    tensor.int32_data[0] = min(tensor.int32_data[0] + 40, 255)
                return nodes

            monkeypatch.setattr(module, "_rounding", wrong)
    assert made(network(), tmp_path).difference > 3 * right


DIGITS = """
archspec: 1
name: digits
input: {channels: 1, height: 8, width: 8}
layers:
  - conv: {name: stem, filters: 16, kernel: 3, padding: 1, bias: false}
  - batch_norm
  - relu
  - add:
      - []
      - [conv: {filters: 16, kernel: 3, padding: 1, bias: false}, batch_norm, relu, conv: {filters: 16, kernel: 1}]
  - relu
  - conv: {filters: 32, kernel: 3, padding: 1, stride: 2, bias: false}
  - batch_norm: {}
  - relu
  - global_avg_pool
  - flatten
  - dense: {name: fc, units: 10}
"""


@pytest.fixture(scope="module")
def trained() -> tuple[Any, Any, Any]:
    """Weights of a network that was trained on scikit-learn's digits, and digits that it has not seen."""
    import torch
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    x = torch.tensor(images.reshape(-1, 1, 8, 8) / 16, dtype=torch.float32)
    y = torch.tensor(labels)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    train, test = order[:1200], order[1200:]
    model = archspec.build(archspec.compile(load_text(DIGITS)), "torch", seed=0)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for epoch in range(12):
        for part in train[torch.randperm(1200, generator=torch.Generator().manual_seed(epoch))].split(64):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x[part]), y[part]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    weights = {
        name: tensor.detach().numpy() for name, tensor in model.state_dict().items() if "num_batches" not in name
    }
    return weights, (x[train[:200]].numpy(), x[test].numpy()), y[test].numpy()


@pytest.mark.slow
@needs("torch", "sklearn")
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("method", ["minmax", "percentile", "entropy"])
def test_digits_lose_half_a_point_at_the_most(trained: Any, tmp_path: Path, method: Any, symmetric: bool) -> None:
    import onnxruntime

    weights, (calibration, images), labels = trained
    graph = network(DIGITS)
    fitted = graph.weights_of_form(weights)
    np.save(tmp_path / "x.npy", calibration)
    found = quantize(graph, Examples.of(tmp_path / "x.npy", graph), weights=fitted, method=method, symmetric=symmetric)
    shares = []
    for model in (archspec.build(graph, "onnx", weights=fitted), found.model):
        session = onnxruntime.InferenceSession(model.SerializeToString())
        shares.append(float((session.run(None, {"input": images})[0].argmax(1) == labels).mean()))
    assert shares[0] > 0.95
    assert shares[0] - shares[1] <= 0.005
    assert found.agreement is not None
    assert found.agreement > 0.99


@needs("torch")
@pytest.mark.parametrize("symmetric", [False, True])
def test_pytorch_rounds_by_the_same_scales(tmp_path: Path, symmetric: bool) -> None:
    """Between the two there is less than between either and float32; and gradients go through."""
    import torch

    from archspec_torch.quantization import fake_quantized

    graph = network()
    weights, given = weights_of(graph), examples(graph, tmp_path)
    found = quantize(graph, given, weights=weights, symmetric=symmetric)
    model = archspec.build(graph, "torch", weights=weights).eval()
    inputs = {name: torch.from_numpy(array) for name, array in next(iter(given.batches())).items()}
    rounded = fake_quantized(model, graph, found.quantization, inputs)["output"]
    exact = model(*inputs.values()).detach().numpy()
    session = lazily("onnxruntime").InferenceSession(found.model.SerializeToString())
    wanted = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})[0]
    lost = np.abs(wanted - exact).max()
    assert lost > 0
    assert np.abs(rounded.detach().numpy() - wanted).max() < lost / 4
    rounded.sum().backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is not None for parameter in model.parameters())


@needs("torch")
@pytest.mark.parametrize("symmetric", [False, True])
def test_a_program_of_pytorch_has_the_same_scales(run: Run, tmp_path: Path, symmetric: bool) -> None:
    import torch

    (tmp_path / "net.yaml").write_text(SPEC)
    graph, form = archspec.compile(tmp_path / "net.yaml"), network()
    weights = random_weights(graph)
    write(tmp_path / "w.safetensors", weights, graph)
    given = next(examples(form, tmp_path).batches())
    command = ["quantize", "net.yaml", "--weights", "w.safetensors", "--images", "x.npy", "--keep", "unit.two"]
    command += ["--symmetric"] * symmetric
    code, out, err = run(*command, "--backend", "torch", "--format", "json")
    assert code == 0, err
    found = json.loads(out)
    assert found["difference_from_onnx"] < 0.01
    assert run(*command)[0] == 0
    assert run(*command, "--backend", "torch")[0] == 0  # what it has written itself it writes again
    program = torch.export.load(tmp_path / "generated" / "torch" / "small_int8.pt2")
    kinds = {name: tensor.dtype for name, tensor in program.state_dict.items()}
    assert [name for name, kind in kinds.items() if kind == torch.int8] == [
        f"{layer}.weight_int8" for layer in ("stem", "unit.one", "fc")
    ]
    assert {name for name in kinds if name.startswith("float32.")} == {
        "float32.unit.two.weight",
        "float32.unit.two.bias",
    }
    calls = [str(node.target) for node in program.graph.nodes if "quantized_decomposed" in str(node.target)]
    assert calls.count("quantized_decomposed.dequantize_per_channel.default") == 3
    rounded = sum("quantize_per_tensor" in call and "dequantize" not in call for call in calls)
    assert rounded == sum("dequantize_per_tensor" in call for call in calls) >= 4
    session = lazily("onnxruntime").InferenceSession(str(tmp_path / "generated" / "onnx" / "small_int8.onnx"))
    for count in (1, 7):
        batch = {name: array[:count] for name, array in given.items()}
        [array] = batch.values()
        with torch.no_grad():
            result = program.module()(torch.from_numpy(array)).numpy()
        wanted = session.run(None, dict(batch))[0]
        assert np.abs(result - wanted).max() < 0.01 * np.abs(wanted).max()


@needs("torch", "torchao")
def test_torchao_makes_int8_kernels_of_it(tmp_path: Path) -> None:
    import torch
    from torchao.quantization.pt2e.lowering import lower_pt2e_quantized_to_x86  # type: ignore[import-not-found]

    graph = network()
    given, weights = examples(graph, tmp_path), weights_of(graph)
    found = quantize(graph, given, weights=weights)
    data, _ = packed_as(found, graph, given, weights=weights, backend="torch")
    (tmp_path / "net.pt2").write_bytes(data)
    [array] = next(given.batches()).values()
    program = torch.export.load(tmp_path / "net.pt2").module()
    with torch.no_grad():
        lowered = lower_pt2e_quantized_to_x86(program, (torch.from_numpy(array),))
        result, wanted = lowered(torch.from_numpy(array)), program(torch.from_numpy(array))
    calls = Counter(str(node.target) for node in lowered.graph.nodes)
    assert calls["onednn.qconv_pointwise.default"] == 3
    assert calls["onednn.qlinear_pointwise.default"] == 1
    assert (result - wanted).abs().max() < 0.01 * wanted.abs().max()


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.full((6, 3, 16, 16), 2.5, np.float32), "each of the examples is one number throughout"),
        (np.arange(4, dtype=np.float32)[:, None, None, None] + np.zeros((4, 3, 16, 16), np.float32), "one number"),
        (np.repeat(np.random.default_rng(0).normal(size=(1, 3, 16, 16)), 20, 0), "all 20 examples are equal"),
        (np.random.default_rng(0).integers(0, 256, (6, 3, 16, 16), np.uint8), "holds uint8: whole numbers"),
        (np.random.default_rng(0).integers(0, 256, (6, 3, 16, 16)), "holds int64: whole numbers"),
    ],
)
def test_examples_of_which_no_range_can_be_taken(tmp_path: Path, array: Any, said: str) -> None:
    np.save(tmp_path / "x.npy", array)
    graph = network()
    with pytest.raises(TrainingDataError, match=said):
        quantize(graph, Examples.of(tmp_path / "x.npy", graph), weights=weights_of(graph))


def test_doubtful_examples_and_layers_are_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    graph = archspec.compile(tmp_path / "net.yaml")
    weights = random_weights(graph)
    weights["unit.one.bias"] = np.full_like(weights["unit.one.bias"], -1e6)
    write(tmp_path / "w.safetensors", weights, graph)
    pixels = np.random.default_rng(0).integers(0, 256, (9, 3, 16, 16)).astype(np.float32)
    np.save(tmp_path / "x.npy", pixels)
    command = ["quantize", "net.yaml", "--weights", "w.safetensors", "--images", "x.npy"]
    code, out, err = run(*command, "--format", "json")
    assert code == 0
    assert json.loads(out)["doubts"] == err.replace("warning: ", "").splitlines()[-2:]
    assert "warning: the examples are whole numbers from 0 to 255, as pixels are that nothing has scaled" in err
    assert "warning: one number on all examples, so that its range says nothing: unit.0" in err
    assert run(*command, "--force")[2].count("warning") == 2
    graph = network()
    assert quantize(graph, examples(graph, tmp_path), weights=weights_of(graph)).doubts == ()


def test_pictures_that_cannot_be_read_are_counted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    graph = archspec.compile(tmp_path / "net.yaml")
    write(tmp_path / "w.safetensors", random_weights(graph), graph)
    (tmp_path / "images").mkdir()
    command = ["quantize", "net.yaml", "--weights", "w.safetensors", "--images", "images"]
    code, _, err = run(*command)
    assert (code, err.count("error[E1001]: there are no pictures in images")) == (1, 1)
    image = lazily("PIL.Image").fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8))
    image.save(tmp_path / "images" / "right.png")
    for name in ("a.jpg", "b.png"):
        (tmp_path / "images" / name).write_bytes(b"no picture")
    code, _, err = run(*command)
    assert (code, err.count("error[")) == (1, 1)
    assert "error[E1001]: 2 of 3 pictures cannot be read" in err
    assert "a.jpg: cannot be decoded as a picture (cannot identify image file)" in err
    assert "b.png" in err
    assert not (tmp_path / "generated").exists()
