"""Training runs are judged by how far each engine is from itself, and what differs is named."""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import count

import pytest

import archspec
from archspec import LayerGraph, ParityError
from archspec.parity import Participant, Report, compare
from archspec.parity.plan import FACTOR, MOST_ALLOWED, allowed
from tests.needed import needs
from tests.parity.probe import TORCH, compared, compared_pair, edited, pool

pytestmark = [needs("torch", "keras"), pytest.mark.parity]

# Of a class that is called `NAME`, planted into the generated source: what a step computes is changed from outside.
TWICE = "        self.forward_passes = getattr(self, 'forward_passes', 0) + self.training\n"
GROUPS = """
    def parameter_groups(self) -> list[dict[str, object]]:
        return [{"params": list(self.parameters()), OPTIONS}]
"""


def swapped(step: int, batch: str = "x") -> str:
    """The first line of a `forward` that turns the images of one step around, and those of no other."""
    return f"{TWICE}        {batch} = {batch}.flip(0) if self.forward_passes == {step} else {batch}\n"


def test_what_is_allowed() -> None:
    assert allowed(1e-9, 1e-12) == 1e-9, "an engine that hardly differs from itself adds nothing"
    assert allowed(1e-9, 1e-6) == FACTOR * 1e-6
    assert allowed(1e-9, MOST_ALLOWED) is None, "nothing would show"
    assert allowed(1e-2, 1e-9) == 1e-2


CAUSES = {
    "momentum": ("momentum", 2, ('"weight_decay": value}', '"weight_decay": value, "momentum": 0.89}')),
    "Nesterov's momentum": ("learning rate", 1, ('"weight_decay": value}', '"weight_decay": value, "nesterov": True}')),
    "rate": ("learning rate", 1, ('"weight_decay": value}', '"weight_decay": value, "lr": 0.01001}')),
    "decay": ("weight decay", 1, ('"weight_decay": value}', '"weight_decay": value * 1.01}')),
    "dampening": ("step", 2, ('"weight_decay": value}', '"weight_decay": value, "dampening": 0.1}')),
    "another batch at first": ("batch", 1, None),
    "another batch later": ("batch", 3, None),
    "running statistics": ("running statistics", 1, ("eps=0.001, momentum=0.2)", "eps=0.001, momentum=0.201)")),
}


@pytest.mark.parametrize("name", CAUSES)
def test_what_differs_is_caught_and_named(name: str) -> None:
    kind, step, edit = CAUSES[name]
    start = "    def forward(self, x: Tensor) -> Tensor:\n        x = self.bn1(self.conv1(x))"
    planted = edit or (start, start.replace("Tensor:\n", f"Tensor:\n{swapped(step)}"))
    report = compared(edited("torch", planted), checks=("run",))
    assert not report.agrees
    assert [(cause.kind, cause.step) for cause in report.causes] == [(kind, step)]
    with pytest.raises(ParityError) as caught:
        report.require()
    said = caught.value.diagnostics[0].notes[0].message
    assert said.startswith("another optimizer" if kind == "step" else kind)
    assert f"step {step}" in str(report).splitlines()[0]


@pytest.mark.slow
def test_how_much_it_is_is_said() -> None:
    for name, wanted in (("momentum", 0.01), ("rate", 1 / 1.001), ("decay", -1e-4)):
        [cause] = compared(edited("torch", CAUSES[name][2] or ("", "")), checks=("run",)).causes
        assert cause.amount == pytest.approx(wanted, rel=1e-3), name
    [cause] = compared(edited("torch", CAUSES["Nesterov's momentum"][2] or ("", "")), checks=("run",)).causes
    assert cause.nesterov


