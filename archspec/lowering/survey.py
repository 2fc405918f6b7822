"""What else is wrong with a spec that is refused: its shapes are worked out where they do not depend on what is wrong.

An item that is refused gives a tensor of which nothing is known. What gets it gives such a tensor, too, and nothing is
said of it; what starts from a tap whose tensor is known goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from archspec.errors import Span, SpecError
from archspec.expr import Value
from archspec.ir.op import Op
from archspec.ir.open_scopes import OpenScope, Tensor
from archspec.ir.scope import Operand
from archspec.ir.tensor_type import TensorType
from archspec.limits import WorkError
from archspec.lowering.bodies import everything, lists_in, result_names
from archspec.lowering.context import Context, Made, Variables
from archspec.lowering.diagnostics import CheckDiagnostics
from archspec.lowering.lower import Lowering
from archspec.lowering.naming import Slot
from archspec.lowering.top import read_top
from archspec.spec import Attribute, Block, Call, Item, Refused, Reuse, Spec, Tap
from archspec.spec import Sequence as Seq
from archspec.spec.checks import tap_and_index

_UNKNOWN = Tensor(OpenScope(None, 0, "", "", "network"), Operand(0), "", TensorType((), ()))


class _UnknownError(Exception):
    """What is worked out depends on what is not known."""


class _EndError(Exception):
    """There is no use in going on."""


def survey(spec: Spec, found: CheckDiagnostics) -> None:
    """Add what the computation finds to what has been found.

    Raises:
        SpecError: with all of it, where it is very much.
    """
    if found.full or any(diagnostic.code == "E0413" for diagnostic in found):
        return  # nothing more is learned; blocks in a circle have no end
    with suppress(WorkError, _EndError):  # what has been found is enough
        _Survey(spec, read_top(spec, found.budget, found), found.budget, found=found).walk()


@dataclass(slots=True, eq=False)
class _Survey(Lowering):
    found: CheckDiagnostics = field(kw_only=True)

    def walk(self) -> None:
        """Work out the network's body, as far as it goes."""
        declared = {"input": self.spec.input} if self.spec.input else self.spec.inputs
        known = {node.path: self.builder.add_input(node) for node in self.top.inputs}
        taps = {name: known.get(name, _UNKNOWN) for name in declared}
        first = next(iter(taps.values()), _UNKNOWN)
        taps.setdefault("input", first)
        plan = self._plan(self.spec.items, numbered=False)
        with suppress(_UnknownError):
            self._items(
                self.spec.items, first, Context(self.builder.root, plan, Variables(self.top.env, root=True), taps, {})
            )

    def _items(self, items: Sequence[Item], x: Tensor, context: Context) -> Tensor:
        for item in items:
            x = self._passed(item, x, context)
        if x is _UNKNOWN:
            raise _UnknownError
        return x

    def _nested(self, item: Item, x: Tensor, context: Context) -> Tensor:
        y = self._passed(item, x, context)
        if y is _UNKNOWN:
            raise _UnknownError
        return y

    def _passed(self, item: Item, x: Tensor, context: Context) -> Tensor:
        """What an item gives; `_UNKNOWN` where that is not known, or something is wrong with it, which is noted."""
        nesting, trail, count, items = self.nesting, len(self.trail), context.scope.count, context.scope.items
        try:
            if isinstance(item, Refused) or id(item) in self.found.refused:
                self._through(item, x, context)
            elif x is not _UNKNOWN or _starts(item):
                return Lowering._nested(self, item, x, context)
        except SpecError as error:
            self.found.add_new(error)
            if any(new.code == "E0304" for new in error.diagnostics):
                raise _EndError from None  # the rest is past the limits, too
        except _UnknownError:
            pass
        self.nesting = nesting
        del self.trail[trail:]
        context.scope.items = items  # those of a condition are not complete
        if context.plan[item].name is None and not isinstance(item, Tap) and context.scope.count == count:
            context.scope.count += 1  # those after it keep their numbers
        self._mark_unknown(item, context)
        return _UNKNOWN

    def _through(self, item: Item, x: Tensor, context: Context) -> None:
        """Something is wrong with an item itself: its branches may be sound."""
        for branch in (item.branches or ()) if isinstance(item, Call) and item.when is None else ():
            self._passed(branch, x, context)

    def _mark_unknown(self, item: Item, context: Context) -> None:
        for inside in everything([item]):
            for name in result_names(inside):
                context.taps.setdefault(name, _UNKNOWN)
            for name in lists_in((inside,)):
                context.lists.setdefault(name, (_UNKNOWN,))
            if isinstance(inside, Tap):
                context.taps.setdefault(inside.name, _UNKNOWN)
            elif isinstance(inside, Call) and inside.label is not None and inside.name in self.spec.blocks:
                for output in self.spec.blocks[inside.name].outputs:
                    context.taps.setdefault(f"{inside.label}.{output}", _UNKNOWN)

    def _branch(self, branch: Seq, x: Tensor, context: Context) -> tuple[Tensor, ...]:
        tensors = context.lists.get(branch.origin or "")
        if tensors is None:
            return (self._passed(branch, x, context),)
        return (
            (_UNKNOWN,) * 2
            if any(tensor is _UNKNOWN for tensor in tensors)
            else Lowering._branch(self, branch, x, context)
        )

    def _item_of(self, name: str, tensors: Sequence[Tensor], index: Attribute, context: Context) -> Tensor:
        if any(tensor is _UNKNOWN for tensor in tensors):
            raise _UnknownError
        return Lowering._item_of(self, name, tensors, index, context)

    def _omissible(self, call: Call, branch: Seq, x: Tensor, y: Tensor, context: Context) -> Tensor:
        if x is _UNKNOWN or y is _UNKNOWN:
            raise _UnknownError
        return Lowering._omissible(self, call, branch, x, y, context)

    def _joined(self, call: Call, inputs: tuple[Tensor, ...], x: Tensor, context: Context, slot: Slot) -> Tensor:
        if any(tensor is _UNKNOWN for tensor in inputs):
            raise _UnknownError
        return Lowering._joined(self, call, inputs, x, context, slot)

    def _env(self, context: Context, x: Tensor) -> dict[str, Value]:
        if x is _UNKNOWN:
            return {**context.variables.env, **context.loop}
        return Lowering._env(self, context, x)

    def _typed(
        self, op: Op, call: Call, path: str, inputs: Sequence[Tensor], x: Tensor
    ) -> tuple[Op, tuple[TensorType, ...]]:
        return Lowering._typed(self, op, call, path, inputs, inputs[0] if x is _UNKNOWN else x)

    def _made(self, item: Reuse, context: Context) -> Made:
        if item.item not in context.made or id(item) in self.found.refused:  # one that a repeat consists of
            raise _UnknownError
        return Lowering._made(self, item, context)

    def _tap(self, name: str, place: Span | None, context: Context) -> Tensor:
        first = tap_and_index(name)[0]
        if first not in context.taps and first not in context.lists and first.partition(".")[0] in self.spec.refused:
            raise _UnknownError
        if name in context.lists:  # that it is a list has been said
            raise _UnknownError
        tensor = Lowering._tap(self, name, place, context)
        if tensor is _UNKNOWN:
            raise _UnknownError
        return tensor

    def _fed(
        self, block: Block, given: Mapping[str, Attribute], scope: OpenScope, context: Context
    ) -> dict[str, Tensor]:
        for name in block.inputs:  # before any of them enters
            self._tap(str(given[name].raw), given[name].span, context)
        return Lowering._fed(self, block, given, scope, context)


def _starts(item: Item) -> bool:
    """Whether an item may be worked out though what arrives is not known: it, or its branches, start from taps."""
    if item.when is not None:
        return False
    if isinstance(item, Call):
        return item.branches is not None
    return isinstance(item, Seq) and (item.origin is not None or item.label is None)
