"""The same scales in PyTorch: rounded in place, as an exported program, and as torchao's kernels."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import archspec
from archspec.parity import random_weights
from archspec.quantization.measurement import packed_as, quantize
from archspec.weights import write
from tests.commands.conftest import Run, run
from tests.needed import lazily, needs
from tests.quantization.networks import SPEC, examples, network, weights_of

__all__ = ["run"]

pytestmark = needs("onnx", "onnxruntime", "PIL")


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
