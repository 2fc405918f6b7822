"""The losses and metrics of a plan as lines of Keras."""

from __future__ import annotations

from dataclasses import dataclass

from archspec.codegen.escaping import identifier, quoted
from archspec.codegen.pretty_printer import INDENT
from archspec.ir.graph import LayerGraph
from archspec.recipe.losses import (
    Accuracy,
    BinaryCrossEntropy,
    Confusion,
    CrossEntropy,
    MeanIoU,
    MeanSquaredError,
    TopK,
)
from archspec.training.losses import LossPlan
from archspec.training.plan import TrainingPlan
from archspec_keras.training_program.refusals import refused


@dataclass(frozen=True, slots=True)
class LossSource:
    """A loss as source."""

    value: str
    """An object of Keras's, or the name of the function below."""
    function: str = ""
    """The function that it is, where Keras's own means something else."""


def loss_source(loss: LossPlan, plan: TrainingPlan, graph: LayerGraph, name: str) -> LossSource:
    """A loss of the plan.

    Args:
        loss: the loss.
        plan: what it is of.
        graph: the network.
        name: what a function may be called.
    """
    kind, mixed, classes = loss.loss, plan.data.mixes, plan.data.classes
    channels, spatial = graph.types[loss.path].sizes[0], graph.types[loss.path].is_spatial
    match kind:
        case CrossEntropy():
            plain = kind.of == "logits" and kind.ignore is None
            if plain and not mixed and not kind.label_smoothing:
                return LossSource("keras.losses.SparseCategoricalCrossentropy(from_logits=True)")
            return LossSource(name, _function(name, *_cross_entropy(kind, channels, mixed)))
        case BinaryCrossEntropy():
            return LossSource(name, _function(name, *_binary(kind, channels, classes, mixed)))
        case MeanSquaredError():
            if classes is None and not spatial:
                return LossSource("keras.losses.MeanSquaredError()")
            return LossSource(name, _function(name, *_squared(channels, classes, mixed)))
        case _:
            raise refused(f"the loss `{kind.name}`", "write one that docs/recipes.md has")


def _function(name: str, doc: str, lines: list[str]) -> str:
    head = [f"def {name}(targets: Any, outputs: Any) -> Any:", f'{INDENT}"""{doc}"""']
    return "\n".join([*head, *(f"{INDENT}{line}" for line in lines)])


def _shares(count: int, mixed: bool) -> list[str]:
    """Targets as shares of classes: they are those already in batches that are mixed."""
    encoded = f'ops.one_hot(ops.cast(targets, "int32"), {count}, dtype=outputs.dtype)'
    if not mixed:
        return [f"shares = {encoded}"]
    return ["shares = targets", "if len(targets.shape) < len(outputs.shape):", f"{INDENT}shares = {encoded}"]


def _cross_entropy(loss: CrossEntropy, count: int, mixed: bool) -> tuple[str, list[str]]:
    doc = "-log of the probability of the right class, for each example."
    smoothing = loss.label_smoothing
    if loss.of == "logits":
        lines = ["logs = ops.log_softmax(outputs, axis=-1)"]
    else:
        # Keras's own divides the probabilities by their sum, and on TensorFlow goes by the logits before a softmax.
        lines = ["logs = ops.log(ops.clip(outputs, 1e-7, 1 - 1e-7))"]
    if mixed:
        lines += _shares(count, mixed)
        lines.append("losses = -ops.sum(shares * logs, axis=-1)")
    else:
        lines.append('classes = ops.cast(targets, "int32")')
        if loss.ignore is not None:
            lines += [f"counted = classes != {loss.ignore}", "classes = ops.where(counted, classes, 0)"]
        lines += [
            "right = ops.take_along_axis(logs, ops.expand_dims(classes, -1), axis=-1)",
            "losses = -ops.squeeze(right, -1)",
        ]
    if smoothing:
        lines.append(f"losses = {1 - smoothing!r} * losses - {smoothing!r} * ops.mean(logs, axis=-1)")
    if loss.ignore is not None:
        doc = f"-log of the probability of the right class; {loss.ignore} is left out of the mean."
        lines += [
            "weights = ops.cast(counted, losses.dtype)",
            "return losses * weights / ops.maximum(ops.mean(weights), 1e-12)",
        ]
    else:
        lines[-1] = lines[-1].replace("losses = ", "return ", 1)
    return doc, lines


def _binary(loss: BinaryCrossEntropy, count: int, classes: int | None, mixed: bool) -> tuple[str, list[str]]:
    doc = "The mean over the outputs of -log of the probability of the right answer."
    if count == 1 and classes == 2:
        lines = ["shares = ops.reshape(ops.cast(targets, outputs.dtype), ops.shape(outputs))"]
    else:
        lines = _shares(count, mixed)
    if loss.label_smoothing:
        lines.append(f"shares = shares * {1 - loss.label_smoothing!r} + {loss.label_smoothing / 2!r}")
    if loss.of == "logits":
        # softplus of the logit, less the logit where the answer is yes
        lines.append("softplus = ops.maximum(outputs, 0) + ops.log1p(ops.exp(-ops.abs(outputs)))")
        return doc, [*lines, "return ops.mean(softplus - shares * outputs, axis=-1)"]
    lines.append("yes = ops.clip(outputs, 1e-7, 1 - 1e-7)")
    return doc, [*lines, "return -ops.mean(shares * ops.log(yes) + (1 - shares) * ops.log(1 - yes), axis=-1)"]


