"""The examples of a training plan: how many there are, what is done to them, and whether the network takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from archspec.errors import Diagnostics, Note, SpecError, did_you_mean
from archspec.ir.graph import LayerGraph
from archspec.ir.tensor_type import shape_text
from archspec.passes import run_passes
from archspec.passes.resize import Resize
from archspec.recipe import Augmentation, DataSource, ResolvedRecipe, Shape, Share, Step
from archspec.recipe.augmentations import Erasing, Lighting, PadCrop, RandomResize
from archspec.recipe.images import CenterCrop, Normalize, Resizing
from archspec.training.facts import DataFacts


@dataclass(frozen=True, slots=True)
class DataPlan:
    """Which examples there are, and what is done to them."""

    source: DataSource
    train: str
    """The split that is trained on, by the format's name."""
    validation: str | Share | None
    """The split that is looked at after each epoch, or the share that is kept from training for it."""
    test: str | None
    examples: Mapping[str, int]
    """How many there are for `train`, `validation` and `test`; a share is taken away from `train` already."""
    classes: int | None
    training: tuple[Step, ...]
    """What is done to training examples, in turn."""
    evaluation: tuple[Step, ...]
    """What is done to all others; statistics are of the training examples, prepared as far as here."""
    training_shape: Shape
    """What the network gets in training: (channels, height, width) or (features,)."""
    evaluation_shape: Shape
    batch: int
    drop_last: bool
    shuffle: bool
    repeats: int

    @property
    def mixes(self) -> bool:
        """Whether targets are shares of classes, since examples are mixed."""
        return any(isinstance(step, Augmentation) and step.acts_on == "batch" for step in self.training)

    @property
    def sizes_differ(self) -> bool:
        """Whether images that are looked at have another height or width than those that are trained on."""
        return self.evaluation_shape != self.training_shape and (self.validation or self.test) is not None

    @property
    def batches(self) -> int:
        """How many batches an epoch has, which are as many steps."""
        return batches(self.examples["train"], self.batch, self.drop_last)


def batches(count: int, size: int, drop_last: bool) -> int:
    """How many batches so many examples make."""
    return count // size if drop_last else -(-count // size)


def fit_data(settings: ResolvedRecipe, graph: LayerGraph, facts: DataFacts, found: Diagnostics) -> DataPlan | None:
    """The examples of a plan; what does not fit is noted, and None is given where they cannot be counted."""
    data = settings.data
    training = tuple(step for _, step in data.steps(training=True))
    evaluation = tuple(step for _, step in data.steps(training=False))
    _check_images(settings, facts, found)
    _check_targets(settings, facts, found)
    training_shape, evaluation_shape = _shape(training, facts.shape), _shape(evaluation, facts.shape)
    _check_input("training", training_shape, settings, graph, facts, found)
    if evaluation_shape != training_shape:
        _check_input("evaluation", evaluation_shape, settings, graph, facts, found)
    _check_channels(training_shape, settings, found)
    _check_crops(settings, facts.shape, found)
    counted = _examples(settings, facts, found)
    if counted is None:
        return None
    plan = DataPlan(
        source=data.source,
        train=data.train,
        validation=data.validation,
        test=data.test,
        examples=counted,
        classes=facts.classes,
        training=training,
        evaluation=evaluation,
        training_shape=training_shape,
        evaluation_shape=evaluation_shape,
        batch=settings.batch,
        drop_last=settings.drop_last,
        shuffle=settings.shuffle,
        repeats=data.repeats,
    )
    if not plan.batches:
        message = f"there are {counted['train']:,} training examples, and no batch of {settings.batch:,}"
        help = "write a smaller `batch`, or `drop_last: false`"
        found.error("E0904", message, settings.place("batch"), help=help)
        return None
    return plan


