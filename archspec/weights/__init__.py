"""Weights files: canonical safetensors, and PyTorch state dicts.

The canonical file holds each tensor under its path in the graph (`layer1.0.conv1.weight`) in PyTorch's layout:
convolutions (out, in / groups, *kernel), dense layers (out, in).
"""

from archspec.weights.loading import fit, fitting, read_weights
from archspec.weights.report import PartialWeightsWarning, WeightsReport, WeightsWarning
from archspec.weights.writing import write

__all__ = ["PartialWeightsWarning", "WeightsReport", "WeightsWarning", "fit", "fitting", "read_weights", "write"]
