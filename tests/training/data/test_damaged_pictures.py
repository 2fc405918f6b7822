"""Pictures whose header and end are whole but which cannot be decoded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archspec.training.data.parts import pictures
from archspec.training.data.parts.errors import DataError
from archspec.training.data.parts.folder import ImageFolder
from archspec.training.data.parts.loader import load
from archspec.training.data.parts.webdataset import WebDataset
from tests.training.data import files
from tests.training.data.files import opened


def damage_within(data: bytearray, start: int) -> None:
    """Changes what a picture's header and end say nothing of."""
    data[start + 60 : start + 200] = bytes(140)


def damaged_picture(folder: Path) -> None:
    path = folder / "train/cat/3.png"
    data = bytearray(path.read_bytes())
    damage_within(data, 0)
    path.write_bytes(data)


def damaged_in_a_shard(folder: Path) -> None:
    path = folder / "train-000001.tar"
    data = bytearray(path.read_bytes())
    damage_within(data, data.index(b"\x89PNG"))
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("make", "damage", "source", "message"),
    [
        (files.image_folder, damaged_picture, ImageFolder(), r"cat/3\.png: cannot be decoded"),
        (files.shards, damaged_in_a_shard, WebDataset(3), r"train-000001\.tar, at byte \d+: cannot be decoded"),
    ],
)
def test_a_picture_that_is_damaged_within_is_an_error_before_the_first_step(
    make: Callable[[Path], object], damage: Callable[[Path], None], source: Any, message: str, tmp_path: Path
) -> None:
    make(tmp_path)
    opened(source, tmp_path)
    damage(tmp_path)
    with pytest.raises(DataError, match=message):
        opened(source, tmp_path)


def test_a_picture_that_was_not_decoded_before_is_named_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MOST_DECODED", 2)  # of 12, the first and the seventh
    files.image_folder(tmp_path)
    damaged_picture(tmp_path)
    batches = opened(ImageFolder(), tmp_path).training
    with pytest.raises(DataError, match=r"cat/3\.png: cannot be decoded"):
        list(load(batches, range(len(batches))))
