"""A network's form for inference: fewer layers, the same results."""

from __future__ import annotations

from typing import Final

from archspec.ir.graph import LayerGraph
from archspec.passes.inference.fold_channel_maps import FoldIntoNextProduct, FoldIntoPreviousProduct
from archspec.passes.inference.fold_norm_affine import FoldNormAffine
from archspec.passes.inference.fold_padding import FoldPadding
from archspec.passes.inference.fold_standardization import FoldStandardization
from archspec.passes.inference.merge_neighbors import MergeNeighbors
from archspec.passes.inference.merge_parallel_products import MergeParallelProducts
from archspec.passes.inference.remove_no_ops import RemoveNoOps
from archspec.passes.inference.remove_regularizers import RemoveRegularizers
from archspec.passes.inference.remove_training_outputs import RemoveTrainingOutputs
from archspec.passes.pipeline import Pass, run_passes

INFERENCE_PASSES: Final[tuple[Pass, ...]] = (
    RemoveTrainingOutputs(),
    RemoveRegularizers(),
    RemoveNoOps(),
    MergeNeighbors(),
    FoldStandardization(),
    FoldPadding(),
    FoldIntoPreviousProduct(),
    FoldIntoNextProduct(),
    FoldNormAffine(),
    MergeParallelProducts(),
)


def inference_form(graph: LayerGraph) -> LayerGraph:
    """The graph that computes what a network does after training; the graph itself where nothing can be saved.

    It keeps the form that is trained (`LayerGraph.training_form`), and what makes its weights of that one's
    (`LayerGraph.weights_of_form`). What one pass leaves may be another's, so they are run until none changes
    anything: a pass takes layers away, and adds none.
    """
    while True:
        after = run_passes(graph, INFERENCE_PASSES)
        if not after.changed:
            return graph
        graph = after.graph
