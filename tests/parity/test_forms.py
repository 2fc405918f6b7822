"""`archspec parity --for inference`: a network as it is trained against its form for inference."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from archspec.passes.inference import channel_maps
from tests.commands.conftest import Run, run
from tests.needed import needs

__all__ = ["run"]
pytestmark = needs("torch")

SPEC = """
archspec: 1
name: net
input: {channels: 3, height: 12, width: 12}
layers: [conv: {filters: 8, kernel: 3, bias: false}, batch_norm, relu, dropout, flatten, dense: {units: 5}]
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "net.yaml"
    path.write_text(SPEC)
    return str(path)


def test_the_two_forms_agree(run: Run, spec: str) -> None:
    code, out, _ = run("parity", spec, "--for", "inference", "--backends", "torch", "--format", "json")
    [found] = json.loads(out)
    assert (code, found["agrees"]) == (0, True)
    judged = {row["dtype"]: row["tolerance"] for row in found["rows"] if row["tolerance"] is not None}
    assert judged == {"float32": 1e-6, "float64": 1e-12}


def test_a_planted_fault_shows(run: Run, spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = channel_maps.channel_numbers

    def wrong(path: str, op: Any, weights: dict[str, Any]) -> Any:
        factor, offset = right(path, op, weights)
        return factor * (1 + 1e-5), offset

    monkeypatch.setattr(channel_maps, "channel_numbers", wrong)
    code, out, err = run("parity", spec, "--for", "inference", "--backends", "torch")
    assert code == 3
    assert "torch (form for inference)" in out
    assert "E0801" in err


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--check", "gradients"], "leave --check out"),
        (["--recipe", "digits"], "one of the two"),
        (["--plot", "x.svg"], "do not have in common"),
    ],
)
def test_options_that_do_not_go_with_it(
    run: Run, spec: str, more: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        run("parity", spec, "--for", "inference", *more)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err
