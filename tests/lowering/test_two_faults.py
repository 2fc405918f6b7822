"""Two faults that have nothing to do with each other are both found, and nothing else is said: no consequences."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import archspec
from archspec.errors import SpecError

SPECS = Path(__file__).resolve().parents[2] / "specs"
Data = dict[str, Any]
Plant = Callable[[Data, int], None]


def in_items(*faulty: Any, before: tuple[Any, ...] = ()) -> Plant:
    """Items that start from the input, at the end or at the beginning of the network, or in a block of their own."""

    def plant(data: Data, index: int) -> None:
        items = [*before, *copy.deepcopy(faulty), "relu"]
        rows = [key for key in ("stem", "stages", "head", "layers") if isinstance(data.get(key), list)]
        match index % 3:
            case 0:
                data[rows[-1]].append({"from": "input", "layers": items})
            case 1:
                data[rows[0]].insert(0, {"from": "input", "layers": items})
            case _:
                data.setdefault("blocks", {})[f"planted{index}"] = {"layers": items}
                data[rows[-1]].append({"from": "input", "layers": [f"planted{index}"]})

    return plant


def at_the_top(key: str, value: Any) -> Plant:
    def plant(data: Data, index: int) -> None:
        data[f"{key}{index}" if key == "strange" else key] = value

    return plant


def of_params(name: str, value: Any) -> Plant:
    def plant(data: Data, index: int) -> None:
        data.setdefault("params", {})[f"{name}{index}"] = value

    return plant


def of_blocks(block: Data, call: Any = None) -> Plant:
    def plant(data: Data, index: int) -> None:
        data.setdefault("blocks", {})[f"part{index}"] = copy.deepcopy(block)
        rows = [key for key in ("stem", "stages", "head", "layers") if isinstance(data.get(key), list)]
        data[rows[-1]].append({"from": "input", "layers": [{f"part{index}": call} if call else f"part{index}"]})

    return plant


FAULTS: dict[str, tuple[str, Plant]] = {
    "a bare value": ("E0202", in_items({"dropout": 0.5})),
    "two kinds": ("E0202", in_items({"relu": None, "sigmoid": None})),
    "a number as an item": ("E0202", in_items(3)),
    "an unknown key": ("E0201", at_the_top("strange", 1)),
    "a word of others at the top": ("E0412", at_the_top("optimizer", "sgd")),
    "a name that is none": ("E0404", in_items({"conv": {"name": "a b", "filters": 4, "kernel": 1}})),
    "not an expression": ("E0301", in_items({"conv": {"filters": "4 +", "kernel": 1}})),
    "an undefined name": ("E0302", in_items({"conv": {"filters": "zyxwv * 2", "kernel": 1}})),
    "an unknown op": ("E0408", in_items("lstm")),
    "a misspelled op": ("E0408", in_items("sigmiod")),
    "an unknown attribute": ("E0409", in_items({"conv": {"filters": 4, "kernel": 1, "zyxwv": 1}})),
    "a misspelled attribute": ("E0409", in_items({"conv": {"fliters": 4, "kernel": 1}})),
    "a word of others": ("E0412", in_items({"conv": {"filters": 4, "kernel_size": 1}})),
    "a missing attribute": ("E0410", in_items({"conv": {"filters": 4}})),
    "a word that is not taken": ("E0411", in_items({"pad": {"padding": 1, "mode": "replicate"}})),
    "a value that is not taken": ("E0411", in_items({"dropout": {"rate": 2.0}})),
    "no such tap": ("E0406", in_items({"from": "zyxwv", "layers": ["relu"]})),
    "an unused param": ("E0403", of_params("planted", 3)),
    "an unused param of a block": ("E0403", of_blocks({"params": {"zyxwv": 1}, "layers": ["relu"]})),
    "an unused tap of a block": ("E0407", of_blocks({"layers": ["relu", {"tap": "zyxwv"}, "tanh"]})),
    "an unknown param": ("E0401", of_blocks({"layers": ["relu"]}, {"zyxwv": 1})),
    "a missing param": (
        "E0402",
        of_blocks({"params": {"wide": {}}, "layers": [{"conv": {"filters": "wide", "kernel": 1}}]}),
    ),
    "a misspelled param": (
        "E0302",
        of_blocks({"params": {"wide_one": 4}, "layers": [{"conv": {"filters": "wide_noe", "kernel": 1}}]}),
    ),
    "a misspelled argument": (
        "E0401",
        of_blocks(
            {"params": {"wide_one": {}}, "layers": [{"conv": {"filters": "wide_one", "kernel": 1}}]}, {"wide_noe": 4}
        ),
    ),
    "a block of the wrong form": ("E0202", of_blocks({"params": {"wide": 3}, "layers": "relu"}, {"wide": 4})),
    "a block with an unknown key": ("E0201", of_blocks({"strange": 1, "layers": ["relu"]})),
    "a param used in what is refused": (
        "E0202",
        of_blocks({"params": {"wide": 3}, "layers": [{"conv": ["wide"], "relu": None}]}, {"wide": 4}),
    ),
    "a tap in what is refused": (
        "E0202",
        in_items({"from": "input", "layers": [{"tap": "kept"}], "relu": None}, {"from": "kept", "layers": ["relu"]}),
    ),
    "division by zero": ("E0303", in_items({"conv": {"filters": "4 // 0", "kernel": 1}})),
    "a dense layer on an image": ("E0501", in_items({"dense": {"units": 3}})),
    "branches that do not meet": ("E0502", in_items({"add": [[{"conv": {"filters": 5, "kernel": 1}}], []]})),
    "a branch at fault and one that is not": (
        "E0501",
        in_items({"concat": [[{"dense": {"units": 3}}], [{"conv": {"filters": 5, "kernel": 1}}]]}),
    ),
    "a kernel too large": ("E0503", in_items({"max_pool": {"kernel": 3000}})),
    "groups that do not divide": ("E0504", in_items({"conv": {"filters": 8, "kernel": 1, "groups": 4}})),
    "a layer twice": (
        "E0405",
        in_items(
            {"name": "zyxwv", "layers": [{"conv": {"name": "a", "filters": 4, "kernel": 1}}, {"relu": {"name": "a"}}]}
        ),
    ),
}
# Twice they would be another fault: a key twice, two layers of one name.
ONCE = {"a word of others at the top", "a name that is none"}
SMALL: Data = {
    "archspec": 1,
    "name": "small",
    "params": {"classes": 10, "width": 8},
    "input": {"channels": 3, "height": 32, "width": 32},
    "blocks": {
        "unit": {
            "unit": ["filters", "stride"],
            "layers": [{"conv": {"filters": "filters", "kernel": 3, "stride": "stride", "padding": 1}}, "relu"],
        }
    },
    "stem": [{"conv": {"filters": "width", "kernel": 3, "padding": 1}}, {"tap": "trunk"}],
    "stages": [{"name": "layer1", "block": "unit", "units": "[(width, 2)] + [(width, 1)]"}],
    "head": [
        {"add": [[], {"from": "trunk", "layers": [{"max_pool": {"kernel": 2}}]}]},
        {"repeat": {"times": 2, "layers": [{"unit": {"filters": "width * (i + 1)", "stride": 1}}]}},
        "global_avg_pool",
        "flatten",
        {"dense": {"units": "classes"}},
    ],
}


def codes(data: Data, folder: Path) -> list[str]:
    path = folder / "planted.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    try:
        archspec.compile(path)
    except SpecError as error:
        return sorted(found.code for found in error.diagnostics)
    return []


def test_the_spec_is_right_without_faults(tmp_path: Path) -> None:
    assert codes(SMALL, tmp_path) == []


@pytest.mark.parametrize("left", FAULTS)
def test_both_of_two_faults_are_found_and_nothing_else(left: str, tmp_path: Path) -> None:
    wrong: dict[tuple[str, str], list[str]] = {}
    faults = list(FAULTS)
    for turn, right in enumerate(faults[faults.index(left) :]):
        if left == right and left in ONCE:
            continue
        data = copy.deepcopy(SMALL)
        for index, fault in enumerate((left, right)):
            FAULTS[fault][1](data, turn + index)
        found = codes(data, tmp_path)
        if found != sorted((FAULTS[left][0], FAULTS[right][0])):
            wrong[left, right] = found
    assert not wrong


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "densenet", "lenet", "unet"])
def test_in_the_specs_that_ship(name: str, tmp_path: Path) -> None:
    (path,) = SPECS.rglob(f"{name}.yaml")
    generator = random.Random(name)
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    for key in ("include", "extends"):  # they are found among what ships, as before
        assert not str(data.get(key, "")).startswith("..")
    assert codes(data, tmp_path) == []
    for _ in range(20):
        chosen = generator.sample(sorted(FAULTS), 2)
        planted = copy.deepcopy(data)
        for index, fault in enumerate(chosen):
            FAULTS[fault][1](planted, index + generator.randrange(2))
        assert codes(planted, tmp_path) == sorted(FAULTS[fault][0] for fault in chosen), chosen
