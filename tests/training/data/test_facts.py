"""What archspec learns of data before it writes a program, and what of it a plan refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.errors import SpecError, TrainingDataError
from archspec.recipe import SOURCES, ResolvedRecipe, load_text, resolve
from archspec.spec import load_text as load_network
from archspec.training.data.facts import data_facts
from archspec.training.facts import DataFacts, known_facts
from archspec.training.plan import plan_of
from tests.needed import needs
from tests.training.data import files


def recipe(source: str, *lines: str, loss: str = "cross_entropy", batch: int = 2) -> ResolvedRecipe:
    text = f"""
archspec: 1
recipe: looked_at
data:
  source: {source}
"""
    text += "".join(f"  {line}\n" for line in lines)
    text += f"batch: {batch}\nepochs: 1\nloss: {loss}\noptimizer: {{sgd: {{learning_rate: 0.1}}}}\n"
    return resolve(load_text(text))


def arrays(folder: Path, images: Any, labels: Any, split: str = "train") -> None:
    np.savez(folder / f"{split}.npz", images=images, labels=labels)


def test_facts_are_by_the_names_of_splits_and_in_the_shape_of_networks(tmp_path: Path) -> None:
    files.cifar10_binary(tmp_path)
    found = data_facts(recipe("cifar10", "validation: 0.25", "test: test"), tmp_path)
    assert found == DataFacts(
        {"train": 20, "test": 20}, (3, 32, 32), "classes", 10, class_counts={"train": (2,) * 10, "test": (2,) * 10}
    )
    assert found.where == str(tmp_path)


@needs("sklearn")
def test_what_is_known_of_the_digits_is_what_they_are() -> None:
    settings = recipe("digits", "test: test")
    assert data_facts(settings, None) == known_facts(settings.data.source)


@pytest.mark.parametrize("word", [word for word, source in SOURCES.items() if source.known is not None])
def test_what_is_known_agrees_with_itself(word: str) -> None:
    known = SOURCES[word].known
    assert known is not None
    for split, counts in known.class_counts.items():
        assert len(counts) == known.classes
        assert sum(counts) == known.examples[split]


def _folder(folder: Path, sizes: list[tuple[int, int]], split: str = "train") -> None:
    from PIL import Image

    for number, size in enumerate(sizes):
        place = folder / split / ("cat" if number % 2 else "dog")
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(files.pictures(1, (*size, 3), number)[0]).save(place / f"{number}.png")


@needs("PIL")
def test_pictures_of_different_sizes_have_no_size(tmp_path: Path) -> None:
    _folder(tmp_path, [(8, 8), (8, 9), (8, 8)])
    assert data_facts(recipe("folder"), tmp_path).shape == (3, None, None)
    assert data_facts(recipe("{folder: {channels: 1}}"), tmp_path).shape == (1, None, None)
    _folder(tmp_path / "same", [(8, 9), (8, 9)])
    _folder(tmp_path / "same", [(9, 8), (9, 8)], "val")
    assert data_facts(recipe("folder"), tmp_path / "same").shape == (3, 8, 9)
    assert data_facts(recipe("folder", "validation: val"), tmp_path / "same").shape == (3, None, None)


@needs("PIL")
def test_two_pictures_of_different_sizes_are_named(tmp_path: Path) -> None:
    _folder(tmp_path, [(32, 32), (32, 33), (32, 32)])
    settings, network = recipe("folder"), archspec.compile("cifar_resnet")
    with pytest.raises(SpecError, match=r"cat/1\.png has 32 x 33 pixels, .*dog/0\.png 32 x 32") as caught:
        plan_of(settings, network, data_facts(settings, tmp_path))
    assert caught.value.diagnostics[0].code == "E0901"
    _folder(tmp_path / "apart", [(32, 32), (32, 32)])
    _folder(tmp_path / "apart", [(40, 32), (40, 32)], "val")
    settings = recipe("folder", "validation: val")
    with pytest.raises(SpecError, match=r"apart/train have 32 x 32 pixels, those of .*val have 40 x 32"):
        plan_of(settings, network, data_facts(settings, tmp_path / "apart"))


@needs("PIL")
def test_a_network_whose_layers_are_worked_out_from_its_size_takes_no_other(tmp_path: Path) -> None:
    _folder(tmp_path, [(10, 10), (10, 10)])
    settings = recipe("folder")
    text = "archspec: 1\nname: net\nparams: {size: 8}\ninput: {channels: 3, height: size, width: size}\n"
    text += "layers: [pad: {padding: PADDING}, max_pool: {kernel: 3}, global_avg_pool, flatten, dense: {units: 2}]\n"
    plan_of(settings, archspec.compile(load_network(text.replace("PADDING", "1"))), data_facts(settings, tmp_path))
    network = archspec.compile(load_network(text.replace("PADDING", "size // 8")))
    with pytest.raises(SpecError, match=r"--set size=10") as caught:
        plan_of(settings, network, data_facts(settings, tmp_path))
    assert caught.value.diagnostics[0].code == "E0901"


def test_targets_are_classes_maps_or_numbers(tmp_path: Path) -> None:
    arrays(tmp_path, files.pictures(6, (4, 5, 3)), np.array([0, 1, 2, 0, 1, 0]))
    assert data_facts(recipe("{arrays: {classes: 3}}"), tmp_path) == DataFacts(
        {"train": 6}, (3, 4, 5), "classes", 3, class_counts={"train": (3, 2, 1)}
    )
    arrays(tmp_path, files.pictures(6, (4, 5, 3)), np.full((6, 4, 5), 255))
    ignoring = recipe("{arrays: {classes: 3}}", loss="{cross_entropy: {ignore: 255}}")
    assert data_facts(ignoring, tmp_path) == DataFacts({"train": 6}, (3, 4, 5), "maps", 3, (4, 5))
    with pytest.raises(TrainingDataError, match="example 0 has the label 255"):
        data_facts(recipe("{arrays: {classes: 3}}"), tmp_path)
    arrays(tmp_path, np.zeros((6, 7), np.float32), np.zeros((6, 2), np.float32))
    assert data_facts(recipe("arrays", loss="mean_squared_error"), tmp_path) == DataFacts(
        {"train": 6}, (7,), "numbers", None, (2,)
    )


def _cut_off(folder: Path) -> None:
    files.cifar10_binary(folder)
    path = folder / "data_batch_2.bin"
    path.write_bytes(path.read_bytes()[:-1])


def _wrong_splits(folder: Path) -> None:
    arrays(folder, np.zeros((4, 7), np.float32), np.zeros(4, np.int64))
    arrays(folder, np.zeros((4, 8), np.float32), np.zeros(4, np.int64), "test")


WRONG: dict[str, tuple[str, tuple[str, ...], Callable[[Path], object], str]] = {
    "a file cut off": (
        "cifar10",
        (),
        _cut_off,
        "data_batch_2.bin: 12291 bytes, expected a multiple of 3073",
    ),
    "a split that is not there": (
        "{arrays: {classes: 2}}",
        ("validation: val",),
        lambda folder: arrays(folder, np.zeros((4, 7)), np.zeros(4, np.int64)),
        "val.npz: there is no such file; expected an npz or safetensors file",
    ),
    "features of another number": (
        "{arrays: {classes: 2}}",
        ("test: test",),
        _wrong_splits,
        "test.npz: an example is (8,), and those of training are (7,)",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_the_data_is_an_error_with_the_file(case: str, tmp_path: Path) -> None:
    source, lines, make, message = WRONG[case]
    make(tmp_path)
    with pytest.raises(TrainingDataError) as caught:
        data_facts(recipe(source, *lines), tmp_path)
    (found,) = caught.value.diagnostics
    assert found.code == "E1001"
    assert message in found.message
    assert str(tmp_path) in found.message
    assert found.help


def test_the_folder_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataError, match="the recipe's data are `cifar10`, and nobody said where they are"):
        data_facts(recipe("cifar10"), None)
    with pytest.raises(TrainingDataError, match="there is no such folder"):
        data_facts(recipe("cifar10"), tmp_path / "none")


def test_a_plan_names_the_file_of_what_does_not_fit_the_network(tmp_path: Path) -> None:
    arrays(tmp_path, files.pictures(6, (32, 32, 3)), np.array([0, 1, 2, 0, 1, 0]))
    settings = recipe("{arrays: {classes: 3}}")
    with pytest.raises(SpecError, match=r"train\.npz has 3 classes, and the output `output` is of 10"):
        plan_of(settings, archspec.compile("cifar_resnet"), data_facts(settings, tmp_path))
    arrays(tmp_path, files.pictures(6, (32, 32, 1)), np.arange(6))
    settings = recipe("{arrays: {classes: 10}}")
    with pytest.raises(SpecError, match=r"an example of .*train\.npz is 1x32x32 in training, and cifar_resnet takes"):
        plan_of(settings, archspec.compile("cifar_resnet"), data_facts(settings, tmp_path))


def test_maps_stay_where_they_are(tmp_path: Path) -> None:
    unet = archspec.compile("unet")
    node, output = unet.input_nodes[0], unet.types[next(iter(unet.outputs.values()))]
    channels, height, width = node.shape
    arrays(tmp_path, files.pictures(4, (height, width, channels)), np.zeros((4, *output.sizes[1:]), np.int64))
    settings = recipe(
        f"{{arrays: {{classes: {output.sizes[0]}}}}}", "augment: [flip: horizontal, brightness: 0.1, mix: {mixup: 1.0}]"
    )
    with pytest.raises(SpecError) as caught:
        plan_of(settings, unet, data_facts(settings, tmp_path))
    messages = [found.message for found in caught.value.diagnostics]
    assert [message.split("`")[1] for message in messages] == ["flip", "mix"]
    arrays(tmp_path, files.pictures(4, (height, width, channels)), np.zeros((4, height + 1, width), np.int64))
    settings = recipe(f"{{arrays: {{classes: {output.sizes[0]}}}}}")
    with pytest.raises(SpecError, match="a target is a map of"):
        plan_of(settings, unet, data_facts(settings, tmp_path))
