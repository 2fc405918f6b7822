"""Faults to plant, each with the layers that are to blame for it.

They are the mistakes of converters and of people who copy models by hand, at least one for each difference between
frameworks that shows in a model's numbers, planted into the generated source. What a model draws its weights from shows
in no comparison on the same weights: tests/ir/initializers plants wrong distributions.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.parity.probe import GROUPED, NETWORK, graph


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
                "self._conv_forward(F.pad(input, sides), self.weight, self.bias)",
                "self._conv_forward(F.pad(input, sides), self.weight.transpose(2, 3), self.bias)",
            ),
        ),
    ),
    "padding, stride 2: SAME padded before": Fault(
        "torch",
        "inference",
        "outputs",
        {"conv2": "differs"},
        (("return [total // 2, total - total // 2]", "return [total - total // 2, total // 2]"),),
    ),
    "padding, stride 2: SAME for symmetric": Fault(
        "keras",
        "inference",
        "outputs",
        {"conv1": "differs"},
        (
            ('ZeroPadding2D(1, name="conv1_pad")(inputs)', "inputs"),
            ("        8, 3, strides=2, bias", '        8, 3, strides=2, padding="same", bias'),
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
                ' BatchNormalization(momentum=0.8, name="bn1")',
                ' layers.BatchNormalization(momentum=0.8, name="bn1")',
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
        (('name="conv4")', 'name="conv4", kernel_regularizer=keras.regularizers.L2(0.01))'),),
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
        (("([residual, shortcut])", "([residual, keras.ops.stop_gradient(shortcut)])"),),
    ),
    "gradients: of a weight, none": Fault(
        "torch",
        "gradients",
        "weight gradients",
        {"conv4": "weight gradients"},
        _conv("conv4", "self._conv_forward(x, self.weight.detach(), self.bias)"),
    ),
}
