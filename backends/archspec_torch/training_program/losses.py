"""The losses of a plan as lines of PyTorch."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from archspec.codegen.escaping import literal, quoted
from archspec.codegen.pretty_printer import Bracket, Code, Infix, call, flat, lay_out
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.recipe.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError
from archspec.training.losses import LossPlan
from archspec.training.plan import TrainingPlan
from archspec_torch.training_program.refusals import refused

_CLIPPED = "clamp(1e-7, 1 - 1e-7)"
_SUM = '"sum"'


@dataclass(frozen=True, slots=True)
class Targets:
    """What the targets of a plan are, and what outputs are called."""

    plan: TrainingPlan
    graph: LayerGraph

    @property
    def names(self) -> bool:
        """Whether the network gives its outputs by their names."""
        return self.graph.gives_names

    @property
    def alone(self) -> str:
        """The name of what a network gives in evaluation, where in training it gives more, by name; else empty."""
        kept = evaluated(self.graph)
        return "" if kept is self.graph or kept.gives_names else kept.output_names[0]

    @property
    def outputs(self) -> str:
        """The type of what the network gives."""
        return "dict[str, Tensor]" if self.names else "Tensor"

    def output(self, name: str) -> str:
        """The expression of an output."""
        return f"outputs[{quoted(name)}]" if self.names else "outputs"

    def sizes(self, loss: LossPlan) -> tuple[int, ...]:
        """The sizes of one example's output."""
        return tuple(self.graph.types[loss.path].sizes)

    @property
    def maps(self) -> bool:
        """Whether there is a class for each place of an image."""
        return self.plan.data.classes is not None and self.graph.types[self.plan.losses[0].path].is_spatial

    @property
    def ignored(self) -> int | None:
        """The class of what is left out."""
        loss = self.plan.losses[0].loss
        return loss.ignore if isinstance(loss, CrossEntropy) else None


@dataclass(slots=True)
class _Writer:
    targets: Targets
    lines: list[str] = field(default_factory=list)
    shares: bool = False
    """Whether targets are asked for as shares of classes."""

    def term(self, each: LossPlan) -> Code:
        """The sum of a loss over the examples, as an expression; lines before it are kept."""
        output = self.targets.output(each.output)
        match each.loss:
            case CrossEntropy(of="logits") as loss:
                return self._scaled(each, call("F.cross_entropy", output, "targets", **self._keywords(loss)))
            case CrossEntropy() as loss:
                return self._of_probabilities(each, loss, output)
            case BinaryCrossEntropy() as loss:
                given = output if loss.of == "logits" else f"{output}.{_CLIPPED}"
                name = "binary_cross_entropy" + ("_with_logits" if loss.of == "logits" else "")
                shares = self._shares(each, output)
                if loss.label_smoothing:
                    kept, half = literal(1 - loss.label_smoothing), literal(loss.label_smoothing / 2)
                    shares = f"{kept} * {shares} + {half}"
                return self._scaled(each, call(f"F.{name}", given, shares, reduction=_SUM), self._numbers(each))
            case MeanSquaredError():
                shares = self._shares(each, output)
                return self._scaled(each, call("F.mse_loss", output, shares, reduction=_SUM), self._numbers(each))
            case other:
                help = "write a loss that the page on recipes lists"
                raise refused(f"there is nothing to print for the loss `{other.name}`", help)

    def _of_probabilities(self, each: LossPlan, loss: CrossEntropy, output: str) -> Code:
        logs = f"logs{len(self.lines) or ''}"
        self.lines.append(f"{logs} = {output}.{_CLIPPED}.log()")
        if self.targets.plan.data.mixes:
            self.shares = True
            right: Bracket | str = f"-(shares_of(targets).to({logs}.dtype) * {logs}).sum()"
        else:
            keywords = self._keywords(loss)
            keywords.pop("label_smoothing", None)
            right = call("F.nll_loss", logs, "targets", **keywords)
        if not loss.label_smoothing:
            return self._scaled(each, right)
        spread = f"{logs}.mean(1)" if self.targets.ignored is None else f"({logs}.mean(1) * (targets != IGNORED))"
        smoothing = literal(loss.label_smoothing)
        sum = Infix("-", (f"{literal(1 - loss.label_smoothing)} * {flat(right)}", f"{smoothing} * {spread}.sum()"))
        return sum if each.loss.weight == 1.0 else f"{literal(each.loss.weight)} * ({flat(sum)})"

    def _keywords(self, loss: CrossEntropy) -> dict[str, Code]:
        found: dict[str, Code] = {}
        if loss.ignore is not None:
            found["ignore_index"] = "IGNORED"
        if loss.label_smoothing:
            found["label_smoothing"] = literal(loss.label_smoothing)
        return {**found, "reduction": _SUM}

    def _shares(self, each: LossPlan, output: str) -> str:
        """The targets as numbers of an output's shape."""
        sizes = self.targets.sizes(each)
        if self.targets.plan.data.classes is None or sizes[0] == 1:
            return f"targets.view_as({output}).to({output}.dtype)"
        self.shares = True
        return f"shares_of(targets).to({output}.dtype)"

    def _numbers(self, each: LossPlan) -> int:
        """How many numbers of an output one loss is the mean of."""
        sizes = self.targets.sizes(each)
        return sizes[0] if self.targets.plan.data.classes is not None else math.prod(sizes)

    def _scaled(self, each: LossPlan, sum: Bracket | str, numbers: int = 1) -> Code:
        weight = "" if each.loss.weight == 1.0 else f"{literal(each.loss.weight)} * "
        if not weight and numbers == 1:
            return sum
        share = "" if numbers == 1 else f" / {numbers}"
        if isinstance(sum, str):
            return f"{weight}{sum}{share}"
        if share:
            return Infix("/", (Bracket(f"{weight}{flat(sum.head)}", sum.args), str(numbers)))
        return Bracket(f"{weight}{flat(sum.head)}", sum.args)


