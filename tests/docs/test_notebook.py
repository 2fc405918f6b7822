"""The notebook runs as it stands, and what it shows on the site is what it gives."""

from __future__ import annotations

import re
import resource
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs").glob("*.ipynb"))
MOST_SECONDS = 90.0


def _cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_there_is_one() -> None:
    assert [path.name for path in NOTEBOOKS] == ["first_network.ipynb"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_its_outputs_are_current(path: Path) -> None:
    from docs.notebook import executed, read

    kept, before = read(path), _seconds()
    run = executed(kept)  # an assertion that does not hold fails the run
    assert _seconds() - before < MOST_SECONDS
    assert [cell.source for cell in run.cells] == [cell.source for cell in kept.cells]
    assert [cell.execution_count for cell in _cells(kept)] == [*range(1, len(_cells(kept)) + 1)]
    for ours, theirs in zip(_cells(run), _cells(kept), strict=True):
        outputs = [*ours.outputs, *theirs.outputs]
        assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
        if "varies" in ours.metadata.get("tags", ()):
            assert len(ours.outputs) == len(theirs.outputs)
        else:
            assert ours.outputs == theirs.outputs, "not current: run `python -m docs.notebook`"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_links_of_a_notebook_lead_to_pages(path: Path) -> None:
    from docs.notebook import read

    text = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown")
    targets = re.findall(r"\]\(([^)]*)\)", text)
    assert targets
    assert all((path.parent / target).is_file() for target in targets)