def _examples(settings: ResolvedRecipe, facts: DataFacts, found: Diagnostics) -> dict[str, int] | None:
    data = settings.data
    named = {"train": data.train, "validation": data.validation, "test": data.test}
    counted: dict[str, int] = {}
    for role, name in named.items():
        if not isinstance(name, str):
            continue
        if name in facts.examples:
            counted[role] = facts.examples[name]
            continue
        help = did_you_mean(name, facts.examples)
        message = f"the data have no split `{name[:80]}`"
        found.error("E0904", message, settings.place(f"data.{role}"), help=help)
    if "train" not in counted:
        return None
    if isinstance(data.validation, Share):
        kept = facts.kept(data.train, data.validation)
        if not 0 < kept < counted["train"]:
            message = f"a share of {data.validation.share:g} of {counted['train']:,} examples is {kept:,}"
            help = "write another share: something is to be looked at, and something to be trained on"
            found.error("E0904", message, settings.place("data.validation"), help=help)
            return None
        counted |= {"validation": kept, "train": counted["train"] - kept}
    return counted


def _shape(steps: Sequence[Step], shape: Shape) -> Shape:
    """The sizes after some steps; those of features do not change."""
    for step in steps:
        shape = step.resized(shape) if len(shape) == 3 else shape
    return shape


def _check_images(settings: ResolvedRecipe, facts: DataFacts, found: Diagnostics) -> None:
    """What is for images alone gets images."""
    if len(facts.shape) == 3:
        return
    steps = {**dict(settings.data.steps(training=True)), **dict(settings.data.steps(training=False))}
    for key, step in steps.items():
        if step.takes_images:
            message = f"`{step.name}` is for images, and an example is {_text(facts.shape)}"
            found.error("E0901", message, settings.place(key), help="leave it out")


def _check_targets(settings: ResolvedRecipe, facts: DataFacts, found: Diagnostics) -> None:
    """What is done to images can be done to their targets."""
    if facts.targets == "classes":
        return
    for key, step in settings.data.steps(training=True):
        if isinstance(step, Augmentation) and step.acts_on == "batch":
            message = f"`{step.name}` mixes classes, and the targets are {facts.targets}"
            found.error("E0901", message, settings.place(key), help="leave it out")
        elif step.moves and facts.targets == "maps":
            message = (
                f"`{step.name}` moves images, and their targets, a class for each place, would stay where they are"
            )
            found.error("E0901", message, settings.place(key), help="leave it out, and do it before to images and maps")


def _check_channels(shape: Shape, settings: ResolvedRecipe, found: Diagnostics) -> None:
    """Numbers for each channel are as many as there are channels."""
    steps = {**dict(settings.data.steps(training=True)), **dict(settings.data.steps(training=False))}
    what = "channels" if len(shape) == 3 else "features"
    for key, step in steps.items():
        if isinstance(step, Normalize) and len(step.mean) not in (1, shape[0]):
            message = f"`normalize` has numbers for {len(step.mean)} {what}, and there are {shape[0]}"
            found.error("E0901", message, settings.place(f"{key}.mean"))
        elif isinstance(step, Erasing) and isinstance(step.value, tuple) and len(step.value) not in (1, shape[0]):
            message = f"`erasing` has numbers for {len(step.value)} {what}, and there are {shape[0]}"
            found.error("E0901", message, settings.place(f"{key}.value"), help="write one number, or one for each")
        elif isinstance(step, Lighting) and shape[0] != 3:
            message = f"`lighting` is for images in color, and an example has {shape[0]} of 3 channels"
            found.error("E0901", message, settings.place(key), help="leave it out")


def _check_crops(settings: ResolvedRecipe, shape: Shape, found: Diagnostics) -> None:
    """No crop is larger than the image that it gets, in training or in evaluation."""
    if len(shape) != 3:
        return
    wrong = _wrong_crops(settings.data.steps(training=False), shape)
    wrong |= _wrong_crops(settings.data.steps(training=True), shape)
    for key, (message, help) in wrong.items():
        found.error("E0901", message, settings.place(key), help=help)


