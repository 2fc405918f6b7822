"""Merges of very many branches: source that Python compiles, that computes the same, and is made in time."""

from __future__ import annotations

import pytest

import archspec
from archspec.limits import Budget
from archspec.spec import load_text
from tests.conformance.test_ops import conforms

HEAD = "archspec: 1\nname: net\ninput: {channels: 2, height: 2, width: 3}\n"


def _merge(op: str, branch: str, count: int) -> archspec.LayerGraph:
    return archspec.compile(load_text(f"{HEAD}layers:\n  - {op}: [{', '.join([branch] * count)}]\n"))


@pytest.mark.parametrize(
    "op", ["add", "concat", *(pytest.param(op, marks=pytest.mark.slow) for op in ("multiply", "maximum"))]
)
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_python_compiles_a_merge_of_thousands_of_branches(op: str, backend: str) -> None:
    source = archspec.generate(_merge(op, "[relu]", 4_000), backend)
    compile(str(source), "net.py", "exec")


@pytest.mark.parametrize(("op", "count"), [("add", 65), ("multiply", 66), ("maximum", 9), ("maximum", 15)])
def test_a_merge_in_parts_computes_the_same(op: str, count: int) -> None:
    """Each branch is another tensor, and what arrives is needed again at the end."""
    branches = ", ".join(f"[scale: {{value: {1 + index / 100}}}]" for index in range(count))
    conforms(archspec.compile(load_text(f"{HEAD}layers:\n  - add: [[{op}: [{branches}]], []]\n")))


def test_a_merge_in_parts_of_layers_with_weights() -> None:
    """Their calls stand inside of the sum, and mention what arrives."""
    conforms(_merge("add", "[conv: {filters: 2, kernel: 1}]", 70))


def test_how_a_merge_in_parts_reads() -> None:
    source = str(archspec.generate(_merge("maximum", "[relu]", 10), "torch"))
    assert source.count("torch.maximum(") == 9
    lines = [line.strip() for line in source.splitlines()]
    assert any(line.startswith("return ") for line in lines)


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("op", ["add", "concat", pytest.param("multiply", marks=pytest.mark.slow)])
def test_the_work_of_a_merge_grows_with_its_branches(op: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is spent is what time goes with: four times the branches take four times the steps, not sixteen."""
    spent: list[int] = []
    monkeypatch.setattr(Budget, "spend", lambda budget, steps: spent.append(steps))

    def steps(count: int) -> int:
        graph = _merge(op, "[conv: {filters: 2, kernel: 1}, relu]", count)
        spent.clear()
        archspec.generate(graph, backend)
        return sum(spent)

    few, many = steps(250), steps(1_000)
    assert 3 * few < many < 5 * few
