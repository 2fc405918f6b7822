"""Running the generated source: the same numbers as PyTorch, and everything a Keras model must do."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import BuildsModels, ExchangesWeights, RunsModels, SavesWeights
from archspec.codegen.registry import backend
from archspec.errors import BackendError, InternalError
from archspec.spec import load_text
from tests.archspec_keras.arrays import distance, inputs_for, weights_for
from tests.needed import lazily, needs
from tests.zoo import NETWORKS

keras: Any = lazily("keras")
pytestmark = needs("keras", "torch")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def resnet18() -> archspec.LayerGraph:
    return archspec.compile("resnet18", classes=10)


def _agree(graph: archspec.LayerGraph, dtype: str, size: int | None, outputs: float, statistics: float) -> None:
    weights, inputs = weights_for(graph, dtype), inputs_for(graph, size, dtype=dtype)
    models = {name: archspec.build(graph, name, weights=weights, dtype=dtype) for name in ("torch", "keras")}
    random_in_training = any(node.op.name == "dropout" for node in graph.nodes.values())
    for training in (False, True):
        if training and random_in_training:
            continue
        wanted, found = (
            backend(name, RunsModels).run(model, graph, inputs, training=training) for name, model in models.items()
        )
        assert found.outputs.keys() == wanted.outputs.keys()
        assert found.statistics.keys() == wanted.statistics.keys()
        for name, array in wanted.outputs.items():
            assert found.outputs[name].dtype == dtype
            assert distance(found.outputs[name], array) < outputs
        for name, array in wanted.statistics.items():
            assert distance(found.statistics[name], array) < statistics
            assert (array != weights[name]).any() == training


def test_resnet18_agrees_with_pytorch_in_float64(resnet18: archspec.LayerGraph) -> None:
    _agree(resnet18, "float64", 64, 1e-12, 1e-12)


def test_resnet18_agrees_with_pytorch_in_float32(resnet18: archspec.LayerGraph) -> None:
    _agree(resnet18, "float32", 64, 1e-5, 1e-5)


def test_weights_come_back_as_they_went_in(resnet18: archspec.LayerGraph) -> None:
    weights = weights_for(resnet18, "float32")
    model = archspec.build(resnet18, "keras", weights=weights)
    found = backend("keras", ExchangesWeights).export_weights(model, resnet18)
    assert found.keys() == weights.keys()
    for name, array in weights.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].flags.c_contiguous


def _tiny(tmp_path: Path) -> archspec.LayerGraph:
    path = tmp_path / "tiny.yaml"
    path.write_text("""
archspec: 1
name: tiny
params: {classes: 4}
input: {channels: 3, height: 8, width: 8}
layers:
  - conv: {name: conv, filters: 8, kernel: 3, init: {kaiming_normal: fan_out}}
  - batch_norm: {name: bn}
  - max_pool: {kernel: 3, stride: 2, padding: 1}
  - avg_pool: {kernel: 2, stride: 1, padding: [1, 0, 0, 1]}
  - avg_pool: {kernel: 2, stride: 1, padding: same, count_padding: true}
  - flatten
  - dense: {name: fc, units: classes}
