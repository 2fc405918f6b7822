"""Initial weights of networks: the same numbers everywhere and in every part, on every backend, and in the file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import archspec
from archspec.codegen.backend import ExchangesWeights
from archspec.codegen.registry import backend
from archspec.initialization import draw, metadata
from archspec.ir.initializers import ContinuousUniform, Gaussian, TruncatedGaussian
from archspec.ir.initializers.random_stream import CHUNK
from archspec.spec import load_text
from archspec.weights import write
from archspec.weights.network_digest import KEY, network_digest
from tests.ir.initializers import plain
from tests.ir.initializers.fit import check, drawn, every_initializer
from tests.ir.initializers.networks import DRAWN, WEIGHTS, network

GOLDEN: dict[str, Any] = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))
"""sha256 of float32 numbers, lowest byte first, and of whole files. They change only where `SCHEME` does."""

DISTRIBUTIONS = {
    "normal": Gaussian(0.0, 1.0),
    "normal of mean 1": Gaussian(1.0, 0.02),
    "truncated normal": TruncatedGaussian(0.05, 0.1),
    "uniform": ContinuousUniform(0.125),
}


def digest(array: Any) -> str:
    return hashlib.sha256(np.asarray(array, "<f4").tobytes()).hexdigest()


def same(a: Any, b: Any) -> bool:
    return list(a) == list(b) and all(a[name].tobytes() == b[name].tobytes() for name in a)


@pytest.fixture(scope="module")
def graph() -> archspec.LayerGraph:
    return archspec.compile("resnet18")


# -- the same everywhere ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_numbers_are_what_they_were(name: str) -> None:
    for size in (1, 2, 5, 1000, 2 * CHUNK + 3):
        assert digest(drawn(DISTRIBUTIONS[name], size)) == GOLDEN["numbers"][name][str(size)]


@pytest.mark.parametrize("spec", GOLDEN["files"])
def test_files_are_what_they_were(spec: str, tmp_path: Path) -> None:
    compiled = archspec.compile(spec)
    for seed, expected in GOLDEN["files"][spec].items():
        path = tmp_path / "w.safetensors"
        write(path, draw(compiled, int(seed)), compiled, metadata(compiled, int(seed)))
        assert hashlib.sha256(path.read_bytes()).hexdigest() == expected


def test_a_change_of_one_bit_is_noticed() -> None:
    found = drawn(DISTRIBUTIONS["normal"], 1000)
    found[500] = np.nextafter(found[500], np.float32(9))
    assert digest(found) != GOLDEN["numbers"]["normal"]["1000"]


def test_the_number_of_threads_changes_nothing(graph: archspec.LayerGraph) -> None:
    one = draw(graph, 0, threads=1)
    for threads in (2, 3, 16):
        assert same(draw(graph, 0, threads=threads), one)
    assert same(archspec.init_weights(graph), one)


def test_a_weight_is_its_seed_its_name_and_its_distribution(graph: archspec.LayerGraph) -> None:
    arrays = archspec.init_weights(graph, seed=5)
    assert {name: array.shape for name, array in arrays.items()} == {
        name: weight.shape for name, weight in graph.all_weights.items()
    }
    for name, weight in graph.all_weights.items():
        assert arrays[name].dtype == np.float32
        assert np.array_equal(arrays[name].reshape(-1), drawn(weight.distribution, weight.size, seed=5, name=name)), (
            name
        )
    fan_in = 512
    stream = plain.words(5, "fc.bias", 0)
    assert arrays["fc.bias"].tolist() == plain.uniform(
        stream, 1000, graph.all_weights["fc.bias"].distribution.bounds[1]
    )
    assert np.abs(arrays["fc.bias"]).max() <= fan_in**-0.5
    assert (arrays["bn1.running_var"] == 1).all()
    assert not arrays["bn1.running_mean"].any()


def test_layers_around_it_change_nothing() -> None:
    whole = archspec.init_weights("resnet18")
    part = archspec.init_weights("resnet18", taps=["layer2"])
    assert 0 < len(part) < len(whole)
    assert same(part, {name: whole[name] for name in part})
    other_head = archspec.init_weights("resnet18", classes=10)
    assert [name for name in whole if not np.array_equal(whole[name], other_head[name])] == ["fc.weight", "fc.bias"]


def test_seeds_and_names_differ(graph: archspec.LayerGraph) -> None:
    zero, one = archspec.init_weights(graph), archspec.init_weights(graph, seed=1)
    numbers = [array.reshape(-1)[:1000].astype(np.float64) for found in (zero, one) for array in found.values()]
    lines = [array / array.std() for array in numbers if len(array) == 1000 and array.std() > 0]
    assert len(lines) == 44
    correlations = np.corrcoef(lines) - np.eye(len(lines))
    assert np.abs(correlations).max() < 6 / 1000**0.5


def test_a_seed_is_a_whole_number(graph: archspec.LayerGraph) -> None:
    small = archspec.compile("lenet")
    seeds: list[Any] = [-1, 2**64, np.int64(3)]
    for seed in seeds:
        assert same(archspec.init_weights(small, seed=seed), archspec.init_weights(small, seed=int(seed)))
    for wrong in (0.0, "0", None):
        with pytest.raises(TypeError):
            archspec.init_weights(small, seed=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("initializer", every_initializer())
def test_every_initializer(initializer: str) -> None:
    compiled = network(WEIGHTS, initializer)
    arrays = archspec.init_weights(compiled, seed=2)
    for path in DRAWN:
        check(arrays[path], compiled.all_weights[path].distribution)


# -- models and files -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["torch", "keras"])
def test_a_built_model_has_the_weights_of_its_seed(name: str) -> None:
    pytest.importorskip(name)
    small = archspec.compile("lenet")
    for dtype in ("float32", "float64"):
        model = archspec.build(small, name, seed=3, dtype=dtype)
        found = backend(name, ExchangesWeights).export_weights(model, small)
        expected = archspec.init_weights(small, seed=3)
        assert all(np.array_equal(found[path], expected[path]) for path in small.all_weights)
    with pytest.raises(TypeError, match="seed"):
        archspec.build(small, name, seed=3, weights=archspec.init_weights(small))


def test_no_param_is_called_seed() -> None:
    text = "archspec: 1\nname: net\nparams: {seed: 3}\ninput: {channels: 1, height: 4, width: 4}\n"
    with pytest.raises(archspec.SpecError, match="seed"):
        load_text(text + "layers: [conv: {filters: seed, kernel: 1}]\n")


def test_the_file_says_how_it_was_drawn(graph: archspec.LayerGraph, tmp_path: Path) -> None:
    arrays = draw(graph, 7)
    paths = [tmp_path / name for name in ("a.safetensors", "b.safetensors")]
    for path in paths:
        write(path, arrays, graph, metadata(graph, 7))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with safe_open(paths[0], framework="numpy") as file:
        said = file.metadata()
    assert said.pop("archspec.params") == json.dumps(
        {param.name: param.value for param in graph.params}, sort_keys=True
    )
    assert said.pop(KEY) == network_digest(graph)
    assert said == {"format": "pt", "archspec.init": "1", "archspec.seed": "7", "archspec.network": "resnet18"}
    loaded = load_file(paths[0])
    assert loaded.keys() == arrays.keys()
    assert all(loaded[name].tobytes() == arrays[name].tobytes() for name in arrays)


def split(path: Path) -> tuple[int, Any, bytes]:
    """The header's length, the header and the numbers; the library writes metadata in any order."""
    data = path.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    return end, json.loads(data[8:end]), data[end:]


def test_a_file_without_metadata_is_what_the_library_writes(graph: archspec.LayerGraph, tmp_path: Path) -> None:
    arrays: dict[str, Any] = draw(graph, 0)
    for change in (np.float16, np.float32, np.float64):
        arrays["conv1.weight"] = arrays["conv1.weight"].astype(change)
        write(tmp_path / "ours.safetensors", arrays, graph)
        said = {"format": "pt", KEY: network_digest(graph)}
        save_file(arrays, tmp_path / "theirs.safetensors", metadata=said)
        ours, theirs = (split(tmp_path / f"{whose}.safetensors") for whose in ("ours", "theirs"))
        assert ours == theirs
