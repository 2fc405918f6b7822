"""Weights files: canonical safetensors, and PyTorch state dicts.

The canonical file holds each tensor under its path in the graph (`layer1.0.conv1.weight`) in PyTorch's layout:
convolutions (out, in / groups, *kernel), dense layers (out, in).
"""

from archspec.weights.report import PartialWeightsWarning, WeightsReport, WeightsWarning
from archspec.weights.taking import fit, fitting, take
from archspec.weights.writing import write

__all__ = ["PartialWeightsWarning", "WeightsReport", "WeightsWarning", "fit", "fitting", "take", "write"]
