"""What an op is: a frozen dataclass of attributes that knows shapes, weights and cost. ONNX says what it computes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple, Self, TypeAlias, get_args

from archspec.ir.attributes import Kind, LengthError, PaddingKind
from archspec.ir.footprint import Footprint
from archspec.ir.initializers import Distribution, Fans, Initializer, fans_of
from archspec.ir.tensor_type import Accepted, Axes, Shape, TensorType, misfit_help
from archspec.records import record

if TYPE_CHECKING:
    import numpy as np

OpKind: TypeAlias = Literal[
    "input",
    "convolution",
    "dense",
    "norm",
    "activation",
    "pool",
    "merge",
    "attention",
    "shape",
    "regularizer",
    "other",
]
Sign: TypeAlias = Literal["any", "kept", "never negative"]
"""Whether an op's results can be negative: always, only where an input is, never."""
OP_KINDS: Final[tuple[OpKind, ...]] = get_args(OpKind)
"""Every kind of op, in the order of a legend: pictures and tables color an op by its kind."""


class Example(NamedTuple):
    """An item of a spec with the op, and the sizes of a tensor that it can be given, without the batch.

    Where `ids` is given, the tensor is ids, of which there are so many.
    """

    input: Shape
    item: str
    ids: int | None = None

    @property
    def spec_input(self) -> str:
        """The tensor as a spec has it under `input`."""
        return f"{{shape: {[*self.input]}}}" if self.ids is None else f"{{tokens: {self.input[0]}, ids: {self.ids}}}"


