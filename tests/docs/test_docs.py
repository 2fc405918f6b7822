"""The documentation: its examples compile, its tables are true, and the pages made from the code are current."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from textwrap import indent

import pytest

import archspec
from archspec.expr import evaluate, parse
from archspec.ir import OPS
from archspec.limits import Budget
from archspec.spec import Spec, load_text
from docs import generate, reference
from tests.conformance.graphs import example_of

ROOT = Path(__file__).resolve().parents[2]
LANGUAGE = ROOT / "docs" / "language.md"
FENCED = re.compile(
    r"(?:<!-- (?P<mark>\w+)(?:: (?P<option>[\w./]+))? -->\n\n)?```(?P<kind>\w+)\n(?P<text>.*?)```\n", re.DOTALL
)
GENERATED = sorted(
    (
        *(
            "analysis.md",
            "errors.md",
            "gallery.md",
            "language.md",
            "ops.md",
            "recipes.md",
            "reference.md",
            "tutorial.md",
            "weights.md",
        ),
        *(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs" / "ideas").glob("*.md")),
        *(path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs" / "pictures").iterdir()),
    )
)
"""The pages of `docs.generate`, named here since making them takes seconds."""
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


@dataclass(frozen=True)
class Example:
    """A spec of the page, whole or made whole, and the paths that are said to be its layers'."""

    file: str
    text: str
    paths: tuple[str, ...] | None = None

    @property
    def is_spec(self) -> bool:
        """A library of blocks is none."""
        return re.search("^name:", self.text, re.MULTILINE) is not None


def _whole(kind: str, text: str) -> str:
    """A fragment with what it lacks."""
    if kind == "layers":
        text = f"layers:\n{indent(text, '  ')}"
    else:
        assert kind == "spec", f"an unknown kind of fragment: {kind}"
    return f"archspec: 1\nname: fragment\ninput: {{channels: 3, height: 32, width: 32}}\n{text}"


@lru_cache
def _examples() -> tuple[Example, ...]:
    found: list[Example] = []
    for number, match in enumerate(FENCED.finditer(LANGUAGE.read_text(encoding="utf-8"))):
        mark, option, kind, text = match.group("mark", "option", "kind", "text")
        if kind == "yaml":
            whole = text.startswith("archspec: 1\n")
            assert whole or mark == "fragment", f"neither a whole file nor marked as a fragment:\n{text}"
            file = option if mark == "file" else f"example_{number}.yaml"
            found.append(Example(file, text if whole else _whole(option, text)))
        elif mark == "paths":
            found[-1] = Example(found[-1].file, found[-1].text, tuple(text.split()))
    return tuple(found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All examples as files, so that they can name each other."""
    found = tmp_path_factory.mktemp("examples")
    for example in _examples():
        (found / example.file).write_text(example.text, encoding="utf-8")
    return found


SPECS = [example for example in _examples() if example.is_spec]


def test_there_are_examples() -> None:
    assert len(SPECS) >= 18
    assert sum(example.paths is not None for example in SPECS) >= 4
    assert len({example.file for example in _examples()}) == len(_examples())


@pytest.mark.parametrize("example", SPECS, ids=lambda example: example.file)
def test_an_example_of_the_language(example: Example, folder: Path) -> None:
    graph = archspec.compile(folder / example.file)
    for backend in ("torch", "keras"):
        assert archspec.generate(graph, backend)
    if example.paths is not None:
        assert tuple(path for path in graph.nodes if path not in graph.inputs) == example.paths


def test_examples_need_no_framework(folder: Path) -> None:
    files = [str(folder / example.file) for example in SPECS]
    code = (
        "import sys, archspec\n"
        "for file in sys.argv[1:]:\n"
        "    graph = archspec.compile(file)\n"
        "    [archspec.generate(graph, backend) for backend in ('torch', 'keras')]\n"
        "found = {'torch', 'keras', 'tensorflow', 'jax'} & sys.modules.keys()\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-c", code, *files], check=True)


def test_the_values_of_expressions() -> None:
    table = LANGUAGE.read_text(encoding="utf-8").partition("<!-- values -->")[2].partition("\n\n`make_divisible")[0]
    rows = re.findall(r"^\| `(.+)` \| `(.+)` \|$", table, re.MULTILINE)
    assert len(rows) >= 10
    for text, value in rows:
        found = evaluate(parse(text, Budget()), {"width": 16, "channels": 64, "n": 3, "i": 0}, Budget())
        assert found == ast.literal_eval(value), text


def test_every_key_of_a_spec_is_documented() -> None:
    text = LANGUAGE.read_text(encoding="utf-8")
    table = text.partition("| key | meaning |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z_]+)`", re.sub(r"\|[^|]*\|$", "|", table, flags=re.MULTILINE))) == set(
        Spec.yaml_keys()
    )


def test_the_pages_that_are_made_are_known() -> None:
    assert sorted(generate.pages()) == GENERATED


@pytest.mark.parametrize("name", GENERATED)
def test_a_generated_page_is_current(name: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == generate.pages()[name], "run `python -m docs.generate`"


def test_the_check_fails_on_a_stale_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert generate.main(["--check"]) == 3
    assert not list((tmp_path / "docs").iterdir())
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "CONTRIBUTING.md",
        *(path.relative_to(ROOT).as_posix() for path in sorted(LANGUAGE.parent.rglob("*.md"))),
    ],
)
def test_links_lead_somewhere(name: str) -> None:
    page = ROOT / name
    for target, anchor in LINK.findall(page.read_text(encoding="utf-8")):
        found = page.parent / target if target else page
        assert found.exists(), f"{name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("form", [form for form, *_ in reference.ITEMS])
def test_a_form_of_an_item_is_read(form: str) -> None:
    assert load_text(f"archspec: 1\nname: forms\ninput: {{shape: [8]}}\nlayers:\n  - {form}\n").layers


@pytest.mark.parametrize("op", OPS)
def test_the_example_of_an_op_compiles(op: str) -> None:
    graph = example_of(op)
    assert any(node.op.name == op for node in graph.nodes.values())
