"""How the program ends where the system refuses something: one clear line, the exit code, nothing half-written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from archspec.cli import main
from tests.commands.conftest import Run
from tests.commands.test_replacing import SPEC

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX's signals, modes and links"),
    pytest.mark.timeout(120),
]
ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-m", "archspec.entry"]
COMMANDS = (
    ("build", "s.yaml", "--no-verify", "-o", "{}.py"),
    ("build", "s.yaml", "--emit", "ir", "-o", "{}.txt"),
    ("init", "s.yaml", "-o", "{}.safetensors"),
    ("new", "a", "-o", "{}.yaml"),
    ("graph", "s.yaml", "-o", "{}.svg"),
    ("schema", "-o", "{}.json"),
)
"""Those that write a file, and where it stands in them."""


@pytest.fixture(autouse=True)
def _spec(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SPEC, encoding="utf-8")


def heard() -> None:
    """In a new process: hear signals, even where this one was started not to, as `nohup` and background shells do."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def deaf() -> None:
    """In a new process: what a background shell, `nohup` and some supervisors do to the programs that they start."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _started(command: list[str], folder: Path, before: Callable[[], None] = heard) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )


def _shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    environment.pop("PYTHONUNBUFFERED", None)  # argparse passes over what happens where it prints
    return subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _refused(found: tuple[int, str, str], code: str = "E0605") -> None:
    number, out, err = found
    assert (number, out) == (1, "")
    assert err.startswith(f"error[{code}]: ")
    assert "Traceback" not in err


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[::2]))
@pytest.mark.parametrize(
    "place",
    ["x" * 300, f"{'x' * 300}/a", "s.yaml/a", "s.yaml/b/a", "loop", "loop/a", "字" * 90, "a/" * 3000 + "a"],
    ids=lambda place: place[:12],
)
def test_places_where_nothing_can_be_written(run: Run, tmp_path: Path, command: tuple[str, ...], place: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    if place == "loop":
        suffix = Path(command[-1]).suffix
        (tmp_path / f"loop{suffix}").symlink_to(f"loop{suffix}")
    before = {entry.name for entry in tmp_path.iterdir()}
    _refused(run(*(word.format(place) for word in command)))
    assert {entry.name for entry in tmp_path.iterdir()} == before


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[::2]))
def test_a_name_of_80_letters_of_three_bytes_is_written(run: Run, tmp_path: Path, command: tuple[str, ...]) -> None:
    name = "字" * 80
    code, _, err = run(*(word.format(name) for word in command))
    assert (code, err) == (0, "")
    assert [entry.stem for entry in tmp_path.iterdir() if entry.name != "s.yaml"] == [name]


def test_a_networks_own_name_may_be_too_long(run: Run, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(SPEC.replace("name: s", f"name: {'s' * 250}"), encoding="utf-8")
    longest = ("--limit", "name=250")
    found = run("init", "s.yaml", *longest)  # 250 letters, and `.safetensors`
    _refused(found)
    assert "give a shorter name with -o" in found[2]
    assert [path.name for path in tmp_path.iterdir()] == ["s.yaml"]
    assert run("build", "s.yaml", "--no-verify", *longest)[0] == 0


@pytest.mark.parametrize("command", [*COMMANDS, ("validate", "closed/s.yaml"), ("new", "a", "--like", "closed/s.yaml")])
@pytest.mark.skipif(shutil.which("setpriv") is None and os.geteuid() == 0, reason="root may enter every folder")
def test_a_folder_that_may_not_be_entered(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "closed").mkdir(mode=0)
    (tmp_path / "read-only").mkdir(mode=0o555)
    held = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    try:
        for folder in ("closed", "read-only", "read-only/further"):
            if folder != "closed" and command not in COMMANDS:
                continue
            process = _started([*held, *PROGRAM, *(word.format(f"{folder}/a") for word in command)], tmp_path)
            out, err = process.communicate()
            _refused((process.returncode, out, err), "E0605" if command in COMMANDS else "E0101")
            assert "Permission denied" in err
        assert not list((tmp_path / "read-only").iterdir())
    finally:
        (tmp_path / "closed").chmod(0o700)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command[::2]))
def test_a_full_disk(tmp_path: Path, command: tuple[str, ...]) -> None:
    """Simulated by the system's bound on the size of files, which gives another error in the same place."""
    words = " ".join(word.format("a") for word in command)
    done = _shell(f"ulimit -f 0; {sys.executable} -m archspec.entry {words} 2>&1 | cat", tmp_path)
    assert done.stdout.startswith("error[E0605]: a.")
    assert "File too large" in done.stdout
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.yaml"]


