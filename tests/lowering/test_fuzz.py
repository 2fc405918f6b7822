"""Whatever is done to a spec, it compiles or is refused with a diagnostic: never a crash, never a hang.

Each mutant comes from a number, so that a failure can be repeated.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

import archspec
from archspec.errors import ArchspecError
from archspec.spec import load_text
from tests.zoo import NETWORKS

SPECS: Final = Path(__file__).resolve().parents[2] / "specs"
ATOMS: Final[list[Any]] = [
    *(0, 1, 2, 3, -1, 8, 1000000, 2**31, 2**70, 0.5, 2.0, 1e-5, float("nan"), float("inf"), True, False, None, ""),
    *("x", "i", "n", "channels", "channels * 2", "channels / 2", "i + 1", "width", "same", "valid", "relu", "conv"),
    *("[1, 2]", "[(8, 1)] * 2", "[(8, 1)] * 0", "(8,) x 3", "1/0", "2**100", "1 if i == 0 else 2", "'a'", '\\n"""\n'),
    *("é", "class", "self", "device", "0", "None", "min(1, 2)", "round(1, -100)", "6n+2", "a" * 300),
    *([], [1], [1, 2], [0, 0, 1, 1], [[1]], {}, {"a": 1}, {"normal": -1}, {"constant": [1]}, [[]], [["relu"]]),
    *({"relu": {}}, {"tap": "t"}, {"from": "t"}, {"from": "input"}, {"name": "z", "layers": ["relu"]}),
    *({"repeat": {"times": 1000, "layers": ["relu"]}}, {"shape": []}),
]
KEYS: Final = [
    "when",
    "else",
    "name",
    "layers",
    "from",
    "tap",
    "repeat",
    "times",
    "filters",
    "kernel",
    "stride",
    "padding",
    "groups",
    "dilation",
    "bias",
    "init",
    "units",
    "block",
    "with",
    "unit_names",
    "params",
    "unit",
    "default",
    "choices",
    "doc",
    "outputs",
    "class",
    "defaults",
    "depth",
    "stage",
    "stages",
    "stem",
    "head",
    "input",
    "inputs",
    "shape",
    "channels",
    "height",
    "width",
    "add",
    "concat",
    "multiply",
    "relu",
    "conv",
    "batch_norm",
    "dense",
    "flatten",
    "max_pool",
    "dropout",
    "rate",
    "value",
    "rule",
]


@cache
def _documents() -> dict[str, Any]:
    found = {name: yaml.safe_load(text) for name, text in NETWORKS.items()}
    for path in sorted(SPECS.glob("resnet*.yaml")):
        found[path.stem] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


@cache
def _pool() -> list[Any]:
    """All that stands in the documents, anywhere."""
    return [holder[key] for document in _documents().values() for holder, key in _places(document)]


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every key or index below, with what holds it."""
    for key, value in list(data.items()) if isinstance(data, dict) else list(enumerate(data)):
        yield data, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _mutate(data: Any, pool: list[Any], rng: random.Random) -> None:
    holder, key = rng.choice(list(_places(data)))
    kind = rng.randrange(7)
    if kind < 2:
        holder[key] = copy.deepcopy(rng.choice(ATOMS))
    elif kind == 2:
        holder[key] = copy.deepcopy(rng.choice(pool))
    elif kind == 3:
        del holder[key]
    elif isinstance(holder, list):
        holder.insert(key, copy.deepcopy(rng.choice(rng.choice([ATOMS, pool]))))
    elif kind == 4:
        holder[rng.choice(KEYS)] = holder.pop(key)
    elif kind == 5:
        holder[rng.choice(KEYS)] = copy.deepcopy(rng.choice(rng.choice([ATOMS, pool])))
    elif isinstance(text := holder[key], str):
        at = rng.randrange(len(text) + 1)
        holder[key] = text[:at] + rng.choice("01 +()*/\"'\n\\i{}x[.") + text[at:]


def _check(rng: random.Random) -> bool:
    """Whether a mutant compiled; what it is made of is shown where it neither did nor was refused."""
    documents = _documents()
    data = copy.deepcopy(documents[rng.choice(sorted(documents))])
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        if data:
            _mutate(data, _pool(), rng)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    try:
        graph = archspec.compile(load_text(text, name="mutant.yaml", folder=SPECS))
        if len(graph.nodes) < 500:
            for backend in ("torch", "keras"):
                compile(archspec.generate(graph, backend), "mutant", "exec", dont_inherit=True)
        return True
    except ArchspecError as error:
        str(error)  # what is shown can be made, too
        return False
    except Exception as error:
        error.add_note(text)
        raise


@pytest.mark.parametrize("part", range(4))
def test_mutants_compile_or_are_refused(part: int) -> None:
    assert sum(_check(random.Random(number)) for number in range(part * 250, (part + 1) * 250))


@pytest.mark.fuzz
@pytest.mark.parametrize("part", range(1, 11))
def test_a_thousand_mutants(part: int) -> None:
    assert sum(_check(random.Random(number)) for number in range(part * 1000, (part + 1) * 1000))
