"""What comes into a network: images, signals, volumes, ids, or tensors of any shape."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, TypeAlias

from pydantic import ConfigDict, Field, JsonValue

from archspec.spec.base import (
    Attribute,
    Model,
    Reads,
    Size,
    as_attribute,
    definition,
)
from archspec.spec.form_suggestions import input_help
from archspec.spec.key_suggestions import INPUT_WORDS
from archspec.spec.located_data import LoadContext
from archspec.spec.scalars import describe

_SIZES: Final = ("channels", "length", "depth", "height", "width", "tokens", "ids")
_FORMS: Final = (
    *(("channels", "height", "width"), ("channels", "length"), ("channels", "depth", "height", "width")),
    ("tokens", "ids"),
)
"""The sizes of an image, a signal and a volume, by name; how many tokens there are, and of how many ids."""
_IDS: Final = (
    _FORMS[3],
    "an input of ids has `tokens` and `ids`",
    "`ids` and `tokens` are for ids (tokens); tokens of features are `shape: [tokens, features]`",
)
_MISSING: Final = {
    "ids": "how many different ids there are: tokens of an input are ids, and those of features are "
    "`shape: [tokens, features]`",
    "tokens": "how many ids are in a row",
}
_APART: Final = {
    "length": (
        _FORMS[1],
        "a signal has a `length`",
        "`length` is for signals (channels, length); images have `height` and `width`, volumes `depth`, too",
    ),
    "ids": _IDS,
    "tokens": _IDS,
}
"""The keys that make an input a signal or ids: its sizes, and what to say where there are others beside them."""


Shape: TypeAlias = Annotated[
    Attribute,
    Reads(
        as_attribute,
        {"anyOf": [{"type": "array", "minItems": 1, "items": definition("Size")}, definition("Expression")]},
    ),
]


def _only(form: tuple[str, ...]) -> JsonValue:
    """The schema of an input with these sizes and no others."""
    return {"required": list(form), "properties": {key: False for key in (*_SIZES, "shape") if key not in form}}


class Input(Model):
    """What comes in: an image by channels, height and width, a signal, a volume, ids, or a tensor of any shape."""

    # The sizes of one of the forms, or a shape: `_check` says the same.
    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [*map(_only, _FORMS), {"required": ["shape"], "properties": dict.fromkeys(_SIZES, False)}]
        }
    )

    noun: ClassVar[str] = "an input"
    other_words: ClassVar[Mapping[str, str]] = INPUT_WORDS
    attribute_keys: ClassVar[tuple[str, ...]] = (*_SIZES, "shape")

    channels: Size | None = Field(None, description="channels of the image, signal or volume")
    length: Size | None = Field(None, description="length of a signal; it has neither height nor width")
    depth: Size | None = Field(None, description="depth of a volume, such as the frames of a video")
    height: Size | None = Field(None, description="height of the image or volume")
    width: Size | None = Field(None, description="width of the image or volume")
    tokens: Size | None = Field(None, description="how many tokens there are, each given as an id")
    ids: Size | None = Field(
        None,
        description="how many different ids there are, such as the size of a vocabulary; each is a whole number "
        "from 0, less than this",
    )
    shape: Shape | None = Field(None, description="the shape of any tensor, without the batch; in place of the sizes")

    @property
    def sizes(self) -> dict[str, Attribute]:
        """The sizes that are given by name, in the order of the axes."""
        given = ((name, getattr(self, name)) for name in _SIZES)
        return {name: size for name, size in given if size is not None}

    @property
    def is_whole(self) -> bool:
        """Whether nothing is missing: there is a shape, or there are the sizes of one kind of input."""
        return self.shape is not None or any(self.sizes.keys() == {*form} for form in _FORMS)

    @classmethod
    def form_help(cls, value: object) -> str:
        """The sizes of a list, by their names."""
        return input_help(value)

    def _check(self, load_context: LoadContext) -> None:
        sizes = [*self.sizes]
        if self.shape is not None:
            if sizes:
                message = f"an input has either a `shape` or sizes, found `shape` and `{sizes[0]}`"
                load_context.error("E0202", message, self.key_place(sizes[0]))
            elif not isinstance(self.shape.raw, list | str):
                found = describe(self.shape.raw)
                message = f"`shape` must be a list or an expression, found {found}"
                size = self.shape.raw
                help = f"write `shape: [{size}]`" if isinstance(size, int) and not isinstance(size, bool) else ""
                load_context.error("E0202", message, self.shape.span, help=help)
            return
        if not sizes:
            help = "or `channels` and `length` for a signal, `depth` beside them for a volume, or the key `shape`"
            message = "an input needs the keys `channels`, `height` and `width`"
            load_context.error("E0205", message, self.span, help=help)
            return
        named = next((key for key in _APART if key in sizes), None)
        form, what, help = _APART.get(named or "", (_FORMS[0], "", ""))
        if other := next((key for key in sizes if named and key not in form), ""):
            load_context.error("E0202", f"{what} and no `{other}`", self.key_place(other), help=help)
            return
        for key in form:
            if key not in sizes:
                load_context.error("E0205", f"an input needs the key `{key}`", self.span, help=_MISSING.get(key, ""))
