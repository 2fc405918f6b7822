"""Sound networks agree, in everything that is compared."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

import archspec
from archspec import ParityError, SpecError, WeightsError
from archspec.cli import main
from archspec.parity import TOLERANCES, Participant, compare, random_weights
from archspec.parity.plan import sized
from archspec.spec import load_text
from tests.needed import needs
from tests.parity.probe import GROUPED, KERAS, NETWORK, TORCH, compared, edited, graph, pool

pytestmark = [needs("torch", "keras"), pytest.mark.parity]

FORWARD = {"inference": {"outputs", "layers"}, "training": {"outputs", "layers", "statistics"}}
GRADIENTS = {"loss", "input gradients", "weight gradients"}
RUN = {f"{what} step {step}" for what in ("loss of", "weights after", "statistics after") for step in (1, 2, 3)}


def test_everything_of_the_sound_network_agrees() -> None:
    report = compare(graph(GROUPED), (TORCH, KERAS), steps=3, batch=4, pool=pool())
    report.require()
    judged = {(row.dtype, row.check, row.size, row.what) for row in report.rows if row.tolerance is not None}
    [own] = report.sizes
    assert own == "3x17x16"
    assert "fc has a weight that would have another shape" in report.unsized
    for dtype in ("float32", "float64"):
        for check, whats in FORWARD.items():
            assert {(dtype, check, own, what) for what in whats} <= judged
    assert {("float64", "gradients", own, what) for what in GRADIENTS} <= judged
    measured = {(row.dtype, row.check, row.what) for row in report.rows if row.tolerance is None}
    assert ("float64", "gradients", "layer gradients") in measured
    assert {("float32 / float64", check, "all tensors") for check in FORWARD} <= measured
    assert {("float64", "run", own, what) for what in RUN} <= judged
    sound = [row for row in report.rows if row.dtype == "float64" and row.tolerance is not None]
    assert all(row.difference < (1e-9 if row.check == "run" else 1e-12) for row in sound)
    assert report.blamed == ()


def test_layers_are_compared_one_and_all() -> None:
    [profile] = compared(checks=("inference",)).profiles
    assert list(profile.layers) == list(graph().nodes)


def test_a_run_in_float32_is_reported_and_not_judged() -> None:
    report = compared(dtypes=("float32", "float64"), checks=("run",))
    measured = {(row.pair, row.dtype, row.what) for row in report.rows if row.tolerance is None}
    for what in ("loss of step 3", "weights after step 3"):
        assert (("torch", "keras:tensorflow"), "float32", what) in measured
        for label in ("torch", "keras:tensorflow"):
            assert ((label, label), "float32 / float64", what) in measured
    assert all((row.itself is not None) == (row.dtype == "float64") for row in report.rows)
    between = [row for row in report.rows if row.dtype == "float32 / float64"]
    assert all(0 < row.difference < 1e-2 for row in between)
    assert report.agrees
    assert not compared(dtypes=("float32",), checks=("run",)).agrees, "nothing was judged"


def test_a_run_trains() -> None:
    """The losses of the run are those of a model that learns its few examples."""
    report = compared(checks=("run",), steps=1, learning_rate=0.0)
    still = {row.what: row for row in report.rows}
    assert still["loss of step 1"].difference < 1e-12
    # Without steps of any length two backends with other weights in the beginning would differ, and do not.
    report.require()


def test_dropout_is_left_out() -> None:
    text = NETWORK.replace("  - flatten\n", "  - dropout\n  - drop_path: {rate: 0.5}\n  - flatten\n")
    report = compare(archspec.compile(load_text(text)), dtypes=("float64",), sizes=[(17, 16)], batch=4, pool=pool())
    report.require()
    assert any(row.check == "training" for row in report.rows)


def test_dropout_is_left_out_of_a_source_of_ones_own() -> None:
    """It is compared as it is given, with its rates."""
    text = NETWORK.replace("  - flatten\n", "  - dropout: {rate: 0.5}\n  - drop_path: {rate: 0.5}\n  - flatten\n")
    network = archspec.compile(load_text(text))
    given = [replace(one, source=archspec.generate(network, one.backend)) for one in (TORCH, KERAS)]
    assert all("Dropout(0.5" in str(one.source) for one in given)
    report = compare(network, given, dtypes=("float64",), sizes=[(17, 16)], batch=4, steps=2, pool=pool())
    report.require()
    assert {row.check for row in report.rows} == {"inference", "training", "gradients", "run"}


def test_weights_of_ones_own() -> None:
    weights = {name: array * 0.5 + 0.25 for name, array in random_weights(graph(), 7).items()}
    report = compare(
        graph(), (TORCH, KERAS), weights=weights, dtypes=("float64",), sizes=[(17, 16)], batch=4, steps=2, pool=pool()
    )
    report.require()
    assert {row.check for row in report.rows} == {"inference", "training", "gradients", "run"}


def test_weights_of_ones_own_that_do_not_fit_are_said_before_anything_runs() -> None:
    weights = random_weights(graph())
    for wrong in ({"fc": {"weight": weights["fc.weight"]}}, {**weights, "fc.bias": weights["fc.bias"][:2]}):
        with pytest.raises(WeightsError, match="the weights do not fit probe"):
            compare(graph(), (TORCH, KERAS), weights=wrong)  # type: ignore[arg-type]


def test_tolerances_of_ones_own() -> None:
    assert not compared(checks=("inference",), tolerances={"float64": 0.0}).agrees
    assert compared(checks=("inference",), tolerances={"float64": 1e-12}).agrees


class TestSizes:
    def test_a_network_of_any_size_is_compared_at_another_too(self) -> None:
        text = NETWORK.replace("  - flatten\n", "  - global_avg_pool: {keep_axes: false}\n")
        found = archspec.compile(load_text(text))
        report = compare(found, (TORCH, KERAS), dtypes=("float64",), checks=("inference", "training"), pool=pool())
        assert report.sizes == ("3x17x16", "3x11x7")
        assert {row.size for row in report.rows} == set(report.sizes)
        report.require()

    @pytest.mark.parametrize(
        ("input", "steps", "wanted"),
        [
            ("{channels: 1, depth: 16, height: 64, width: 48}", 0, "1x9x41x19"),
            ("{channels: 1, depth: 16, height: 64, width: 48}", 2, "1x12x48x24"),
            ("{channels: 1, depth: 16, height: 64, width: 48}", 4, "1x16x48x16"),
            ("{channels: 1, height: 64, width: 64}", 3, "1x48x32"),
            ("{channels: 1, length: 24}", 3, "1x16"),
            ("{channels: 1, length: 8}", 3, None),
        ],
    )
    def test_the_other_size_is_odd_if_possible_and_never_larger(
        self, input: str, steps: int, wanted: str | None
    ) -> None:
        """A network that halves so many times and doubles again takes multiples alone."""
        down = "".join(f"  - max_pool: {{name: down{step}, kernel: 2}}\n" for step in range(steps))
        up = "  - upsample: {factor: 2}\n" * steps
        text = f"archspec: 1\nname: halved\ninput: {input}\nlayers:\n  - add:\n    - []\n    - layers:\n"
        inner = (down + up).replace("  - ", "        - ") or "        - relu\n"
        found, _ = sized(archspec.compile(load_text(text + inner)), None)
        assert [one.input_text for one in found[1:]] == ([wanted] if wanted else [])

    def test_a_size_that_the_network_does_not_take(self) -> None:
        with pytest.raises(SpecError, match=r"does not take 40x40: fc has a weight that would have another shape"):
            compared(sizes=[(40, 40)])

    def test_a_network_without_images(self) -> None:
        flat = "archspec: 1\nname: flat\ninput: {shape: [6]}\nlayers: [dense: {units: 3}]\n"
        found = archspec.compile(load_text(flat))
        report = compare(found, (TORCH, KERAS), dtypes=("float64",), pool=pool())
        assert report.sizes == ("6",)
        report.require()
        with pytest.raises(SpecError, match="no inputs with spatial axes"):
            compare(found, (TORCH, KERAS), sizes=[(4, 4)])


def test_what_an_engine_cannot_do_is_said_and_left_out() -> None:
    pytest.importorskip("onnx")
    trio = (TORCH, KERAS, Participant("onnx", "reference"))
    report = compare(graph(), trio, dtypes=("float64",), sizes=[(17, 16)], batch=4, steps=2, pool=pool())
    report.require()
    assert {(found.participant, found.check) for found in report.skipped} == {
        ("onnx:reference", "gradients"),
        ("onnx:reference", "run"),
    }
    third = [row for row in report.rows if row.pair[1] == "onnx:reference"]
    assert {row.what for row in third} == {"outputs", "layers", "statistics"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50"])
def test_the_resnets_agree(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    _agrees(name, capsys)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["resnet101", "resnet152"])  # of the blocks of resnet50, and more of them
def test_the_deeper_resnets_agree(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    _agrees(name, capsys)


def _agrees(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    checks = ("inference", "training", "gradients")
    options = [option for check in checks for option in ("--check", check)]
    code = main(["parity", name, "--format", "json", "--size", "97x65", "--dtype", "float64", *options])
    found = json.loads(capsys.readouterr().out)
    assert code == 0
    assert found["agrees"] is True
    assert {row["check"] for row in found["rows"]} == set(checks)
    for row in found["rows"]:
        allowed = TOLERANCES[row["dtype"]][row["check"]]
        assert row["tolerance"] in (allowed, None)
        assert row["tolerance"] is None or row["difference"] <= allowed
    judged = {(row["dtype"], row["check"]) for row in found["rows"] if row["tolerance"] is not None}
    assert judged == {("float64", check) for check in checks}


@pytest.mark.slow
def test_a_training_run_of_a_cifar_resnet_is_the_same_after_20_steps() -> None:
    network = archspec.compile("cifar_resnet")
    report = compare(network, dtypes=("float64",), checks=("run",), batch=16, steps=20, pool=pool())
    rows = {row.what: row for row in report.rows}
    assert report.agrees
    assert rows["loss of step 20"].difference <= 1e-9
    assert rows["weights after step 20"].difference <= 1e-9


def test_a_refusal_has_what_is_known() -> None:
    with pytest.raises(ParityError) as caught:
        compared(checks=("inference",), tolerances={"float64": 0.0}).require()
    [diagnostic] = caught.value.diagnostics
    assert diagnostic.code == "E0801"
    assert diagnostic.span is not None
    assert re.search(r"outputs in inference, float64, 3x17x16, torch against keras:tensorflow", str(caught.value))


def test_batch_norm_over_one_number_is_left_out() -> None:
    text = "archspec: 1\nname: one\ninput: {shape: [6]}\nlayers: [dense: {units: 3}, batch_norm, relu]\n"
    found = archspec.compile(load_text(text))
    report = compare(found, (TORCH, TORCH), batch=1, dtypes=("float64",), pool=pool())
    report.require()
    assert {row.check for row in report.rows} == {"inference"}
    assert {skipped.check for skipped in report.skipped} == {"training", "gradients", "run"}
    assert "one number a channel" in report.skipped[0].reason
    assert {row.check for row in compare(found, (TORCH, TORCH), dtypes=("float64",), pool=pool()).rows} > {"training"}


def test_a_participant_of_which_nothing_is_judged_does_not_agree() -> None:
    pytest.importorskip("onnxruntime")
    trio = (TORCH, TORCH, Participant("onnx", "onnxruntime"))
    report = compare(graph(), trio, dtypes=("float64",), checks=("inference",), sizes=[(17, 16)], pool=pool())
    assert all(row.agrees for row in report.rows)
    assert not report.agrees
    with pytest.raises(ParityError, match="nothing of probe was judged that onnx:onnxruntime computes"):
        report.require()


def test_numbers_that_are_not_finite() -> None:
    weights = random_weights(graph())
    weights["fc.weight"][0] = 1e308  # the sum overflows
    report = compare(
        graph(),
        (TORCH, TORCH),
        weights=weights,
        dtypes=("float64",),
        checks=("inference",),
        sizes=[(17, 16)],
        pool=pool(),
    )
    assert not report.agrees
    assert [blame.path for blame in report.blamed] == ["fc"]
    text = json.dumps(report.as_dict(), allow_nan=False)
    assert {row["difference"] for row in json.loads(text)["rows"]} == {"nan"}


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(number: float) -> None:
    weights = random_weights(graph())
    weights["bn1.running_var"][0] = number
    with pytest.raises(WeightsError, match=r"not finite cannot be compared: bn1\.running_var"):
        compare(graph(), (TORCH, TORCH), weights=weights)


@pytest.mark.parametrize("layers", ["[{batch_norm: {affine: false}}, relu]", "[relu, {max_pool: {kernel: 2}}]"])
def test_a_network_that_learns_nothing_is_compared_in_both_dtypes(layers: str) -> None:
    """Its model has no parameter by which its dtype could be known."""
    text = f"archspec: 1\nname: still\ninput: {{channels: 2, height: 9, width: 8}}\nlayers: {layers}\n"
    report = compare(archspec.compile(load_text(text)), (TORCH, KERAS), steps=2, batch=3, pool=pool())
    report.require()
    judged = {(row.dtype, row.check) for row in report.rows if row.tolerance is not None}
    assert {("float32", "inference"), ("float64", "inference"), ("float64", "gradients")} <= judged
    if "batch_norm" in layers:
        [own, *_] = [row.difference for row in report.rows if row.dtype == "float32 / float64"]
        assert own > 1e-9, "float32 is computed in float32"


def test_differences_of_the_size_of_rounding_are_said_to_be_that() -> None:
    report = compared(dtypes=("float32", "float64"), checks=("inference",), tolerances={"float64": 1e-18})
    with pytest.raises(ParityError) as caught:
        report.require()
    [diagnostic] = caught.value.diagnostics
    assert "rounding alone" in diagnostic.help
    assert "--tolerance float64.inference=" in diagnostic.help
    wrong = compared(
        edited("torch", ("nn.GELU()", 'nn.GELU(approximate="tanh")')),
        dtypes=("float32", "float64"),
        checks=("inference",),
    )
    with pytest.raises(ParityError) as caught:
        wrong.require()
    assert "rounding" not in caught.value.diagnostics[0].help
