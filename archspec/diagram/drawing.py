"""Drawing a network, or some side by side: the public way in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.analysis.numbers import counted
from archspec.diagram.figure import Figure
from archspec.diagram.placing import Part, arrange, place
from archspec.diagram.reading import LEVELS, Details, Level, block_figures, figure
from archspec.diagram.scene import Panel, Scene, scene
from archspec.diagram.text import shortened
from archspec.diagram.theme import THEMES, ThemeName
from archspec.errors import Diagnostic, OutputError, SpecError
from archspec.ir.graph import LayerGraph

if TYPE_CHECKING:
    from archspec.diagram.scene import Group

MOST_FORMS: Final = 4
"""Forms of one block that are drawn side by side."""
