"""Text of a spec on its way into source: as checked identifiers, as quoted literals, as docstrings."""

from __future__ import annotations

import builtins
import keyword
import textwrap
from collections.abc import Iterable, Sequence

from archspec.codegen.pretty_printer import INDENT, WIDTH
from archspec.codegen.singular import singular
from archspec.codegen.written_numbers import WrittenNumber
from archspec.errors import InternalError
from archspec.expr import Const, NamedValues, Value, source
from archspec.ir.graph import LayerGraph


def identifier(name: str, taken: Iterable[str] = ()) -> str:
    """`name` as a Python identifier that is no keyword, no builtin and not taken; `_` is added until it is.

    Raises:
        InternalError: it is not an identifier at all; the spec's checks let that through.
    """
    if not name.isidentifier() or not name.isascii():
        raise InternalError(f"{name!r} was to become an identifier")
    while keyword.iskeyword(name) or hasattr(builtins, name) or name in set(taken):
        name += "_"
    return name


def variable_name(name: str, taken: Iterable[str] = ()) -> str:
    """A variable called after a layer, whose name need not be one of Python's: `block1_0` for `block1-0`."""
    plain = name.replace("-", "_").replace(".", "_").lstrip("_")
    return identifier(plain if plain[:1].isalpha() else f"layer_{plain}", taken)


def label_variable(label: str, taken: Iterable[str] = ()) -> str:
    """A variable that is called after a tensor's label: `outputs_0` for `outputs[0]`, one of a list."""
    return identifier(label.replace("[", "_").removesuffix("]"), taken)


def label_parameter(label: str) -> str:
    """What a parameter for a tensor of this label is called: `part` for one of `parts`; empty where nothing says."""
    name, bracket, _ = label.partition("[")
    if bracket:
        single = singular(name)
        return single if single != name else ""
    return name


def is_attribute(name: str) -> bool:
    """Whether an object's attribute can be written so, after a dot."""
    return name.isidentifier() and not keyword.iskeyword(name)


def attribute(target: str, name: str) -> str:
    """How a module that is called so is reached in what holds it."""
    return f"{target}.{name}" if is_attribute(name) else f"getattr({target}, {quoted(name)})"


def literal(value: Value) -> str:
    """A value as Python source, with double quotes as formatters write them."""
    if isinstance(value, WrittenNumber):
        return value.text
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, NamedValues):
        return f"{{{', '.join(f'{quoted(name)}: {literal(item)}' for name, item in value.entries)}}}"
    if isinstance(value, tuple):
        inner = ", ".join(literal(item) for item in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return source(Const(value))


def quoted(text: str) -> str:
    """Text as a Python string literal in double quotes, plain ASCII."""
    shown = ascii(text)
    if shown.startswith("'") and '"' not in text:
        inner = shown[1:-1].replace("\\'", "'")
        return f'"{inner}"'
    return shown


def one_line(text: str) -> str:
    """Text for a comment: one line, printable ASCII."""
    return " ".join("".join(char if " " <= char <= "~" else " " for char in text).split())


def docstring(text: str, depth: int) -> list[str]:
    """Text as a docstring, `depth` levels in, wrapped; nothing in it can end the literal."""
    indent = "    " * depth
    plain = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    plain = plain.replace("\\", "\\\\").replace('"""', "'''")
    if plain.endswith('"'):
        plain += "."
    if plain and plain[-1] not in ".!?:":
        plain += "."
    if len(indent) + len(plain) + 6 <= WIDTH:
        return [f'{indent}"""{plain}"""']
    first, *rest = textwrap.wrap(plain, WIDTH - len(indent) - 3)
    return [f'{indent}"""{first}', *(f"{indent}{line}" for line in rest), f'{indent}"""']


def documented_docstring(text: str, arguments: Sequence[tuple[str, str]], depth: int) -> list[str]:
    """A docstring with a section of arguments, each with what is said of it."""
    if not arguments:
        return docstring(text, depth)
    lines = [line for line in docstring(text, depth) if line.strip() != '"""']
    lines[-1] = lines[-1].removesuffix('"""') if len(lines) == 1 else lines[-1]
    lines += ["", f"{INDENT * depth}Args:"]
    for name, said in arguments:
        plain = [line.strip().strip('"') for line in docstring(f"{name}: {said}", depth + 2)]
        lines += [f"{INDENT * (depth + 1 + (number > 0))}{line}" for number, line in enumerate(filter(None, plain))]
    return [*lines, f'{INDENT * depth}"""']


def annotation(values: Iterable[Value]) -> str:
    """The annotation of a parameter that has these values, one for each call; an int where a float may stand is one."""
    found = {_type(value) for value in values}
    if "float" in found:
        found.discard("int")
    return " | ".join(sorted(found)) if "object" not in found else "object"


def _type(value: Value) -> str:
    if value is None:
        return "object"
    if isinstance(value, NamedValues):
        inner = sorted({_type(item) for _, item in value.entries})
        return f"dict[str, {' | '.join(inner)}]" if inner and "object" not in inner else "dict[str, object]"
    if not isinstance(value, tuple):
        return type(value).__name__
    inner = [_type(item) for item in value]
    if len(set(inner)) == 1 and len(inner) > 4:  # a list, whose length says nothing
        return f"tuple[{inner[0]}, ...]"
    return f"tuple[{', '.join(inner)}]" if inner else "tuple[object, ...]"


def one_of(graph: LayerGraph) -> str:
    """How one tensor is taken, as code, out of what a model gives: where it has names, a mapping by them."""
    if not graph.gives_names:
        return ""
    names = list(graph.outputs)
    others = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"[{names[0]!r}]  # of a dict with {', '.join(names[:3])}{others}"
