"""The helpers for signals and volumes that are made of those for images: whole, and as well laid out."""

from __future__ import annotations

import ast
import importlib
import re

import pytest

from archspec.codegen.helpers import Helpers


@pytest.mark.parametrize("package", ["archspec_torch", "archspec_keras"])
def test_a_variant_is_of_its_own_number_of_axes(package: str) -> None:
    helpers: Helpers = importlib.import_module(f"{package}.names").HELPERS
    assert len(helpers.variants) > 10
    for name in helpers.variants:
        text = helpers.texts[name].replace("{{ registered }}", '"name"')
        [defined] = [node.name for node in ast.parse(text).body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
        assert defined == name
        found = re.search(r"([13])d", name, re.IGNORECASE)
        assert found is not None, name
        assert set(re.findall(r"([123])[dD]\b", text)) <= {found[1]}, name
        assert "pixel" not in text or package == "archspec_keras"
        assert max(map(len, text.splitlines())) <= 100, name
