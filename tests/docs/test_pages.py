"""The README and the how-to pages: who pastes their commands, in order, into an empty folder, gets what they say."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

import archspec
from tests.docs.pages import NOT_RUN, blocks, commands, run

ROOT = Path(__file__).resolve().parents[2]
IN_THE_CLONE = ("README.md", "docs/howto/backends.md", "docs/howto/ops.md")
"""Pages whose reader is in a clone of this repository; those of the others may be anywhere."""
PAGES = ("README.md", "docs/index.md", "docs/tour.md", "docs/steps.md", "docs/ci.md", "docs/training.md", *sorted(
    str(path.relative_to(ROOT)) for path in (ROOT / "docs" / "howto").glob("*.md")
))  # fmt: skip


def _torchvision_weights(path: Path) -> None:
    """A file as torchvision publishes it: a state dict of ResNet-50's names, saved by `torch.save`."""
    import torch

    torch.save(archspec.build("resnet50", "torch", seed=0).state_dict(), path)


GIVEN = {"resnet50-11ad3fa6.pth": _torchvision_weights}
"""Files that a reader has from elsewhere, made in their real format."""

FULL: Final = "archspec parity specs/resnet50.yaml --weights resnet50-11ad3fa6.pth"
"""The README's proof that torchvision's weights are the same network in Keras; it takes minutes."""
LESS: Final = {
    "docs/howto/torchvision_weights.md": {
        "archspec parity resnet50 --weights resnet50-11ad3fa6.pth": "--check inference --dtype float32 --size 65x65"
    }
}
"""What is added to a command of a page that does all that `FULL` does, of the same spec and file: once is enough."""


def test_what_is_run_with_less_is_run_in_full_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [block] = [block for block in blocks(text) if FULL in block.text.splitlines()]
    assert (block.kind, block.mark) == ("sh", "")
    [(page, [command])] = ((page, [*shortened]) for page, shortened in LESS.items())
    assert command == FULL.replace("specs/resnet50.yaml", "resnet50")
    assert archspec.load("resnet50") == archspec.load(ROOT / "specs" / "resnet50.yaml")
    for file in ("README.md", page):
        given = [found.option for found in blocks((ROOT / file).read_text(encoding="utf-8")) if found.kind == "given"]
        assert given == ["resnet50-11ad3fa6.pth"]
    assert command in (ROOT / page).read_text(encoding="utf-8").splitlines()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_runs(page: str, tmp_path: Path) -> None:
    if page in IN_THE_CLONE:
        shutil.copytree(ROOT / "specs", tmp_path / "specs")
        for sample in ("sample_backend", "sample_op"):
            path = Path("tests") / "codegen" / sample
            shutil.copytree(ROOT / path, tmp_path / path, ignore=shutil.ignore_patterns("__pycache__"))
    run(ROOT / page, tmp_path, GIVEN, LESS.get(page, {}))


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_run_has_a_reason(page: str) -> None:
    found = [*blocks((ROOT / page).read_text(encoding="utf-8"))]
    assert any(block.kind in ("sh", "python") for block in found)
    for block in found:
        if block.mark == "not run":
            assert block.option in NOT_RUN, f"{page}:{block.line}"


def _page(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_runner_runs_what_it_reads(tmp_path: Path) -> None:
    text = """
<!-- given: weights.pth -->
<!-- file: folder/name.txt -->

```text
hello
```

```sh
cat folder/name.txt \\
  weights.pth
exit 3 # exits with 3
```

```python
print("printed " + open("folder/name.txt").read())
```

<!-- output -->

```text
printed ...llo
```
"""
    (tmp_path / "work").mkdir()
    run(_page(tmp_path, text), tmp_path / "work", {"weights.pth": lambda path: path.touch()})
    assert [*commands("a \\\n  b\n\n# no command\nc")] == ["a    b", "c"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```sh\nfalse\n```", "exits with 1, not with 0"),
        ("```sh\ntrue # exits with 3\n```", "exits with 0, not with 3"),
        ("```python\n1 / 0\n```", "ZeroDivisionError"),
        ("```sh\necho a\n```\n\n<!-- output -->\n\n```text\nb\n```", "the output is otherwise"),
        ("```sh\nprintf 'a\\nb\\n'\n```\n\n<!-- output -->\n\n```text\nb\na\n```", "the output is otherwise"),
        ("<!-- skipped -->\n\n```sh\nfalse\n```", "an unknown mark"),
        ("<!-- not run: today -->\n\n```sh\nfalse\n```", "an unknown mark"),
    ],
)
def test_the_runner_sees_what_is_wrong(text: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=found):
        run(_page(tmp_path, text), tmp_path, {})
