"""What torchvision says of its weights beside what our specs say of them under `pretrained`.

    python -m benchmarks.pretrained            # compares; torchvision must be importable
    python -m benchmarks.pretrained --write    # writes tests/specs/torchvision/pretrained.json, and the specs' entries

Of several weights the usual ones are taken or, where they are for larger images, the first for images of the network's
size. GoogLeNet and Inception v3 change their input themselves where torchvision gives them weights: the mean and the
deviation here are those of what their first layers get.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any, Final

from archspec.spec import find
from archspec.spec.pretrained import DIGESTS
from benchmarks.zoo import rows

PATH: Final = Path(__file__).resolve().parents[1] / "tests" / "specs" / "torchvision" / "pretrained.json"
KEYS: Final = (
    *("weights", "sha256", "md5", "size", "crop", "interpolation", "channels", "range", "mean", "std"),
    *("license", "source"),
)
_TRANSFORMS: Final = ("googlenet", "inception_v3")
_HALF: Final = [0.5, 0.5, 0.5]
_BLOCK: Final = re.compile(r"^pretrained:\n(?:[ ]+.*\n)+", re.MULTILINE)


def entry(builder: str, size: int) -> dict[str, Any]:
    """What torchvision says of the weights of a builder."""
    from torchvision.models import get_model_weights

    known = get_model_weights(builder)
    fitting = [each for each in (known.DEFAULT, *known) if each.transforms().crop_size == [size]]
    weights = fitting[0]
    steps = weights.transforms()
    found = re.search(r"-([0-9a-f]{8})\.pth$", weights.url)
    accuracy = weights.meta["_metrics"]["ImageNet-1K"]["acc@1"]
    halves = builder in _TRANSFORMS
    return {
        "weights": weights.url,
        "sha256": found[1] if found else None,
        "size": steps.resize_size[0],
        "crop": steps.crop_size[0],
        "interpolation": steps.interpolation.value,
        "mean": _HALF if halves else list(steps.mean),
        "std": _HALF if halves else list(steps.std),
        "license": "cc-by-nc-4.0" if "SWAG" in weights.name else "bsd-3-clause",
        "source": f"torchvision {type(weights).__name__}.{weights.name}; top-1 accuracy on ImageNet {accuracy}%",
    }


def table() -> list[dict[str, Any]]:
    """A row for each builder that has a spec."""
    return [
        {"builder": row["builder"], "spec": row["spec"], "params": row["params"], **entry(row["builder"], row["size"])}
        for row in rows()
    ]


def _line(key: str, value: object) -> str:
    return f"{key}: {json.dumps(value) if not isinstance(value, str) or key in DIGESTS else value}"


def block(entries: dict[str, dict[str, Any]], default: str, inherited: dict[str, Any]) -> str:
    """The entry of a spec, as YAML: what its variants do not share stands under their names."""
    own = entries[default]
    kept = [key for key in KEYS if own.get(key) is not None and inherited.get(key) != own[key]]
    lines = ["pretrained:", *(f"  {_line(key, own[key])}" for key in kept)]
    lines += [] if inherited else ["  classes: classes/imagenet.txt"]
    others = {name: each for name, each in entries.items() if name != default}
    lines += ["  variants:"] if others else []
    for name, each in others.items():
        changed = [key for key in KEYS if each.get(key) is not None and each[key] != own.get(key)]
        lines += [f"    {name}:", *(f"      {_line(key, each[key])}" for key in changed)]
    return "\n".join(lines) + "\n"


def write_specs(found: list[dict[str, Any]]) -> None:
    """Write the entries of all specs anew, each at the end of its file or where it stands."""
    import archspec

    by_spec: dict[str, dict[str, dict[str, Any]]] = {}
    for row in found:
        by_spec.setdefault(row["spec"], {})[row["params"].get("variant", "")] = row
    of_weights = ("weights", *DIGESTS, "license", "source")
    for name, entries in by_spec.items():
        path = find(name)
        text = path.read_text(encoding="utf-8")
        spec = archspec.load(name)
        parent = re.search(r"^extends: (\w+)\.yaml$", text, re.MULTILINE)
        usual = by_spec.get(parent[1], {}).get("") if parent else None
        inherited = {key: value for key, value in usual.items() if key not in of_weights} if usual else {}
        written = block(entries, spec.variant if spec.variant in entries else next(iter(entries)), inherited)
        there = _BLOCK.search(text)
        text = text[: there.start()] + written + text[there.end() :] if there else text + written
        path.write_text(text, encoding="utf-8")


def main() -> None:
    """Compare, or write."""
    import archspec
    from archspec.api import loaded

    parser = argparse.ArgumentParser(prog="python -m benchmarks.pretrained")
    parser.add_argument("--write", action="store_true", help="write the fixture of the tests, and the specs' entries")
    found = table()
    if parser.parse_args().write:
        PATH.write_text("[\n" + ",\n".join(f"  {json.dumps(row)}" for row in found) + "\n]\n", encoding="utf-8")
        write_specs(found)
    for row in found:
        held = loaded(row["spec"], row["params"]).chosen_pretrained
        same = held is not None and (held.weights, held.size, held.crop) == (row["weights"], row["size"], row["crop"])
        print(f"{row['builder']:<24}{'as torchvision says' if same else 'OTHERWISE'}")
    print(f"archspec {archspec.__version__}, {len(found)} builders")


if __name__ == "__main__":
    main()
