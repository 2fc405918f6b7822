"""Lines of Python that show how a model is run."""

from __future__ import annotations

from archspec.ir.graph import LayerGraph


def random_batch(graph: LayerGraph) -> str:
    """A mapping of random inputs, a batch of one, for NumPy as `np`."""
    arrays = []
    for path in graph.inputs:
        type = graph.nodes[path].type
        shape = ", ".join(map(str, (1, *type.sizes)))
        drawn = f'randn({shape}).astype("float32")'
        if type.is_ids:
            drawn = f'randint({type.vocabulary}, size=({shape}), dtype="int64")'
        arrays.append(f'"{path}": np.random.{drawn}')
    return f"{{{', '.join(arrays)}}}"


def other_outputs(graph: LayerGraph) -> str:
    """A remark where there is more than one output."""
    return f"  # the first of {', '.join(graph.outputs)}" if len(graph.outputs) > 1 else ""
