"""Writing loops in a constructor: modules in a row that a comprehension cannot make."""

from __future__ import annotations

from collections.abc import Callable

from archspec.codegen.escaping import is_attribute, quoted, variable_name
from archspec.codegen.expression_printer import ExpressionPrinter
from archspec.codegen.marked_text import whole
from archspec.codegen.pretty_printer import INDENT, Code, call, lay_out, marked
from archspec.codegen.reuse import Use
from archspec.codegen.table_rows import loop_header
from archspec.codegen.tree import Definition, ItemUse, LoopUse, Run, Tree, iteration_names
from archspec.expr import Const, Name, name_by, names
from archspec_torch.constructor_arguments import expressions, mentioned
from archspec_torch.constructors import pattern_source
from archspec_torch.growing_channels import arriving_channels
from archspec_torch.local_writer import LocalWriter, contains
from archspec_torch.names import RESERVED
from archspec_torch.spelling import Spelling


class LoopWriter(LocalWriter):
    """Writes them for one class, of which `MemberWriter` writes the other members."""

    def __init__(self, definition: Definition, printers: dict[int, ExpressionPrinter], spelling: Spelling) -> None:
        super().__init__(definition, printers, spelling)
        self.again: dict[int, list[str]] = {}
        """The paths of the items that are called with another's member, by that item's location."""

    def for_all(self, item: Use, code: Code) -> Code:
        """The code that makes an item's module, which is there for what is called with it, too."""
        return marked(code, self.again[item.location]) if item.location in self.again else code

    def carried(self, item: LoopUse, run: Run, depth: int) -> None:
        """Iterations whose channels follow no formula: a loop that carries them along."""
        name, before = self.spell(item), len(self.init)
        parts = variable_name(_row_variable(item.name), self.printer.spelled.values())
        self.init.append(f"{INDENT * depth}{parts}: list[nn.Module] = []")
        self._iterations(item, run, depth, lambda index, module: call(f"{parts}.append", module))
        chain = item.is_sequential
        made = call("nn.Sequential", f"*{parts}") if chain else call("nn.ModuleList", parts)
        self.assign(name, self.for_all(item, made), depth)
        self.init[before:] = [whole(line, item.paths) for line in self.init[before:]]

    def rolled(self, item: LoopUse, after: ItemUse | None, depth: int) -> None:
        """Members in a row whose names a loop gives; `after` takes what they give."""
        before = len(self.init)
        for run in item.runs:
            index, _ = iteration_names(run.depth)
            if run.count == 1 and index not in mentioned(Tree((run.item,), ()), self.printer.budget):
                self._one(item, run, depth)
                continue
            self._iterations(
                item,
                run,
                depth,
                lambda index, module: call(
                    "self.add_module", pattern_source(item.pattern, index, self.printer.budget), module
                ),
                counted=True,
            )
            if run.carried is not None:  # what has been carried along says what arrives next
                carried = iteration_names(run.depth)[1]
                self.printer.locals = {expr: name for expr, name in self.printer.locals.items() if name != carried}
                if after is not None and not isinstance(arriving := arriving_channels(after), Const | Name | None):
                    self.printer.locals[arriving] = carried
        self.init[before:] = [whole(line, item.paths) for line in self.init[before:]]

    def _one(self, item: LoopUse, run: Run, depth: int) -> None:
        """The member that one iteration is, by the name that the pattern gives."""
        name = name_by(item.pattern, {"i": run.first}, self.printer.budget)
        with self.constructor.iteration_of(item, run) as iterations:
            module = marked(self.constructor.module(run.item), iterations)
        if is_attribute(name):
            self.init += lay_out(module, depth, f"self.{name} = ")
        else:
            self.init += lay_out(call("self.add_module", quoted(name), module), depth)

    def _iterations(
        self, item: LoopUse, run: Run, depth: int, taken: Callable[[str, Code], Code], *, counted: bool = False
    ) -> None:
        """The loop of a run; `taken` gives the statement for the index and the module of an iteration."""
        index, channels = iteration_names(run.depth)
        indent, printer = INDENT * depth, self.printer
        variable, after = printer.spelled[channels], run.carried_next
        used = mentioned(Tree((run.item,), ()), printer.budget)
        if run.carried is not None and after is not None:
            self.init += lay_out(printer.expr(run.carried), depth, f"{variable} = ")
            used |= names(after, printer.budget)
        header = f"{indent}for {loop_header(run, printer, uses_index=counted or index in used)}:"
        again = after is not None and any(contains(expr, after) for expr in expressions(run.item))
        said_once = again and not isinstance(after, Const | Name)
        width = "" if after is None else printer.expr(after)
        if said_once and after is not None:
            width = printer.local(after, "out_channels", RESERVED)
        with self.constructor.iteration_of(item, run) as iterations:
            module = self.constructor.module(run.item)
        self.init.append(whole(header, iterations))
        if said_once and after is not None:
            del printer.locals[after]
            self.init += lay_out(printer.expr(after), depth + 1, f"{width} = ")
        self.init += lay_out(marked(taken(printer.spelled[index], module), iterations), depth + 1)
        if width:
            self.init += lay_out(width, depth + 1, f"{variable} = ")


def _row_variable(name: str) -> str:
    """The list in which the layers of a row are gathered: `stages`, or `layer3_layers` where that is no plural."""
    return name if name.endswith("s") and name.isidentifier() else f"{name}_layers"