""")
    return archspec.compile(path)


def _images(count: int = 8) -> Any:
    return np.random.default_rng(2).normal(size=(count, 8, 8, 3)).astype("float32")


def test_saved_models_load_here_and_in_a_fresh_process(tmp_path: Path) -> None:
    graph = _tiny(tmp_path)
    (tmp_path / "tiny.py").write_text(archspec.generate(graph, "keras"))
    model = archspec.build(graph, "keras", weights=weights_for(graph, "float32"))
    model.save(tmp_path / "tiny.keras")
    images = _images()
    wanted = keras.ops.convert_to_numpy(model(images))
    loaded = keras.saving.load_model(tmp_path / "tiny.keras")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(loaded(images)), wanted)
    np.save(tmp_path / "images.npy", images)
    np.save(tmp_path / "wanted.npy", wanted)
    code = (
        "import keras, numpy as np, tiny\n"
        "model = keras.saving.load_model('tiny.keras')\n"
        "found = keras.ops.convert_to_numpy(model(np.load('images.npy')))\n"
        "np.testing.assert_allclose(found, np.load('wanted.npy'), rtol=1e-5, atol=1e-6)\n"
        "assert 'archspec' not in __import__('sys').modules\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)


def test_fit_trains_and_keeps_the_unbiased_variance(tmp_path: Path) -> None:
    graph = _tiny(tmp_path)
    model = archspec.build(graph, "keras", weights=weights_for(graph, "float32"))
    before = keras.ops.convert_to_numpy(model.get_layer("bn").moving_variance)
    images = _images()
    features = keras.ops.convert_to_numpy(model.get_layer("conv")(images))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    kernel = keras.ops.convert_to_numpy(model.get_layer("conv").kernel)
    model.fit(images, np.arange(8) % 4, batch_size=8, epochs=1, verbose=0)
    assert (keras.ops.convert_to_numpy(model.get_layer("conv").kernel) != kernel).any()
    wanted = 0.9 * before + 0.1 * features.var(axis=(0, 1, 2), ddof=1)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model.get_layer("bn").moving_variance), wanted, rtol=1e-5)


def test_another_input_size_is_an_argument(resnet18: archspec.LayerGraph, tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text(archspec.generate(resnet18, "keras"))
    space: dict[str, Any] = {}
    exec((tmp_path / "made.py").read_text(), space)
    model = space["resnet18"](input_size=(None, None))
    for size in (32, 45):
        assert tuple(model(np.zeros((1, size, size, 3), "float32")).shape) == (1, 10)


def _settings() -> tuple[object, ...]:
    return keras.config.floatx(), keras.config.dtype_policy().name, keras.config.image_data_format()


def test_verifying_leaves_no_trace(resnet18: archspec.LayerGraph) -> None:
    target = backend("keras", RunsModels)
    number = int(keras.layers.Dense(1).name.partition("_")[2] or 0)
    before = _settings(), random.getstate()
    target.verify(target.render(resnet18), resnet18)
    assert (_settings(), random.getstate()) == before
    assert keras.layers.Dense(1).name == f"dense_{number + 1}"


def test_building_puts_the_settings_back(tmp_path: Path) -> None:
    before = _settings()
    archspec.build(_tiny(tmp_path), "keras", dtype="float64")
    assert _settings() == before


def test_weights_in_the_frameworks_own_form(tmp_path: Path) -> None:
    graph, target = _tiny(tmp_path), backend("keras", SavesWeights)
    weights = weights_for(graph, "float32")
    path = tmp_path / "tiny.weights.h5"
    target.save_weights(archspec.build(graph, "keras", weights=weights), path)
    assert [found.name for found in tmp_path.glob("*.h5")] == [path.name]
    model = archspec.build(graph, "keras")
    exec(target.load_usage(str(path)), {"model": model})
    found = target.export_weights(model, graph)
    assert all(np.array_equal(found[name], array) for name, array in weights.items())


@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "float16"])
def test_dtype_is_that_of_variables_and_computation(dtype: str, tmp_path: Path) -> None:
    graph = _tiny(tmp_path)
    model = archspec.build(graph, "keras", dtype=dtype)
    assert {variable.dtype for variable in model.variables} == {dtype}
    assert {layer.compute_dtype for layer in model.layers} == {dtype}
    outcome = backend("keras", RunsModels).run(model, graph, inputs_for(graph), training=True)
    assert all(np.isfinite(array).all() for array in outcome.outputs.values())


def test_an_unknown_dtype_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(BackendError):
        archspec.build(_tiny(tmp_path), "keras", dtype="float31")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('name="fc"', 'name="other"'),
        ('name="bn"', 'trainable=False, name="bn"'),
        ("    return keras.Model(", '    x = layers.Dense(3, name="more")(x)\n    return keras.Model('),
        ("    return keras.Model(", "    x = layers.Reshape((2, 2))(x)\n    return keras.Model("),
        ('padding="same"', 'padding="valid"'),
        ("layers.Dense(", "layers.Danse("),
    ],
)
def test_source_that_differs_from_the_graph_is_noticed(old: str, new: str, tmp_path: Path) -> None:
    graph, target = _tiny(tmp_path), backend("keras", RunsModels)
    source = target.render(graph)
    assert source.count(old) == 1
    with pytest.raises(InternalError):
        target.verify(source.replace(old, new), graph)


def test_initial_weights_have_the_distributions_of_the_spec(resnet18: archspec.LayerGraph) -> None:
    model = archspec.build(resnet18, "keras")
    weights = backend("keras", ExchangesWeights).export_weights(model, resnet18)
    kernel = weights["layer4.1.conv1.weight"]
    assert kernel.std() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)
    assert not np.array_equal(kernel, weights["layer4.1.conv2.weight"])
    bound = 512**-0.5
    for name in ("fc.weight", "fc.bias"):
        assert 0.5 * bound < np.abs(weights[name]).max() <= bound
    assert (weights["bn1.running_var"] == 1).all()


def test_a_bias_is_drawn_by_what_feeds_its_layer(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("""
archspec: 1
name: net
input: {channels: 8, height: 4, width: 4}
blocks:
  unit:
    params: {kernel: {}, groups: {}}
    layers: [{conv: {name: conv, filters: 4096, kernel: kernel, groups: groups, padding: same}}]
