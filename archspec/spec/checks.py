"""What is checked of names and expressions wherever they stand."""

from __future__ import annotations

import re
from keyword import iskeyword

from archspec.errors import Span
from archspec.expr import ExprError, parse, split_pattern
from archspec.reserved_names import (
    NAME_IN_SEQUENCE,
    NAME_OF_LAYER,
    NOT_KEYS,
    NOT_LAYERS,
    in_sequence,
    is_sequence_name,
    not_a_layer,
)
from archspec.spec.form_suggestions import expression_help
from archspec.spec.key_suggestions import OTHER_NAMES, OWN_WORDS, TAKEN_NAMES
from archspec.spec.located_data import LoadContext
from archspec.spec.scalars import describe


def parses(text: str, span: Span | None, load_context: LoadContext) -> bool:
    """Whether a text is an expression; if not, the reason is noted."""
    try:
        parse(text, load_context.budget)
    except ExprError as error:
        help = "" if error.too_large else expression_help(text, span=span)
        load_context.error("E0304" if error.too_large else "E0301", str(error), span, help=help)
        return False
    return True


def usable_name(
    name: object, span: Span | None, load_context: LoadContext, what: str, taken: tuple[str, ...] = (), help: str = ""
) -> bool:
    """Whether a name can be used in generated code; if not, the reason is noted.

    `what` is what it names; `taken` holds words that mean something else here; `help` is for what is no name at all.
    """
    if not isinstance(name, str):
        message = f"the name of {what} must be a string, found {describe(name)}"
        load_context.error("E0202", message, span)
        return False
    otherwise, help = help, ""
    if name in taken:
        reason = "has a meaning of its own in the language"
        help = f"write `{OTHER_NAMES.get(name, f'{name}_')}`, or another name" + (
            f": {OWN_WORDS[name]}" if name in OWN_WORDS else ""
        )
    elif iskeyword(name):
        reason, help = "is a keyword of Python", otherwise or f"write `{name}_`"
    elif not _is_name(name):
        reason = "is not a name"
        help = otherwise or _as_name(name, load_context.limits.name)
        help = help or "a name has letters, digits and underscores, and begins with a letter"
    elif len(name) > (most := load_context.limits.name):
        reason = f"has {len(name)} characters; at most {most} are allowed"
    else:
        return True
    return _refused(name, reason, span, load_context, what, help)


def usable_label(name: object, span: Span | None, load_context: LoadContext) -> bool:
    """Whether a layer or scope can be called so, as a part of the names of weights; if not, the reason is noted."""
    if not isinstance(name, str):
        message = f"the name of a layer must be a string, found {describe(name)}"
        load_context.error("E0202", message, span)
        return False
    if len(name) > (most := load_context.limits.name):
        return _refused(name, f"has {len(name)} characters; at most {most} are allowed", span, load_context, "a layer")
    sequence, own = in_sequence(name)
    if sequence.count(".") and re.fullmatch(r"[A-Za-z0-9_.-]+", name) is not None:
        help = f"let a named sequence or a block called `{name.partition('.')[0]}` hold the rest"
        reason = "is one in a sequence of sequences"
        return _refused(name, reason, span, load_context, "a layer", help)
    if sequence and not is_sequence_name(sequence) and re.fullmatch(NAME_OF_LAYER, sequence) is not None:
        reason = f"stands in `{sequence}`, which cannot be an attribute of a class"
        return _refused(name, reason, span, load_context, "a layer", "call the sequence as in `convs.0`")
    if re.fullmatch(NAME_IN_SEQUENCE, name) is None:
        plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_") if name.isascii() else ""
        help = (
            f"write `{plain}`" if plain else "it has letters, digits, `_` and `-`, such as `conv1`, `0` or `block1-0`"
        )
        return _refused(name, "is not a name", span, load_context, "a layer", help)
    if sequence and (own in NOT_LAYERS or own in NOT_KEYS):
        reason = f"is called `{own}` in its sequence, which is the name of a method of that"
        return _refused(name, reason, span, load_context, "a layer", f"write `{name}_`, or another name")
    return True


def usable_path_part(label: str, span: Span, load_context: LoadContext) -> None:
    """Note why a name cannot be part of a layer's path, if it cannot.

    What its expressions in braces may know, and which names they give, is not checked here.
    """
    if "{" in label or "}" in label:
        usable_pattern(label, span, load_context)
    elif usable_label(label, span, load_context) and label in NOT_LAYERS:
        load_context.error("E0404", not_a_layer(label), span, help=f"write `{label}_`, or another name")


def usable_pattern(pattern: str, span: Span | None, load_context: LoadContext) -> bool:
    """Whether a name with expressions in braces is one, `convs.{i}`; if not, the reason is noted."""
    try:
        parts = split_pattern(pattern)
    except ValueError:
        help = "an expression stands in braces, as in `convs.{i}`"
        return _refused(pattern, "has braces that do not match", span, load_context, "a layer", help)
    sound = True
    for text, is_expression in parts:
        if is_expression:
            sound = parses(text, span, load_context) and sound
        elif re.fullmatch(r"[A-Za-z0-9_.-]+", text) is None:
            help = "beside expressions in braces it has letters, digits, `_`, `-` and one dot, as in `convs.{i}`"
            sound = _refused(pattern, f"has `{text[:40]}` in it", span, load_context, "a layer", help)
    return sound


def usable_index(index: str, span: Span, load_context: LoadContext) -> None:
    """Note why a name cannot be that of a number, if it cannot; `i` is what it is called otherwise."""
    usable_name(index, span, load_context, "an index", taken=tuple(word for word in TAKEN_NAMES if word != "i"))


def usable_tap(name: str, span: Span | None, load_context: LoadContext) -> None:
    """Note why a name cannot be that of a tap, or of what a call gives, as in `a.low`, or of one of a list."""
    call, dot, tap = tap_and_index(name)[0].rpartition(".")
    if not dot or usable_label(call, span, load_context):
        usable_name(tap, span, load_context, "a tap")


def tap_and_index(text: str) -> tuple[str, str | None]:
    """The name in `parts[i + 1]` and the expression in its brackets; None for the latter where there are none."""
    name, bracket, index = text.partition("[")
    return (name, index[:-1]) if bracket and index.endswith("]") and len(index) > 1 else (text, None)


def _refused(name: str, reason: str, span: Span | None, load_context: LoadContext, what: str, help: str = "") -> bool:
    shown = name if len(name) <= 80 else name[:40] + "..."
    load_context.error("E0404", f"`{shown}` cannot name {what}: it {reason}", span, help=help)
    return False


def _is_name(name: str) -> bool:
    """Whether it is an ASCII identifier that begins with a letter.

    What begins with an underscore is private to Python, which changes some such names, and no scope for TensorFlow.
    """
    return name.isidentifier() and name.isascii() and not name.startswith("_")


def _as_name(name: str, most: int) -> str:
    """`my_unet` for `my-unet` or `_my_unet`; empty where more is wrong with it."""
    joined = name.strip().replace("-", "_").replace(" ", "_").replace(".", "_").lstrip("_")
    sound = _is_name(joined) and not iskeyword(joined) and len(joined) <= most
    return f"write `{joined}`" if sound else ""
