"""Parity: the same weights and inputs through several frameworks, and whether the results agree."""

from archspec.parity.comparison import DEFAULT_PARTICIPANTS, Participant, Report, Row, compare
from archspec.parity.weights import random_inputs, random_weights

__all__ = [
    "DEFAULT_PARTICIPANTS",
    "Participant",
    "Report",
    "Row",
    "compare",
    "random_inputs",
    "random_weights",
]
