"""Generated Keras MobileNetV2 against `keras.applications`, on TensorFlow: `python -m benchmarks.keras_mobilenet`.

A forward pass and a step of training, measured in turn in processes of their own. `--parts` takes one of the two.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

import archspec
from archspec.bench.contenders import Contender
from archspec.bench.measurement import measure
from archspec.bench.task import Task
from benchmarks.machine import describe

BOUND: Final = 1.05
_THEIRS: Final = """
import keras


def make():
    return keras.applications.MobileNetV2(weights=None, classifier_activation=None)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default="inference,training")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    print(describe("keras", "tensorflow"))
    print(f"threads {arguments.threads}, load average {os.getloadavg()[0]:.1f}")
    graph = archspec.compile("mobilenet_v2")
    with tempfile.TemporaryDirectory(prefix="archspec-keras-") as folder:
        module = Path(folder) / "theirs.py"
        module.write_text(_THEIRS)
        pair = [
            Contender("keras.applications", file=str(module), function="make"),
            Contender.parse("keras:tensorflow"),
        ]
        for part in arguments.parts.split(","):
            result = measure(
                Task(graph, arguments.batch, training=part == "training"),
                pair,
                rounds=arguments.rounds,
                steps=arguments.steps,
                threads=arguments.threads,
                latency=False,
                say=lambda text: print(text, file=sys.stderr, flush=True),
            )
            for row in result.rows:
                if row.times is None or row.ratio is None:
                    print(f"{part}: {row.contender.label}: {row.failed}")
                    continue
                bounds = f"95 %: {row.ratio.low:.3f} to {row.ratio.high:.3f}"
                print(
                    f"{part}, batch {arguments.batch}: {row.contender.label}: {row.times.median * 1e3:.1f} ms, "
                    f"ratio {row.ratio.value:.3f} ({bounds}; bound: {BOUND})"
                )


if __name__ == "__main__":
    main()
