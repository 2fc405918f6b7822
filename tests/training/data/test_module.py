"""A program's `data.py` has what it needs, reads well, and gives the same batches as what it is printed from."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archspec.training.data.catalog import AUGMENTATIONS, FORMATS, PREPARATIONS, STEPS
from archspec.training.data.config import DataConfig
from archspec.training.data.module import data_module
from archspec.training.data.parts.arrays import Arrays
from archspec.training.data.parts.batches import Data
from archspec.training.data.parts.cifar import Cifar
from archspec.training.data.parts.csv_table import CsvTable
from archspec.training.data.parts.digits import Digits
from archspec.training.data.parts.examples import Share
from archspec.training.data.parts.folder import ImageFolder
from archspec.training.data.parts.huggingface import HuggingFace
from archspec.training.data.parts.mnist import Mnist
from archspec.training.data.parts.resizing import CenterCrop
from archspec.training.data.parts.scaling import Rescale
from archspec.training.data.parts.statistics import SubtractMean
from archspec.training.data.parts.webdataset import WebDataset
from archspec.training.data.printing import PARTS, part
from tests.needed import needs
from tests.training.data import files
from tests.training.data.test_batches import PREPARED, RECIPES, digest

NAMES = sorted(item.name.removesuffix(".py") for item in resources(PARTS).iterdir() if item.name.endswith(".py"))
SOURCES: tuple[Any, ...] = (
    Arrays("{split}.safetensors", "x", 'a "quoted" name', 10),
    Cifar(100),
    CsvTable("kind", ("a", "it's")),
    Digits(),
    HuggingFace(),
    ImageFolder(1),
    Mnist(),
    WebDataset(3),
)


def config(source: Any, name: str = "paper", **options: Any) -> DataConfig:
    evaluation = PREPARED if name != "torchvision" else (CenterCrop((24, 24)),)
    return DataConfig(source, RECIPES[name], evaluation, batch=8, **options)


def test_the_names_of_all_parts_are_different() -> None:
    seen: dict[str, str] = {}
    for name in NAMES:
        if name != "__init__":
            for piece in part(name).pieces:
                assert seen.setdefault(piece.name, name) == name, f"{piece.name} is in {seen[piece.name]} and {name}"


def test_parts_import_only_the_library_numpy_and_each_other() -> None:
    for name in NAMES:
        tree = ast.parse((resources(PARTS) / f"{name}.py").read_text(encoding="utf-8"))
        for node in tree.body:
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for module in modules:
                root = module.partition(".")[0]
                assert root == "numpy" or root in sys.stdlib_module_names or module.startswith(f"{PARTS}."), (
                    name,
                    module,
                )


def test_the_catalog_has_every_format_and_step() -> None:
    named = {each.__name__ for each in (*FORMATS.values(), *STEPS.values())}
    fitted = {"Subtract", "Divide", "Whiten"}
    for name in NAMES:
        tree = ast.parse((resources(PARTS) / f"{name}.py").read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
                arguments = [
                    [argument.arg for argument in each.args.args]
                    for each in node.body
                    if isinstance(each, ast.FunctionDef) and each.name in ("__call__", "open")
                ]
                is_step = ["self", "images", "draws"] in arguments or methods & {"fit", "mix"}
                is_format = ["self", "folder", "split"] in arguments
                if (is_step or is_format) and not any(isinstance(base, ast.Name) for base in node.bases):
                    assert node.name in named | fitted, node.name
    assert not set(PREPARATIONS) & set(AUGMENTATIONS)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: type(source).__name__)
def test_the_source_reads_as_if_written_by_hand(tmp_path: Path, source: Any) -> None:
    for number, name in enumerate(RECIPES):
        text = data_module(config(source, name, validation=Share(0.1, "random"), seed=number))
        path = tmp_path / f"data{number}.py"
        path.write_text(text, encoding="utf-8")
        imported = {
            (node.module or "") if isinstance(node, ast.ImportFrom) else alias.name
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert not any(module.partition(".")[0] == "archspec" for module in imported)
        assert text.endswith("\n")
        assert "\t" not in text
    rules = ["--isolated", "--line-length", "120", "--target-version", "py311"]
    select = ["--select", "E,W,F,I,B,UP,D1", "--ignore", "D102,D105,D107,UP037"]
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", *rules, *select, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--diff", *rules, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_only_what_is_needed_is_printed() -> None:
    text = data_module(DataConfig(Digits(), (Rescale(1 / 16),), (Rescale(1 / 16),), batch=32))
    for word in (
        "class Cifar",
        "class Affine",
        "def sample(",
        "PIL",
        "class Normalize",
        "exact_log",
        "class ZcaWhitening",
    ):
        assert word not in text
    assert len(text.splitlines()) < 700


def test_texts_of_a_recipe_stay_texts() -> None:
    evil = "\"); import os; os.system('x') #\\"
    text = data_module(config(CsvTable(evil, (evil, "\n'''"))))
    call = ast.parse(text).body[-1]
    found = {node.value for node in ast.walk(call) if isinstance(node, ast.Constant)}
    assert {evil, "\n'''"} <= found
    assert not [node for node in ast.walk(call) if isinstance(node, ast.Import)]


RUN = """
import hashlib, sys
from data import load, open_data

if __name__ == "__main__":
    data = open_data(sys.argv[1])
    for workers in (0, 2):
        for batches in (data.training, data.test):
            for images, targets in load(batches, range(4), workers=workers):
                print(hashlib.sha256(images.tobytes() + targets.tobytes()).hexdigest())
    print(data.classes, data.shape, len(data.training), len(data.training.examples))
    assert not [name for name in sys.modules if name.partition(".")[0] in ("archspec", "torch", "keras")]
"""


@pytest.mark.parametrize("name", RECIPES)
def test_a_program_sees_the_same_batches(tmp_path: Path, name: str) -> None:
    files.cifar10_binary(tmp_path / "cifar", each=7)
    given = config(Cifar(), name, test="test", seed=4)
    (tmp_path / "data.py").write_text(data_module(given), encoding="utf-8")
    (tmp_path / "run.py").write_text(RUN, encoding="utf-8")
    command = [sys.executable, str(tmp_path / "run.py"), str(tmp_path / "cifar")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    data = Data(
        given.source,
        tmp_path / "cifar",
        training=given.training,
        evaluation=given.evaluation,
        batch=8,
        test="test",
        seed=4,
    )
    assert data.test is not None
    expected = digest(data.training.batch(step) for step in range(4)) + digest(
        data.test.batch(step) for step in range(4)
    )
    assert done.stdout.splitlines()[:-1] == expected * 2
    assert (
        done.stdout.splitlines()[-1]
        == f"{data.classes} {data.shape} {len(data.training)} {len(data.training.examples)}"
    )


@needs("sklearn")
def test_the_digits_need_no_folder(tmp_path: Path) -> None:
    steps = (Rescale(1 / 16), SubtractMean())
    (tmp_path / "data.py").write_text(
        data_module(DataConfig(Digits(), steps, steps, batch=32, validation=Share(0.1), test="test", classes=10)),
        encoding="utf-8",
    )
    (tmp_path / "run.py").write_text(RUN, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "run.py"), "."], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("(8, 8, 1) 41 1298")


def test_images_are_float32_arrays_in_one_piece(tmp_path: Path) -> None:
    files.cifar10_binary(tmp_path)
    images, _ = Data(Cifar(), tmp_path, training=(), evaluation=(), batch=4).training.batch(0)
    assert images.dtype == np.float32
    assert images.flags.c_contiguous
    assert images.max() > 200
