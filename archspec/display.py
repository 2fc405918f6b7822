"""How objects show themselves, as text, in notebooks and to rich: what is shown does not know what draws it.

The functions that draw are registered from outside, by the package `archspec` itself. Their modules are imported when
they are called.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in `archspec`, which imports this
if TYPE_CHECKING:
    from typing import Any

_FUNCTIONS: dict[tuple[str, str], str] = {}


def register(shown: str, **functions: str) -> None:
    """Say by which functions the objects of a class are shown.

    Args:
        shown: the class, as `module:name`; what holds for it holds for the classes derived from it, too.
        functions: what gives each form of such an object, as `module:name`, by the form's name.
    """
    _FUNCTIONS.update({(shown, form): function for form, function in functions.items()})


def display(thing: object, form: str) -> Any:
    """An object in one of the forms that are registered for its class: what the function for it gives.

    Raises:
        LookupError: there is no such form of it.
    """
    for kind in type(thing).__mro__:
        if function := _FUNCTIONS.get((f"{kind.__module__}:{kind.__qualname__}", form)):
            module, _, name = function.partition(":")
            return getattr(import_module(module), name)(thing)
    raise LookupError(f"nothing shows a {type(thing).__name__} as {form}")
