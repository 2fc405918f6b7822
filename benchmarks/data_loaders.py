"""What else could make a program's batches ahead of time: `python -m benchmarks.data_loaders`.

Each gives the same batches, functions of their step, by two workers: how long until the first, how long for all, what
the workers import and take, and what each leaves behind if the program is killed. The program is one that imports
PyTorch at its head, as a training program does. Needs grain, torch and keras beside archspec; each runs by itself.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from archspec.training.data.config import DataConfig
from archspec.training.data.module import data_module
from archspec.training.data.parts.crops import PadCrop
from archspec.training.data.parts.digits import Digits
from archspec.training.data.parts.flips import Flip
from archspec.training.data.parts.scaling import Rescale
from benchmarks.machine import describe

_HEAD: Final = """
import hashlib, sys, time
import torch
from data import load, open_data

data = None
STEPS = range(7, 207)

def batch(step):
    global data
    if data is None:
        data = open_data()
    return data.training.batch(step)
"""
_TAIL: Final = """
if __name__ == "__main__":
    open_data()
    start, digest, count = time.perf_counter(), hashlib.sha256(), 0
    for images, targets in batches():
        if not count:
            print("first", time.perf_counter() - start, flush=True)
            if sys.argv[1:] == ["wait"]:
                time.sleep(1000)
        count += 1
        digest.update(bytes(memoryview(images).cast("B")) + bytes(memoryview(targets).cast("B")))
        if count == len(STEPS):
            break
    print("all", time.perf_counter() - start, digest.hexdigest()[:12], flush=True)
"""
LOADERS: Final = {
    "archspec's load": "def batches():\n    return load(open_data().training, STEPS, workers=2)",
    "grain": """
def batches():
    import grain
    from absl import flags
    flags.FLAGS(sys.argv[:1])  # its workers refuse to start before absl's flags are parsed
    found = grain.MapDataset.range(STEPS.start, STEPS.stop).map(batch).to_iter_dataset()
    return iter(found.mp_prefetch(grain.MultiprocessingOptions(num_workers=2)))
""",
    "torch DataLoader, fork": """
class Steps(torch.utils.data.Dataset):
    def __getitem__(self, step):
        return tuple(map(torch.from_numpy, batch(step)))
def batches():
    found = torch.utils.data.DataLoader(Steps(), batch_size=None, sampler=STEPS, num_workers=2)
    return (tuple(each.numpy() for each in pair) for pair in found)
""",
    "torch DataLoader, spawn": """
class Steps(torch.utils.data.Dataset):
    def __getitem__(self, step):
        return tuple(map(torch.from_numpy, batch(step)))
def batches():
    found = torch.utils.data.DataLoader(
        Steps(), batch_size=None, sampler=STEPS, num_workers=2, multiprocessing_context="spawn")
    return (tuple(each.numpy() for each in pair) for pair in found)
""",
    "keras PyDataset, fork": """
def batches():
    import keras
    from keras.src.trainers.data_adapters.py_dataset_adapter import OrderedEnqueuer
    class Steps(keras.utils.PyDataset):
        def __len__(self):
            return len(STEPS)
        def __getitem__(self, index):
            return batch(STEPS[index])
    enqueuer = OrderedEnqueuer(Steps(workers=2, use_multiprocessing=True))
    enqueuer.start()
    return enqueuer.get()
""",
    "concurrent.futures, spawn": """
def batches():
    import multiprocessing
    from collections import deque
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        waiting = deque(pool.submit(batch, step) for step in STEPS[:4])
        for step in [*STEPS[4:], *[None] * 4]:
            yield waiting.popleft().result()
            if step is not None:
                waiting.append(pool.submit(batch, step))
""",
}


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="of each, in turn; the least is shown (3)")
    parser.add_argument("--only", nargs="*", default=list(LOADERS), help="of these names")
    arguments = parser.parse_args()
    rounds, names = arguments.rounds, arguments.only
    print(describe("numpy", "grain", "torch", "keras"))
    steps = (Rescale(1 / 16), PadCrop(1), Flip())
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "data.py").write_text(
            data_module(DataConfig(Digits(), steps, steps[:1], batch=512)), encoding="utf-8"
        )
        for name, code in ((name, LOADERS[name]) for name in names):
            (folder / f"{_file(name)}.py").write_text(_HEAD + code + _TAIL, encoding="utf-8")
        found: dict[str, list[list[str]]] = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                found[name].append(_run(folder, name))
        for name, runs in found.items():
            good = [run for run in runs if len(run) == 5]
            if not good:
                print(f"{name:28} {' '.join(runs[0])[-300:]}")
                continue
            first, whole = min(float(run[1]) for run in good), min(float(run[3]) for run in good)
            left, memory = _killed(folder, name)
            print(
                f"{name:28} first batch after {first:6.2f} s, all after {whole:6.2f} s, digest {good[0][4]}; "
                f"workers take {memory:,.0f} MB each; left behind when killed: {left}",
                flush=True,
            )


def _file(name: str) -> str:
    return "run_" + "".join(letter for letter in name if letter.isalpha())


def _run(folder: Path, name: str) -> list[str]:
    command = [sys.executable, f"{_file(name)}.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    return done.stdout.split() if done.returncode == 0 else ["failed:", done.stderr.strip()[-300:]]


def _killed(folder: Path, name: str) -> tuple[int, float]:
    """How many workers are there five seconds after their program was killed, and each one's own memory."""
    command = [sys.executable, f"{_file(name)}.py", "wait"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
        assert program.stdout is not None
        program.stdout.readline()
        time.sleep(1)
        parents = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        workers = {pid for pid in parents if program.pid in (parents[pid], parents.get(parents[pid]))}
        sizes = []
        for pid in workers:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            sizes.append(sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024)
        program.kill()
    time.sleep(5)
    left = [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return len(left), sum(sorted(sizes)[-2:]) / 2


if __name__ == "__main__":
    main()
