"""Whatever stands for a while where the spec was, is said, and the spec is seen again when it is back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from archspec.watching.snapshot import ValidNetwork, take_snapshot
from tests.safety.test_paths import POSIX, STRANGE
from tests.watching.conftest import RIGHT, SPEC, Events, Watch, save

Connect = Callable[..., Events]
pytestmark = [POSIX, pytest.mark.timeout(60)]


def _removed(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)


@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE.keys())
def test_a_spec_that_was_something_else_is_seen_again(
    spec: Path, watched: Watch, events: Connect, make: Callable[[Path], None]
) -> None:
    page = events(watched(spec))
    page.titled("A small one")
    spec.unlink()
    make(spec)
    assert page.codes()
    _removed(spec)
    save(spec, SPEC.replace("A small one", "Again"))
    page.titled("Again")


@pytest.mark.parametrize("make", STRANGE.values(), ids=STRANGE.keys())
def test_so_is_its_folder(tmp_path: Path, watched: Watch, events: Connect, make: Callable[[Path], None]) -> None:
    spec = tmp_path / "folder" / "small.yaml"
    spec.parent.mkdir()
    save(spec, SPEC)
    page = events(watched(spec))
    page.titled("A small one")
    shutil.rmtree(spec.parent)
    make(spec.parent)
    assert page.codes() == ["E0101"]
    _removed(spec.parent)
    spec.parent.mkdir()
    save(spec, SPEC)
    assert page.next() == RIGHT


def test_a_link_that_leads_elsewhere_is_seen(tmp_path: Path, watched: Watch, events: Connect) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(SPEC.replace("A small one", name), encoding="utf-8")
    spec = tmp_path / "small.yaml"
    spec.symlink_to("one.yaml")
    page = events(watched(spec))
    page.titled("one")
    spec.unlink()
    spec.symlink_to("two.yaml")
    page.titled("two")


def test_what_the_system_refuses_is_said() -> None:
    def refused(_: object) -> object:
        raise PermissionError(13, "Permission denied", "folder")

    found = take_snapshot(refused, "unit").found  # type: ignore[arg-type]
    assert not isinstance(found, ValidNetwork)
    assert found[0].message == "the spec cannot be read: folder: Permission denied"
