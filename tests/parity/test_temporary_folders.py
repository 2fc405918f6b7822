"""The temporary folder of a comparison: nothing is left of it, whatever ended the process that made it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from archspec import OutputError
from archspec.cli import main
from archspec.parity.temporary_folders import save, temporary_folder

HOLD = """
import sys, time
from archspec.parity.temporary_folders import temporary_folder
with temporary_folder() as folder:
    (folder / "large").write_bytes(b"0" * 1000)
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def _holding() -> tuple[subprocess.Popen[str], Path]:
    running = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    return running, Path(running.stdout.readline().strip())


def _kill(running: subprocess.Popen[str]) -> None:
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert running.stdout is not None
    running.stdout.close()


def test_what_a_killed_process_left_is_taken_away_by_the_next() -> None:
    running, folder = _holding()
    try:
        with temporary_folder() as own:
            assert folder.exists(), "its owner still works"
            assert (own.stat().st_mode & 0o777) == 0o700
        assert not own.exists()
    finally:
        _kill(running)
    assert (folder / "large").exists()
    with temporary_folder():
        assert not folder.exists()


def test_what_is_not_archspecs_stays(own_folder: Path) -> None:
    public = own_folder / "archspec-parity-public"
    public.mkdir()
    public.chmod(0o755)
    (public / "owner.lock").touch()
    other = own_folder / "archspec-parity-other"
    other.mkdir(mode=0o700)
    (other / "results").touch()
    os.utime(other, (0, 0))
    link = own_folder / "archspec-parity-link"
    link.symlink_to(other)
    with temporary_folder():
        assert public.exists()
        assert (other / "results").exists()
        assert link.is_symlink()


def test_a_folder_that_never_got_its_lock_is_taken_away_once_it_is_old(own_folder: Path) -> None:
    made = own_folder / "archspec-parity-empty"
    made.mkdir(mode=0o700)
    with temporary_folder():
        assert made.exists()
    os.utime(made, (0, 0))
    with temporary_folder():
        assert not made.exists()


def test_without_locks_nothing_is_locked_renamed_or_taken_away(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, where a file that is open cannot be renamed, and no folder is known to be abandoned."""

    def open_elsewhere(*given: object) -> None:
        raise PermissionError(13, "The process cannot access the file because it is being used by another process")

    made = own_folder / "archspec-parity-made"
    made.mkdir(mode=0o700)
    os.utime(made, (0, 0))
    monkeypatch.setattr("archspec.parity.temporary_folders.fcntl", None)
    monkeypatch.setattr(os, "rename", open_elsewhere)
    monkeypatch.delattr(os, "geteuid")
    with temporary_folder() as folder:
        (folder / "results").touch()
    assert list(own_folder.iterdir()) == [made]


def test_an_error_leaves_nothing(own_folder: Path) -> None:
    with pytest.raises(ValueError, match="planted"), temporary_folder():
        raise ValueError("planted")
    assert list(own_folder.iterdir()) == []


def test_a_full_folder_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*given: object) -> None:
        from safetensors import SafetensorError

        raise SafetensorError('IoError(Os { code: 28, kind: StorageFull, message: "No space left on device" })')

    monkeypatch.setattr("safetensors.numpy.save_file", full)
    with pytest.raises(OutputError) as caught, temporary_folder() as folder:
        save(folder, "weights", {"a": np.ones(3)})
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code == "E0605"
    assert diagnostic.message.endswith("no space is left there")
    assert "TMPDIR" in diagnostic.help


def test_a_folder_that_cannot_be_written_is_said(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")

    def refused(*given: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("archspec.parity.temporary_folders.tempfile.mkdtemp", refused)
    assert main(["parity", "lenet", "--backends", "torch,torch"]) == 1
    assert "error[E0605]" in capsys.readouterr().err
