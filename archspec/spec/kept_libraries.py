"""Libraries of blocks that this process has read before: networks that share one, or are compiled again, read it once.

What is kept is what the text of the library gives, whatever includes it; the file is read each time, and another text
is another library. Only what has no errors is kept, and limits are spent as if it were read: they mean the same in a
process that has read it and in one that has not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeVar

from archspec.errors import Source, Span
from archspec.limits import Limits
from archspec.spec.located_data import LoadContext, LocatedDict
from archspec.spec.yaml_reader import read_text

_M = TypeVar("_M")

_MOST: Final = 64
"""So many libraries are kept: the first goes for a further one."""
_LONGEST: Final = 200_000
"""Characters of one that is kept."""


class _KeptLibrary(NamedTuple):
    source: Source
    data: LocatedDict
    values: int
    """How many values it has, aliases written out."""
    models: dict[tuple[object, ...], tuple[object, int]]
    """The models of its blocks, each with the steps that making it took."""


_libraries: Final[dict[tuple[str, str, Limits], _KeptLibrary]] = {}


def forget_libraries() -> None:
    """Read each library anew when it is asked for next."""
    _libraries.clear()


def read_library(text: str, name: str, load_context: LoadContext) -> object:
    """The data of a library's text, as `read_text` gives it; nobody changes it."""
    key = name, text, load_context.limits
    kept = _libraries.get(key)
    if kept is not None and load_context.values + kept.values <= load_context.limits.values:
        load_context.values += kept.values
        load_context.texts.append(kept.source)
        return kept.data
    values, noted = load_context.values, load_context.noted
    data = read_text(text, name, load_context)
    if kept is None and noted == load_context.noted and isinstance(data, LocatedDict) and len(text) <= _LONGEST:
        while len(_libraries) >= _MOST:
            del _libraries[next(iter(_libraries))]
        _libraries[key] = _KeptLibrary(load_context.texts[-1], data, load_context.values - values, {})
    return data


def model_of(
    name: str, key_span: Span, data: LocatedDict, load_context: LoadContext, read: Callable[[], _M | None]
) -> _M | None:
    """The model of a block, which is that of before where it stands in a library that is kept; models are frozen.

    Args:
        name: the block's.
        key_span: where the name is written.
        data: what is written of it.
        load_context: of the spec: how calls are read depends on which blocks it has.
        read: reads the data.
    """
    source = key_span.source
    kept = _libraries.get((source.name, source.text, load_context.limits))
    if kept is None or kept.source is not source:
        return read()
    key = name, id(data), load_context.tuple_blocks, tuple(load_context.block_params.items())
    if (known := kept.models.get(key)) is not None:
        load_context.budget.spend(known[1])
        found: _M = known[0]  # type: ignore[assignment]  # what it is, is told by the reader, one for all blocks
        return found
    left, noted = load_context.budget.left, load_context.noted
    model = read()
    own = kept.data.get("blocks")
    if model is not None and noted == load_context.noted and isinstance(own, LocatedDict) and own.get(name) is data:
        while len(kept.models) >= _MOST:
            del kept.models[next(iter(kept.models))]
        kept.models[key] = model, left - load_context.budget.left
    return model
