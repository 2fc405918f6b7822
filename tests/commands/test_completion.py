"""`archspec completion`: what real shells complete by its scripts."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from archspec.arguments import COMMANDS
from archspec.spec import shipped


@cache
def _script(shell: str) -> str:
    command = [sys.executable, "-m", "archspec", "completion", shell]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _completed(folder: Path, *words: str) -> set[str]:
    """What bash offers for the last word."""
    quoted = " ".join(f"'{word}'" for word in words)
    state = f"COMP_WORDS=({quoted})\nCOMP_CWORD={len(words) - 1}\n"
    code = f'{_script("bash")}\n{state}_archspec\nprintf "%s\\n" "${{COMPREPLY[@]}}"\n'
    done = subprocess.run(["bash", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_commands(tmp_path: Path) -> None:
    assert set(COMMANDS) <= _completed(tmp_path, "archspec", "")
    assert _completed(tmp_path, "archspec", "bu") == {"build"}


def test_specs_and_files(tmp_path: Path) -> None:
    (tmp_path / "resnet_mine.yaml").touch()
    found = _completed(tmp_path, "archspec", "build", "resnet")
    assert found == {name for name in shipped() if name.startswith("resnet")} | {"resnet_mine.yaml"}
    assert _completed(tmp_path, "archspec", "diff", "resnet50", "lene") == {"lenet"}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["build", "lenet", "--back"], {"--backend"}),
        (["build", "lenet", "--backend", ""], {"torch", "keras", "onnx"}),
        (["build", "lenet", "--emit", ""], {"source", "ir"}),
        (["parity", "--check", "tr"], {"training"}),
        (["new", "mine", "--kind", "se"], {"segmentation"}),
        (["new", "mine", "--like", "unet"], {"unet"}),
        (["explain", "E080"], {"E0801", "E0802", "E0803", "E0804"}),
        (["--color", "always", "vali"], {"validate"}),
    ],
)
def test_options_and_their_values(words: list[str], found: set[str], tmp_path: Path) -> None:
    assert found <= _completed(tmp_path, "archspec", *words)
    assert len(_completed(tmp_path, "archspec", *words)) < 15


def test_an_option_that_takes_a_file(tmp_path: Path) -> None:
    (tmp_path / "weights.safetensors").touch()
    assert _completed(tmp_path, "archspec", "build", "lenet", "--weights", "we") == {"weights.safetensors"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_reads_its_script(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    subprocess.run([shell, "-n"], input=_script(shell), text=True, check=True, capture_output=True)


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_each_script_knows_all_commands_and_options(shell: str) -> None:
    script = _script(shell)
    for word in (*COMMANDS, "backend", "partial", "vary", "segmentation", "resnet152_v1", "E0502"):
        assert word in script
