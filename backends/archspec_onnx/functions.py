"""Blocks as ONNX's functions: one for all instances whose bodies are the same but for their weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onnx import FunctionProto, ModelProto, NodeProto, helper

from archspec.codegen.escaping import one_line
from archspec.errors import InternalError
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Scope


class Functions:
    """Collects the functions of a model.

    A function takes the block's tensors and then its weights. Its names are those of the instance without the
    instance's path, so that equal bodies are equal bytes: that, and nothing less, makes two instances one function.
    """

    def __init__(self, graph: LayerGraph) -> None:
        self.graph = graph
        self.domain = f"archspec.{graph.name}"
        self.made: dict[bytes, FunctionProto] = {}

    def call(
        self, scope: Scope, nodes: Sequence[NodeProto], operands: Sequence[str], results: Sequence[str]
    ) -> Iterator[NodeProto]:
        """The call that stands for the nodes of a block's instance."""
        inside = {name for node in nodes for name in node.output}
        own = (node for path, node in self.graph.nodes.items() if path.startswith(f"{scope.path}."))
        weights = [*dict.fromkeys(name for node in own for name in self.graph.parameters_of(node))]
        local = self._local_names(scope, operands, inside, weights)
        results = [*dict.fromkeys(name for name in results if name in inside)]  # others pass by it
        body = [_renamed(node, local, scope.path) for node in nodes]
        inputs = [local[name] for name in (*dict.fromkeys(operands), *weights)]
        function = self._function(str(scope.block), inputs, [local[name] for name in results], body)
        if results:
            place = "/" + scope.path.replace(".", "/")
            given = [*dict.fromkeys(operands), *weights]
            yield helper.make_node(function.name, given, results, place, domain=self.domain)

    def enter(self, model: ModelProto, opset: int) -> None:
        """Put the functions into a model."""
        if not self.made:
            return
        for function in self.made.values():
            function.opset_import.append(helper.make_opsetid("", opset))
            function.opset_import.append(helper.make_opsetid(self.domain, 1))
        model.functions.extend(self.made.values())
        model.opset_import.append(helper.make_opsetid(self.domain, 1))

    def _local_names(
        self, scope: Scope, operands: Sequence[str], inside: set[str], weights: Sequence[str]
    ) -> dict[str, str]:
        prefix = f"{scope.path}."
        # A tensor that is an output of the network is called so, not after its layer.
        own = sorted(name for name in inside if not name.startswith(prefix))
        local = {name: f"output_{index}" for index, name in enumerate(own)}
        local |= {name: name.removeprefix(prefix) for name in (*inside, *weights) if name.startswith(prefix)}
        local |= {name: name for name in weights if not name.startswith(prefix)}  # those of another layer
        taken = {*local.values()}
        names = ("x", *self.graph.blocks[str(scope.block)].inputs, *(f"x_{index}" for index in range(len(operands))))
        for name, wanted in zip(dict.fromkeys(operands), names, strict=False):
            while wanted in taken:
                wanted += "_"
            taken.add(wanted)
            local[name] = wanted
        return local

    def _function(
        self, block: str, inputs: Sequence[str], outputs: Sequence[str], body: Sequence[NodeProto]
    ) -> FunctionProto:
        function = FunctionProto(domain=self.domain, input=inputs, output=outputs, node=body)
        key = block.encode() + b"\0" + function.SerializeToString(deterministic=True)
        found = self.made.get(key)
        if found is None:
            function.name = self._name(block)
            function.doc_string = one_line(self.graph.blocks[block].doc)
            found = self.made[key] = function
        return found

    def _name(self, block: str) -> str:
        """The block's own name, then `block_2`, `block_3` and so on, past those that blocks have."""
        made = {function.name for function in self.made.values()}
        name, number = block, 1
        while name in made or (number > 1 and name in self.graph.blocks):
            number += 1
            name = f"{block}_{number}"
        return name


def _renamed(node: NodeProto, local: dict[str, str], path: str) -> NodeProto:
    found = NodeProto()
    found.CopyFrom(node)
    found.name = node.name.removeprefix("/" + path.replace(".", "/"))
    for names in (found.input, found.output):
        for index, name in enumerate(names):
            if name and name not in local:
                raise InternalError(f"{path}: its function would need {name} from outside")
            names[index] = local.get(name, "")
    return found
