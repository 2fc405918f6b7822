"""What a spec that is not trusted costs at most: processor time and memory, each measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.safety.test_limits import HEAD, HOSTILE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs resource.getrusage")

ROOT = Path(__file__).resolve().parents[2]
SECONDS, MEGABYTES = 5.0, 1_000
"""What docs/language.md says of errors."""
# Compiles the spec at a path, makes source of it for each backend that is named, and says what that took.
CHILD = """
import json, resource, sys, time
import archspec
path, *backends = sys.argv[1:]
said = {"errors": [], "source": {}}
start = time.process_time()
try:
    graph = archspec.compile(path)
    said["compile"] = time.process_time() - start
    for backend in backends:
        start = time.process_time()
        archspec.generate(graph, backend)
        said["source"][backend] = time.process_time() - start
except archspec.SpecError as error:
    said["errors"] = [(found.code, found.span is not None) for found in error.diagnostics]
    said["length"] = len(str(error))
    said["compile"] = time.process_time() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
said["megabytes"] = peak / (1_000_000 if sys.platform == "darwin" else 1_000)
print(json.dumps(said))
"""
BLOCKS = "".join(f"  b{i}: {{layers: [conv: {{filters: 3, kernel: 1}}]}}\n" for i in range(600))
DIFFERENT = "".join(
    f"  b{i}: {{layers: [conv: {{filters: 3, kernel: 1, init: {{normal: {(i + 1) / 1e4}}}}}]}}\n" for i in range(3000)
)
VARIANTS = "".join(f"- b: {{{', '.join(f'q{k}: {i >> k & 1}' for k in range(10))}}}\n" for i in range(1024))
VALID = {
    # A function for each block, and many layers: what is done for each function must not go over all layers.
    "many blocks and many layers": f"blocks:\n{BLOCKS}layers: [{{repeat: {{times: 60000, layers: [relu]}}}}, "
    f"{', '.join(f'b{i}' for i in range(600))}]\n",
    # ... nor over all functions.
    "many functions": f"blocks:\n{DIFFERENT}layers: [{', '.join(f'b{i}' for i in range(3000))}]\n",
    "more than 1,000 variants of a block": "blocks:\n"
    f"  b: {{params: {{{', '.join(f'q{k}: {{}}' for k in range(10))}}}, "
    f"layers: [{', '.join(f'batch_norm: {{affine: q{k} == 1}}' for k in range(10))}]}}\nlayers:\n{VARIANTS}",
}


def cost(text: str, folder: Path, *backends: str) -> dict[str, Any]:
    path = folder / "net.yaml"
    path.write_text(HEAD + text, encoding="utf-8")
    # A process begins with its parent's peak of memory, and pytest's may be past the limit: the shell's is not.
    shell = ["sh", "-c", '"$@"; exit $?', "sh"]
    command = [*shell, sys.executable, "-c", CHILD, str(path), *backends]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_too_much_is_refused_soon(text: str, tmp_path: Path) -> None:
    said = cost(text, tmp_path)
    if said["compile"] >= SECONDS:  # others may be at work on the same cores
        said = min(said, cost(text, tmp_path), key=lambda measured: float(measured["compile"]))
    assert said["errors"]
    assert all(placed or code == "E0104" for code, placed in said["errors"])
    assert said["length"] < 100_000
    assert said["compile"] < SECONDS  # 3 on a quiet machine
    assert said["megabytes"] < MEGABYTES


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("text", VALID.values(), ids=VALID.keys())
def test_source_takes_time_and_memory_in_proportion(text: str, backend: str, tmp_path: Path) -> None:
    said = cost(text, tmp_path, backend)
    assert not said["errors"]
    assert said["source"][backend] < 6  # 2 on a quiet machine; 20 and more were it not in proportion
    assert said["megabytes"] < 500
