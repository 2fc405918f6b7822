"""The networks that ship, with their costs: from a table that ships with them, so that nothing is read or compiled.

The table, `networks.json` beside the specs, has the digest of all files that it was made of. Where it is another, as
after a change of a spec, the networks are compiled, and only their builders are taken from it.
`python -m benchmarks.network_table` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from archspec.spec.other_names import TABLE
from archspec.spec.shipped_specs import NETWORKS, shipped_folder

_FOLDERS: Final = (*NETWORKS.folders, "blocks")


@dataclass(frozen=True, slots=True)
class ListedVariant:
    """One configuration of a network that ships."""

    name: str
    parameters: int
    macs: int


@dataclass(frozen=True, slots=True)
class ListedNetwork:
    """A network that ships: what its spec says of it, and its costs with the defaults of its params."""

    name: str
    title: str
    family: str
    reference: tuple[str, ...]
    parameters: int
    """Trained parameters."""
    macs: int
    """Multiply-accumulates for one example of the input's own size."""
    variants: tuple[ListedVariant, ...] = ()
    builders: Mapping[str, str] = field(default_factory=dict[str, str])
    """The builders of other libraries whose networks it is, as `torchvision.models.swin_t`, each with the variant."""


def listed_networks() -> list[ListedNetwork]:
    """All networks that ship, in the order of their names, the examples after the others.

    Where specs have changed since the table was written, costs are worked out anew; what the table says of builders
    still holds, of the networks and variants that are there.
    """
    folder = shipped_folder()
    table = _table(folder) if folder is not None else {}
    written = _networks(table) if table else []
    if folder is not None and written and table["digest"] == digest_of(folder):
        return written
    builders = {network.name: network.builders for network in written}
    return [replace(network, builders=_existing(builders, network)) for network in compiled_networks()]


def _existing(builders: Mapping[str, Mapping[str, str]], network: ListedNetwork) -> dict[str, str]:
    names = {"", *(variant.name for variant in network.variants)}
    return {builder: name for builder, name in builders.get(network.name, {}).items() if name in names}


def compiled_networks() -> Iterator[ListedNetwork]:
    """The same, each worked out from its spec, but for builders: a spec does not say them one by one."""
    from archspec.api import compile, load  # what is found in the table needs neither

    for name in NETWORKS.names():
        spec = load(name)
        graph = compile(spec)
        reference = (spec.reference,) if isinstance(spec.reference, str) else tuple(spec.reference or ())
        variants = []
        for variant in spec.variants:
            made = compile(load(name, variant=variant))
            variants.append(ListedVariant(variant, made.parameters, made.macs))
        yield ListedNetwork(name, spec.title, spec.family, reference, graph.parameters, graph.macs, tuple(variants))


def table_text(networks: Sequence[ListedNetwork], folder: Path) -> str:
    """The table as it is written: a line for each network."""
    lines = ",\n".join(f"    {json.dumps(asdict(network), ensure_ascii=False)}" for network in networks)
    return f'{{\n  "digest": "{digest_of(folder)}",\n  "networks": [\n{lines}\n  ]\n}}\n'


def digest_of(folder: Path) -> str:
    """Of the names and the text of all specs and libraries in the folder of what ships."""
    found = sha256()
    for inside in _FOLDERS:
        for path in sorted((folder / inside).glob("*.yaml")):
            text = path.read_text(encoding="utf-8")  # with the same ends of lines everywhere
            found.update(f"{inside}/{path.name}\0{text}\0".encode())
    return found.hexdigest()[:16]


def _table(folder: Path) -> Mapping[str, Any]:
    """What stands in the table; empty where there is none."""
    try:
        found: Mapping[str, Any] = json.loads((folder / TABLE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and {"digest", "networks"} <= found.keys() else {}


def _networks(table: Mapping[str, Any]) -> list[ListedNetwork]:
    return [
        ListedNetwork(
            **{
                **row,
                "reference": tuple(row["reference"]),
                "variants": tuple(ListedVariant(**variant) for variant in row["variants"]),
            }
        )
        for row in table["networks"]
    ]
