"""What a spec holds: the models of its top level."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import Field, PrivateAttr, ValidationInfo

from archspec.display import display
from archspec.errors import Span, did_you_mean
from archspec.spec.base import (
    NAME_SCHEMA,
    Attribute,
    Model,
    Reads,
    Strings,
    attributes,
    definition,
    no_entries,
)
from archspec.spec.checks import usable_name, usable_tap
from archspec.spec.depth import DepthField
from archspec.spec.document import Document
from archspec.spec.forms import RESERVED
from archspec.spec.inputs import Input
from archspec.spec.items import Item, Items, read_stages
from archspec.spec.kept_libraries import model_of
from archspec.spec.key_suggestions import BLOCK_WORDS, OWN_WORDS, SPEC_WORDS
from archspec.spec.located_data import LoadContext, LocatedDict
from archspec.spec.params import Lets, Param, Params, Variants, check_lets
from archspec.spec.pretrained import Pretrained
from archspec.spec.problems import load_context_of, wrong
from archspec.spec.scalars import describe

if TYPE_CHECKING:
    from rich.console import RenderableType

NOT_PARAMS: Final = frozenset(
    {"adapt", "backend", "device", "dtype", "form", "limits", "map", "opset", "partial", "root", "seed", "spec"}
    | {"strip_prefix", "taps", "weights", "weights_key"}
)
"""Arguments of `build` and `save_weights`, beside which a network's params stand as arguments."""


def _inputs(value: object, info: ValidationInfo) -> dict[str, Input]:
    return _named(Input, value, info, "an input")


class Block(Model):
    """A part of a network that can be called by name, with params."""

    noun: ClassVar[str] = "a block"
    other_words: ClassVar[Mapping[str, str]] = BLOCK_WORDS
    stand_ins: ClassVar[Mapping[str, object] | None] = {}

    doc: str = Field("", description="what it is; it becomes the docstring of the generated class or function")
    unit: Strings = Field((), description="what a tuple in `units` means, in order; its names are params")
    params: Params = Field(default_factory=no_entries, description="what a caller may choose")
    let: Lets = Field(default_factory=no_entries, description="quantities of its own, each an expression")
    inputs: Strings = Field((), description="tensors that it takes besides the one that arrives")
    layers: Items = Field(description="the items")
    outputs: Strings = Field((), description="taps that a caller can start from, besides the result")

    _name: str = PrivateAttr(default="")
    _whole: Span | None = PrivateAttr(default=None)

    @property
    def name(self) -> str:
        """The name that it is called by."""
        return self._name

    @property
    def definition(self) -> Span | None:
        """Where it is written, its name included."""
        return self._whole

    def _check(self, load_context: LoadContext) -> None:
        written = self.params
        params: dict[str, Param] = {}
        for index, name in enumerate(self.unit):
            span = self.item_place("unit", index)
            if name in params:
                load_context.error("E0202", f"`{name}` stands twice in `unit`", span)
            usable_name(name, span, load_context, "a param", taken=tuple(OWN_WORDS))
            data = LocatedDict(span)
            params[name] = written.get(name) or Param.model_validate(data, context=load_context)
        params |= written
        for name in written.keys() & {"in_channels"}:
            usable_name(name, written[name].name_span, load_context, "a param of a block", taken=tuple(OWN_WORDS))
        # The unit's fields come first, in their order: that is how a tuple is read.
        self.__dict__["params"] = params
        check_lets(self.let, params, load_context)
        taken = {*params, *self.let, "input"}
        for key, what, others in (("inputs", "an input", taken), ("outputs", "a tap", {"input"})):
            names = getattr(self, key)
            for index, name in enumerate(names):
                span = self.item_place(key, index)
                usable_name(name, span, load_context, what, taken=tuple(OWN_WORDS))
                if name in others or name in names[:index]:
                    load_context.error("E0202", f"`{name}` stands for something else in this block already", span)


def _named(model: type[Model], value: object, info: ValidationInfo, what: str) -> dict[str, Any]:
    """The models of a mapping by name."""
    load_context = load_context_of(info)
    if not isinstance(value, LocatedDict):
        raise wrong("a mapping of names")
    found: dict[str, Any] = {}
    for name, data in value.items():
        usable_name(name, value.key_spans[name], load_context, what, taken=RESERVED)
        if not isinstance(data, LocatedDict):
            message = f"`{name[:80]}` must be a mapping, found {describe(data)}"
            load_context.error("E0202", message, value.value_spans[name], help=model.form_help(data))
            load_context.refuse(name)
            continue
        read = model_of(name, value.key_spans[name], data, load_context, partial(model.read, data, load_context))
        if read is None:
            load_context.refuse({name: data})
        else:
            found[name] = read
    return found