@pytest.mark.parametrize("framework", ["torch", "keras"])
def test_a_full_disk_for_a_frameworks_weights(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, framework: str
) -> None:
    pytest.importorskip(framework)
    command = ("build", "s.yaml", "--backend", framework, "-o", "s.py")
    assert run(*command, "--seed", "0")[0] == 0
    before = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("archspec_torch.model.torch.save" if framework == "torch" else "shutil.disk_usage", full)
    _refused(run(*command, "--seed", "1", "--set", "k=5"))
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == before


@pytest.mark.parametrize("closed", [">&-", "> /dev/full"])
def test_output_that_cannot_be_written(tmp_path: Path, closed: str) -> None:
    for command in ("schema", "summary s.yaml", "build s.yaml --no-verify -o -", "validate s.yaml", "--help", "list"):
        done = _shell(f"{sys.executable} -m archspec.entry {command} {closed}", tmp_path)
        assert done.returncode == 1, command
        assert done.stderr.startswith("error[E0605]: the output cannot be written: ")
        assert done.stderr.count("\n") == 1
    done = _shell(f"{sys.executable} -m archspec.entry build s.yaml --no-verify -o q.py {closed}", tmp_path)
    assert done.returncode == 1
    compile((tmp_path / "q.py").read_text(encoding="utf-8"), "q.py", "exec")  # whole, and nothing else is in it


