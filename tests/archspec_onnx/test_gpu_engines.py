"""Engines for GPUs: what is said where one is not there, and their code on stand-ins for what this machine lacks."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.bench.contenders import Contender
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.errors import BackendError
from archspec.ir.builder import GraphBuilder
from archspec.ir.graph import LayerGraph
from archspec.ir.ops.linear import Conv
from archspec.ir.tensor_type import image
from tests.needed import needs

pytestmark = needs("onnx", "onnxruntime")

GPU_ENGINES = ("onnx:cuda", "onnx:tensorrt", "tensorrt")


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archspec.bench.devices.nvidia_gpus", lambda: 1)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archspec.bench.devices.nvidia_gpus", lambda: 0)
    monkeypatch.setattr("archspec.bench.devices._OTHERS", ())


@pytest.fixture
def network() -> tuple[LayerGraph, Any, dict[str, Any]]:
    builder = GraphBuilder("net")
    x = builder.input(image(3, 8, 8))
    graph = builder.finish(builder.layer(Conv(4, (3, 3)), x, name="conv"))
    rng = np.random.default_rng(0)
    return graph, archspec.build(graph, "onnx", seed=1), {"input": rng.standard_normal((2, 3, 8, 8), np.float32)}


def test_they_are_known_by_name_and_run_exactly() -> None:
    for label in GPU_ENGINES:
        contender = Contender.parse(label)
        assert (contender.label, contender.backend) == (label, "onnx")
        assert contender.environment()["NVIDIA_TF32_OVERRIDE"] == "0"
    assert "NVIDIA_TF32_OVERRIDE" not in Contender.parse("onnx:onnxruntime").environment()
    with pytest.raises(BackendError, match="cannot be measured with `fast`"):
        Contender.parse("tensorrt+fast")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("label", GPU_ENGINES)
def test_without_a_gpu_a_line_says_what_is_missing_and_how_to_get_it(label: str) -> None:
    reason = Contender.parse(label).missing("float32", training=False)
    package = "tensorrt" if label == "tensorrt" else "onnxruntime-gpu"
    assert "no driver knows a GPU" in reason or "is not installed" in reason
    assert f"`pip install {package}`" in reason
    assert "GPU of NVIDIA's" in reason
    assert "\n" not in reason


@pytest.mark.usefixtures("one_gpu")
def test_a_runtime_without_the_provider_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    for label, provider in (("onnx:cuda", "CUDAExecutionProvider"), ("onnx:tensorrt", "TensorrtExecutionProvider")):
        reason = Contender.parse(label).missing("float32", training=False)
        assert f"needs ONNX Runtime's {provider}, and the one installed has CPUExecutionProvider" in reason
        assert "`pip install onnxruntime-gpu`" in reason


@pytest.mark.usefixtures("one_gpu")
def test_with_the_provider_they_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    given = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: given)
    for label in ("onnx:cuda", "onnx:tensorrt"):
        assert Contender.parse(label).missing("float32", training=False) == ""
        assert "not trained" in Contender.parse(label).missing("float32", training=True)
    assert "no float64" in Contender.parse("onnx:tensorrt").missing("float64", training=False)


@pytest.mark.usefixtures("one_gpu")
def test_a_provider_that_cannot_start_is_no_silent_processor(
    network: tuple[LayerGraph, Any, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, model, inputs = network
    for engine in ("cuda", "tensorrt"):
        monkeypatch.setenv("ARCHSPEC_ONNX_RUNTIME", engine)
        with pytest.raises(BackendError, match=r"could not start .*ExecutionProvider; ONNX Runtime would use CPU"):
            backend("onnx", RunsModels).run(model, graph, inputs, training=False)


def test_layers_that_are_left_to_the_processor_are_not_measured_as_the_gpus(
    network: tuple[LayerGraph, Any, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from archspec_onnx.engines import INFO
    from archspec_onnx.timing import timed

    graph, model, inputs = network
    # A provider that starts, and leaves every layer: here one that this ONNX Runtime does not have.
    for engine in ("cuda", "tensorrt"):
        monkeypatch.setenv("ARCHSPEC_ONNX_RUNTIME", engine)
        with pytest.raises(BackendError, match=f"{INFO[engine].title} would leave layers, or all of them, to the proc"):
            timed(model, graph, inputs, variant="")


def test_a_batch_on_the_device_gives_what_a_batch_of_arrays_does(
    network: tuple[LayerGraph, Any, dict[str, Any]],
) -> None:
    from archspec_onnx.engines import onnxruntime_session
    from archspec_onnx.timing import on_device

    graph, model, inputs = network
    session = onnxruntime_session(model.SerializeToString(), "onnxruntime")
    bound = on_device(session, inputs, "cpu")
    bound.step()
    wanted = backend("onnx", RunsModels).run(model, graph, inputs, training=False).outputs
    found = bound.outputs()
    assert found.keys() == wanted.keys()
    np.testing.assert_array_equal(found["output"], wanted["output"])


class _Memory:
    """Stands for the driver: addresses are numbers, and what lies there arrays."""

    stream = 7

    def __init__(self) -> None:
        self.held: dict[int, Any] = {}

    def room(self, size: int) -> int:
        self.held[len(self.held) + 1] = None
        return len(self.held)

    def put(self, array: Any, address: int) -> None:
        self.held[address] = array.copy()

    def take(self, array: Any, address: int) -> None:
        array[...] = self.held[address]

    def wait(self) -> None:
        pass

    def close(self) -> None:
        self.held.clear()


def _stand_in(memory: _Memory, log: list[str], *, reads: bool = True) -> Any:
    """A module with the part of TensorRT's interface that is used, which computes by ONNX Runtime."""
    import onnxruntime

    class Context:
        def __init__(self, session: Any) -> None:
            self.session, self.addresses, self.shapes = session, dict[str, int](), dict[str, Any]()

        def set_input_shape(self, name: str, shape: Any) -> None:
            self.shapes[name] = shape

        def set_tensor_address(self, name: str, address: int) -> None:
            self.addresses[name] = address

        def get_tensor_shape(self, name: str) -> Any:
            [output] = [output for output in self.session.get_outputs() if output.name == name]
            [batch] = {shape[0] for shape in self.shapes.values()}
            return (batch, *output.shape[1:2], *(6, 6))

        def execute_async_v3(self, stream: int) -> bool:
            assert stream == memory.stream
            names = [output.name for output in self.session.get_outputs()]
            given = {name: memory.held[self.addresses[name]] for name in self.shapes}
            for name, array in zip(names, self.session.run(names, given), strict=True):
                memory.held[self.addresses[name]] = array
            return True

    class Engine:
        def __init__(self, plan: bytes) -> None:
            self.session = onnxruntime.InferenceSession(plan, providers=["CPUExecutionProvider"])
            self.names = [value.name for value in (*self.session.get_inputs(), *self.session.get_outputs())]
            self.num_io_tensors = len(self.names)

        def get_tensor_name(self, index: int) -> str:
            return str(self.names[index])

        def get_tensor_mode(self, name: str) -> str:
            return "in" if name in {value.name for value in self.session.get_inputs()} else "out"

        def get_tensor_dtype(self, name: str) -> str:
            return "float32"

        def create_execution_context(self) -> Context:
            return Context(self.session)

    class Builder:
        def __init__(self, logger: object) -> None: ...

        def create_network(self, flags: int) -> SimpleNamespace:
            log.append(f"flags {flags}")
            return SimpleNamespace(model=b"")

        def create_builder_config(self) -> SimpleNamespace:
            return SimpleNamespace(
                clear_flag=lambda flag: log.append(f"without {flag}"), add_optimization_profile=lambda profile: None
            )

        def create_optimization_profile(self) -> SimpleNamespace:
            return SimpleNamespace(set_shape=lambda name, *shapes: log.append(f"{name} {shapes}"))

        def build_serialized_network(self, network: SimpleNamespace, config: object) -> bytes:
            return bytes(network.model)

    class OnnxParser:
        num_errors = 1

        def __init__(self, network: SimpleNamespace, logger: object) -> None:
            self.network = network

        def parse(self, model: bytes) -> bool:
            self.network.model = model
            return reads

        def get_error(self, index: int) -> SimpleNamespace:
            return SimpleNamespace(desc=lambda: "no such operator")

    module: Any = ModuleType("tensorrt")
    module.Logger = type("Logger", (), {"ERROR": 1, "__init__": lambda self, level: None})
    module.Builder, module.OnnxParser = Builder, OnnxParser
    module.NetworkDefinitionCreationFlag = SimpleNamespace(STRONGLY_TYPED=2)
    module.BuilderFlag = SimpleNamespace(TF32="TF32")
    module.TensorIOMode = SimpleNamespace(OUTPUT="out")
    module.DataType = SimpleNamespace(BF16="bfloat16")
    module.Runtime = lambda logger: SimpleNamespace(deserialize_cuda_engine=Engine)
    module.nptype = np.dtype
    return module


