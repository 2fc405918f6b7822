"""What timm says of its weights beside what our specs say of them under `pretrained`.

    python -m benchmarks.timm_pretrained                      # compares; timm and torchvision must be importable
    python -m benchmarks.timm_pretrained --write results.csv  # writes the fixture of the tests, and the specs' entries

All weights of a builder's network for ImageNet's 1000 classes, at the size that its usual weights are for; those come
first. Accuracies are those that timm measured with images prepared so, or of larger ones where it says no other:
https://github.com/huggingface/pytorch-image-models/blob/4e5207c/results/results-imagenet.csv.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import re
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any, Final, TypeAlias

from archspec.spec import find
from benchmarks.preprocessing import digest, picture
from benchmarks.zoo import rows

PATH: Final = Path(__file__).resolve().parents[1] / "tests" / "specs" / "timm" / "pretrained.json"
KEYS: Final = ("weights", "size", "crop", "interpolation", "mean", "std", "license", "source")
SHARED: Final = ("size", "crop", "interpolation", "mean", "std", "license")
"""What the entry of a spec says for all variants: what most of them have."""
CLASSES: Final = 1000
Accuracies: TypeAlias = dict[str, dict[int, str]]
_BLOCK: Final = re.compile(r"^pretrained:\n(?:[ ]+.*\n)+", re.MULTILINE)


def image() -> Any:
    """One that every case of resizing and cropping changes."""
    return picture(401, 577)


def entry(name: str, accuracies: Accuracies) -> dict[str, Any]:
    """What timm says of weights, `resnet50.a1_in1k`; of a network without any, how it would have images prepared."""
    timm: Any = import_module("timm")  # it need not be there otherwise
    known = timm.get_pretrained_cfg(name)
    given = timm.data.resolve_data_config(pretrained_cfg=known.to_dict())
    side = known.input_size[1]
    if known.crop_mode not in ("center", "squash"):
        raise ValueError(f"{name}: archspec does not crop as {known.crop_mode}")
    resized = math.floor(side / known.crop_pct)
    found = accuracies.get(name, {})
    said = "".join(f"; top-1 accuracy on ImageNet {each}%" for each in [found.get(side)] if each)
    held = known.hf_hub_id and known.num_classes == CLASSES
    said = said or "".join(f"; top-1 accuracy on ImageNet {each}% at {at}x{at}" for at, each in [*found.items()][:1])
    return {
        "weights": f"hf://{known.hf_hub_id}" if held else None,
        "size": resized if known.crop_mode == "center" else [resized, resized],
        "crop": side,
        "interpolation": known.interpolation,
        "mean": list(known.mean),
        "std": list(known.std),
        "license": known.license if held else None,
        "source": f"timm {known.tag}{said}" if held else None,
        "image": digest(timm.data.create_transform(**given)(image()).numpy()),
    }


def names_of(builder: str, size: int) -> list[str]:
    """The weights of a builder's network for 1000 classes and images of our network's size, the usual ones first.

    Where the usual ones are none for 1000 classes, the first name is the builder's own. There may be none at all: most
    of BiT's are for larger images.
    """
    timm: Any = import_module("timm")
    usual = timm.get_pretrained_cfg(builder)
    fitting = [
        name
        for name in timm.list_pretrained(f"{builder}.*")
        if (known := timm.get_pretrained_cfg(name)).num_classes == CLASSES and known.input_size[1:] == (size, size)
    ]
    first = f"{builder}.{usual.tag}"
    others = [name for name in fitting if name != first]
    if first in fitting:
        return [first, *others]
    return [builder, *others] if usual.input_size[1:] == (size, size) else others


def table(accuracies: Accuracies) -> list[dict[str, Any]]:
    """A row for the weights of each builder."""
    return [
        {"builder": row["builder"], "spec": row["spec"], "params": row["params"], **entry(name, accuracies)}
        for row in rows("timm")
        for name in names_of(row["builder"], row["size"])
    ]


def measured(path: Path) -> Accuracies:
    """Accuracies by the names of weights and the sizes of images, in per cent."""
    found: Accuracies = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["model"], {})[int(row["img_size"])] = f"{float(row['top1']):g}"
    return found


def _text(value: object) -> str:
    return json.dumps(value) if not isinstance(value, str) or re.search(r"[,:] |[#\[{]", value) else value


def _flow(values: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_text(value)}" for key, value in values.items()) + "}"


def _changed(own: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    return {key: own[key] for key in KEYS if own[key] is not None and own[key] != base.get(key)}


def block(found: list[dict[str, Any]]) -> str:
    """The entry of a spec, as YAML: what most of its variants share, and a line for what each has of its own."""
    by_variant: dict[str, list[dict[str, Any]]] = {}
    for row in found:
        by_variant.setdefault(row["params"]["variant"], []).append(row)
    shared: dict[str, Any] = {}
    for key in SHARED:
        usual = Counter(json.dumps(each[0][key]) for each in by_variant.values() if each[0][key] is not None)
        shared[key] = json.loads(usual.most_common(1)[0][0])
    lines = ["pretrained:", *(f"  {key}: {_text(value)}" for key, value in shared.items())]
    lines += ["  classes: classes/imagenet.txt", "  variants:"]
    for variant, each in by_variant.items():
        own = _changed(each[0], shared)
        others = [row for row in each[1:] if row["weights"] is not None]
        if not others:
            lines += [f"    {variant}: {_flow(own)}"] if own else []
            continue
        lines += [f"    {variant}:", *(f"      {key}: {_text(value)}" for key, value in own.items()), "      others:"]
        for row in others:
            builder, _, tag = row["weights"].removeprefix("hf://timm/").partition(".")
            name = tag if builder == each[0]["builder"] else f"{builder}_{tag}"
            lines.append(f"        {name}: {_flow(_changed(row, {**shared, **own}))}")
    return "\n".join(lines) + "\n"


def write_specs(found: list[dict[str, Any]]) -> None:
    """Write the entries of all specs anew, each at the end of its file or where it stands."""
    for name in dict.fromkeys(row["spec"] for row in found):
        path = find(name)
        text = path.read_text(encoding="utf-8")
        written = block([row for row in found if row["spec"] == name])
        there = _BLOCK.search(text)
        text = text[: there.start()] + written + text[there.end() :] if there else text + written
        path.write_text(text, encoding="utf-8")


def main() -> None:
    """Compare, or write."""
    import archspec
    from archspec.api import loaded
    from archspec.prediction import pretrained_of

    parser = argparse.ArgumentParser(prog="python -m benchmarks.timm_pretrained")
    parser.add_argument("--write", type=Path, metavar="CSV", help="write all anew, with the accuracies of timm's table")
    given: Path | None = parser.parse_args().write
    found = table(measured(given) if given else {})
    if given:
        PATH.write_text("[\n" + ",\n".join(f"  {json.dumps(row)}" for row in found) + "\n]\n", encoding="utf-8")
        write_specs(found)
    for row in found:
        held = pretrained_of(loaded(row["spec"], row["params"]), row["weights"])
        size = tuple(row["size"]) if isinstance(row["size"], list) else row["size"]
        same = held is not None and (held.weights, held.size, held.crop) == (row["weights"], size, row["crop"])
        print(f"{row['builder']:<32}{row['weights'] or 'no weights':<60}{'as timm says' if same else 'OTHERWISE'}")
    print(f"archspec {archspec.__version__}, {len(found)} weights")


if __name__ == "__main__":
    main()
