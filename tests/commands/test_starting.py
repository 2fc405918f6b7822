"""What `build` imports and says while it works, and what frameworks say, which is not shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from archspec.commands.progress import progress
from archspec.standard_error import withheld

COMPILER = {"torch._dynamo", "torch._inductor", "sympy", "torch.fx.experimental.symbolic_shapes"}


def modules_after(code: str, folder: Path) -> set[str]:
    script = f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("options", ["", ", '--seed', '0'"])
@pytest.mark.parametrize("spec", ["lenet", "cifar_resnet"])
def test_pytorch_does_not_import_its_compiler(spec: str, options: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    code = f"from archspec.cli import main; assert main(['build', '{spec}'{options}]) == 0"
    assert not modules_after(code, tmp_path) & COMPILER


def test_keras_imports_no_other_framework(tmp_path: Path) -> None:
    pytest.importorskip("keras")
    heavy = {"torch", "jax", "onnx", *COMPILER}  # Keras may import some of them by itself
    alone = modules_after("import keras", tmp_path)
    found = modules_after(
        "from archspec.cli import main; assert main(['build', 'lenet', '--backend', 'keras']) == 0", tmp_path
    )
    assert "tensorflow" in found
    assert found & heavy == alone & heavy


def test_verifying_draws_nothing() -> None:
    torch = pytest.importorskip("torch")
    import archspec
    from archspec.codegen.backend import BuildsModels
    from archspec.codegen.registry import backend

    graph = archspec.compile("cifar_resnet")
    before = torch.random.get_rng_state()
    backend("torch", BuildsModels).verify(archspec.generate(graph, "torch"), graph)
    assert torch.equal(before, torch.random.get_rng_state())


def test_tensorflow_says_nothing_on_the_terminal(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    command = [sys.executable, "-m", "archspec.cli", "build", "lenet", "--backend", "keras"]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


WRITES = "import os, sys; from archspec.standard_error import withheld\n"


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("with withheld(): os.write(2, b'noise'); print('more', file=sys.stderr)\nos.write(2, b'after')", "after"),
        (
            "try:\n  with withheld(): os.write(2, b'reason'); 1 / 0\nexcept ZeroDivisionError: os.write(2, b'!')",
            "reason!",
        ),
        ("try:\n  with withheld(): os.write(2, b'noise'); raise KeyboardInterrupt\nexcept KeyboardInterrupt: pass", ""),
        ("os.close(2)\nwith withheld(): print('fine')", ""),
        ("sys.stderr = None\nwith withheld(): os.write(2, b'noise')", ""),
        (
            "import tempfile; tempfile.tempdir = '/none'\nwith withheld(): os.write(2, b'x')",
            "x",
        ),
        ("with withheld():\n  with withheld(): os.write(2, b'noise')\nos.write(2, b'after')", "after"),
    ],
    ids=["noise", "an error", "interrupted", "closed", "no stream", "no room", "within itself"],
)
def test_what_is_withheld(code: str, shown: str) -> None:
    done = subprocess.run([sys.executable, "-c", WRITES + code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, shown)


def test_nothing_is_said_where_there_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with progress() as say, withheld():
        say("working")
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_shows_what_is_being_done(tmp_path: Path) -> None:
    import pty

    code = (
        "import os, time; from archspec.commands.progress import progress\n"
        "from archspec.standard_error import withheld\n"
        "with progress() as say, withheld():\n"
        "  say('importing [bold]PyTorch'); os.write(2, b'noise'); time.sleep(0.5)\n"
    )
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen([sys.executable, "-c", code], stderr=theirs, env=environment, cwd=tmp_path)
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:
        pass  # the terminal has no writer any more
    os.close(ours)
    assert process.wait() == 0
    assert b"importing [bold]PyTorch" in seen
    assert b"noise" not in seen


QUIET = "from archspec.quiet_frameworks import quiet_frameworks; quiet_frameworks()\nimport tensorflow\n"


@pytest.mark.parametrize(
    ("module", "code", "shown"),
    [
        ("import os; os.write(2, b'F0000 00:00 reason\\n'); os.abort()", -6, "F0000 00:00 reason\n"),
        ("import os; os.write(2, b'F0000 00:00 reason\\n'); os._exit(4)", 4, "F0000 00:00 reason\n"),
        ("import os; os.write(2, b'W0000 1 chatter\\nlast words\\n'); os.kill(os.getpid(), 9)", -9, "last words\n"),
        ("import os; os.write(2, b'W0000 1 chatter\\nmatters\\n')", 0, "matters\n"),
        ("import os; os.write(2, b'W0000 1 chatter\\n'); raise ImportError('no such symbol')", 1, "no such symbol\n"),
    ],
    ids=["abort", "exit", "killed", "chatter", "an error"],
)
def test_the_reason_is_seen_where_a_framework_ends_the_process(
    module: str, code: int, shown: str, tmp_path: Path
) -> None:
    """TensorFlow's import writes much that nobody has asked for, and where it fails, why."""
    (tmp_path / "tensorflow.py").write_text(module, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    # What a crash leaves is written by a second process, until whose end the pipe is open.
    done = subprocess.run([sys.executable, "-c", QUIET], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stderr.endswith(shown)
    if code == 0:
        assert done.stderr == shown


def test_a_crash_within_what_is_withheld(tmp_path: Path) -> None:
    code = "with withheld(), withheld():\n  os.write(2, b'reason'); os.abort()"
    done = subprocess.run([sys.executable, "-c", WRITES + code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-6, "reason")
