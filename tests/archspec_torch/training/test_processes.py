"""Two processes that share each batch give what one gives."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.archspec_torch.training.run_folder import PLAIN, SMALL, Run, changed, program

BIASED = SMALL.replace("{name: bn1}", "{name: bn1, variance: biased}")
BLOCKS = """
archspec: 1
name: blocky
extends: cifar_resnet
params:
  in_channels: {default: 1}
  size: {default: 4}
  classes: {default: 3}
  depth: {default: 8}
  width: {default: 2}
"""
COMMON: Mapping[str, Any] = {
    "optimizer": {"sgd": {"learning_rate": 0.05, "momentum": 0.9}},
    "weight_decay": {"amount": 0.01, "coupled": True},
    "metrics": ["accuracy", "confusion"],
    "checkpoint": {"best": "validation_accuracy"},
}
CASES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "without batch norm": (PLAIN, {**COMMON, "clip": {"norm": 0.5}, "ema": {"decay": 0.9}, "accumulate": 2}),
    "with batch norm": (SMALL, {**COMMON, "sync_batch_norm": True, "accumulate": 2}),
    "with biased batch norm": (BIASED, {**COMMON, "sync_batch_norm": True}),
    "with frozen batch norm": (SMALL, {**COMMON, "sync_batch_norm": True, "freeze": ["bn1"]}),
    "with ignored examples": (PLAIN, {**COMMON, "loss": {"cross_entropy": {"ignore": 1}}}),
    "with mixed examples": (
        PLAIN,
        {
            **COMMON,
            "data": {
                "source": {"arrays": {"classes": 3}},
                "validation": "validation",
                "test": "test",
                "augment": [{"mix": {"mixup": 0.3}}],
            },
        },
    ),
}


def numbers(run: Run, output: Path) -> list[float]:
    """All numbers of a history, one after the other."""
    found: list[float] = []
    for line in run.history(output):
        for value in line.values():
            found += np.ravel(value).tolist()
    return found


def forked(run: Run, *arguments: object) -> list[int]:
    """Run the program in two copies of this process, which has imported PyTorch, as torchrun would; exit codes."""
    port = free_port()
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children(run, port, *arguments)]


def children(run: Run, port: int, *arguments: object) -> list[int]:
    """The numbers of two processes that run the program together."""
    started = []
    for rank in range(2):
        child = os.fork()
        if not child:
            code = 1
            try:
                where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
                os.environ.update({**where, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"})
                run.here(*arguments)
                code = 0
            except SystemExit as error:
                code = error.code if isinstance(error.code, int) else 1
                if isinstance(error.code, str):
                    print(error.code, file=sys.stderr)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        started.append(child)
    return started


def free_port() -> int:
    """A port that nobody listens to."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("name", "torchrun"),
    [
        *((name, False) for name in CASES),
        ("with batch norm", True),
        pytest.param("without batch norm", True, marks=pytest.mark.slow),
    ],
)
def test_two_processes_are_one(name: str, torchrun: bool, tmp_path: Path) -> None:
    spec, recipe = CASES[name]
    run = program(tmp_path, recipe, spec)
    one, two = tmp_path / "one", tmp_path / "two"
    run.here("--output", one)
    if torchrun:
        assert run.start("--output", two, processes=2).stdout.splitlines()[-1].startswith("test accuracy ")
    else:
        assert forked(run, "--output", two) == [0, 0]
    same(run, one, two)


def same(run: Run, one: Path, two: Path) -> None:
    np.testing.assert_allclose(numbers(run, one), numbers(run, two), rtol=0, atol=1e-10)
    for kind in ("last", "best"):
        first, second = run.checkpoint(kind, one), run.checkpoint(kind, two)
        assert first.keys() == second.keys()
        for key, array in first.items():
            np.testing.assert_allclose(array, second[key], rtol=0, atol=1e-10, err_msg=key)


SHARDED: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "all of it": (
        SMALL,
        {
            **COMMON,
            "optimizer": {"adamw": {"learning_rate": 0.01}},
            "weight_decay": {"amount": 0.01, "coupled": False, "exempt": ["norms"]},
            "sync_batch_norm": True,
            "accumulate": 2,
            "clip": {"norm": 0.5},
            "ema": {"decay": 0.9},
        },
    ),
    "biased": (BIASED, {**COMMON, "sync_batch_norm": True, "clip": {"value": 0.05}, "freeze": ["conv1"]}),
    "lion": (PLAIN, {**COMMON, "optimizer": {"lion": {"learning_rate": 0.001}}}),
    "rmsprop": (
        PLAIN,
        {
            **COMMON,
            "optimizer": {"rmsprop": {"learning_rate": 0.01, "momentum": 0.5, "centered": True}},
            "weight_decay": {"amount": 0.01, "coupled": False},
        },
    ),
    "blocks": (BLOCKS, {**COMMON, "sync_batch_norm": True, "epochs": 2}),
}


