"""archspec as a library leaves the process that it works in as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATE = """
import contextvars, gc, locale, os, signal, sys, threading, warnings
import numpy  # it has filters of its own for warnings

def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask

def state():
    return {
        "collector": (gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()),
        "context": dict(contextvars.copy_context()),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "hooks": (sys.excepthook, sys.displayhook, threading.excepthook, sys.gettrace()),
        "locale": locale.setlocale(locale.LC_ALL),
        "path": list(sys.path),
        "recursion": sys.getrecursionlimit(),
        "signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "streams": (sys.stdin, sys.stdout, sys.stderr),
        "threads": threading.active_count(),
        "umask": umask(),
        "warnings": list(warnings.filters),
    }

before = state()
"""
WORK = """
import archspec
from archspec.spec import load_text
graph = archspec.compile('resnet18', limits=archspec.Limits(items=10_000))
for backend in BACKENDS:
    archspec.generate(graph, backend)
try:
    archspec.compile(load_text('archspec: 1'))
except archspec.SpecError as error:
    str(error)
archspec.summary(graph), archspec.count(graph), archspec.draw(graph).svg()
"""
END = """
after = state()
print(*(name for name in before if before[name] != after[name]))
"""


def _changed(code: str) -> str:
    """What is not as it was after some code."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}  # the tests' own
    command = [sys.executable, "-c", STATE + code + END]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_nothing_of_the_process_is_changed() -> None:
    assert _changed(WORK.replace("BACKENDS", "('torch', 'keras', 'onnx')")) == ""


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_nor_where_a_framework_is_asked_for(backend: str) -> None:
    pytest.importorskip(backend)
    assert _changed(f"from archspec.codegen.registry import backend\nbackend('{backend}').require()") == ""


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ("gc.disable()", "collector"),
        ("contextvars.ContextVar('x').set(1)", "context"),
        ("os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')", "environment"),
        ("os.umask(0o011)", "umask"),
        ("warnings.simplefilter('ignore')", "warnings"),
        ("signal.signal(signal.SIGUSR1, signal.SIG_IGN)", "signals"),
    ],
)
def test_a_change_is_seen(fault: str, name: str) -> None:
    assert _changed(fault) == name
