"""Jinja, set up so that it can only print: no missing names, no logic, no escaping."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from archspec.codegen.marked_text import join

if TYPE_CHECKING:
    from jinja2 import Environment


@lru_cache
def environment(package: str) -> Environment:
    """The environment for the templates that lie in `templates/` of a package."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(  # source code, not HTML: nothing to escape
        loader=PackageLoader(package),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(package: str, template: str, **values: object) -> str:
    """A template of a package, filled in.

    Marks of the values are marks of the text (see `archspec.codegen.marked_text`).
    """
    return join(environment(package).get_template(template).generate(**values), "")