def test_closed_errors_and_closed_input(tmp_path: Path) -> None:
    done = _shell(f"{sys.executable} -m archspec.entry validate none.yaml 2>&-", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")  # no error among what was asked for
    done = _shell(f"{sys.executable} -m archspec.entry build s.yaml --no-verify -o q.py <&- >&- 2>&-", tmp_path)
    assert done.returncode == 1
    compile((tmp_path / "q.py").read_text(encoding="utf-8"), "q.py", "exec")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_names_that_are_not_in_the_terminals_encoding(tmp_path: Path, encoding: str) -> None:
    name = os.fsdecode(b"caf\xe9")
    try:
        (tmp_path / f"{name}.yaml").write_text(SPEC, encoding="utf-8")
    except OSError:
        pytest.skip("the file system takes UTF-8 alone")
    environment = f"PYTHONIOENCODING={encoding}:strict"
    for command, code in (
        (f"validate {name}.yaml", 0),
        (f"validate {name}/none.yaml", 1),
        (f"build {name}.yaml --no-verify -o {name}.py", 0),
        (f"init {name}.yaml -o {name}", 0),
        ("summary s.yaml", 0),
    ):
        done = _shell(f"{environment} {sys.executable} -m archspec.entry {command}", tmp_path)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
    text = _shell(f"{environment} {sys.executable} -m archspec.entry build s.yaml --no-verify -o -", tmp_path).stdout
    assert text.startswith("# Generated by archspec")


def test_a_current_folder_that_has_gone(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    for command in ("validate resnet18", "build resnet18", "new a"):
        done = _shell(f"mkdir -p gone; cd gone; rmdir ../gone; {sys.executable} -m archspec.entry {command}", tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith("error[E0101]: the current folder cannot be used: ")


def test_without_a_home(tmp_path: Path) -> None:
    done = _shell(f"env -u HOME -u USER {sys.executable} -m archspec.entry validate s.yaml", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_folder_as_a_spec_and_as_weights(run: Run, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    _refused(run("validate", "./folder"), "E0101")
    _refused(run("validate", "loop/s.yaml"), "E0101")
    _refused(run("validate", "s.yaml", "--root", "loop"), "E0101")
    _refused(run("validate", "s.yaml", "--root", "none"), "E0101")
    _refused(run("validate", "s.yaml", "--root", "s.yaml"), "E0101")


# A module that sends the signal while archspec imports another, in a process that is otherwise the program.
SIGNALLED = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.{signal})
sys.meta_path.insert(0, Finder())
import archspec.entry
sys.exit(archspec.entry.main())
"""


@pytest.mark.parametrize(
    "module", ["archspec.cli", "archspec.api", "archspec.commands.build", "yaml", "archspec_torch", "jinja2"]
)
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_signals_while_modules_are_imported(tmp_path: Path, module: str, name: str, code: int) -> None:
    if name == "SIGTERM" and module == "archspec.cli":
        pytest.skip("nothing hears it yet, and the system ends the process")
    script = SIGNALLED.format(module=module, signal=name)
    process = _started([sys.executable, "-c", script, "build", "resnet18", "--no-verify"], tmp_path)
    out, err = process.communicate()
    assert (process.returncode, out) == (code, "")
    assert err == ("archspec: interrupted\n" if name == "SIGINT" else "")
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.yaml"]


def test_an_import_that_makes_something_else_of_ctrl_c(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def turned(_: object) -> int:
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            raise ImportError("could not be initialized") from None

    monkeypatch.setattr("archspec.commands.list.run_list", turned)
    assert run("list") == (130, "", "archspec: interrupted\n")


# Stops in the middle of writing a file, and says so.
SLOW = """
import os, sys, time
def slow(_):
    print("writing", flush=True)
    time.sleep(60)
os.fsync = slow
from archspec.entry import main
sys.exit(main())
"""


@pytest.mark.parametrize("before", [heard, deaf])
@pytest.mark.parametrize("command", COMMANDS[:3], ids=lambda command: " ".join(command[::2]))
def test_a_command_that_is_ended_leaves_nothing(
    tmp_path: Path, before: Callable[[], None], command: tuple[str, ...]
) -> None:
    process = _started([sys.executable, "-c", SLOW, *(word.format("a") for word in command)], tmp_path, before)
    assert process.stdout
    assert process.stdout.readline() == "writing\n"
    assert any("archspec-tmp" in entry.name for entry in tmp_path.iterdir())
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (143, "")
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.yaml"]


def test_a_hangup_ends_it_unless_it_is_ignored(tmp_path: Path) -> None:
    for before, code in ((heard, 129), (deaf, 143)):
        process = _started([sys.executable, "-c", SLOW, *(word.format("a") for word in COMMANDS[0])], tmp_path, before)
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        if before is deaf:
            time.sleep(0.3)
            assert process.poll() is None
            process.send_signal(signal.SIGTERM)
        assert (process.communicate(timeout=30)[1], process.returncode) == ("", code)


@pytest.mark.parametrize("before", [heard, deaf])
def test_watch_ends_by_sigterm(tmp_path: Path, before: Callable[[], None]) -> None:
    process = _started([*PROGRAM, "watch", "s.yaml", "--no-open"], tmp_path, before)
    assert process.stdout
    assert process.stdout.readline().startswith("watching s.yaml")
    process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 143


def test_the_hosts_collector_of_cycles_is_left_alone() -> None:
    code = (
        "import gc; gc.disable = gc.set_threshold = gc.freeze = None; import archspec; archspec.generate("
        "archspec.compile(archspec.load('lenet')), 'torch'); assert gc.isenabled()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_hosts_signals_and_umask_are_as_they_were(tmp_path: Path, run: Run) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    assert run("validate", "s.yaml")[0] == 0
    assert main(["validate", "none.yaml"]) == 1
    assert [signal.getsignal(number) for number in numbers] == before
    code = (
        "import os; os.umask = None; import archspec.atomic_files as s, pathlib; s.write_text(pathlib.Path('a'), 'a')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, umask=0o027)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_the_tests_of_watch_end_where_ctrl_c_is_ignored(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        str(ROOT / "tests/watching/test_command.py"),
    ]
    process = _started([*command, "-k", "ctrl_c", "--rootdir", str(ROOT)], tmp_path, deaf)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 0, out + err
    assert "1 passed" in out
