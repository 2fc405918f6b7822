"""Looking at a spec whenever one of its files was saved."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from archspec.watching.files import changed
from archspec.watching.snapshot import Snapshot


def watch(look: Callable[[], Snapshot], show: Callable[[Snapshot], None], stop: Event) -> None:
    """Look at the spec, and again after each change of a file that it took, until `stop` is set.

    The files may be others after each change, and some of them may not be there: they are waited for.
    """
    found = look()
    show(found)
    while changed(found.seen, stop):
        found = look()
        show(found)