layers:
  - unit: {name: a, kernel: 3, groups: 2}
  - unit: {name: b, kernel: [1, 3], groups: 4}
""")
    graph = archspec.compile(path)
    weights = backend("keras", ExchangesWeights).export_weights(archspec.build(graph, "keras"), graph)
    for name, fan_in in (("a", 4 * 9), ("b", 1024 * 3)):
        for part in ("weight", "bias"):
            largest = np.abs(weights[f"{name}.conv.{part}"]).max()
            assert 0.98 * fan_in**-0.5 < largest <= fan_in**-0.5


_WORKER = """
import sys, numpy as np, archspec, keras
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.spec import load_text
from tests.archspec_keras.arrays import inputs_for, weights_for
assert keras.backend.backend() == sys.argv[1]
graph = archspec.compile("resnet18", classes=10)
target = backend("keras", RunsModels)
target.verify(target.render(graph), graph)
weights = weights_for(graph, "float32")
model = archspec.build(graph, "keras", weights=weights)
found = target.export_weights(model, graph)
assert all((found[name] == weights[name]).all() for name in weights)
arrays = {}
for training in (False, True):
    outcome = target.run(model, graph, inputs_for(graph, 64, dtype="float32"), training=training)
    arrays |= {f"{training}/{name}": array for name, array in (outcome.outputs | outcome.statistics).items()}
np.savez(sys.argv[2], **arrays)

tiny = archspec.compile(sys.argv[3])
model = archspec.build(tiny, "keras")
images = np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype("float32")
before = keras.ops.convert_to_numpy(model.get_layer("bn").moving_variance)
features = keras.ops.convert_to_numpy(model.get_layer("conv")(images))
model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
model.fit(images, np.arange(8) % 4, batch_size=8, verbose=0)
wanted = 0.9 * before + 0.1 * features.var(axis=(0, 1, 2), ddof=1)
np.testing.assert_allclose(keras.ops.convert_to_numpy(model.get_layer("bn").moving_variance), wanted, rtol=1e-5)
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["jax", "torch"])
def test_other_backends_of_keras_agree(engine: str, resnet18: archspec.LayerGraph, tmp_path: Path) -> None:
    pytest.importorskip(engine)
    _tiny(tmp_path)
    environment = {**os.environ, "KERAS_BACKEND": engine, "PYTHONPATH": str(ROOT)}
    file = tmp_path / "found.npz"
    command = [sys.executable, "-c", _WORKER, engine, str(file), str(tmp_path / "tiny.yaml")]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = np.load(file)
    model = archspec.build(resnet18, "torch", weights=weights_for(resnet18, "float32"))
    for training in (False, True):
        outcome = backend("torch", RunsModels).run(
            model, resnet18, inputs_for(resnet18, 64, dtype="float32"), training=training
        )
        for name, array in {**outcome.outputs, **outcome.statistics}.items():
            assert distance(found[f"{training}/{name}"], array) < 1e-5


