"""How fast archspec compiles: `python -m benchmarks.compile` from the repository's root.

Times are medians of the processor's. What is compared is measured in turn, A B A B, and given
as a ratio: machines are noisy.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import archspec
from archspec.spec.kept_libraries import forget_libraries
from benchmarks.machine import describe

_GROWTH = """
archspec: 1
name: tower
input: {channels: 8, height: 8, width: 8}
blocks:
  unit:
    unit: [width]
    layers:
      - add:
          - - conv: {filters: width, kernel: 3, padding: 1}
            - batch_norm
            - relu
          - []
stages:
  - {name: tower, block: unit, units: "[(8,)] * UNITS"}
"""
"""Four layers a unit."""

_DEPENDENCIES = "import yaml; from pydantic import BaseModel"
_VALIDATE = [sys.executable, "-m", "archspec", "validate", "specs/resnet50.yaml"]


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each figure (15)")
    parser.add_argument("--quick", action="store_true", help="leave out 100,000 layers")
    arguments = parser.parse_args()
    print(describe("pydantic", "PyYAML", "torch"))
    front_end(arguments.rounds)
    process(arguments.rounds)
    construction(arguments.rounds)
    for layers in (1_000, 10_000) if arguments.quick else (1_000, 10_000, 100_000):
        growth(layers)


def front_end(rounds: int) -> None:
    """Load, validate and lower ResNet-50, warm: with its library of blocks read before, as in a process that stays."""
    archspec.compile("specs/resnet50.yaml")
    took, anew = list[float](), list[float]()
    for _ in range(rounds):
        took.append(_time(lambda: archspec.compile("specs/resnet50.yaml")))
        forget_libraries()
        anew.append(_time(lambda: archspec.compile("specs/resnet50.yaml")))
    print(
        f"load, validate and lower resnet50: {statistics.median(took) * 1e3:.1f} ms of processor time, "
        f"at least {min(took) * 1e3:.1f} ms (bound: 10 ms); {statistics.median(anew) * 1e3:.1f} ms, "
        f"at least {min(anew) * 1e3:.1f} ms, where its library of blocks is read anew"
    )


def process(rounds: int) -> None:
    """`archspec validate` as a process, against one that imports its dependencies, by processor time."""
    dependencies = [sys.executable, "-c", _DEPENDENCIES]
    for command in (_VALIDATE, dependencies):
        _processor_time(command)  # the bytecode is written
    pairs = [(_processor_time(_VALIDATE), _processor_time(dependencies)) for _ in range(rounds)]
    whole = statistics.median(a for a, _ in pairs)
    times = statistics.median(a / b for a, b in pairs)
    print(
        f"archspec validate, a process: {whole * 1e3:.0f} ms of processor time, "
        f"{times:.2f} times that of `{_DEPENDENCIES}` (bound: 2)"
    )


def _processor_time(command: list[str]) -> float:
    """Seconds of the processor that a process takes, its own and the system's for it."""
    # With bytecode, as what is installed has it; else one of the two would compile its source in each process.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def construction(rounds: int) -> None:
    """`archspec.build` against a hand-written ResNet-50 that initializes twice, as torchvision's constructor does."""
    from tests.reference.torch_resnet import resnet50

    graph = archspec.compile("resnet50")

    def ours() -> None:
        archspec.build("resnet50", backend="torch")

    def from_graph() -> None:
        archspec.build(graph, backend="torch")

    ours()
    resnet50()
    triples = [(_time(ours), _time(from_graph), _time(resnet50)) for _ in range(rounds)]
    whole = statistics.median(a / c for a, _, c in triples)
    compiled = statistics.median(b / c for _, b, c in triples)
    hand = statistics.median(c for _, _, c in triples)
    print(
        f"archspec.build('resnet50', backend='torch'): {whole:.2f} times a hand-written one, "
        f"{compiled:.2f} from a compiled graph (bound: 0.75; hand-written: {hand * 1e3:.0f} ms)"
    )


def growth(layers: int) -> None:
    """One spec of many layers and its sources, in a process of its own, so that its memory can be measured."""
    code = f"""
import re, time, archspec
from archspec.spec import load_text
text = {_GROWTH!r}.replace("UNITS", str({layers} // 4))
def peak(): return int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
before = peak()
start = time.process_time()
graph = archspec.compile(load_text(text))
took = time.process_time() - start
memory = (peak() - before) / 1024
assert len(graph.nodes) == {layers} + 1, len(graph.nodes)
print(f"{layers:,} layers: {{took:.2f}} s, {{took / {layers} * 1e6:.0f}} us a layer, {{memory:.0f}} MB")
for backend in ("torch", "keras"):
    archspec.generate(archspec.compile("resnet18"), backend)  # the backend is loaded
    start = time.process_time()
    archspec.generate(graph, backend)
    took = time.process_time() - start
    memory, each = (peak() - before) / 1024, took / {layers} * 1e6
    print(f"  its source for {{backend}}: {{took:.2f}} s, {{each:.0f}} us a layer, {{memory:.0f}} MB in all")
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def _time(action: Callable[[], object]) -> float:
    start = time.process_time()  # not the time that other processes take
    action()
    return time.process_time() - start


if __name__ == "__main__":
    main()
