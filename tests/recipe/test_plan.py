"""Plans: which weights are trained how, how long training is, and what reaches the network."""

from __future__ import annotations

import pickle

import pytest

import archspec
from archspec.errors import SpecError
from archspec.recipe import Shape
from archspec.training.facts import DataFacts
from archspec.training.plan import TrainingPlan, plan_of
from tests.recipe.recipes import IMAGENET, plan, settings


def _codes(network: str, facts: DataFacts | None = None, /, **keys: str | None) -> list[str]:
    with pytest.raises(SpecError) as caught:
        plan(network, facts, **keys)
    return [found.code for found in caught.value.diagnostics]


def _groups(made: TrainingPlan) -> dict[tuple[float, float], set[str]]:
    return {(group.decay, group.rate): set(group.weights) for group in made.groups}


def test_every_weight_is_trained_once_or_frozen() -> None:
    graph = archspec.compile("cifar_resnet")
    made = plan(
        freeze="[conv1, layer1]",
        rates="{layer3: 0.1, layer3.2: 0.5}",
        weight_decay="{amount: 1e-4, coupled: false, exempt: [norms, biases]}",
    )
    trained = [name for group in made.groups for name in group.weights]
    assert len(trained) == len(set(trained))
    trainable = {name for name, weight in graph.all_weights.items() if weight.trainable}
    assert {*trained, *made.frozen} == trainable
    assert not set(trained) & set(made.frozen)
    assert set(made.frozen) == {name for name in trainable if name.startswith(("conv1.", "layer1."))}
    assert {path for path in made.frozen_layers if path.startswith("layer1.0.bn")} == {
        path for path in graph.nodes if path.startswith("layer1.0.bn")
    }
    assert not made.coupled


def test_decay_and_rates_go_by_layer() -> None:
    made = plan(
        rates="{layer3: 0.1, layer3.2: 0.5}",
        weight_decay="{amount: 1e-4, coupled: true, exempt: [norms, biases, conv1]}",
    )
    groups = _groups(made)
    assert groups[0.0, 1.0] >= {"conv1.weight", "bn1.weight", "bn1.bias", "fc.bias"}
    assert {"fc.weight", "layer1.0.conv1.weight"} <= groups[1e-4, 1.0]
    assert "layer3.0.conv1.weight" in groups[1e-4, 0.1]
    assert "layer3.2.conv1.weight" in groups[1e-4, 0.5]
    assert "layer3.2.bn1.weight" in groups[0.0, 0.5]


def test_without_a_word_of_the_recipe_the_specs_decay_holds() -> None:
    graph = archspec.compile("cifar_resnet_keras")
    made = plan("cifar_resnet_keras", loss="{cross_entropy: {of: probabilities}}")
    assert made.coupled
    for group in made.groups:
        assert all(graph.all_weights[name].decay == group.decay for name in group.weights)
    assert {group.decay for group in made.groups} == {0.0, 2e-4}
    assert not made.findings


def test_running_statistics_are_in_no_group() -> None:
    made = plan()
    assert not [name for group in made.groups for name in group.weights if "running" in name]


def test_biases_of_every_layer_are_biases() -> None:
    exempt = "{amount: 0.1, coupled: false, exempt: [norms, biases]}"
    made = plan("vision_transformer", _facts("vision_transformer"), weight_decay=exempt)
    decayed = next(set(group.weights) for group in made.groups if group.decay)
    assert decayed
    assert not [name for name in decayed if name.endswith("bias") or "norm" in name or ".ln" in name]


def _facts(network: str) -> DataFacts:
    """Facts of data that a network takes."""
    graph = archspec.compile(network)
    output = graph.types[next(iter(graph.outputs.values()))]
    return DataFacts({"train": 1000, "test": 100}, tuple(graph.input_nodes[0].shape), "classes", output.sizes[0])


@pytest.mark.parametrize(
    ("keys", "steps", "epochs"),
    [
        ({"epochs": "10"}, 3910, 10),
        ({"epochs": "10", "drop_last": "true"}, 3900, 10),
        ({"epochs": None, "steps": "1000"}, 1000, 3),
        ({"epochs": "2", "data": "{source: cifar10, validation: 0.1}"}, 704, 2),
        ({"epochs": "2", "data": "{source: cifar10, repeats: 4}"}, 782, 2),
        ({"epochs": "2", "accumulate": "4"}, 782, 2),
    ],
)
def test_how_long_it_is(keys: dict[str, str | None], steps: int, epochs: int) -> None:
    made = plan(**keys)
    assert (made.steps, made.epochs) == (steps, epochs)


def test_what_is_done_to_examples_in_which_order() -> None:
    data = (
        "{source: cifar10, prepare: [rescale: 1 / 255], augment: [flip: horizontal, erasing: {}, mix: {mixup: 0.2}], "
        "evaluation: [center_crop: 32], finish: [subtract_mean: pixel]}"
    )
    made = plan(data=data).data
    assert [step.name for step in made.training] == ["rescale", "flip", "subtract_mean", "erasing", "mix"]
    assert [step.name for step in made.evaluation] == ["rescale", "center_crop", "subtract_mean"]
    assert made.mixes
    assert not plan().data.mixes