def _blocks(value: object, info: ValidationInfo) -> dict[str, Block]:
    blocks: dict[str, Block] = _named(Block, value, info, "a block")
    assert isinstance(value, LocatedDict)
    for name, block in blocks.items():
        block._name = name
        start, end = value.key_spans[name], value.value_spans[name]
        block._whole = Span(start.source, start.line, start.column, end.end_line, end.end_column)
    return blocks


def _defaults(value: object, info: ValidationInfo) -> dict[str, dict[str, Attribute]]:
    if not isinstance(value, LocatedDict):
        raise wrong("a mapping of ops to attributes")
    load_context = load_context_of(info)
    defaults: dict[str, dict[str, Attribute]] = {}
    for name, data in value.items():
        usable_name(name, value.key_spans[name], load_context, "an op")
        if isinstance(data, LocatedDict):
            defaults[name] = attributes(data)
        else:
            message = f"the defaults of `{name[:80]}` must be a mapping, found {describe(data)}"
            load_context.error("E0202", message, value.value_spans[name])
    return defaults


def _reference(value: object) -> str | list[str]:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        return list(value)
    raise wrong("a string or a list of strings")


def _pretrained(value: object, info: ValidationInfo) -> Pretrained:
    return Pretrained.model_validate(value, context=info.context)


def _mapping_of(name: str) -> dict[str, Any]:
    return {
        "type": "object",
        "propertyNames": {**NAME_SCHEMA, "not": {"enum": list(RESERVED)}},
        "additionalProperties": definition(name),
    }


_REFERENCE: Final[dict[str, Any]] = {
    "anyOf": [{"type": "string"}, {"type": "array", "minItems": 1, "items": {"type": "string"}}]
}

Inputs: TypeAlias = Annotated[dict[str, Input], Reads(_inputs, _mapping_of("Input"))]
Blocks: TypeAlias = Annotated[dict[str, Block], Reads(_blocks, _mapping_of("Block"))]
Defaults: TypeAlias = Annotated[dict[str, dict[str, Attribute]], Reads(_defaults, definition("Defaults"))]
Stages: TypeAlias = Annotated[
    tuple[Item, ...], Reads(read_stages, {"type": "array", "items": definition("StageOrItem")})
]
PretrainedField: TypeAlias = Annotated[Pretrained, Reads(_pretrained, definition("Pretrained"))]
Reference: TypeAlias = Annotated[str | list[str], Reads(_reference, _REFERENCE)]