@pytest.mark.parametrize(
    "name", ["all of it", *(pytest.param(name, marks=pytest.mark.slow) for name in SHARDED if name != "all of it")]
)
def test_two_processes_that_divide_the_weights_are_one(name: str, tmp_path: Path) -> None:
    """The checkpoints are the same files: a run that is sharded goes on from one that is not, and the other way."""
    spec, recipe = SHARDED[name]
    run = program(tmp_path, recipe, spec)
    one, two, other = tmp_path / "one", tmp_path / "two", tmp_path / "other"
    run.here("--output", one)
    assert forked(run, "--output", two, "--shard", "--limit-steps", 4) == [0, 0]
    assert forked(run, "--output", other, "--limit-steps", 4) == [0, 0]
    same(run, two, other)
    run.here("--output", two, "--resume")
    assert forked(run, "--output", other, "--resume", "--shard") == [0, 0]
    same(run, one, two)
    same(run, one, other)


def test_one_process_has_nobody_to_divide_weights_with(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="start them by torchrun"):
        program(tmp_path, COMMON).here("--shard")


def test_a_process_keeps_its_share_of_the_weights_alone(tmp_path: Path) -> None:
    run = program(tmp_path, COMMON, PLAIN)
    count = "sum(weight.to_local().numel() for weight in network.parameters())"
    line = "    measures = Measures(device)\n    checkpoints"
    changed(run.folder, line, f"    print({count}, file=open(f'{tmp_path}/{{RANK}}', 'w'))\n{line}")
    assert forked(run, "--shard", "--limit-steps", 1) == [0, 0]
    kept = [int((tmp_path / str(rank)).read_text()) for rank in range(2)]
    whole = sum(int(np.prod(weight.shape)) for weight in run.graph.all_weights.values())
    assert sum(kept) == whole
    assert max(kept) < 0.75 * whole


def test_what_is_dropped_differs_between_processes_and_is_the_same_after_a_resume(tmp_path: Path) -> None:
    spec = PLAIN.replace("  - flatten\n", "  - flatten\n  - dropout: {name: drop, rate: 0.5}\n")
    run = program(tmp_path, {**COMMON, "epochs": 2}, spec)
    line = "            optimizer.zero_grad()\n"
    said = f"print(torch.get_rng_state().sum().item(), file=open(f'{tmp_path}/{{RANK}}', 'a'))"
    changed(run.folder, line, f"            {said}\n{line}")
    whole, two = tmp_path / "whole", tmp_path / "parts"
    assert forked(run, "--output", whole) == [0, 0]
    drawn = [(tmp_path / str(rank)).read_text().split() for rank in range(2)]
    assert len({*drawn[0], *drawn[1]}) == 12  # six steps of two processes
    assert forked(run, "--output", two, "--limit-steps", 4) == [0, 0]
    assert forked(run, "--output", two, "--resume") == [0, 0]
    assert numbers(run, whole) == numbers(run, two)
    for key, array in run.checkpoint(output=whole).items():
        assert np.array_equal(array, run.checkpoint(output=two)[key]), key


def test_a_loss_that_is_not_finite_ends_all_processes_with_the_layer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    run = program(tmp_path, {**COMMON, "epochs": 4}, PLAIN)
    fault = "            if step == 4:\n                network.conv2.weight.data.mul_(math.nan)\n"
    line = "            if failed is not None and step"
    changed(run.folder, line, f"{fault}{line}")
    changed(run.folder, "import argparse\n", "import argparse\nimport math\n")
    for more in ((), ("--shard",)):
        output = tmp_path / "-".join(["out", *more])
        assert forked(run, "--output", output, "--log-every", 50, *more) == [1, 1]
        assert capfd.readouterr().err.count("step 4: the loss is nan; the first layer with one is conv2") == 2


def test_batch_norm_that_is_not_synchronized_is_seen_to_differ(tmp_path: Path) -> None:
    run = program(tmp_path, COMMON)
    one, two = tmp_path / "one", tmp_path / "two"
    run.here("--output", one)
    assert forked(run, "--output", two) == [0, 0]
    assert np.abs(run.checkpoint(output=one)["fc.weight"] - run.checkpoint(output=two)["fc.weight"]).max() > 1e-6


@pytest.mark.slow
def test_more_processes_than_the_smallest_batch_has_examples_are_refused(tmp_path: Path) -> None:
    run = program(tmp_path, {"epochs": 1}, PLAIN, counts={"train": 17, "validation": 4, "test": 4})
    assert "an epoch's last batch has 1 examples" in run.start(processes=2, code=1).stderr


def test_a_signal_to_one_process_ends_both_after_the_step(tmp_path: Path) -> None:
    run = program(tmp_path, {**COMMON, "epochs": 30, "ema": {"decay": 0.9}}, PLAIN)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    assert forked(run, "--output", whole) == [0, 0]
    pair = children(run, free_port(), "--output", stopped)
    while not (stopped / "history.jsonl").exists() or (stopped / "history.jsonl").read_bytes().count(b"\n") < 6:
        time.sleep(0.001)
    os.kill(pair[1], signal.SIGTERM)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in pair]
    assert codes == [128, 143]  # the first was not asked itself
    assert forked(run, "--output", stopped, "--resume") == [0, 0]
    assert numbers(run, whole) == numbers(run, stopped)
