"""The help for an expression with brackets that stands in a flow mapping without quotes has all of it."""

from __future__ import annotations

import pytest

from archspec.spec.form_suggestions import yaml_help


@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("  - {relu: {}, when: not rows[i][2]}", 'when: "not rows[i][2]"'),
        ("  - conv: {filters: widths[0], kernel: 1}", 'filters: "widths[0]"'),
        ("  - conv: {filters: max(a[0], b[1][2]) * 2, kernel: 1}", 'filters: "max(a[0], b[1][2]) * 2"'),
        ("  - {relu: {}, when: i in [1, 3]}", 'when: "i in [1, 3]"'),
    ],
)
def test_it_is_not_cut_off(line: str, whole: str) -> None:
    assert yaml_help(line).endswith(f"`{whole}`")
