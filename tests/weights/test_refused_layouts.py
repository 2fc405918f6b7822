"""What looks like a network's weights and is not: files whose names fit, and whose numbers lie or mean otherwise."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec import WeightsError
from archspec.checkpoints import write_as
from archspec.cli import main
from archspec.spec import load_text
from archspec.weights import read_weights

h5py = pytest.importorskip("h5py")
HEAD = "archspec: 1\nname: net\ninput: {channels: %d, height: 6, width: 6}\nlayers:\n"


def graph(layers: str, channels: int = 4) -> archspec.LayerGraph:
    return archspec.compile(load_text(HEAD % channels + layers))


def legacy(path: Path, layers: dict[str, dict[str, Any]], backend: str = "tensorflow") -> None:
    """A file of Keras 2: an attribute names the layers, and one in each the variables."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in layers]
        file.attrs["backend"] = backend
        for name, variables in layers.items():
            group = file.create_group(name)
            group.attrs["weight_names"] = [key.encode() for key in variables]
            for key, array in variables.items():
                group[key] = array


def numbered(path: Path, layers: dict[str, list[Any]], *, named: bool = True) -> None:
    """A `.weights.h5` of Keras 3."""
    with h5py.File(path, "w") as file:
        for index, (name, variables) in enumerate(layers.items()):
            group = file.create_group(f"layers/layer_{index}/vars")
            if named:
                group.attrs["name"] = name
            for number, array in enumerate(variables):
                group[str(number)] = array


def refused(path: Path, network: archspec.LayerGraph) -> str:
    with pytest.raises(WeightsError) as caught:
        read_weights(path, network)
    return str(caught.value)


ATTENTION = "  - to_tokens\n  - attention: {name: a, heads: 2, bias: false}\n"


def test_attention_of_dense_layers_is_in_another_layout(tmp_path: Path) -> None:
    kernels = {f"a/{name}/kernel:0": np.eye(8) for name in ("query", "key", "value", "attention_output")}
    legacy(tmp_path / "w.h5", {"a": kernels})
    assert "another layout" in refused(tmp_path / "w.h5", graph(ATTENTION, 8))


def test_the_number_of_heads_is_the_file_s(tmp_path: Path) -> None:
    for heads in (2, 4):
        size = 8 // heads
        kernels = {f"a/{name}/kernel:0": np.ones((8, heads, size)) for name in ("query", "key", "value")}
        legacy(tmp_path / "w.h5", {"a": {**kernels, "a/attention_output/kernel:0": np.ones((heads, size, 8))}})
        if heads == 2:
            assert read_weights(tmp_path / "w.h5", graph(ATTENTION, 8))[1].complete
        else:
            assert "another layout" in refused(tmp_path / "w.h5", graph(ATTENTION, 8))


@pytest.mark.parametrize(
    ("kernel", "channels", "found"),
    [("[1, 3]", 4, (3, 1, 4, 5)), ("3", 1, (1, 3, 3, 5)), ("[3, 1]", 4, (1, 3, 4, 5))],
)
def test_a_kernel_of_other_axes_does_not_fit(
    kernel: str, channels: int, found: tuple[int, ...], tmp_path: Path
) -> None:
    legacy(tmp_path / "w.h5", {"c": {"c/kernel:0": np.zeros(found)}})
    network = graph(f"  - conv: {{name: c, filters: 5, kernel: {kernel}, bias: false}}\n", channels)
    assert "of another shape" in refused(tmp_path / "w.h5", network)


def test_a_dense_layer_is_a_convolution_of_one_position(tmp_path: Path) -> None:
    kernel = np.arange(20.0).reshape(4, 5)
    legacy(tmp_path / "w.h5", {"c": {"c/kernel:0": kernel}})
    found, _ = read_weights(tmp_path / "w.h5", graph("  - conv: {name: c, filters: 5, kernel: 1, bias: false}\n"))
    assert np.array_equal(found["c.weight"], kernel.T.reshape(5, 4, 1, 1))


NORM = "  - batch_norm: {name: norm%s}\n"


def test_numbers_of_variables_mean_what_the_layer_has(tmp_path: Path) -> None:
    vectors = [np.full(4, number) for number in range(4)]
    numbered(tmp_path / "w.weights.h5", {"norm": vectors})
    found, _ = read_weights(tmp_path / "w.weights.h5", graph(NORM % ""))
    assert [found[f"norm.{name}"][0] for name in ("weight", "bias", "running_mean", "running_var")] == [0, 1, 2, 3]
    refused(tmp_path / "w.weights.h5", graph(NORM % ", scale: false"))
    with pytest.raises(WeightsError):  # not by parts of it either
        read_weights(tmp_path / "w.weights.h5", graph(NORM % ", scale: false"), partial=True)


