"""What the tests of specs share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from archspec.errors import SpecError
from archspec.spec import Spec, load_text

DATA = Path(__file__).parent / "data"

HEAD = "archspec: 1\nname: net\ninput: {channels: 3, height: 8, width: 8}\n"


def spec_of(rest: str, overrides: Mapping[str, object] | None = None) -> Spec:
    """A spec with the usual three lines at its head; `rest` begins at line 4."""
    return load_text(HEAD + rest, folder=DATA, overrides=overrides)


def errors_of(rest: str, overrides: Mapping[str, object] | None = None) -> list[str]:
    """`code line:column message` of each error in `HEAD + rest`."""
    return errors_in(HEAD + rest, overrides)


def errors_in(text: str, overrides: Mapping[str, object] | None = None) -> list[str]:
    """`code line:column message` of each error in a text."""
    with pytest.raises(SpecError) as caught:
        load_text(text, folder=DATA, overrides=overrides)
    return listed(caught.value)


def listed(error: SpecError) -> list[str]:
    """`code line:column message` of each diagnostic."""
    str(error)  # whatever is wrong, it can be shown
    places = [f"{found.span.line}:{found.span.column}" if found.span else "-" for found in error.diagnostics]
    pairs = zip(error.diagnostics, places, strict=True)
    return [f"{found.code} {place} {found.message}" for found, place in pairs]
