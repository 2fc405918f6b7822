"""Give named sequences that branch a definition of their own, where a backend cannot write them in place."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from archspec.codegen.simplify import used_names
from archspec.codegen.tree import (
    CHANNELS,
    CallUse,
    ChoiceUse,
    Definition,
    ItemUse,
    LoopUse,
    Module,
    Parameter,
    SequenceUse,
    Tree,
)
from archspec.expr import Name


def outline(module: Module, keep: Callable[[SequenceUse], bool]) -> Module:
    """The module with every sequence that `keep` refuses turned into a definition and a call of it."""
    return Module(tuple(found for old in module.definitions for found in _Outliner(old, keep).run()))


class _Outliner:
    def __init__(self, definition: Definition, keep: Callable[[SequenceUse], bool]) -> None:
        self.definition = definition
        self.keep = keep
        self.made: list[Definition] = []

    def run(self) -> list[Definition]:
        self.definition.tree = self._tree(self.definition.tree)
        return [*self.made, self.definition]

    def _tree(self, tree: Tree) -> Tree:
        return Tree(tuple(self._item(item) for item in tree.items), tree.results)

    def _item(self, item: ItemUse) -> ItemUse:
        match item:
            case SequenceUse():
                return self._sequence(item)
            case ChoiceUse():
                return dataclasses.replace(item, then=self._tree(item.then), other=self._tree(item.other))
            case LoopUse():
                runs = tuple(
                    dataclasses.replace(run, item=self._sequence(run.item)) if isinstance(run.item, SequenceUse) else run
                    for run in item.runs
                )
                return dataclasses.replace(item, runs=runs)
            case _:
                return item

    def _sequence(self, item: SequenceUse) -> CallUse | SequenceUse:
        item = dataclasses.replace(item, body=self._tree(item.body))
        if self.keep(item):
            return item
        free = used_names(item.body)
        types = {parameter.name: parameter.type for parameter in self.definition.parameters}
        # Everything the sequence mentions becomes a parameter of the same name.
        order = [*(name for name in types if name in free), *sorted(free - types.keys() - {CHANNELS.id})]
        parameters = tuple(Parameter(name, types.get(name, "int"), None) for name in order)
        parts = [part for part in item.path.split(".") if not part.isdigit()]
        name = parts[-1] if parts else "sequence"
        made = Definition(
            name=f"{self.definition.name}_{name}",
            class_name=self.definition.class_name + "".join(part[:1].upper() + part[1:] for part in name.split("_")),
            doc=f"The part `{name}` of {self.definition.class_name}.",
            parameters=parameters,
            tree=item.body,
            operands=len(item.operands),
            features=(),
        )
        self.made.append(made)
        arguments = {name: Name(name) for name in order} | {CHANNELS.id: CHANNELS}
        return CallUse(item.site, item.name, item.number, made, dict(arguments), item.operands)


