"""The colors of pictures, in light and in dark, and as CSS variables that a page gives values to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from archspec.diagram.figure import Mark

ThemeName: TypeAlias = Literal["light", "dark"]


@dataclass(frozen=True, slots=True)
class Theme:
    """Colors, as `#rrggbb` or in another of CSS's forms."""

    paper: str
    ink: str
    quiet: str
    """Of text that matters less."""
    line: str
    frame: str
    """The border of frames and boxes."""
    depths: tuple[str, str]
    """The paper of frames, by turns as they stand in each other."""
    kinds: Mapping[str, str]
    """The fill of boxes, by kind."""
    marks: Mapping[Mark, str]

    @classmethod
    def variables(cls) -> Theme:
        """Every color as a variable of CSS, whose name says its role: `var(--kind-norm)`."""
        return cls(
            **{name: f"var(--{name})" for name in _PLAIN},
            depths=("var(--depth-0)", "var(--depth-1)"),
            kinds={kind: f"var(--kind-{kind})" for kind in LIGHT.kinds},
            marks={mark: f"var(--mark-{mark})" for mark in LIGHT.marks},
        )

    def declarations(self) -> str:
        """The values of these variables, as CSS declares them."""
        colors = {name: getattr(self, name) for name in _PLAIN}
        colors |= {f"depth-{number}": color for number, color in enumerate(self.depths)}
        colors |= {f"kind-{kind}": color for kind, color in self.kinds.items()}
        colors |= {f"mark-{mark}": color for mark, color in self.marks.items()}
        return "".join(f"--{name}:{color};" for name, color in colors.items())

    def color(self, role: str) -> str:
        """What a shape's role stands for: `ink`, `kind:norm`, `depth:1`, `mark:added`."""
        name, _, which = role.partition(":")
        match name:
            case "kind":
                return self.kinds[which]
            case "depth":
                return self.depths[int(which)]
            case "mark":
                return next(color for mark, color in self.marks.items() if mark == which)
            case _:
                found: str = getattr(self, name)
                return found


_PLAIN: Final = ("paper", "ink", "quiet", "line", "frame")

# The kinds' hues come from Okabe and Ito's set for color-blind readers, made pale so that text stays legible on them.
LIGHT: Final = Theme(
    paper="#ffffff",
    ink="#1b1f24",
    quiet="#4b535c",
    line="#3b424a",
    frame="#8c959f",
    depths=("#f6f8fa", "#ffffff"),
    kinds={
        "input": "#ffffff",
        "convolution": "#b9d9f2",
        "dense": "#f6d3a8",
        "norm": "#e3e6ea",
        "activation": "#f8b9a5",
        "pool": "#b5e0cf",
        "merge": "#fbf0a3",
        "attention": "#e6c4dd",
        "shape": "#d9d3c7",
        "regularizer": "#d5ccf0",
        "other": "#dfe9c8",
        "part": "#e9edf2",
    },
    marks={"added": "#1a7f37", "removed": "#cf222e", "changed": "#ad5d00"},
)
DARK: Final = Theme(
    paper="#0d1117",
    ink="#f0f3f6",
    quiet="#c9d1d9",
    line="#b6bec8",
    frame="#656d76",
    depths=("#161b22", "#0d1117"),
    kinds={
        "input": "#0d1117",
        "convolution": "#1f4e79",
        "dense": "#7a4a10",
        "norm": "#3a4149",
        "activation": "#8a3a24",
        "pool": "#1d5c48",
        "merge": "#5c5005",
        "attention": "#6b3a5f",
        "shape": "#554d3f",
        "regularizer": "#4b3f7a",
        "other": "#46552a",
        "part": "#262c34",
    },
    marks={"added": "#3fb950", "removed": "#ff7b72", "changed": "#e3a13a"},
)
THEMES: Final[Mapping[ThemeName, Theme]] = {"light": LIGHT, "dark": DARK}
