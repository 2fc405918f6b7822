"""Parity: the same weights and inputs through several frameworks, and whether the results agree."""

from archspec.parity.blame import Blame
from archspec.parity.comparison import DEFAULT_PARTICIPANTS, compare
from archspec.parity.data import random_inputs, random_targets, random_weights
from archspec.parity.findings import Profile, Row, Skipped
from archspec.parity.measure import Values
from archspec.parity.participants import Participant, Pool
from archspec.parity.plan import TOLERANCES
from archspec.parity.report import Report

__all__ = [
    "DEFAULT_PARTICIPANTS",
    "TOLERANCES",
    "Blame",
    "Participant",
    "Pool",
    "Profile",
    "Report",
    "Row",
    "Skipped",
    "Values",
    "compare",
    "random_inputs",
    "random_targets",
    "random_weights",
]