def loss_source(targets: Targets) -> str:
    """The function `loss_of`, and what it calls."""
    writer = _Writer(targets)
    plan = targets.plan
    unused = [name for name in targets.graph.outputs if name not in {each.output for each in plan.losses}]

    more = targets.graph.training_outputs

    def terms(*, training: bool) -> tuple[Code, ...]:
        losses = [writer.term(each) for each in plan.losses if (each.output in more) is training]
        return *losses, *(f"0 * {targets.output(name)}.sum()" for name in unused if (name in more) is training)

    found = terms(training=False)
    places = "places" if targets.maps else "examples"
    doc = f'    """The sum of the losses of all {places}."""'
    if unused:
        doc = f'    """The sum of the losses of all {places}. Weights without a loss get a gradient of 0."""'
    lines = [f"def loss_of(outputs: {targets.outputs}, targets: Tensor) -> Tensor:", doc]
    lines += [f"    {line}" for line in writer.lines]
    sum = found[0] if len(found) == 1 else Infix("+", found)
    if more:
        lines += lay_out(sum, 1, "loss = ")
        lines += [f"    if {quoted(more[0])} not in outputs:  # in evaluation", "        return loss"]
        before = len(writer.lines)
        sum = Infix("+", ("loss", *terms(training=True)))
        lines += [f"    {line}" for line in writer.lines[before:]]
    lines += lay_out(sum, 1, "return ")
    text = "\n".join(lines)
    return f"{_shares_source(targets)}\n\n\n{text}" if writer.shares else text


def _shares_source(targets: Targets) -> str:
    shape = "(n, classes, height, width)" if targets.maps else "(n, classes)"
    one_hot = "F.one_hot(targets, CLASSES)" + (".movedim(-1, 1)" if targets.maps else "")
    if targets.plan.data.mixes:
        one_hot = f"targets if targets.ndim > 1 else {one_hot}"
    return "\n".join(
        (
            "def shares_of(targets: Tensor) -> Tensor:",
            f'    """The shares of the classes, {shape}: 1 of the right one, unless examples are mixed."""'
            if targets.plan.data.mixes
            else f'    """1 for the right class and 0 for all others, {shape}."""',
            f"    return {one_hot}",
        )
    )
