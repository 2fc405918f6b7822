"""Parity: the same weights and inputs through several frameworks, and whether the results agree."""

from archspec.parity.comparison import DEFAULT_PARTICIPANTS, compare
from archspec.parity.data import random_inputs, random_targets, random_weights
from archspec.parity.fault_localization import FaultyLayer
from archspec.parity.measure import Values
from archspec.parity.plan import TOLERANCES
from archspec.parity.processes import Participant, ProcessPool
from archspec.parity.report import Report
from archspec.parity.results import PairResult, Profile, Skipped

__all__ = [
    "DEFAULT_PARTICIPANTS",
    "TOLERANCES",
    "FaultyLayer",
    "PairResult",
    "Participant",
    "ProcessPool",
    "Profile",
    "Report",
    "Skipped",
    "Values",
    "compare",
    "random_inputs",
    "random_targets",
    "random_weights",
]
