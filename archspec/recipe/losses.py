"""Losses and metrics: what is made small, and what is measured. All are means over the examples of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from archspec.ir.attributes import FloatKind, IntKind, WordKind, attribute
from archspec.recipe.part import Part, Registry, words_for

LOSSES: Final = Registry["LossFunction"](
    "a loss",
    "What training makes small: the mean over the examples (and, of maps, over the places) of a batch.",
    {
        "nll_loss": "write `cross_entropy`, and let the network end in logits",
        "sparse_softmax_cross_entropy_with_logits": "write `cross_entropy`",
        "hinge": "it is not in the language",
        "kl_divergence": "it is not in the language; `cross_entropy` has the same gradient",
        "l1_loss": "it is not in the language; `mean_squared_error` is the nearest",
        "mean_absolute_error": "it is not in the language; `mean_squared_error` is the nearest",
        "huber_loss": "it is not in the language; `mean_squared_error` is the nearest",
        "triplet_margin_loss": "it is not in the language",
        "ctc_loss": "it is not in the language",
        "dice_loss": "it is not in the language; `cross_entropy` takes maps",
        "focal_loss": "it is not in the language; `cross_entropy` takes maps",
    },
)

_LEFT_OUT: Final[Mapping[str, str]] = {
    "reduction": "leave it out: a loss is a mean over the batch",
    "size_average": "leave it out: a loss is a mean over the batch",
    "from_logits": "write `of: logits` or `of: probabilities`",
    "smoothing": "write `label_smoothing`",
    "ignore_index": "write `ignore`",
    "ignore_class": "write `ignore`",
    "loss_weight": "write `weight`",
    "loss_weights": "write `weight`, for each loss its own",
    "axis": "leave it out: classes are the channels or the features",
    "pos_weight": "leave it out: classes have no weights in the language",
    "class_weight": "leave it out: classes have no weights in the language",
}
_OF: Final = WordKind(words=("logits", "probabilities"))
_WEIGHT: Final = "what the loss is multiplied by where several are added"
_SMOOTHING: Final = "how much of each target is spread evenly over all classes"
_IGNORE: Final = "the class of examples or places that are left out, as 255 in segmentation maps; none unless given"


@dataclass(frozen=True, slots=True)
class LossFunction(Part):
    """Base of all losses."""

    two_meanings: ClassVar[Mapping[str, str]] = words_for(("weight",), _LEFT_OUT)

    weight: float = attribute(FloatKind(), _WEIGHT, default=1.0)


@LOSSES.register
@dataclass(frozen=True, slots=True)
class CrossEntropy(LossFunction):
    """-log of the probability of the right class, which a softmax of the logits gives; targets are classes, or mixed.

    Of probabilities, the logarithm is of the output itself, put between 1e-7 and 1 - 1e-7.
    """

    name: ClassVar[str] = "cross_entropy"
    example: ClassVar[str] = "cross_entropy: {label_smoothing: 0.1}"
    known_as: ClassVar[Mapping[str, str]] = {
        "CrossEntropyLoss": "",
        "categorical_crossentropy": "Keras's takes probabilities unless told otherwise: `{of: probabilities}`",
        "sparse_categorical_crossentropy": "Keras's takes probabilities unless told otherwise: `{of: probabilities}`",
        "softmax_cross_entropy": "",
        "LabelSmoothingCrossEntropy": "with `label_smoothing: 0.1`",
        "SoftTargetCrossEntropy": "mixed targets need no other loss",
        "xent": "",
        "ce": "",
        "log_loss": "",
    }
    two_meanings: ClassVar[Mapping[str, str]] = words_for(("weight", "of", "label_smoothing", "ignore"), _LEFT_OUT)

    of: str = attribute(_OF, "what the network's output is", default="logits")
    label_smoothing: float = attribute(FloatKind(below=1.0), _SMOOTHING, default=0.0)
    ignore: int | None = attribute(IntKind(), _IGNORE, default=None)


@LOSSES.register
@dataclass(frozen=True, slots=True)
class BinaryCrossEntropy(LossFunction):
    """The mean over all outputs of -log of the probability of the right answer, yes or no, that a sigmoid gives.

    With classes as targets, the right class is 1 and all others are 0.
    """

    name: ClassVar[str] = "binary_cross_entropy"
    example: ClassVar[str] = "binary_cross_entropy"
    known_as: ClassVar[Mapping[str, str]] = {
        "BCEWithLogitsLoss": "",
        "BCELoss": "it takes probabilities: `{of: probabilities}`",
        "BCE": "",
        "binary_crossentropy": "Keras's takes probabilities unless told otherwise: `{of: probabilities}`",
        "sigmoid_cross_entropy": "",
    }
    two_meanings: ClassVar[Mapping[str, str]] = words_for(("weight", "of", "label_smoothing"), _LEFT_OUT)

    of: str = attribute(_OF, "what the network's output is", default="logits")
    label_smoothing: float = attribute(
        FloatKind(below=1.0), "how much of each target is replaced by one half", default=0.0
    )


@LOSSES.register
@dataclass(frozen=True, slots=True)
class MeanSquaredError(LossFunction):
    """The mean of the squared differences from the targets: numbers of the output's shape, or classes as 0 and 1."""

    name: ClassVar[str] = "mean_squared_error"
    example: ClassVar[str] = "mean_squared_error"
    known_as: ClassVar[Mapping[str, str]] = {"MSELoss": "", "mse": "", "L2Loss": "it is half of this: `{weight: 0.5}`"}


