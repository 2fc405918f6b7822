"""docs/comparison.md: each claim about another project has its source."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "comparison.md").read_text(encoding="utf-8")
PROJECTS = (
    "Keras 3",
    "KerasHub",
    "timm",
    "torchvision",
    "Converters",
    "Networks as text for several frameworks",
    "Networks as YAML in one framework",
    "Drawing and counting",
)


def _section(heading: str) -> str:
    return re.split(r"^## ", PAGE.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def test_each_claim_has_its_source() -> None:
    for project in PROJECTS:
        rows = re.findall(r"^\| (.+) \|$", _section(project).partition("|---|---|\n")[2], re.MULTILINE)
        assert len(rows) >= 3, project
        for row in rows:
            claim, source = row.rsplit(" | ", 1)
            links = re.findall(r"\]\(([^)]+)\)", source)
            assert links, f"no source: {claim}"
            assert all(urlsplit(link).scheme == "https" and urlsplit(link).netloc for link in links), claim


def test_each_project_says_when_to_use_it() -> None:
    assert all(re.search(r"^\*\*Use .* instead\*\*", _section(project), re.MULTILINE) for project in PROJECTS)
