"""Planted faults: each is caught, and the layer that has it is blamed.

They are the mistakes of converters and of people who copy models by hand, at least one for each difference between
frameworks that shows in a model's numbers, planted into the generated source. What a model draws its weights from shows
in no comparison on the same weights: tests/initializers plants wrong distributions.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import archspec
from archspec import ParityError
from archspec.parity import Blame, Participant, Report, compare
from archspec.spec import load_text
from tests.needed import needs
from tests.parity.probe import GROUPED, NETWORK, compared, edited, graph, pool

pytestmark = [needs("torch", "keras"), pytest.mark.parity]


@dataclass(frozen=True)
class Fault:
    """Edits of a source: what fails of it, in which check, and which layers are to blame in which way."""

    backend: str
    check: str
    what: str
    blamed: dict[str, str]
    edits: tuple[tuple[str, str], ...]
    network: str = NETWORK


_MODULE = "class Residual(nn.Module):"


def _conv(name: str, forward: str) -> tuple[tuple[str, str], ...]:
    """A 1x1 convolution with a forward pass of its own."""
    made = f"self.{name} = nn.Conv2d(12, 12, kernel_size=1)"
    body = f"class Wrong(nn.Conv2d):\n    def forward(self, x: Tensor) -> Tensor:\n        return {forward}\n\n\n"
    return (_MODULE, body + _MODULE), (made, made.replace("nn.Conv2d", "Wrong"))


def _swapped(first: str, second: str) -> tuple[tuple[str, str], ...]:
    return (first, "\0"), (second, first), ("\0", second)


TRAINED = [path for path, node in graph().nodes.items() if graph().weights(node)]

FAULTS: dict[str, Fault] = {
    "layout: height and width of a kernel swapped": Fault(
        "torch",
        "inference",
        "outputs",
        {"conv2": "differs"},
        (
            (
                "super().forward(F.pad(input, sides))",
                "self._conv_forward(F.pad(input, sides), self.weight.transpose(2, 3), self.bias)",
            ),
        ),
    ),
    "padding, stride 2: SAME padded before": Fault(
        "torch",
        "inference",
        "outputs",
        {"conv2": "differs"},
        (("sides += [total // 2, total - total // 2]", "sides += [total - total // 2, total // 2]"),),
    ),
    "padding, stride 2: SAME for symmetric": Fault(
        "keras",
        "inference",
        "outputs",
        {"conv1": "differs"},
        (
            ('ZeroPadding2D(1, name="conv1_pad")(inputs)', "inputs"),
            (
                "        8,\n        3,\n        strides=2,\n",
                '        8,\n        3,\n        strides=2, padding="same",\n',
            ),
        ),
    ),
    "max-pool padding: zeros, in PyTorch": Fault(
        "torch",
        "inference",
        "outputs",
        {"pool": "differs"},
        (("self.pool(x)", "self.pool(x.clamp(min=0))"),),
    ),
    "max-pool padding: zeros, in Keras": Fault(
        "keras",
        "inference",
        "outputs",
        {"pool": "differs"},
        (
            (
                'MaxPooling2D(pool_size=3, strides=1, padding="same", name="pool")(x)',
                'MaxPooling2D(pool_size=3, strides=1, name="pool")(ZeroPadding2D(1)(x))',
            ),
        ),
    ),
    "average-pool padding: counted": Fault(
        "torch",
        "inference",
        "outputs",
        {"avg_pool": "differs"},
        (("count_include_pad=False", "count_include_pad=True"),),
    ),
    "batch norm, running mean: decay taken for momentum, in PyTorch": Fault(
        "torch",
        "training",
        "statistics",
        {"bn1": "statistics"},
        (("nn.BatchNorm2d(8, eps=0.001, momentum=0.2)", "nn.BatchNorm2d(8, eps=0.001, momentum=0.8)"),),
    ),
    "batch norm, running mean: momentum taken for decay, in Keras": Fault(
        "keras",
        "training",
        "statistics",
        {"bn1": "statistics"},
        (('momentum=0.8, name="bn1"', 'momentum=0.2, name="bn1"'),),
    ),
    "batch norm, running variance: biased": Fault(
        "keras",
        "training",
        "statistics",
        {"bn1": "statistics"},
        (
            (
                'UnbiasedBatchNormalization(momentum=0.8, name="bn1")',
                'layers.BatchNormalization(momentum=0.8, name="bn1")',
            ),
        ),
    ),
    "batch norm, statistics: of two steps for one": Fault(
        "torch",
        "training",
        "statistics",
        {"bn1": "statistics"},
        (("x = self.bn1(self.conv1(x))", "self.bn1(self.conv1(x))\n        x = self.bn1(self.conv1(x))"),),
    ),
    "batch norm, training mode: running statistics for the batch's": Fault(
        "torch",
        "training",
        "outputs",
        {"bn1": "differs"},
        (
            (
                _MODULE,
                "class Frozen(nn.BatchNorm2d):\n    def forward(self, x: Tensor) -> Tensor:\n"
                "        kept = (self.running_mean, self.running_var, self.weight, self.bias)\n"
                "        return F.batch_norm(x, *kept, eps=self.eps)\n\n\n" + _MODULE,
            ),
            ("self.bn1 = nn.BatchNorm2d(8", "self.bn1 = Frozen(8"),
        ),
    ),
    "batch norm, defaults: PyTorch's eps": Fault(
        "torch",
        "inference",
        "outputs",
        {"bn1": "differs"},
        (("nn.BatchNorm2d(8, eps=0.001,", "nn.BatchNorm2d(8,"),),
    ),
    "batch norm, defaults: an eps of Keras's networks": Fault(
        "keras",
        "inference",
        "outputs",
        {"bn1": "differs"},
        (('momentum=0.8, name="bn1"', 'momentum=0.8, epsilon=1.001e-3, name="bn1"'),),
    ),
    "flatten: height, width, channels, in PyTorch": Fault(
        "torch",
        "inference",
        "outputs",
        {"flatten": "differs"},
        (("torch.flatten(x, 1)", "torch.flatten(x.permute(0, 2, 3, 1), 1)"),),
    ),
    "flatten: height, width, channels, in Keras": Fault(
        "keras",
        "inference",
        "outputs",
        {"flatten": "differs"},
        (("layers.Permute((3, 1, 2)", "layers.Permute((1, 2, 3)"),),
    ),
    "conv bias: left out": Fault(
        "torch",
        "inference",
        "outputs",
        {"conv4": "differs"},
        _conv("conv4", "self._conv_forward(x, self.weight, None)"),
    ),
    "weight decay: Keras's L2 with PyTorch's number": Fault(
        "keras",
        "run",
        "weights after step 1",
        {"conv4": "first step"},
        (
            (
                'L2(0.005),\n        name="conv4"',
                'L2(0.01),\n        name="conv4"',
            ),
        ),
    ),
    "weight decay: of the biases, too": Fault(
        "torch",
        "run",
        "weights after step 1",
        dict.fromkeys(("conv1", "conv2", "conv3", "conv4", "conv5"), "first step"),
        (
            (
                "decay[module.weight] = 0.01",
                "decay.update({p: 0.01 for p in module.parameters()})",
            ),
        ),
    ),
    "SGD momentum: another": Fault(
        "torch",
        "run",
        "weights after step 2",
        {},
        (('"weight_decay": value}', '"weight_decay": value, "momentum": 0.8}'),),
    ),
    "SGD momentum: Nesterov's": Fault(
        "torch",
        "run",
        "weights after step 1",
        dict.fromkeys(TRAINED, "first step"),
        (('"weight_decay": value}', '"weight_decay": value, "nesterov": True}'),),
    ),
    "GELU: by tanh": Fault(
        "torch", "inference", "outputs", {"gelu": "differs"}, (("nn.GELU()", 'nn.GELU(approximate="tanh")'),)
    ),
    "float64: a layer in float32": Fault(
        "torch",
        "inference",
        "outputs",
        {"gelu": "differs"},
        (("self.gelu(self.conv3(x))", "self.gelu(self.conv3(x).float()).double()"),),
    ),
    "layer names: two swapped, in PyTorch": Fault(
        "torch", "inference", "outputs", {"conv4": "differs"}, _swapped("x = self.conv4(x)", "x = self.conv5(x)")
    ),
    "layer names: two swapped, in Keras": Fault(
        "keras", "inference", "outputs", {"conv4": "differs"}, _swapped('name="conv4"', 'name="conv5"')
    ),
    "residual-unit stride: on the second convolution": Fault(
        "torch",
        "inference",
        "layers",
        {"layer1.1.conv1": "differs"},
        (
            ("in_channels, 12, kernel_size=3, stride=stride, padding=1", "in_channels, 12, kernel_size=3, padding=1"),
            ("12, 12, kernel_size=3, padding=1, bias", "12, 12, kernel_size=3, stride=stride, padding=1, bias"),
        ),
    ),
    "softmax: inside, in PyTorch": Fault(
        "torch",
        "inference",
        "outputs",
        {"fc": "outputs"},
        (("return self.fc(x)", "return torch.softmax(self.fc(x), 1)"),),
    ),
    "softmax: inside, in Keras": Fault(
        "keras",
        "inference",
        "outputs",
        {"fc": "outputs"},
        (("keras.Model(inputs, x,", "keras.Model(inputs, keras.ops.softmax(x),"),),
    ),
    "grouped conv: groups of channels that do not stand together": Fault(
        "torch",
        "inference",
        "outputs",
        {"conv3": "differs"},
        (("self.conv3(x)", "self.conv3(F.channel_shuffle(x, 3))"),),
        GROUPED,
    ),
    "a missing ReLU": Fault(
        "torch", "inference", "outputs", {"relu": "not computed"}, (("self.relu(self.conv2(x))", "self.conv2(x)"),)
    ),
    "gradients: a shortcut that passes none on, in PyTorch": Fault(
        "torch",
        "gradients",
        "input gradients",
        {"layer1.0.relu_2": "layer gradients"},
        (("self.downsample(x)", "self.downsample(x.detach())"),),
    ),
    "gradients: a shortcut that passes none on, in Keras": Fault(
        "keras",
        "gradients",
        "input gradients",
        {"layer1.1.downsample.0": "layer gradients"},
        (("([y, shortcut])", "([y, keras.ops.stop_gradient(shortcut)])"),),
    ),
    "gradients: of a weight, none": Fault(
        "torch",
        "gradients",
        "weight gradients",
        {"conv4": "weight gradients"},
        _conv("conv4", "self._conv_forward(x, self.weight.detach(), self.bias)"),
    ),
}


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


# The stride of a stage stands at its last unit in TF-slim's networks, at its first in the paper's; no weight tells.
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
    assert isinstance(blamed, Blame)
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
