"""The classes for attention within windows: each can do what its network needs, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Final

from archspec.codegen.tree import LayerUse

_KINDS: Final = {"windows": "WindowAttention", "grid": "GridAttention", "either": "PartitionAttention"}

_BEFORE: Final = {"swin": "", "maxvit": "Maxvit", "timm": "Timm", "maxvit_tf": "TimmMaxvit"}


@dataclass(frozen=True, slots=True)
class WindowClass:
    """What such a class can do, which is what the template of it asks."""

    cosine: bool
    """Scores are cosines, and a small network gives the biases."""
    names: str
    """Whose names the weights have, and whether indices are saved: those of `swin`, `maxvit`, `timm` or `maxvit_tf`."""
    shifted: bool
    """Windows may be shifted."""
    partition: str
    """Whether pixels look at `windows`, at a `grid`, or at `either`, which an argument decides."""

    @property
    def name(self) -> str:
        """What the class is called."""
        before = f"{'Shifted' * self.shifted}{'Cosine' * self.cosine}{_BEFORE[self.names]}"
        return before + _KINDS[self.partition]

    @property
    def arguments(self) -> Iterator[str]:
        """The attributes of the layer that it takes, those that all take left out."""
        if self.shifted:
            yield "shift"
        if self.partition == "either":
            yield "grid"
        if not self.cosine:
            yield "scale"


def window_class(use: LayerUse, *, named: bool) -> WindowClass:
    """The class of a layer; `named` says that its maps have the names that the spec gives them."""
    cosine, names = use.value("scores") == "cosine", use.value("names")
    return WindowClass(
        cosine=cosine,
        names=names if named or _has_other_weights(names, cosine=cosine) else "swin",
        shifted=not use.fixed("shift") or any(use.value("shift")),
        partition=("grid" if use.value("grid") else "windows") if use.fixed("grid") else "either",
    )


def _has_other_weights(names: str, *, cosine: bool) -> bool:
    """Whether weights are others than Swin's, and not only called otherwise."""
    return names == "maxvit_tf" or (cosine and names == "timm")


def variants(*, named: bool) -> Mapping[str, Mapping[str, object]]:
    """All such classes by name, each with the options of its template."""
    found = (
        WindowClass(cosine, names, shifted, partition)
        for cosine, names, shifted, partition in product((False, True), _BEFORE, (False, True), _KINDS)
        if named or names == "swin" or _has_other_weights(names, cosine=cosine)
        if not (cosine and names.startswith("maxvit"))  # which no layer is
    )
    return {made.name: asdict(made) for made in found}