def test_tensorrt_builds_the_model_for_its_batch(
    network: tuple[LayerGraph, Any, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, model, inputs = network
    wanted = backend("onnx", RunsModels).run(model, graph, inputs, training=False).outputs["output"]
    memory, log = _Memory(), list[str]()
    monkeypatch.setitem(sys.modules, "tensorrt", _stand_in(memory, log))
    monkeypatch.setattr("archspec_onnx.tensorrt.CudaDriver", lambda: memory)
    monkeypatch.setenv("ARCHSPEC_ONNX_RUNTIME", "tensorrt-native")
    found = backend("onnx", RunsModels).run(model, graph, inputs, training=False).outputs["output"]
    np.testing.assert_array_equal(found, wanted)
    shape = (2, 3, 8, 8)
    assert log == ["flags 4", "without TF32", f"input {(shape, shape, shape)}"]
    assert not memory.held  # it ran once, and its memory was given back


def test_what_tensorrt_refuses_is_said_in_its_words(
    network: tuple[LayerGraph, Any, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, model, inputs = network
    memory = _Memory()
    monkeypatch.setitem(sys.modules, "tensorrt", _stand_in(memory, [], reads=False))
    monkeypatch.setattr("archspec_onnx.tensorrt.CudaDriver", lambda: memory)
    monkeypatch.setenv("ARCHSPEC_ONNX_RUNTIME", "tensorrt-native")
    with pytest.raises(BackendError, match="TensorRT does not read the model: no such operator"):
        backend("onnx", RunsModels).run(model, graph, inputs, training=False)


@pytest.mark.parametrize("what", ["engine", "execution context"])
def test_what_the_gpu_does_not_hold_is_said(
    what: str, network: tuple[LayerGraph, Any, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, model, inputs = network
    memory = _Memory()
    tensorrt: Any = _stand_in(memory, [])
    engine = None if what == "engine" else SimpleNamespace(create_execution_context=lambda: None)
    tensorrt.Runtime = lambda logger: SimpleNamespace(deserialize_cuda_engine=lambda plan: engine)
    monkeypatch.setitem(sys.modules, "tensorrt", tensorrt)
    monkeypatch.setattr("archspec_onnx.tensorrt.CudaDriver", lambda: memory)
    monkeypatch.setenv("ARCHSPEC_ONNX_RUNTIME", "tensorrt-native")
    memory.held[99] = "what was there before it failed"
    with pytest.raises(BackendError, match=f"TensorRT could not make the {what}"):
        backend("onnx", RunsModels).run(model, graph, inputs, training=False)
    assert not memory.held


@pytest.mark.usefixtures("no_gpu")
def test_without_a_driver_it_is_said(
    network: tuple[LayerGraph, Any, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, model, inputs = network
    monkeypatch.setitem(sys.modules, "tensorrt", _stand_in(_Memory(), []))
    monkeypatch.setattr("archspec_onnx.tensorrt._DRIVER", {sys.platform: "libcuda-that-is-not-there.so"})
    monkeypatch.setenv("ARCHSPEC_ONNX_RUNTIME", "tensorrt-native")
    with pytest.raises(BackendError, match="the CUDA driver cannot be opened"):
        backend("onnx", RunsModels).run(model, graph, inputs, training=False)