class Spec(Document):
    """A network, or a family of networks, as it is written."""

    noun: ClassVar[str] = "a spec"
    other_words: ClassVar[Mapping[str, str]] = SPEC_WORDS
    stand_ins: ClassVar[Mapping[str, object] | None] = {"archspec": 1, "name": "network"}
    attribute_keys: ClassVar[tuple[str, ...]] = ("depth",)

    archspec: Literal[1] = Field(description="the version of the language: `1`")
    name: str = Field(
        description="the network's name, and that of the generated file: an ASCII identifier",
        json_schema_extra=NAME_SCHEMA,
    )
    title: str = Field("", description="one line about it")
    doc: str = Field("", description="more about it")
    family: str = Field("", description="the networks it is one of: its heading in `archspec list`")
    class_name: str | None = Field(
        None,
        alias="class",
        description="the generated class's name; made from `name` unless given: `resnet_v2` gives `ResnetV2`",
        json_schema_extra=NAME_SCHEMA,
    )
    reference: Reference | None = Field(
        None, description="where the network was published: a string or a list of strings"
    )
    extends: str | None = Field(
        None, description="the spec that this one changes: a path, or the name of one that ships"
    )
    include: Strings = Field((), description="files with blocks")
    params: Params = Field(default_factory=no_entries, description="what a user may choose")
    variants: Variants = Field(default_factory=no_entries, description="tables of values for params, by name")
    variant: str | None = Field(
        None, description="the variant that it is unless another is chosen", json_schema_extra=NAME_SCHEMA
    )
    let: Lets = Field(default_factory=no_entries, description="quantities of its own, each an expression")
    input: Input | None = Field(None, description="what comes in: an image, or a tensor by its shape")
    inputs: Inputs = Field(default_factory=no_entries, description="several inputs by name, in place of `input`")
    depth: DepthField | None = Field(None, description="the number of weighted layers, and the rule it follows")
    defaults: Defaults = Field(
        default_factory=no_entries,
        description="attributes that an op has unless it says otherwise",
    )
    blocks: Blocks = Field(default_factory=no_entries, description="blocks, by name")
    stem: Items | None = Field(None, description="the items before the stages")
    stages: Stages | None = Field(None, description="rows of units, and items between them")
    head: Items | None = Field(None, description="the items after the stages")
    layers: Items | None = Field(None, description="all items, in place of `stem`, `stages` and `head`")
    outputs: Strings | None = Field(None, description="the taps that the network gives")
    training_outputs: Strings | None = Field(
        None, description="the taps that it gives besides in training alone, such as auxiliary heads"
    )

    pretrained: PretrainedField | None = Field(
        None, description="weights that exist for it, how images are prepared for them, and what the classes are"
    )

    _chosen_variant: str | None = PrivateAttr(default=None)

    @property
    def chosen_variant(self) -> str | None:
        """The variant that is chosen, by `variant` or from outside, where one is."""
        return self._chosen_variant

    @property
    def chosen_pretrained(self) -> Pretrained | None:
        """What is said of existing weights for the variant that is chosen; None where nothing is."""
        if self.pretrained is None:
            return None
        return self.pretrained.of_variant(self.chosen_variant, self.variants, LoadContext())

    @property
    def items(self) -> tuple[Item, ...]:
        """All items in order, in whichever form they are written."""
        if self.layers is not None:
            return self.layers
        return (*(self.stem or ()), *(self.stages or ()), *(self.head or ()))

    @property
    def output_places(self) -> list[tuple[str, Span]]:
        """The taps that are outputs, in training alone or not, each with its place: those of training come last."""
        return [
            (name, self.item_place(key, index))
            for key in ("outputs", "training_outputs")
            for index, name in enumerate(getattr(self, key) or ())
        ]

    def __repr__(self) -> str:
        return f"<Spec {self.name}: {self.path or 'from text'}>"

    def _repr_svg_(self) -> str | None:
        """Its picture, in a notebook; None where it cannot be compiled, which `archspec.compile` explains."""
        picture: str | None = display(self, "svg")
        return picture

    def __rich__(self) -> "RenderableType":
        """What `rich.print` shows: title, inputs, params and stages, as they are written."""
        table: RenderableType = display(self, "rich")
        return table

    def _check(self, load_context: LoadContext) -> None:
        usable_name(self.name, self.place("name"), load_context, "a spec")
        if self.class_name is not None:
            usable_name(self.class_name, self.place("class_name"), load_context, "a class")
        written = self._located.get("params")
        places = written.key_spans if isinstance(written, LocatedDict) else {}
        for name in sorted(NOT_PARAMS & places.keys()):
            message = f"`{name}` cannot name a network's param: Python's `build` has an argument of this name"
            load_context.error("E0404", message, places[name], help=f"write `{name}_`, or another name")
        for name, place in self.output_places:
            # `b.kept` is no tap of the network, which is said where taps are known
            usable_tap(name, place, load_context)
        check_lets(self.let, self.params, load_context)
        if "variant" in self.params and self.variants:
            message = "`variant` cannot name a param where there are `variants`: it says which of them is meant"
            load_context.error("E0404", message, places["variant"], help="write `variant_`, or another name")
        if self.variant is not None and self.variant not in self.variants:
            help = did_you_mean(self.variant, self.variants) or "list it under `variants`"
            load_context.error("E0411", f"no variant is called `{self.variant[:80]}`", self.place("variant"), help=help)
        if self.pretrained is not None:
            self.pretrained.of_variant(None, self.variants, load_context)
        self._check_items(load_context)
        if self.input is None and not self.inputs and not self._located.get("inputs"):
            load_context.error("E0205", "a spec needs the key `input`", self.span)
        elif self.input is not None and self.inputs:
            message = "a spec has either `input` or `inputs`, found both"
            load_context.error("E0202", message, self.key_place("inputs"))

    def _check_items(self, load_context: LoadContext) -> None:
        parts = [key for key in ("stem", "stages", "head") if getattr(self, key) is not None]
        if self.layers is not None and parts:
            message = f"a spec has either `layers` or stages, found `layers` and `{parts[0]}`"
            help = "put all items in `layers`, or in `stem`, `stages` and `head`"
            load_context.error("E0202", message, self.key_place("layers"), help=help)
        elif self.layers is None and not parts:
            help = "or the keys `stem`, `stages` and `head`"
            load_context.error("E0205", "a spec needs the key `layers`", self.span, help=help)
