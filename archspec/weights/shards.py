"""Weights in several files, by the index beside them that Hugging Face's libraries write."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from archspec.atomic_files import open_regular
from archspec.weights import safetensors_files, torch_files
from archspec.weights.tensors import DamagedError, LazyTensor

_INDEX: Final = 2**26
_FILES: Final = 1000
_PART: Final = re.compile(r"-(?P<number>\d{5})-of-(?P<count>\d{5})(?P<suffix>\.\w+)$")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several files that hold a network's weights together, by its name."""

    number: int
    """From 1 on."""
    count: int
    index: Path
    """The index of all, which may not be there."""

    def __str__(self) -> str:
        there = "" if self.index.is_file() else ", which is not beside it,"
        return f"part {self.number} of {self.count}: the index `{self.index.name}`{there} names all"


def shard(path: Path) -> Shard | None:
    """What a file is a part of; None where its name says nothing of others."""
    match = _PART.search(path.name)
    if match is None:
        return None
    index = path.with_name(f"{path.name[: match.start()]}{match['suffix']}.index.json")
    alone = int(match["count"]) < 2 and not index.is_file()
    return None if alone else Shard(int(match["number"]), int(match["count"]), index)


def read(path: Path, needed: int) -> dict[str, Any]:
    """The tensors that an index names, each from its own file.

    Args:
        path: of the index.
        needed: how many weights the network has; the time that is spent on each file is bounded by it.

    Raises:
        DamagedError: the index is damaged, a file of it lacks a tensor or is not there, or names a place elsewhere.
        OSError: a file cannot be read.
    """
    with open_regular(path) as file:
        text = file.read() if path.stat().st_size <= _INDEX else b""
    try:
        names = json.loads(text.decode())["weight_map"]
    except (ValueError, KeyError, TypeError, RecursionError):
        names = None
    if not isinstance(names, dict) or not all(isinstance(part, str) for part in names.values()):
        raise DamagedError("an index of weights that is damaged")
    parts = dict.fromkeys(names.values())
    if len(parts) > _FILES:
        raise DamagedError(f"an index of {len(parts):,} files; at most {_FILES:,} are read")
    found: dict[str, dict[str, Any]] = {}
    for part in parts:
        if part != Path(part).name or part in ("", ".", ".."):
            raise DamagedError(f"an index that names {part[:80]!r}, which is no file beside it")
        other = path.with_name(part)
        if not other.is_file():
            raise DamagedError(f"{part[:80]!r}, which the index names, is not beside it: download all parts")
        reader = safetensors_files.read if part.endswith(".safetensors") else torch_files.read
        try:
            found[part] = dict(reader(other, max(needed, len(names))))
        except DamagedError as error:
            raise DamagedError(f"{part[:80]!r}, which the index names: {error}") from None
    tensors: dict[str, Any] = {}
    for name, part in names.items():
        if not isinstance(tensor := found[part].get(name), LazyTensor):
            raise DamagedError(f"{part[:80]!r} has no tensor {name[:80]!r}, which the index says it has")
        tensors[name] = tensor
    return tensors