def test_sizes_that_differ_between_training_and_evaluation() -> None:
    data = "{{source: folder, validation: val, augment: [{}], evaluation: [{}]}}"
    crops = "resize: 232, center_crop: 224"
    made = plan("resnet50", IMAGENET, data=data.format("random_resized_crop: 176", crops)).data
    assert (made.training_shape, made.evaluation_shape) == ((3, 176, 176), (3, 224, 224))
    assert _codes("resnet50", IMAGENET, data=data.format("random_resized_crop: 176", "resize: 232")) == ["E0901"]
    assert _codes("resnet50", IMAGENET, data=data.format("flip: horizontal", crops)) == ["E0901"]
    with_size = DataFacts({"train": 100, "val": 10}, (3, 300, 200), "classes", 1000)
    made = plan(
        "resnet50", with_size, data=data.format("resized", crops).replace("[resized]", "[pad_crop: {size: 64}]")
    ).data
    assert made.training_shape == (3, 64, 64)


@pytest.mark.parametrize(
    ("shape", "data", "place"),
    [
        ((3, 32, 32), "augment: [pad_crop: {size: 40}]", "pad_crop"),
        ((3, 32, 32), "augment: [pad_crop: {size: 41, padding: 4}]", "pad_crop"),
        ((3, 32, 32), "prepare: [center_crop: [32, 33]]", "center_crop"),
        ((3, 32, 32), "evaluation: [resize: 48, center_crop: 50]", "center_crop"),
        (
            (3, None, None),
            "augment: [random_resized_crop: 32], evaluation: [resize: 30, center_crop: 32]",
            "center_crop",
        ),
        (
            (3, None, None),
            "augment: [random_resize: [30, 40], pad_crop: {size: 32}], evaluation: [resize: [32, 32]]",
            "pad_crop",
        ),
        ((3, None, None), "augment: [pad_crop: {size: 32, padding: 4}], evaluation: [resize: [32, 32]]", "pad_crop"),
    ],
)
def test_crops_that_are_larger_than_their_images(shape: Shape, data: str, place: str) -> None:
    facts = DataFacts({"train": 100, "val": 10}, shape, "classes", 10)
    with pytest.raises(SpecError) as caught:
        plan("cifar_resnet", facts, data=f"{{source: folder, validation: val, {data}}}")
    said = [each for each in caught.value.diagnostics if f"`{place}`" in each.message]
    assert [each.code for each in said] == ["E0901"]
    assert said[0].span is not None
    assert said[0].span.column > 1
    right = data.replace("pad_crop: {size: 40}", "pad_crop: {size: 40, padding: 4}")
    if right != data:
        plan("cifar_resnet", facts, data=f"{{source: folder, validation: val, {right}}}")


def test_shares() -> None:
    made = plan(data="{source: cifar10, validation: {share: 0.2, at: random}, test: test}")
    assert made.data.examples == {"train": 40_000, "validation": 10_000, "test": 10_000}
    counts = DataFacts({"train": 10}, (3, 32, 32), "classes", 10, class_counts={"train": (7, 3)})
    each = plan("cifar_resnet", counts, data="{source: folder, validation: {share: 0.5, per_class: true}}", batch="1")
    assert each.data.examples == {"train": 6, "validation": 4}
    of_cifar = plan(data="{source: cifar10, validation: {share: 0.0501, per_class: true}}")
    assert of_cifar.data.examples == {"train": 47_500, "validation": 2_500}
    with pytest.raises(ValueError, match="counts of the classes of train"):
        plan(data="{source: mnist, validation: {share: 0.1, per_class: true}}")


def test_numbers_and_maps_as_targets() -> None:
    facts = DataFacts({"train": 100}, (3, 32, 32), "numbers", target_shape=(10,))
    assert plan("cifar_resnet", facts, loss="mean_squared_error").losses[0].output == "output"
    assert _codes("cifar_resnet", facts) == ["E0902"]
    assert _codes("cifar_resnet", facts, loss="mean_squared_error", metrics="[accuracy]") == ["E0904"]
    other = DataFacts({"train": 100}, (3, 32, 32), "numbers", target_shape=(3,))
    assert _codes("cifar_resnet", other, loss="mean_squared_error") == ["E0902"]
    unet = archspec.compile("unet")
    maps = DataFacts({"train": 100}, tuple(unet.input_nodes[0].shape), "maps", 2)
    assert plan("unet", maps, metrics="[mean_iou]").steps == 10
    assert _codes("unet", DataFacts({"train": 100}, maps.shape, "maps", 5)) == ["E0901"]


def test_features_take_no_augmentation() -> None:
    facts = DataFacts({"train": 100}, (32,), "classes", 10)
    codes = _codes("cifar_resnet", facts, data="{source: csv, augment: [flip: horizontal]}")
    assert codes == ["E0901", "E0901"]  # the flip, and the network's input


def test_a_plan_is_frozen_and_can_be_sent_to_a_process() -> None:
    made = plan(data="{source: cifar10, validation: 0.1}", plateau="{watch: validation_loss}")
    with pytest.raises(AttributeError):
        made.seed = 1  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(made)) == made
    assert hash(made.optimizer) == hash(plan().optimizer)


def test_params_reach_every_value() -> None:
    found = settings({"rate": "0.2"}, optimizer="{sgd: {learning_rate: rate}}", params="{rate: 0.1}")
    assert found.optimizer.learning_rate == 0.2
    made = plan_of(found, archspec.compile("cifar_resnet"), DataFacts({"train": 1000}, (3, 32, 32), "classes", 10))
    assert made.rate(0) == 0.2
