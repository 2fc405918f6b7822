"""Patterns of axes: what is wrong with one is said, and all of its parts may have sizes."""

from __future__ import annotations

import pytest

import archspec
from archspec import SpecError
from archspec.spec import load_text

SPEC = """
archspec: 1
name: axes
input: {{channels: 16, height: 8, width: 8}}
layers:
  - rearrange: {{pattern: "{pattern}"{sizes}}}
"""


def compiled(pattern: str, sizes: str = "") -> archspec.LayerGraph:
    return archspec.compile(load_text(SPEC.format(pattern=pattern, sizes=sizes)))


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("c h w", "it has no `->`"),
        ("c h w -> h w c -> w h c", "`->` stands in it 2 times: it has one"),
        ("C h w -> h w C", "`C` is no name of an axis: names are lower case, as `c`"),
        ("c hW w -> hW w c", "`hW` is no name of an axis: names are lower case, as `hw`"),
        ("c, h w -> h w c", "`c,` is no name of an axis: it begins with a lower-case letter"),
        ("c ... -> ... c", "`...` is no name of an axis"),
        ("c 1 w -> w 1 c", "`1` is no name of an axis"),
        ("c h w => h w c", "it has no `->`"),
        ("c ((h a) b) w -> c h a b w", "`(` stands within parentheses"),
        ("c () w -> w c", "`()` holds no name"),
        ("c h) w -> w c h", "`)` has no `(` before it"),
        ("c (h a w -> c h a w", "`(` has no `)` behind it"),
        ("c h w -> ", "a side of `->` names no axis"),
        ("c h h -> h c", "`h` stands twice on one side"),
        ("c h w -> h w", "`c` stands on one side alone"),
        ("(a b c) (d e f) (g h i) -> a b c d e f g h i", "it has 9 names, and may have 8"),
        ("c " * 120 + "-> c", "it has 244 characters, and may have 200"),
    ],
)
def test_what_is_wrong_with_a_pattern_is_said(pattern: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        compiled(pattern)
    [found] = caught.value.diagnostics
    assert found.code == "E0411"
    assert said in found.message
    assert found.span is not None


def test_all_names_that_a_pattern_may_have_may_have_sizes() -> None:
    graph = compiled("(a b c) (d e) (f g h) -> (a b c d e f g h)", ", sizes: [2, -1, 2, 2, -1, 2, 1, -1]")
    assert graph.types[graph.outputs[graph.output_names[0]]].sizes == (1024,)
    with pytest.raises(SpecError, match="a list of one to eight whole numbers is expected"):
        compiled("c h w -> w h c", ", sizes: [1, 1, 1, 1, 1, 1, 1, 1, 1]")