class ShapeError(Exception):
    """An op does not accept the tensors it is given. `code` is the diagnostic's.

    The message goes on from the layer's path: "needs an image". `attribute` is the one that does not fit, if one alone
    is to blame.
    """

    def __init__(self, message: str, code: str = "E0501", help: str = "", attribute: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.help = help
        self.attribute = attribute


@record
class Derived:
    """A tensor that modules of PyTorch keep beside their weights, and that follows from a layer's attributes."""

    shape: Shape
    values: Callable[[], np.ndarray[Any, Any]]
    """Works it out, of this shape, with NumPy."""
    saved: bool = True
    """Whether PyTorch's source saves it with the weights; files may have it in either case."""


@record
class Weight:
    """One tensor that a layer owns, in PyTorch's layout: convolutions (out, in, *kernel), dense layers (out, in)."""

    name: str
    """What follows the layer's path in its canonical name; empty where the layer's path is its name."""
    shape: Shape
    initializer: Initializer
    trainable: bool = True
    fan_shape: Shape | None = None
    """The shape that its fans are counted on, where that is not its own: a bias has those of the weight beside it."""
    decay: float = 0.0
    """Weight decay: `decay` times the weight is added to its gradient, `decay / 2` times its squares to the loss."""

    def at(self, path: str) -> str:
        """Its canonical name in the layer at a path: `path.weight`, or the path itself where it has no name."""
        return f"{path}.{self.name}" if self.name else path

    def layer_of(self, name: str) -> str:
        """The path of the layer in which this is its canonical name."""
        return name.removesuffix(f".{self.name}") if self.name else name

    @property
    def fans(self) -> Fans | None:
        """What it joins; None for a vector that is no bias."""
        return fans_of(self.fan_shape or self.shape)

    @property
    def distribution(self) -> Distribution:
        """What its numbers are drawn from."""
        return self.initializer.drawn_from(self.fans)

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


class AttributeInfo(NamedTuple):
    """One attribute of an op class, as the language sees it."""

    name: str
    kind: Kind
    doc: str
    default: Any
    required: bool
    spatial: bool


@record
class Described:
    """Base of what is called by a word and has attributes: ops, and the parts of recipes.

    Subclasses are frozen dataclasses whose fields are made with `attribute`.
    """

    name: ClassVar[str]
    """What specs and recipes call it."""
    two_meanings: ClassVar[Mapping[str, str]] = {}
    """Words that other libraries use for its attributes, each with what to write instead."""

    @classmethod
    def attributes(cls) -> Mapping[str, AttributeInfo]:
        """The attributes by name, in order."""
        return _attributes(cls)

    def given(self) -> Iterator[tuple[str, Any]]:
        """The attributes that differ from their defaults."""
        for info in self.attributes().values():
            value = getattr(self, info.name)
            if info.required or not info.kind.means(info.default, value):
                yield info.name, value


class Op(Described):
    """Base of all ops."""

    __slots__ = ()
    kind: ClassVar[OpKind]
    example: ClassVar[Example]
    """For the documentation."""
    known_as: ClassVar[Mapping[str, str]] = {}
    """Names of other libraries that mean the op, each with what else has to be known of it; see `vocabulary.yaml`."""
    least_inputs: ClassVar[int] = 1
    most_inputs: ClassVar[int | None] = 1
    one_of: ClassVar[tuple[str, ...]] = ()
    """Attributes of which one must be given, unless further branches say the same."""
    several: ClassVar[bool] = False
    """It may give several tensors: a call marks them as taps, by the names that it lists under `outputs`."""
    weighted: ClassVar[bool] = False
    """Counts as a layer when the depth of a network is stated."""
    view: ClassVar[bool] = False
    """Gives numbers of its input, all or some, in whatever shape: nothing is computed, and nothing new is stored."""
    resamples: ClassVar[bool] = False
    """It makes fewer or more places of those that it gets, by no product with learned numbers: pools, `upsample`."""
    random: ClassVar[bool] = False
    """It drops at random in training, by its `rate`, and does nothing afterwards."""
    sign: ClassVar[Sign] = "any"
    """See `never_negative`."""
    sized: ClassVar[bool] = False
    """Its weights depend on more than the channels that arrive, so generated code fixes the whole input shape."""
    takes: ClassVar[Accepted]
    """The tensors that its inputs may be; see `accepted`, too."""
    type_help: ClassVar[Mapping[Axes, str]] = {}
    """What to do about an input that it does not take, by the input's axes."""

    @classmethod
    def takes_branches(cls) -> bool:
        """Whether it may be given several tensors: that of each branch."""
        return cls.most_inputs is None or cls.most_inputs > 1

    def accepted(self) -> Accepted:
        """The tensors that its inputs may be, with these attributes."""
        return self.takes

    def output_types(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The types of its results, for inputs of any types.

        Raises:
            ShapeError: the inputs do not fit the op.
        """
        accepted = self.accepted()
        for index, type in enumerate(inputs, start=1):
            if type not in accepted:
                which = "its input" if len(inputs) == 1 else f"branch {index}"
                message = f"needs {accepted.words}; {which} {'is' if type.is_ids else 'has'} {type.described}"
                raise ShapeError(message, help=self.type_help.get(type.axes, "") or misfit_help(type))
        return self.infer_types(inputs)

    def infer_types(self, inputs: Sequence[TensorType]) -> tuple[TensorType, ...]:
        """The types of its results, for inputs of types that it takes; an op of several results overrides this.

        Raises:
            ShapeError: the inputs do not fit the op.
        """
        return (self.infer_type(inputs),)

    def infer_type(self, inputs: Sequence[TensorType]) -> TensorType:
        """The type of its one result.

        Raises:
            ShapeError: the inputs do not fit the op.
        """
        raise NotImplementedError

    def weights(self, inputs: Sequence[TensorType]) -> tuple[Weight, ...]:
        """The tensors the layer owns, for inputs of these types."""
        return ()

    def derived(self, inputs: Sequence[TensorType]) -> Mapping[str, Derived]:
        """What PyTorch's source keeps beside the weights, by name: it follows from the attributes.

        Other libraries' modules have it in their state dicts, such as the indices into a table; it is no weight.
        """
        return {}

    def fitted(self, inputs: Sequence[TensorType]) -> Self:
        """The op with one number for each spatial axis of its input, where one for all or a list was given.

        Whoever makes a layer calls this first; all other methods count on it. An op that does not take its input is
        left as it is.

        Raises:
            ShapeError: a list has another length than the input has axes.
        """
        kinds = _per_axis(type(self))
        if not kinds or not inputs or inputs[0] not in self.accepted():
            return self
        found: dict[str, Any] = {}
        axes = len(inputs[0].places)
        for name, kind in kinds.items():
            given = getattr(self, name)
            try:
                value = kind.spread(given, axes)
            except LengthError as error:
                raise _misfit(name, kind, error.count, inputs[0]) from None
            if value is not given:
                found[name] = value
        if not found:
            return self
        # `dataclasses.replace` takes twice as long.
        return type(self)(**{name: found[name] if name in found else getattr(self, name) for name in self.attributes()})

    def resolved(self, inputs: Sequence[TensorType]) -> Self:
        """The op with everything explicit that follows from the size of its input, such as the sides of `same`."""
        return self

    def footprint(self, inputs: Sequence[TensorType]) -> tuple[Footprint, ...]:
        """Which places of each input a place of the output is computed from, in inference."""
        raise NotImplementedError

    def macs(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        """Multiply-adds for one example; zero for everything but products with learned matrices and attention."""
        return 0

    def activations(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> int:
        """Numbers that the layer computes for one example: its output's, unless they are its input's own."""
        return 0 if self.view else sum(type.count for type in outputs)

    def never_negative(self, inputs: Sequence[bool], open: Set[str]) -> bool:
        """Whether no result can be negative, given which inputs cannot; attributes that are `open` may change."""
        return self.sign == "never negative" or (self.sign == "kept" and all(inputs))

    def one_place(self, inputs: Sequence[bool]) -> bool:
        """Whether its image is of 1x1 whatever the size of the network's input, given which inputs are."""
        return False

    def structural(self) -> tuple[str, ...]:
        """The attributes that must be numbers in source: which layers stand there follows from them."""
        return ()

    def starting(self) -> tuple[str, ...]:
        """The attributes that are numbers which weights start with, where no layer of a framework's is given them."""
        return ()

    def caption(self, inputs: Sequence[TensorType], outputs: Sequence[TensorType]) -> str:
        """The op in a few words, with what a reader looks for first: `conv 3x3, 64, /2`.

        A convolution has its kernel, its filters, and `/2` where its stride is not 1; `x2` is by how much a transposed
        convolution or an up-sampling enlarges. Archspec's own words and numbers alone: no text of a spec is in it.
        """
        return f"{' '.join('average' if word == 'avg' else word for word in self.name.split('_'))}{self.detail()}"

    def detail(self) -> str:
        """What follows the name of the op in its caption, if anything does: ` 0.2`, `, 4 groups`."""
        return ""

    def table_text(self, inputs: Sequence[TensorType], *, strides: bool, inner: bool) -> str:
        """How a table names the layer, as the papers do: `3x3, 64`; empty where tables leave it out.

        Args:
            inputs: what arrives.
            strides: say the stride of a convolution or a pool.
            inner: the layer stands in a block, where global pools and softmax are details.
        """
        return ""


_CACHE: dict[type[Described], dict[str, AttributeInfo]] = {}


def _attributes(cls: type[Described]) -> dict[str, AttributeInfo]:
    found = _CACHE.get(cls)
    if found is None:
        found = _CACHE[cls] = {
            field.name: AttributeInfo(
                field.name,
                field.metadata["kind"],
                field.metadata["doc"],
                None if field.default is dataclasses.MISSING else field.default,
                field.default is dataclasses.MISSING,
                field.metadata["spatial"],
            )
            for field in dataclasses.fields(cls)
        }
    return found


_PER_AXIS: Final[dict[type[Op], dict[str, Kind]]] = {}


def _per_axis(cls: type[Op]) -> Mapping[str, Kind]:
    """The attributes with a number for each axis."""
    found = _PER_AXIS.get(cls)
    if found is None:
        kinds = {info.name: info.kind for info in cls.attributes().values()}
        found = _PER_AXIS[cls] = {name: kind for name, kind in kinds.items() if type(kind).spread is not Kind.spread}
    return found


_SIDES: Final[Mapping[str, str]] = {"depth": "front, back", "height": "top, bottom", "width": "left, right"}


def _misfit(name: str, kind: Kind, count: int, type: TensorType) -> ShapeError:
    """An attribute with a number of numbers that does not fit the axes of the input."""
    axes = type.place_names
    help = f"write one number for all axes, or a list of {len(axes)}: [{', '.join(axes)}]"
    if isinstance(kind, PaddingKind):
        sides = ", ".join(_SIDES.get(axis, "before, after") for axis in axes)
        help += f"; or of {2 * len(axes)}: [{sides}]"
    message = f"has a list of {count} for `{name}`, where its input has {type.places_text}"
    return ShapeError(message, "E0411", help, name)