def _wrong_crops(steps: Sequence[tuple[str, Step]], shape: Shape) -> dict[str, tuple[str, str]]:
    """What is wrong with crops, and what to do, by their keys."""
    wrong: dict[str, tuple[str, str]] = {}
    shorter: int | None = None  # side of images of different sizes, as far as it is known
    for key, step in steps:
        _, height, width = shape
        size = step.size if isinstance(step, CenterCrop | PadCrop) else None
        padding = step.padding if isinstance(step, PadCrop) else 0
        if height is None or width is None:
            if isinstance(step, PadCrop) and (padding or size is None):
                message = "`pad_crop` of images of different sizes takes a `size`, and no `padding`"
                wrong[key] = message, "put a `resize` to two sizes before it"
            elif size is not None and shorter is not None and min(size) > shorter:
                message = f"`{step.name}` to {_sides(size)} of images whose shorter side may be {shorter}"
                wrong[key] = message, "write a larger size before it, or a smaller crop"
        elif size is not None and (size[0] > height + 2 * padding or size[1] > width + 2 * padding):
            padded = f" with {padding} of padding on each side" if padding else ""
            message = f"`{step.name}` to {_sides(size)} of images of {_sides((height, width))}{padded}"
            wrong[key] = message, "write a smaller size" + (", or more `padding`" * isinstance(step, PadCrop))
        if isinstance(step, Resizing | RandomResize):
            shorter = min(step.size) if isinstance(step, Resizing) else int(step.shorter[0])
        shape = step.resized(shape)
    return wrong


def _sides(sides: tuple[int, int]) -> str:
    return f"{sides[0]}x{sides[1]}"


def _check_input(
    when: str, shape: Shape, settings: ResolvedRecipe, graph: LayerGraph, facts: DataFacts, found: Diagnostics
) -> None:
    """The network takes what it gets."""
    place = settings.place("data.source")
    if len(graph.input_nodes) != 1:
        names = ", ".join(node.path for node in graph.input_nodes)
        message = f"the data give one tensor, and {graph.name} has {len(graph.input_nodes)} inputs: {names}"
        found.error("E0901", message, place, help="train a network with one input")
        return
    node = graph.input_nodes[0]
    expected = tuple(node.shape)
    note = (Note(f"{graph.name} has the input {node.type.text}", node.span),)
    if None in shape:
        help = "end with images of one size: `resize` and `center_crop` under `evaluation`, and a crop under `augment`"
        help = help if when == "evaluation" else f"{help}, such as `random_resized_crop`"
        message = f"images of different sizes reach the network in {when}: {_text(shape)}"
        message += f" ({facts.differing})" if facts.differing else ""
        found.error("E0901", message, place, notes=note, help=help)
        return
    if shape == expected:
        return
    sizes = tuple(size for size in shape if size is not None)
    if len(sizes) == 3 == len(expected) and sizes[0] == expected[0] and _takes(graph, node.path, sizes[1], sizes[2]):
        return
    example = f"an example of {facts.where}" if facts.where else "an example"
    message = f"{example} is {_text(shape)} in {when}, and {graph.name} takes {node.type.text}"
    found.error("E0901", message, place, notes=note, help=_size_help(graph, shape, expected))


def _takes(graph: LayerGraph, path: str, height: int, width: int) -> bool:
    """Whether a network takes images of another size with the layers and weights that it has."""
    if graph.sizes_decide:
        return False
    try:
        run_passes(graph, (Resize({path: (height, width)}),))
    except SpecError:
        return False
    return True


def _size_help(graph: LayerGraph, shape: Shape, expected: Shape) -> str:
    """Params of the network's that would make it take these examples, or what to do to the examples."""
    if len(shape) != len(expected):
        return "give other data, or another network"
    wanted: dict[str, int] = {}
    for ours, theirs in zip(shape, expected, strict=True):
        if ours == theirs or ours is None:
            continue
        names = [param.name for param in graph.params if param.value == theirs and not param.name.startswith("class")]
        names = [name for name in names if any(word in name for word in ("size", "channels", "height", "width"))]
        if len(names) == 1:
            wanted[names[0]] = ours
    if wanted:
        return "build the network for them: " + " ".join(f"--set {name}={value}" for name, value in wanted.items())
    if len(shape) == 3 and shape[0] == expected[0]:
        return f"resize the images: `resize: [{expected[1]}, {expected[2]}]` under `prepare`"
    return "give other data, or another network"


def _text(shape: Shape) -> str:
    return (
        "x".join("?" if size is None else str(size) for size in shape)
        if None in shape
        else shape_text(tuple(size for size in shape if size is not None))
    )
