"""What a spec that is not trusted costs at most: processor time and memory, each measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.safety.costly import COSTLY, HEAD

pytestmark = [
    pytest.mark.timing,
    pytest.mark.skipif(sys.platform == "win32", reason="needs resource.getrusage"),
]

ROOT = Path(__file__).resolve().parents[2]
SECONDS, MEGABYTES = 5.0, 1_000
"""What docs/language.md says of errors."""
PACE = 0.09
"""What `pace` below takes on a quiet machine. Where others slow the processor down, it takes longer, as all does."""
# For each spec that comes in, a process of its own compiles it, makes source of it for each backend that is named, and
# says what that took. archspec is imported once for all of them.
SERVER = """
import json, os, resource, sys, time
import archspec
from archspec.spec import load_text

def pace():
    start = time.process_time()
    kept = {f"layer.{i}": (i, str(i), [i]) for i in range(80_000)}
    return time.process_time() - start

def measure(text, backends):
    said = {"errors": [], "source": {}}
    before = pace()
    start = time.process_time()
    try:
        graph = archspec.compile(load_text(text, name="net.yaml"))
        said["compile"] = time.process_time() - start
        for backend in backends:
            start = time.process_time()
            archspec.generate(graph, backend)
            said["source"][backend] = time.process_time() - start
    except archspec.SpecError as error:
        said["errors"] = [(found.code, found.span is not None) for found in error.diagnostics]
        said["length"] = len(str(error))
        said["compile"] = time.process_time() - start
    said["pace"] = max(before, pace())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said["megabytes"] = peak / (1_000_000 if sys.platform == "darwin" else 1_000)
    return said

for line in sys.stdin:
    if os.fork() == 0:
        print(json.dumps(measure(*json.loads(line))), flush=True)
        os._exit(0)
    os.wait()
"""
BLOCKS = "".join(f"  b{i}: {{layers: [conv: {{filters: 3, kernel: 1}}]}}\n" for i in range(600))
DIFFERENT = "".join(
    f"  b{i}: {{layers: [conv: {{filters: 3, kernel: 1, init: {{normal: {(i + 1) / 1e4}}}}}]}}\n" for i in range(3000)
)
VARIANTS = "".join(f"- b: {{{', '.join(f'q{k}: {i >> k & 1}' for k in range(10))}}}\n" for i in range(1024))
NORMED = ", ".join(f"{{name: s{i}, layers: [conv: {{filters: 3, kernel: 1}}, batch_norm, relu]}}" for i in range(1000))
AGAIN = ", ".join(f"reuse: s{i}" for i in range(1000))
VALID = {
    # A function for each block, and many layers: what is done for each function must not go over all layers.
    "many blocks and many layers": f"blocks:\n{BLOCKS}layers: [{{repeat: {{times: 60000, layers: [relu]}}}}, "
    f"{', '.join(f'b{i}' for i in range(600))}]\n",
    # ... nor over all functions.
    "many functions": f"blocks:\n{DIFFERENT}layers: [{', '.join(f'b{i}' for i in range(3000))}]\n",
    # What has the same weights is looked for among what stands between, not among all.
    "1,000 sequences, each called twice": f"layers: [{NORMED}, {AGAIN}]\n",
    "more than 1,000 variants of a block": "blocks:\n"
    f"  b: {{params: {{{', '.join(f'q{k}: {{}}' for k in range(10))}}}, "
    f"layers: [{', '.join(f'batch_norm: {{affine: q{k} == 1}}' for k in range(10))}]}}\nlayers:\n{VARIANTS}",
}


@pytest.fixture(scope="module")
def cost() -> Iterator[Callable[..., dict[str, Any]]]:
    # A process begins with its parent's peak of memory, and pytest's may be past the limit: the shell's is not.
    command = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", SERVER]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        given, answers = server.stdin, server.stdout

        def measured(text: str, *backends: str) -> dict[str, Any]:
            given.write(json.dumps([HEAD + text, backends]) + "\n")
            given.flush()
            said: dict[str, Any] = json.loads(answers.readline())
            return said

        yield measured


def allowed(seconds: float, said: Mapping[str, Any]) -> float:
    """So many seconds of a quiet machine, at the pace that was measured beside."""
    pace: float = said["pace"]
    return seconds * max(1.0, pace / PACE)


@pytest.mark.parametrize("text", COSTLY.values(), ids=COSTLY.keys())
def test_too_much_is_refused_soon(text: str, cost: Callable[..., dict[str, Any]]) -> None:
    said = cost(text)
    assert {code for code, _ in said["errors"]} <= {"E0103", "E0104", "E0303", "E0304", "E0408", "E0411"}
    assert said["errors"]
    assert all(placed or code == "E0104" for code, placed in said["errors"])
    assert said["length"] < 100_000
    assert said["compile"] < allowed(SECONDS, said)  # 3 on a quiet machine
    assert said["megabytes"] < MEGABYTES


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("text", VALID.values(), ids=VALID.keys())
def test_source_takes_time_and_memory_in_proportion(
    text: str, backend: str, cost: Callable[..., dict[str, Any]]
) -> None:
    said = cost(text, backend)
    assert not said["errors"]
    assert said["source"][backend] < allowed(6, said)  # 2 on a quiet machine; 20 and more were it not in proportion
    assert said["megabytes"] < 500
