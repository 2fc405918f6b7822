"""A network as it is evaluated: without the outputs of training alone, and without what only they need."""

from __future__ import annotations

from dataclasses import replace

from archspec.ir.dead_code import eliminate_dead_code
from archspec.ir.graph import LayerGraph
from archspec.ir.scope import Body


def evaluated(graph: LayerGraph) -> LayerGraph:
    """The graph itself where training gives no more.

    The weights of what is left out are among its `dead_weights`: a file of the whole network fits.
    """
    if not graph.training_outputs:
        return graph
    names = graph.output_names[: -len(graph.training_outputs)]
    body = Body(graph.root.body.items, graph.root.body.results[: len(names)])
    root = replace(graph.root, body=body)
    pruned = eliminate_dead_code(replace(graph, output_names=names, training_outputs=(), root=root))
    return replace(pruned, depth=graph.depth)