@pytest.mark.slow
def test_a_run_that_is_long_is_judged_so_far_as_a_fault_would_show() -> None:
    """At a rate at which the loss soon overflows in both, nothing is left to compare."""
    report = compared(checks=("run",), steps=40, learning_rate=2.0)
    drowned = [row for row in report.rows if row.drowned]
    assert drowned
    assert all(row.tolerance is None and row.agrees for row in drowned)
    first = min(row.step for row in drowned)
    assert first > 2, "the first steps tell"
    line = f"the run in float64 is judged up to step {first - 1}"
    assert str(report).splitlines()[0].endswith(line)
    assert f"{line}: the loss is no longer finite in either of them" in str(report)
    json.dumps(report.as_dict(), allow_nan=False)
    assert report.agrees


SOURCES = count()
COUNTED = "        passes.append(self.training)\n"
"""Of a `forward`: how many of training there were. A run of three steps has three; then come two runs from neighboring
numbers, and, where they part, the one that follows the first."""
JUMP = "        x = x + 0.1 * (x.detach() - x) if sum(passes) in PASSES else x\n"
"""What a `forward` gives stays the same, to the bit, and the gradient jumps."""


def _counting(*lines: str) -> Participant:
    """PyTorch on an edited source, whose `forward` has these lines after its first layers."""
    start = "    def forward(self, x: Tensor) -> Tensor:\n        x = self.bn1(self.conv1(x))\n"
    planted = (start, f"{start}{COUNTED}{''.join(lines)}")
    # A source that a process has seen before is not executed again: its passes would go on from there.
    made = ("class Probe(", f"passes = []  # {next(SOURCES)}\n\n\nclass Probe(")
    return Participant("torch", source=edited("torch", planted, made))


def _run_against(other: Participant, steps: int = 3) -> Report:
    """PyTorch against itself."""
    return compared_pair((TORCH, other), checks=("run",), steps=steps)


def _jumping(*passes: int) -> Report:
    """PyTorch against itself, where a gradient jumps in some of the forward passes of training."""
    return _run_against(_counting(JUMP.replace("PASSES", str(passes))))


def test_a_gradient_that_jumps_between_two_runs_is_no_fault_where_the_step_itself_agrees() -> None:
    report = _jumping(3, 6, 9)
    report.require()
    assert {row.step for row in report.rows if row.jumped} == {3}
    held = {row.what: row for row in report.rows if row.followed}
    for what in ("loss of", "weights after", "statistics after"):
        for step in (2, 3):
            assert held[f"{what} step {step} from the same weights"].tolerance == 1e-9
    first, *_, last = str(report).splitlines()
    assert first == last
    assert first.endswith("the run in float64 is judged up to step 2, and step 3 from the same weights")
    assert "a gradient jumps between them" in str(report)


def test_a_step_that_differs_from_the_same_weights_is_a_fault() -> None:
    report = _jumping(3, 6, 9, 12)
    assert not report.agrees
    assert not any(row.jumped for row in report.rows)
    assert [(cause.kind, cause.step) for cause in report.causes] == [("step", 3)]


STEPS = 6
JUMPS = JUMP.replace("in PASSES", f"in {tuple(3 + run * STEPS for run in range(3))}")
"""In the third step of a run and of its neighbors, and not in those from the same weights."""
LATER = {
    "another batch": ("batch", f"        x = x.flip(0) if sum(passes) % {STEPS} == 5 else x\n"),
    "a gradient": ("step", f"        x = x + 1e-5 * (x.detach() - x) if sum(passes) % {STEPS} == 5 else x\n"),
    "running statistics": (
        "running statistics",
        f"        self.layer1[0].bn1.momentum = 0.200001 if self.training and sum(passes) % {STEPS} == 5 else 0.2\n",
    ),
}


def test_all_steps_after_a_jump_are_judged_from_the_same_weights() -> None:
    report = _run_against(_counting(JUMPS), steps=STEPS)
    report.require()
    assert {row.step for row in report.rows if row.jumped} == {3, 4, 5, 6}
    assert {row.step for row in report.rows if row.followed and row.tolerance == 1e-9} == {2, 3, 4, 5, 6}
    line = "the run in float64 is judged up to step 2, and steps 3 to 6 from the same weights"
    assert str(report).splitlines()[0].endswith(line)


