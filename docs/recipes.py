"""The tables of `docs/recipes.md`: keys from the models of recipes, words and attributes from their registries.

Each stands between `<!-- recipe: NAME -->` and `<!-- end of recipe -->`; the rest of the page is written by hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from archspec.errors import CODES
from archspec.explanations import all_explanations
from archspec.ir.attributes import Kind
from archspec.ir.op import AttributeInfo
from archspec.recipe import Part, Registry, load, resolve, shipped_recipes
from archspec.recipe.augmentations import AUGMENTATIONS
from archspec.recipe.images import PREPARATIONS
from archspec.recipe.kinds import BoundedIntKind, PositiveKind
from archspec.recipe.losses import LOSSES, METRICS
from archspec.recipe.model import DataSpec, Recipe, ScheduleSpec
from archspec.recipe.optimizers import OPTIMIZERS
from archspec.recipe.schedules import PHASES
from archspec.recipe.schema_fields import Scalar, doc_of
from archspec.recipe.sections import CLIPS, Checkpoint, EarlyStopping, Ema, Plateau, Share, WeightDecay
from archspec.recipe.sources import SOURCES
from archspec.spec import Model
from archspec.training.linter import LINTS
from docs.wrapping import wrapped

MODELS: Final[Mapping[str, type[Model]]] = {"recipe": Recipe, "data": DataSpec, "schedule": ScheduleSpec}
REGISTRIES: Final[Mapping[str, Registry[Any]]] = {
    "sources": SOURCES,
    "preparations": PREPARATIONS,
    "augmentations": AUGMENTATIONS,
    "losses": LOSSES,
    "metrics": METRICS,
    "optimizers": OPTIMIZERS,
    "phases": PHASES,
    "clips": CLIPS,
}
SECTIONS: Final[Mapping[str, type[Part]]] = {
    "share": Share,
    "weight_decay": WeightDecay,
    "plateau": Plateau,
    "ema": Ema,
    "checkpoint": Checkpoint,
    "early_stopping": EarlyStopping,
}
_TABLE: Final = re.compile(r"<!-- recipe: (\w+) -->\n.*?<!-- end of recipe -->\n", re.DOTALL)

Attributes = Callable[[Sequence[AttributeInfo]], Iterator[str]]
"""The table of some attributes, as the page of ops has them."""


def filled(page: str, attributes: Attributes) -> str:
    """The page with its tables as the models and registries have them now."""

    def table(match: re.Match[str]) -> str:
        lines = [f"<!-- recipe: {match[1]} -->", "", *_lines(match[1], attributes), "", "<!-- end of recipe -->", ""]
        return "\n".join(wrapped(lines))

    return _TABLE.sub(table, page)


def _lines(name: str, attributes: Attributes) -> Iterator[str]:
    if name in MODELS:
        yield from _keys(MODELS[name])
    elif name in SECTIONS:
        yield from _part(SECTIONS[name], attributes)
    elif name in REGISTRIES:
        yield from _registry(REGISTRIES[name], attributes)
    elif name == "shipped":
        yield from ("| recipe | data | batch | length | |", "|---|---|---:|---:|---|")
        yield from (_shipped(recipe) for recipe in shipped_recipes())
    elif name == "linter":
        yield from ("| code | meaning | fix |", "|---|---|---|")
        yield from (f"| [{code}](errors.md#{code.lower()}) | {CODES[code]} | {_fix(code)} |" for code in LINTS)
    else:
        raise ValueError(f"no table is called {name}")


def _fix(code: str) -> str:
    return all_explanations()[code].fix


def _shipped(name: str) -> str:
    settings = resolve(load(name))
    length = f"{settings.epochs:,} epochs" if settings.epochs is not None else f"{settings.steps:,} steps"
    link = f"[`{name}`](../specs/recipes/{name}.yaml)"
    return f"| {link} | {settings.data.source.name} | {settings.batch:,} | {length} | {settings.recipe.title} |"


def _keys(model: type[Model]) -> Iterator[str]:
    yield from ("| key | if left out | meaning |", "|---|---|---|")
    for name, info in model.model_fields.items():
        key = info.alias or name
        held = [*info.metadata, *(each for arm in getattr(info.annotation, "__args__", ()) for each in _metadata(arm))]
        default = next((each.default for each in held if isinstance(each, Scalar)), None)
        absent = "required" if info.is_required() else _absent(default)
        yield f"| `{key}` | {absent} | {info.description} |"


def _metadata(annotation: Any) -> tuple[object, ...]:
    return tuple(getattr(annotation, "__metadata__", ()))


def _absent(default: object) -> str:
    if default is None or default == ():
        return "not there"
    return f"`{str(default).lower()}`" if isinstance(default, bool) else f"`{default}`"


def _registry(registry: Registry[Any], attributes: Attributes) -> Iterator[str]:
    yield registry.doc
    for name, part in registry.items():
        yield from ("", f"#### {name}", "")
        yield from _part(part, attributes)
        if part.known_as:
            words = (f"`{other}`" + (f" ({remark})" if remark else "") for other, remark in part.known_as.items())
            yield from ("", f"Elsewhere: {', '.join(words)}.")


def _part(part: type[Part], attributes: Attributes) -> Iterator[str]:
    yield doc_of(part)
    example = part.example or part.name
    yield from ("", f"As in `{example}`" + (f"; a value without a name is `{part.bare}`." if part.bare else "."))
    if part.attributes():
        yield ""
        yield from attributes(list(part.attributes().values()))


def takes(kind: Kind) -> str | None:
    """What a kind of attribute that only recipes have takes, where it is more than what it expects; None for others."""
    match kind:
        case PositiveKind(most=most, below=below):
            if below < float("inf"):
                return f"a number greater than 0 and less than {below:g}"
            return f"a number greater than 0, {most:g} or less" if most < float("inf") else "a number greater than 0"
        case BoundedIntKind(least=least, most=most):
            return f"a whole number from {least} to {most}"
    return None
