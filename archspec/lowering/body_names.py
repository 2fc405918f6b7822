"""The names that a body gives to its expressions, and those that they use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archspec.errors import Span, SpecError, nearest
from archspec.expr import names
from archspec.ir.op import AttributeInfo, Op
from archspec.lowering.diagnostics import CheckDiagnostics
from archspec.lowering.values import expression
from archspec.spec import Attribute, Call, Item, Param, Reuse, Spec, Stage
from archspec.spec.form_suggestions import expression_help
from archspec.suggestions.static_checks import default_help, undefined_help, word_help, words_in


@dataclass(slots=True, eq=False)
class BodyNames:
    """The names that expressions of one body may use, and those they do use."""

    spec: Spec
    found: CheckDiagnostics
    own: Mapping[str, Param]
    where: str
    known: set[str] = field(default_factory=set[str])
    used: set[str] = field(default_factory=set[str])
    taps: set[str] = field(default_factory=lambda: {"input"})
    lists: dict[str, Span | None] = field(default_factory=dict[str, "Span | None"])
    """The lists of tensors, each with its place."""
    tapped: set[str] = field(default_factory=set[str])
    items_in: tuple[Item, ...] = ()
    """All items of the body, at any depth."""
    joined: set[int] = field(default_factory=set[int])
    """The branches of merges, by `id`."""
    branch_of: dict[int, Call] = field(default_factory=dict[int, Call])
    """The calls that are a branch by their name alone, by `id`, each with the merge: a tap may be meant."""
    vague: set[str] = field(default_factory=set[str])
    """The names of calls that are refused: what they give is not known."""

    def may_be(self, name: str) -> bool:
        """Whether a name may stand for something in a part that is refused."""
        first = name.partition(".")[0]
        return first in self.spec.refused or first in self.vague

    def params(self, params: Mapping[str, Param]) -> None:
        """Defaults may use the params before them."""
        for name, param in params.items():
            if any(isinstance(choice, Mapping) for choice in param.choices or ()):
                message = f"a choice of `{name}` is a mapping, and no item calls `{name}`"
                help = f"it is for a param that stands for an op, as in `- {name}`; others have numbers and words"
                self.found.error("E0411", message, param.place("choices"), help=help)
            if param.default is not None and param.choices is None:
                self.use(param.default, help=default_help(name, param.default))
            self.known.add(name)

    def lets(self, lets: Mapping[str, Attribute]) -> None:
        """Each may use the params, and those before it."""
        for name, attribute in lets.items():
            self.use(attribute)
            self.known.add(name)

    def use(
        self,
        attribute: Attribute | None,
        *,
        indices: frozenset[str] = frozenset(),
        op: type[Op] | None = None,
        info: AttributeInfo | None = None,
        help: str = "",
    ) -> None:
        """An expression stands here: parse it and see that its names are known.

        `indices` are those of the loops around. `info` is the attribute of `op` that it is for; `help` is for a name
        that is like none that is known.
        """
        if attribute is None:
            return
        if isinstance(attribute.raw, Mapping):
            if fix := expression_help(attribute.raw):
                self.used |= words_in(attribute)
                self.found.error("E0301", "a mapping is not an expression", attribute.span, help=fix)
            return
        known = self.known | indices
        if op is not None and info is not None and (word := word_help(op, info, attribute.raw, known)) is not None:
            self.found.error("E0411", word[0], attribute.span, help=word[1])
            return
        try:
            expr = expression(attribute, self.found.budget)
        except SpecError as error:
            self.used |= words_in(attribute)
            self.found.found += error.diagnostics
            return
        mentioned = names(expr, self.found.budget)
        self.used |= mentioned
        for name in sorted(mentioned - known - self.spec.refused):
            match = nearest(name, known)
            self.used |= {match} if match is not None else set[str]()  # it is meant, and so it is used
            fix = "" if help and match is None else undefined_help(name, expr, known, self.own, self.spec.blocks)
            if self.own is not self.spec.params and name in self.spec.params:
                self.found.outside.add(name)
                fix = f"blocks see only their own params: add `{name}` to those of {self.where}, and pass it"
            self.found.error("E0302", f"`{name}` is not defined in {self.where}", attribute.span, help=fix or help)

    def leave(self, item: Item) -> None:
        """An item is refused: what it mentions is used, and what it gives is not known."""
        self.found.refused.add(id(item))
        given = item.attributes if isinstance(item, Call) else item.arguments if isinstance(item, Stage) else {}
        given = item.inputs if isinstance(item, Reuse) else given
        for attribute in given.values():
            self.used |= words_in(attribute)
            self.tapped |= words_in(attribute)
        if isinstance(item, Call | Stage | Reuse) and item.label is not None:
            self.vague.add(item.label)
