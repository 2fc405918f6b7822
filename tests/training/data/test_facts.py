"""What archspec learns of data before it writes a program."""

from __future__ import annotations

from pathlib import Path

import pytest

from archspec.errors import TrainingDataError
from archspec.training.data.config import DataConfig
from archspec.training.data.facts import DataFacts, data_facts
from archspec.training.data.parts.cifar import Cifar
from archspec.training.data.parts.examples import Share
from archspec.training.data.parts.scaling import Rescale
from tests.training.data import files


def test_facts_are_those_of_the_program(tmp_path: Path) -> None:
    files.cifar10_binary(tmp_path)
    steps = (Rescale(1 / 255),)
    config = DataConfig(Cifar(), steps, steps, batch=3, validation=Share(0.25), test="test", classes=10)
    assert data_facts(config, tmp_path) == DataFacts(
        {"training": 15, "validation": 5, "test": 20},
        {"training": 5, "validation": 2, "test": 7},
        files.TEN,
        (32, 32, 3),
    )


def test_what_is_wrong_with_the_data_is_an_error_with_a_code(tmp_path: Path) -> None:
    files.cifar10_binary(tmp_path)
    path = tmp_path / "data_batch_2.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(TrainingDataError) as caught:
        data_facts(DataConfig(Cifar(), (), (), batch=3), tmp_path)
    (found,) = caught.value.diagnostics
    assert found.code == "E1001"
    assert found.message.startswith(f"{path}: 12291 bytes, expected a multiple of 3073")
    assert found.help
