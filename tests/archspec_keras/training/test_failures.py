"""How a program of Keras's ends before its time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from archspec.training.printing import part
from tests.archspec_keras.training.runs import emitted, planned, run
from tests.needed import lazily, needs

keras: Any = lazily("keras")
pytestmark = [needs("keras", "sklearn"), pytest.mark.slow]


def test_a_loss_that_is_not_finite_is_said_with_its_step_and_layer(tmp_path: Path) -> None:
    folder = emitted(tmp_path, *planned(optimizer="{sgd: {learning_rate: 1e15}}", precision="float32", steps="60"))
    done = run(folder, engine="jax")
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert re.fullmatch(r"step \d+: the loss is (nan|-?inf); .*(conv1|bn1|fc).*", said), said


def test_another_number_of_examples_is_refused(tmp_path: Path) -> None:
    folder = emitted(tmp_path, *planned())
    text = (folder / "data.py").read_text(encoding="utf-8")
    assert "share=0.1" in text
    (folder / "data.py").write_text(text.replace("share=0.1", "share=0.2"), encoding="utf-8")
    done = run(folder, engine="jax")
    assert done.returncode == 1
    assert "there are 1154 training examples, not 1298" in done.stderr.splitlines()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError("no more"), "memory ended: use a smaller `batch`, or `accumulate`"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 bytes"), "memory ended"),
        (ValueError("{{function}} DataError: cat.png is damaged\nTraceback"), "cat.png is damaged"),
        (ValueError("something else"), ""),
    ],
)
def test_errors_of_backends_are_explained(error: Exception, said: str) -> None:
    space: dict[str, Any] = {"Any": Any}
    text = part("archspec_keras.training_program.parts", "failures")
    exec(text[text.index("def explained") :], space)
    found = space["explained"](error)
    assert found.startswith(said)
    assert bool(found) == bool(said)