def _squared(count: int, classes: int | None, mixed: bool) -> tuple[str, list[str]]:
    doc = "The mean of the squared differences from the targets."
    if classes is None:
        lines = ["targets = ops.moveaxis(targets, 1, -1)  # targets have their channels first"]
        return doc, [*lines, "return ops.mean(ops.square(outputs - targets), axis=-1)"]
    if count == 1 and classes == 2:
        lines = ["shares = ops.reshape(ops.cast(targets, outputs.dtype), ops.shape(outputs))"]
    else:
        lines = _shares(count, mixed)
    return doc, [*lines, "return ops.mean(ops.square(outputs - shares), axis=-1)"]


@dataclass(frozen=True, slots=True)
class MetricSource:
    """What is counted in a batch, and what is made of the sums."""

    counting: list[str]
    numbers: list[str]
    counted: str
    """What the loss of a batch is a mean over, by what a batch gave."""


def metric_source(plan: TrainingPlan, graph: LayerGraph) -> MetricSource:
    """The metrics of a plan, which are of the first loss's output."""
    first = plan.losses[0]
    ignore = first.loss.ignore if isinstance(first.loss, CrossEntropy) else None
    total = 'totals["counted"]' if ignore is not None else 'totals["examples"]'
    numbers = ["totals = self.totals", f'found: dict[str, Any] = {{"loss": float(totals["loss"] / {total})}}']
    counted = 'logs["counted"]' if ignore is not None else "examples"
    if not plan.metrics and ignore is None:
        return MetricSource([], numbers, counted)
    maps, classes = graph.types[first.path].is_spatial, plan.data.classes or 1
    single = graph.types[first.path].sizes[0] == 1
    outputs = f"y_pred[{quoted(first.output)}]" if graph.gives_names else "y_pred"
    lines = [f"outputs = {outputs}"]
    if plan.data.mixes:
        lines += ["classes = y", "if len(y.shape) == len(outputs.shape):", f"{INDENT}classes = ops.argmax(y, axis=-1)"]
        lines.append('classes = ops.cast(classes, "int32")')
    else:
        lines.append('classes = ops.cast(y, "int32")')
    lines += _rows(maps)
    if ignore is not None:
        lines += [f'counted = counted * ops.cast(classes != {ignore}, "int32")']
        lines += ["classes = ops.where(counted > 0, classes, 0)"]
    per = 'totals["examples"]'
    if maps or ignore is not None:
        lines.append('found["counted"] = ops.sum(counted)')
        per = 'totals["counted"]'
    kinds = {type(metric) for metric in plan.metrics}
    if kinds & {Accuracy, Confusion, MeanIoU}:
        lines.append(_guesses(single, first))
    for metric in plan.metrics:
        label = quoted(metric.label)
        match metric:
            case Accuracy():
                lines.append(f'found[{label}] = ops.sum(ops.cast(guesses == classes, "int32") * counted)')
                numbers.append(f"found[{label}] = float(totals[{label}] / {per})")
            case TopK():
                lines.append("ahead = ahead_of(classes, outputs)")
                lines.append(f'found[{label}] = ops.sum(ops.cast(ahead < {metric.k}, "int32") * counted)')
                numbers.append(f"found[{label}] = float(totals[{label}] / {per})")
            case Confusion():
                numbers.append('found["confusion"] = totals["confusion"].tolist()')
            case MeanIoU():
                numbers += [
                    'matrix = totals["confusion"]',
                    "both = np.diag(matrix)",
                    "either = matrix.sum(0) + matrix.sum(1) - both",
                    'found["mean_iou"] = float(np.mean(both[either > 0] / either[either > 0]))',
                ]
            case _:
                raise refused(f"the metric `{metric.name}`", "write one that docs/recipes.md has")
    if kinds & {Confusion, MeanIoU}:
        lines.append(f'found["confusion"] = confusion(classes, guesses, counted, {classes})')
    return MetricSource(_once(lines), numbers, counted)


def _rows(maps: bool) -> list[str]:
    """What counts: rows without weight only fill a batch up."""
    lines = ["counted = ops.ones_like(classes)", "if sample_weight is not None:"]
    rows = 'ops.cast(sample_weight > 0, "int32")'
    if maps:
        rows = f"ops.reshape({rows}, (-1, *[1] * (len(classes.shape) - 1)))"
    return [*lines, f"{INDENT}counted = counted * {rows}"]


def _guesses(single: bool, loss: LossPlan) -> str:
    if not single:
        return 'guesses = ops.cast(ops.argmax(outputs, axis=-1), "int32")'
    bound = "0.5" if getattr(loss.loss, "of", "probabilities") == "probabilities" else "0"
    return f'guesses = ops.cast(ops.squeeze(outputs, -1) > {bound}, "int32")'


def _once(lines: list[str]) -> list[str]:
    """Without a line that stands there already."""
    return [line for index, line in enumerate(lines) if not line.startswith("ahead") or line not in lines[:index]]


def loss_name(loss: LossPlan, plan: TrainingPlan) -> str:
    """What the function of a loss is called: after its word, and where there are several after its output, too."""
    return loss.loss.name if len(plan.losses) == 1 else identifier(f"{loss.output}_{loss.loss.name}")