METRICS: Final = Registry["Metric"](
    "a metric",
    "What is measured beside the loss, on each split, over all its examples at once. It is called after its word, "
    "`top_5` after its number.",
    {
        "loss": "leave it out: the loss is always measured",
        "precision": "it is not in the language; `confusion` has what it is computed from",
        "recall": "it is not in the language; `confusion` has what it is computed from",
        "f1_score": "it is not in the language; `confusion` has what it is computed from",
        "auc": "it is not in the language",
        "mean_squared_error": "leave it out: it is measured as the loss",
    },
)


@dataclass(frozen=True, slots=True)
class Metric(Part):
    """Base of all metrics."""

    single: ClassVar[bool] = True
    """It is one number, which can be watched."""

    @property
    def label(self) -> str:
        """What it is called in the history: `accuracy`, `top_5`."""
        return self.name


@METRICS.register
@dataclass(frozen=True, slots=True)
class Accuracy(Metric):
    """The share of examples (of maps: places) whose largest output, the first of equals, is that of the right class."""

    name: ClassVar[str] = "accuracy"
    known_as: ClassVar[Mapping[str, str]] = {
        "acc": "",
        "acc1": "",
        "top1": "",
        "categorical_accuracy": "",
        "sparse_categorical_accuracy": "",
        "binary_accuracy": "",
    }


@METRICS.register
@dataclass(frozen=True, slots=True)
class TopK(Metric):
    """The share of examples whose right class is among the k largest outputs."""

    name: ClassVar[str] = "top_k"
    bare: ClassVar[str] = "k"
    example: ClassVar[str] = "top_k: 5"
    known_as: ClassVar[Mapping[str, str]] = {
        "acc5": "`top_k: 5`",
        "top5": "`top_k: 5`",
        "top_5": "`top_k: 5`",
        "top_k_categorical_accuracy": "`top_k: 5` is Keras's default",
        "sparse_top_k_categorical_accuracy": "`top_k: 5` is Keras's default",
    }

    k: int = attribute(IntKind(least=1), "how many outputs count")

    @property
    def label(self) -> str:
        """`top_5`."""
        return f"top_{self.k}"


@METRICS.register
@dataclass(frozen=True, slots=True)
class Confusion(Metric):
    """How many examples of each class (the rows) were taken for each class (the columns)."""

    name: ClassVar[str] = "confusion"
    known_as: ClassVar[Mapping[str, str]] = {"confusion_matrix": ""}
    single: ClassVar[bool] = False


@METRICS.register
@dataclass(frozen=True, slots=True)
class MeanIoU(Metric):
    """The mean over the classes of intersection / union, of all places or examples; without those that do not occur."""

    name: ClassVar[str] = "mean_iou"
    known_as: ClassVar[Mapping[str, str]] = {"miou": "", "iou": "", "jaccard": ""}
