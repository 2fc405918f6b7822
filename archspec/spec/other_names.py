"""Networks that ship, by names that they have elsewhere: of builders of libraries, or with a variant behind a colon.

They are not names of specs: errors say which spec and variant is meant. What ships by which builder stands in the
table `networks.json` beside the specs, which `python -m benchmarks.network_table` writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from archspec.errors import did_you_mean
from archspec.spec.shipped_specs import shipped_folder

TABLE: Final = "networks.json"
_SHOWN: Final = 3
_LONGEST: Final = 80


def spellings(builder: str) -> tuple[str, ...]:
    """How a builder may be called, as `torchvision.models.swin_t`, `torchvision.swin_t` and `swin_t`."""
    module, _, name = builder.rpartition(".")
    library = module.removesuffix(".models")
    return builder, f"{library}.{name}", f"{library} {name}", name


def network_help(name: str) -> str:
    """The specs that ship with the variants that another name means; empty where it means none.

    Args:
        name: `swin:t`, `torchvision.models.swin_t`, `timm/resnet50`, `EfficientNetB0`.
    """
    if not name or len(name) > _LONGEST:
        return ""
    networks = _networks()
    own, colon, variant = name.partition(":")
    for network in networks if colon else ():
        if network["name"] == own:
            variants = [each["name"] for each in network["variants"]]
            if variant in variants:
                return _options([(own, variant)])
            return did_you_mean(variant, variants) or f"{own} has no such variant; `archspec list` shows all"
    wanted = name.replace("/", ".").replace(":", ".").lower()
    return _options(
        (network["name"], variant)
        for network in networks
        for builder, variant in network["builders"].items()
        if wanted in spellings(builder.lower())
    )


def _options(found: Iterable[tuple[str, str]]) -> str:
    """How networks that are meant are named."""
    shown = [f"`{own} --set variant={variant}`" if variant else f"`{own}`" for own, variant in dict.fromkeys(found)]
    return f"write {' or '.join(shown[:_SHOWN])}" if shown else ""


def _networks() -> list[dict[str, Any]]:
    """The table's rows; none where there is no table that can be read."""
    folder = shipped_folder()
    try:
        found = json.loads((folder / TABLE).read_text(encoding="utf-8")) if folder is not None else {}
    except (OSError, ValueError):
        return []
    return list(found.get("networks", ()))