def test_layers_without_names_are_no_one_s(tmp_path: Path) -> None:
    numbered(tmp_path / "w.weights.h5", {"norm": [np.zeros(4)] * 4}, named=False)
    assert "does not name its layers" in refused(tmp_path / "w.weights.h5", graph(NORM % ""))


def test_theano_s_convolutions_are_flipped(tmp_path: Path) -> None:
    legacy(tmp_path / "w.h5", {"c": {"c/kernel:0": np.zeros((3, 3, 4, 5))}}, "theano")
    assert "Theano" in refused(tmp_path / "w.h5", graph("  - conv: {name: c, filters: 5, kernel: 3, bias: false}\n"))


CONV = "  - conv: {name: c, filters: 5, kernel: 3, bias: false}\n"


def test_the_file_that_is_named_is_read(tmp_path: Path) -> None:
    """Not a checkpoint that lies beside it under the same name."""
    network = graph(CONV)
    for number, prefix in ((1.0, "w.npz"), (2.0, "other")):
        arrays = {"c.weight": np.full((5, 4, 3, 3), number, np.float32)}
        write_as("tensorflow", tmp_path / prefix, arrays, network)
    write_as("numpy", tmp_path / "w.npz", {"c.weight": np.full((5, 4, 3, 3), 3, np.float32)}, network)
    assert read_weights(tmp_path / "w.npz", network)[0]["c.weight"][0, 0, 0, 0] == 3
    assert read_weights(tmp_path / "w.npz.index", network)[0]["c.weight"][0, 0, 0, 0] == 1
    assert read_weights(tmp_path / "other", network)[0]["c.weight"][0, 0, 0, 0] == 2
    assert "it is a folder" in refused(Path(), network)


def test_a_prefix_is_taken_from_every_format(tmp_path: Path) -> None:
    kernels = {name: np.full((3, 3, 4, 5), number) for number, name in enumerate(("student", "teacher"))}
    legacy(tmp_path / "w.h5", {name: {f"{name}/c/kernel:0": kernel} for name, kernel in kernels.items()})
    for number, name in enumerate(kernels):
        found, _ = read_weights(tmp_path / "w.h5", graph(CONV), prefix=f"{name}/")
        assert (found["c.weight"] == number).all()
    with pytest.raises(WeightsError, match="begins with `nobody/`"):
        read_weights(tmp_path / "w.h5", graph(CONV), prefix="nobody/")
    with pytest.raises(WeightsError, match="has no key `ema`"):
        read_weights(tmp_path / "w.h5", graph(CONV), key="ema")


def test_a_mapping_is_chosen_by_any_library_s_names(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    vit = archspec.compile("vision_transformer")
    wanted = {
        name: np.random.default_rng(0).random(weight.shape, np.float32) for name, weight in vit.all_weights.items()
    }
    from archspec.weights.translation import named_by
    from archspec.weights.weight_maps import found_map

    named = named_by(found_map("timm_vision_transformer"), vit, wanted)
    state = {name: torch.from_numpy(array) for name, array in named.items()}
    torch.save({"aux": {"x": torch.zeros(3)}, "mean": torch.zeros(3), "state_dict": state}, tmp_path / "w.pth")
    found, report = read_weights(tmp_path / "w.pth", vit)
    assert report.notes == ("the file's key `state_dict`", "read by timm, VisionTransformer")
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("header", [b"((((", b"{[]:1}", b"'''", b"{'descr'"])
@pytest.mark.parametrize("kind", [zipfile.ZIP_STORED, zipfile.ZIP_LZMA])
def test_damaged_headers_of_numpy(header: bytes, kind: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.npz", "w", kind) as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header)
    assert "no array of NumPy" in refused(tmp_path / "w.npz", graph(CONV))


def test_a_header_of_numpy_that_says_it_is_long(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x02\0" + (2**31).to_bytes(4, "little") + bytes(10**7))
    assert "no array of NumPy" in refused(tmp_path / "w.npz", graph(CONV))


def test_files_of_a_repository_are_not_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_as("numpy", tmp_path / "w.npz", archspec.init_weights("lenet"), archspec.compile("lenet"))
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "README.md").write_text("mine")
    command = ["push", "lenet", "--weights", str(tmp_path / "w.npz"), "-o", str(folder)]
    assert main(command) == 1
    assert "was not written by archspec" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["README.md"]
    assert main([*command, "--force"]) == 0


def test_whole_numbers_and_big_endian_ones_are_converted(tmp_path: Path) -> None:
    network = graph(CONV)
    for array in (np.ones((5, 4, 3, 3), np.int64), np.ones((5, 4, 3, 3), ">f4")):
        for format in ("tensorflow", "numpy"):
            write_as(format, tmp_path / f"w-{format}", {"c.weight": array}, network)
            assert (read_weights(tmp_path / f"w-{format}", network)[0]["c.weight"] == 1).all()