@pytest.mark.parametrize("name", LATER)
def test_a_fault_that_begins_after_a_jump_is_caught_and_named(name: str) -> None:
    kind, lines = LATER[name]
    report = _run_against(_counting(JUMPS, lines), steps=STEPS)
    assert not report.agrees
    wrong = [row for row in report.rows if not row.agrees]
    assert all(row.followed for row in wrong)
    assert min(row.step for row in wrong) == 5
    assert [(cause.kind, cause.step) for cause in report.causes] == [(kind, 5)]
    assert f"{kind} in step 5" in str(report).splitlines()[0]
    assert "judged up to step 2, and steps 3 to 4 from the same weights" in str(report)


def test_steps_whose_weights_were_not_kept_are_judged_as_far_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archspec.parity.comparison.kept_steps", lambda graph: 4)
    report = _run_against(_counting(JUMPS), steps=STEPS)
    report.require()
    assert {row.step for row in report.rows if row.followed} == {2, 3, 4, 5}
    assert not [row for row in report.rows if row.what == "weights after step 5 from the same weights"]
    line = "the run in float64 is judged up to step 2, and steps 3 to 5 from the same weights"
    assert str(report).splitlines()[0].endswith(line)
    _, lines = LATER["another batch"]
    report = _run_against(_counting(lines), steps=STEPS)
    assert [(cause.kind, cause.step) for cause in report.causes] == [("batch", 5)]


# -- on ResNet-50 itself ------------------------------------------------------------------------------


@lru_cache
def resnet50() -> LayerGraph:
    return archspec.compile("resnet50")


def _resnet50(*edits: tuple[str, str], steps: int = 3) -> Report:
    text = archspec.generate(resnet50(), "torch")
    assert isinstance(text, str)
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    pair = (Participant("torch", source=text if edits else None), Participant("keras", "tensorflow"))
    options = {"dtypes": ("float64",), "checks": ("run",), "sizes": [(65, 65)], "steps": steps, "pool": pool()}
    return compare(resnet50(), pair, **options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_resnet50_agrees_in_training() -> None:
    report = _resnet50()
    report.require()
    judged = {row.step for row in report.rows if row.what.startswith("weights") and row.tolerance is not None}
    assert judged == {1, 2, 3}


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["momentum", "Nesterov", "rate", "decay", "another batch", "running statistics"])
def test_faults_are_caught_and_named_on_resnet50(name: str) -> None:
    text = archspec.generate(resnet50(), "torch")
    assert isinstance(text, str)
    _, _, rest = text.rpartition("    def forward(self, x: Tensor) -> Tensor:\n")
    start = "    def forward(self, x: Tensor) -> Tensor:\n" + rest.partition("\n")[0]
    groups = {
        "momentum": '"momentum": 0.89',
        "Nesterov": '"nesterov": True',
        "rate": '"lr": 0.0101',
        "decay": '"weight_decay": 1e-4',
    }
    if name in groups:
        planted = (start, GROUPS.replace("OPTIONS", groups[name]).lstrip("\n") + "\n" + start)
    elif name == "another batch":
        planted = (start, start.replace("Tensor:\n", f"Tensor:\n{swapped(2)}"))
    else:
        planted = ("self.bn1 = nn.BatchNorm2d(64)", "self.bn1 = nn.BatchNorm2d(64, momentum=0.11)")
    kinds = {"Nesterov": "learning rate", "rate": "learning rate", "decay": "weight decay", "another batch": "batch"}
    steps = {"momentum": 2, "another batch": 2}
    report = _resnet50(planted, steps=2)  # each shows by then
    assert not report.agrees
    assert [(cause.kind, cause.step) for cause in report.causes] == [(kinds.get(name, name), steps.get(name, 1))]
    assert report.causes[0].nesterov == (name == "Nesterov")
