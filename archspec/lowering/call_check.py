"""The check of one call: the attributes of an op, the params of a block."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from math import inf

from archspec.errors import Span, did_you_mean, nearest
from archspec.ir.op import Op
from archspec.ir.verify import is_name
from archspec.lowering.bodies import bare, result_names
from archspec.lowering.body_names import BodyNames
from archspec.lowering.diagnostics import CheckDiagnostics
from archspec.lowering.naming import apart
from archspec.lowering.values import parts
from archspec.records import record
from archspec.spec import Attribute, Block, Call, Param
from archspec.spec import Sequence as Seq
from archspec.spec.scalars import describe
from archspec.suggestions.static_checks import attribute_form, branches_help, cut_in_two, form_help, is_item, words_in


def check_attribute(
    op: type[Op], name: str, attribute: Attribute, beside: Collection[str], found: CheckDiagnostics
) -> bool:
    """Whether an op has an attribute; if not, that is noted. `beside` are all that are given."""
    if name in op.attributes():
        return True
    from archspec.suggestions.foreign_names import attribute_help  # here and below: only on the way to an error

    place = attribute.key_span or attribute.span
    if help := attribute_form(op, name):
        found.error("E0409", f"{op.name} has no attribute `{name}`", place, help=help)
    elif help := attribute_help(op, name, attribute.raw):
        found.error("E0412", f"`{name}` is not a word of {op.name}", place, help=help)
    else:
        known = ["name", "flat_name", *(["branches"] if op.takes_branches() else []), *op.attributes()]
        help = did_you_mean(name, [word for word in known if word not in beside], known)
        found.error("E0409", f"{op.name} has no attribute `{name}`", place, help=help)
    return False


@record
class CallCheck:
    """A call within a body, whose names its expressions use."""

    body: BodyNames
    indices: frozenset[str]

    def op(self, op: type[Op], call: Call) -> None:
        """The branches and the attributes of an op."""
        found, blocks = self.body.found, self.body.spec.blocks
        merges = op.least_inputs > 1
        if merges and call.branches is None:
            help = branches_help(op, call, blocks) or f"write `{op.name}: [[], [...]]`; `[]` is what arrives, unchanged"
            found.error("E0410", f"{op.name} needs branches: `{op.name}: [[...], [...]]`", call.span, help=help)
        if not op.takes_branches() and call.branches is not None:
            help = "put the items before it in the list: it has what arrives as its input"
            found.error("E0202", f"{op.name} has one input and takes no branches", call.span, help=help)
        few = call.branches is not None and len(call.branches) < op.least_inputs
        if merges and few and not self.lists(call) and not self.meant(call):
            help = "an empty branch `[]` is the identity"
            found.error("E0410", f"{op.name} needs at least {op.least_inputs} branches", call.span, help=help)
        if call.branches is not None:
            self.omissible(op, call, call.branches)
        if (listed := sorted(self.lists(call))) and op.most_inputs is not None:
            message = f"{op.name} takes tensors one by one, and `{listed[0]}` is a list of them"
            help = f"take one, as in `from: {listed[0]}[0]`"
            found.error("E0202", message, call.span, help=help)
        if call.branches is not None and op.takes_branches() and len(call.branches) > (op.most_inputs or inf):
            message = f"{op.name} takes at most {op.most_inputs} branches, this is {len(call.branches)}"
            found.error("E0202", message, call.span)
        for name, attribute in call.attributes.items():
            if merges and call.branches is None and is_item(name, blocks):
                continue  # said above
            if op.several and name == "outputs":
                self.results(op, call, attribute)
                continue
            self.attribute(op, name, attribute, call.attributes)
        if op.name in found.uncertain:
            self.body.leave(call)
            return
        given = call.attributes.keys() | self.body.spec.defaults.get(op.name, {}).keys()
        self.one_of(op, call, given)
        for info in op.attributes().values():
            if not info.required or info.name in given:
                continue
            from archspec.suggestions.foreign_names import named_otherwise

            if named_otherwise(op, info.name, call.attributes):
                continue
            if not _misspelled(info.name, call.attributes, op.attributes()):
                found.error("E0410", f"{op.name} needs `{info.name}`: {info.doc}", call.span)

    def omissible(self, op: type[Op], call: Call, branches: Sequence[Seq]) -> None:
        """The branches that may be left out: they are joined after the others, one by one."""
        always, omissible = apart(branches)
        if not omissible:
            return
        if op.most_inputs is not None:
            message = f"no branch of {op.name} can be left out"
            self.body.found.error("E0202", message, omissible[0].span, help="give it an `else` with items")
        elif not always:
            help = "let one of them be there whatever the conditions say"
            self.body.found.error("E0202", f"all branches of {op.name} may be left out", call.span, help=help)
        elif [*always, *omissible] != [*branches]:
            message = f"a branch of {op.name} that may be left out stands before one that is always there"
            help = "put it after the others: it is joined with what they give together"
            self.body.found.error("E0202", message, omissible[0].span, help=help)

    def one_of(self, op: type[Op], call: Call, given: Set[str]) -> None:
        """That one of the attributes is given of which an op needs one."""
        if not op.one_of or call.branches is not None or not given.isdisjoint(op.one_of):
            return
        from archspec.suggestions.foreign_names import named_otherwise

        if any(named_otherwise(op, name, call.attributes) for name in op.one_of):
            return
        if any(_misspelled(name, call.attributes, op.attributes()) for name in op.one_of):
            return
        names = " or ".join(f"`{name}`" for name in op.one_of)
        branch = f", or a second branch: `{op.name}: [[], {{from: tap}}]`" if op.takes_branches() else ""
        help = f"write `{op.example.item}`{branch}"
        self.body.found.error("E0410", f"{op.name} needs {names}", call.span, help=help)

    def results(self, op: type[Op], call: Call, attribute: Attribute) -> None:
        """The names of what an op of several results gives."""
        raw, found = attribute.raw, self.body.found
        if isinstance(raw, str):
            if not is_name(raw) or raw == "input":
                help = "a name has letters, digits and underscores, and begins with a letter"
                message = f"`{raw[:80]}` cannot name the results of {op.name}"
                found.error("E0404", message, attribute.span, help=help)
            return
        if not isinstance(raw, list) or not raw or not all(isinstance(name, str) for name in raw):
            help = f"write `{op.name}: {{outputs: [first, second], ...}}`, or one name for the list of all of them"
            message = f"`outputs` of {op.name} must be names, found {describe(raw)}"
            found.error("E0202", message, attribute.span, help=help)
            return
        for name, span in result_names(call).items():
            if not is_name(name) or name == "input" or raw.count(name) > 1:
                help = "a name has letters, digits and underscores, begins with a letter, and stands once"
                found.error("E0404", f"`{name[:80]}` cannot name a result of {op.name}", span, help=help)

    def lists(self, merge: Call) -> set[str]:
        """The lists of tensors among the branches of a merge."""
        return {branch.origin or "" for branch in merge.branches or ()} & self.body.lists.keys()

    def meant(self, merge: Call) -> bool:
        """Whether the only branch of a merge is a name that means nothing, of which has been said what to write."""
        refused = self.body.found.refused
        return any(id(call) in refused for call in map(bare, merge.branches or ()) if call is not None)

    def attribute(self, op: type[Op], name: str, attribute: Attribute, beside: Mapping[str, Attribute]) -> None:
        """One attribute of an op."""
        if self.cut(name, beside):
            self.body.used |= words_in(Attribute(name))
        elif not check_attribute(op, name, attribute, beside, self.body.found):
            self.body.used |= words_in(attribute)
        else:
            info = op.attributes()[name]
            if help := form_help(info, attribute):
                self.body.used |= words_in(attribute)
                message = f"`{name}` of {op.name}: {info.kind.expects} is expected, this is {describe(attribute.raw)}"
                self.body.found.error("E0411", message, attribute.span, help=help)
                return
            for part in parts(info, attribute):
                self.body.use(part, indices=self.indices, op=op, info=info)

    def cut(self, name: str, beside: Mapping[str, Attribute]) -> bool:
        """Whether a key is the rest of an expression, and that has been said; not of a word, which is not parsed."""
        return cut_in_two(name, beside) and any(found.code == "E0301" for found in self.body.found)

    def unknown(self, call: Call) -> None:
        """A name that is neither an op nor a block."""
        from archspec.suggestions.foreign_names import op_help

        found = self.body.found
        labels = {label for item in self.body.items_in if (label := getattr(item, "label", None)) is not None}
        help = op_help(call, self.body.spec.blocks, self.body.taps, labels, self.body.branch_of.get(id(call)))
        self.body.tapped.add(call.name)  # if it is a tap, it is used
        if help.startswith("known here: "):  # a long list, the same for each of them
            help, found.listed = "" if found.listed else help, True
        found.error("E0408", f"`{call.name}` is neither an op nor a block", call.span, help=help)

    def arguments(self, block: Block, given: Mapping[str, Attribute]) -> None:
        """What a call, or a stage for all its units, gives for a block's params."""
        for name, attribute in given.items():
            if name in block.params:
                self.argument(block.params[name], name, attribute)
            elif self.cut(name, given):
                self.body.used |= words_in(Attribute(name))
            elif name not in block.inputs:
                self.unknown_param(block, name, attribute, given)

    def missing(self, block: Block, given: Iterable[str], place: Span) -> None:
        """Params without a default must be given."""
        given = set(given)
        for name, param in block.params.items():
            if param.default is not None or name in {*given, *self.body.spec.refused}:
                continue
            if not _misspelled(name, given, block.params):
                help = f"give it in the call, `{name}: ...`, or give it a default in the block"
                self.body.found.error("E0402", f"block `{block.name}` needs `{name}`", place, help=help)

    def argument(self, param: Param, name: str, attribute: Attribute) -> None:
        """One of the choices stands for itself; a word that is no choice is no name either."""
        choices, raw = param.choices, attribute.raw
        if choices is not None and raw in choices:
            return
        if choices is not None and isinstance(raw, str) and raw.isidentifier() and raw not in self.body.known:
            if any(found.span == attribute.span for found in self.body.found):
                return  # it is no op either, which has been said
            shown = ", ".join(map(str, choices))
            help = did_you_mean(raw, [str(choice) for choice in choices])
            message = f"`{name}` is `{raw}`; one of {shown} is expected"
            self.body.found.error("E0411", message, attribute.span, help=help)
        else:
            self.body.use(attribute, indices=self.indices)

    def unknown_param(self, block: Block, name: str, attribute: Attribute, given: Collection[str]) -> None:
        """A block has no such param."""
        if name in self.body.spec.refused:
            return
        known, place = [*block.params, *block.inputs], attribute.key_span or attribute.span
        help = did_you_mean(name, [word for word in known if word not in given], known)
        self.body.used |= words_in(attribute)
        if name in ("when", "else"):
            help = f"`{name}` stands beside the block: `- {{{block.name}: {{...}}, {name}: ...}}`"
        self.body.found.error("E0401", f"block `{block.name}` has no param `{name}`", place, help=help)

    def unit(self, block: Block, given: Mapping[str, Attribute]) -> None:
        """What one unit of a stage gives by name."""
        for name, attribute in given.items():
            if name in block.params:
                self.argument(block.params[name], name, attribute)
            elif name in block.inputs:
                message = f"the input `{name}` of block `{block.name}` cannot be given by one unit"
                help, place = "inputs stand under `with`, for all units", attribute.key_span or attribute.span
                self.body.found.error("E0401", message, place, help=help)
            else:
                self.unknown_param(block, name, attribute, given)


def _misspelled(name: str, given: Iterable[str], known: Collection[str]) -> bool:
    """Whether one of what is given is a misspelling of this name, which is said of it."""
    return any(word not in known and nearest(word, (name,)) is not None for word in given)
