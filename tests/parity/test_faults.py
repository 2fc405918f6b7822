"""Planted faults: each is caught, and the layer that has it is blamed."""

from __future__ import annotations

import pytest

import archspec
from archspec import ParityError
from archspec.parity import FaultyLayer, Participant, Report, compare
from archspec.spec import load_text
from tests.needed import needs
from tests.parity.faults import FAULTS, Fault
from tests.parity.probe import compared, edited, pool

pytestmark = [needs("torch", "keras"), pytest.mark.parity]


def _report(fault: Fault) -> Report:
    text = edited(fault.backend, *fault.edits, network=fault.network)
    return compared(**{f"{fault.backend}_source": text}, checks=(fault.check,), network=fault.network)


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught_and_blamed_on_its_layer(name: str) -> None:
    fault = FAULTS[name]
    report = _report(fault)
    assert not report.agrees
    assert fault.what in [row.what for row in report.rows if not row.agrees]
    assert {blame.path: blame.kind for blame in report.blamed} == fault.blamed
    with pytest.raises(ParityError) as caught:
        report.require()
    for path in list(fault.blamed)[:1]:
        assert path in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "GELU: by tanh",
        "batch norm, running variance: biased",
        "gradients: of a weight, none",
        "SGD momentum: Nesterov's",
    ],
)
def test_all_checks_together_blame_the_same_layers(name: str) -> None:
    """What differs in later checks because of a fault that an earlier one has found is nobody else's."""
    fault = FAULTS[name]
    report = compared(**{f"{fault.backend}_source": edited(fault.backend, *fault.edits)})
    assert {blame.path: blame.kind for blame in report.blamed} == fault.blamed


def test_the_faults_do_not_show_where_none_is_planted() -> None:
    report = compared()
    report.require()
    assert report.blamed == ()


# The stride of a stage stands at its last unit in TF-slim's networks, at its first in the paper's; no weight shows it.
UNITS = """
archspec: 1
name: units
input: {channels: 4, height: 12, width: 12}
blocks:
  unit:
    unit: [stride]
    layers:
      - add:
          - layers:
              - conv: {name: conv, filters: 4, kernel: 3, stride: stride, padding: 1}
          - layers:
              - max_pool: {kernel: 1, stride: stride}
stages:
  - {name: block1, block: unit, units: "[(1,), (1,), (2,)]"}
head:
  - global_avg_pool
"""


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_v2_stride_at_the_first_unit(backend: str) -> None:
    network = archspec.compile(load_text(UNITS))
    other = archspec.compile(load_text(UNITS.replace("[(1,), (1,), (2,)]", "[(2,), (1,), (1,)]")))
    wrong = archspec.generate(other, backend)
    pair = [Participant("torch"), Participant("keras", "tensorflow")]
    pair = [Participant(one.backend, one.engine, wrong if one.backend == backend else None) for one in pair]
    report = compare(network, pair, dtypes=("float64",), checks=("inference",), sizes=[(12, 12)], pool=pool())
    assert not report.agrees
    assert report.blamed[0].path.startswith("block1.0.")


def test_what_is_said_of_a_fault() -> None:
    blamed = _report(FAULTS["residual-unit stride: on the second convolution"]).blamed[0]
    assert isinstance(blamed, FaultyLayer)
    assert blamed.op == "conv"
    assert blamed.expressions == {"filters": "depth", "stride": "stride"}
    assert blamed.place.startswith("probe.yaml:14:")
    assert blamed.inputs < 1e-12
    blamed = _report(FAULTS["GELU: by tanh"]).blamed[0]
    assert blamed.values is not None
    assert len(blamed.values.index) == 4
    apart = abs(blamed.values.first - blamed.values.second)
    assert 1e-5 < apart < 1e-2
    assert blamed.consequences == ("avg_pool", "conv4", "conv5", "flatten", "fc")


def test_what_is_printed_of_a_fault() -> None:
    with pytest.raises(ParityError) as caught:
        _report(FAULTS["GELU: by tanh"]).require()
    text = str(caught.value)
    for part in (
        "gelu (gelu) is the first layer to differ",
        "probe.yaml:",
        "torch (given source) gives",
        "avg_pool, conv4, conv5",
    ):
        assert part in text