def test_usage_and_versions(resnet18: archspec.LayerGraph) -> None:
    target = backend("keras", RunsModels)
    usage = target.usage(resnet18, "resnet18")
    assert "from resnet18 import resnet18" in usage
    assert set(target.versions()) == {"keras", keras.backend.backend()}


def test_a_missing_framework_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    import archspec_keras.target as module

    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(BackendError) as caught:
        backend("keras", BuildsModels).require()
    assert caught.value.diagnostics[0].code == "E0602"
    assert "pip install keras tensorflow" in caught.value.diagnostics[0].help


# What a child process does to see what verifying takes, and to be sure that Keras goes on as before.
VERIFY = """
import sys, archspec, keras
from pathlib import Path
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
target = backend("keras", RunsModels)
graph = archspec.compile(sys.argv[1])
target.verify(target.render(graph), graph)
with keras.StatelessScope():  # when it ends, Keras makes the values of all variables that it knows of
    pass
layer = keras.layers.Dense(2)
layer.build((None, 3))
assert layer.kernel.numpy().shape == (3, 2)
text = Path("/proc/self/status").read_text()
print(int(text.partition("VmHWM:")[2].split()[0]) // 1000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    "engine", ["tensorflow", *(pytest.param(name, marks=pytest.mark.slow) for name in ("jax", "torch"))]
)
def test_verifying_makes_no_weights(engine: str, tmp_path: Path) -> None:
    pytest.importorskip(engine)
    path = tmp_path / "huge.yaml"
    path.write_text(
        "archspec: 1\nname: huge\ninput: {channels: 3, height: 8, width: 8}\nlayers:\n"
        "  - conv: {filters: 1000000, kernel: 1}\n  - batch_norm\n  - dropout\n  - prelu\n"
        "  - conv: {filters: 1000000, kernel: 1}\n"
        "  - conv: {filters: 65536, kernel: 1, init: {normal: 0.1}, bias_init: fan_in_uniform}\n"
        "  - to_tokens\n  - class_token\n  - position_embedding\n  - attention: {heads: 4}\n  - select_token\n"
    )
    environment = {**os.environ, "KERAS_BACKEND": engine}
    shell = ["sh", "-c", '"$@"; exit $?', "sh"]  # a process begins with its parent's peak of memory
    command = [*shell, sys.executable, "-c", VERIFY, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    assert int(done.stdout) < 1500  # the framework itself; the weights would take 4 TB


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")]
)
def test_too_little_memory_is_the_users_mistake(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, target = _tiny(tmp_path), backend("keras", RunsModels)

    def fails(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(keras.layers.Conv2D, "build", fails)
    for action in (target.verify, target.build):
        with pytest.raises(BackendError) as caught:
            action(target.render(graph), graph)
        assert caught.value.diagnostics[0].code == "E0803"
        assert caught.value.diagnostics[0].help


def test_precise_attention_takes_no_mask_and_no_dropout() -> None:
    graph = archspec.compile(load_text(NETWORKS["attention_heads"]))
    space: dict[str, Any] = {}
    exec(archspec.generate(graph, "keras"), space)
    tokens = np.zeros((1, 4, 8), "float32")
    for options, given in (
        ({}, {"attention_mask": np.ones((1, 4, 4), bool)}),
        ({}, {"use_causal_mask": True}),
        ({"dropout": 0.5}, {}),
    ):
        layer = space["PreciseAttention"](2, 4, **options)
        with pytest.raises(ValueError, match="neither a mask nor dropout"):
            layer(tokens, tokens, **given)
    assert tuple(space["PreciseAttention"](2, 4)(tokens, tokens).shape) == (1, 4, 8)
