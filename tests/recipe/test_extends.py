"""Recipes that change others: mappings merge, words replace words, `null` takes away."""

from __future__ import annotations

from pathlib import Path

import pytest

from archspec.errors import SpecError
from archspec.recipe import ResolvedRecipe, load, resolve
from tests.recipe.recipes import text

PARENT = text(
    params="{epochs: 100, augment: true}",
    data="{source: cifar10, validation: 0.1, augment: [{flip: horizontal, when: augment}]}",
    epochs="epochs",
    optimizer="{sgd: {learning_rate: 0.1, momentum: 0.9}}",
    clip="{norm: 1.0}",
    plateau="{watch: validation_loss, patience: 3}",
    loss=None,
    losses="{main: cross_entropy, side: {cross_entropy: {weight: 0.3}}}",
)


def _child(folder: Path, *lines: str, **overrides: object) -> ResolvedRecipe:
    (folder / "parent.yaml").write_text(PARENT, encoding="utf-8")
    child = folder / "child.yaml"
    child.write_text("\n".join(("archspec: 1", "recipe: child", "extends: parent.yaml", *lines)) + "\n", "utf-8")
    return resolve(load(child, overrides))


def test_what_it_does_not_say_is_its_parents(tmp_path: Path) -> None:
    child = _child(tmp_path, "batch: 64")
    assert (child.recipe.name, child.batch, child.epochs) == ("child", 64, 100)
    assert child.data.augment
    assert [path.name for path in child.recipe.sources] == ["child.yaml", "parent.yaml"]


def test_an_attribute_is_changed_and_a_word_is_replaced(tmp_path: Path) -> None:
    slower = _child(tmp_path, "optimizer: {sgd: {learning_rate: 0.01}}")
    assert (slower.optimizer.name, slower.optimizer.learning_rate) == ("sgd", 0.01)
    assert getattr(slower.optimizer, "momentum") == 0.9  # noqa: B009 -- of the class that it turns out to be
    other = _child(tmp_path, "optimizer: {adam: {learning_rate: 1e-3}}", "clip: {value: 0.5}", "data: {source: mnist}")
    assert (other.optimizer.name, other.data.source.name) == ("adam", "mnist")
    assert other.clip is not None
    assert other.clip.name == "value"
    assert other.data.validation is not None


def test_losses_are_replaced_by_output(tmp_path: Path) -> None:
    child = _child(tmp_path, "losses: {side: mean_squared_error}")
    assert {name: loss.name for name, loss in child.losses.items()} == {
        "main": "cross_entropy",
        "side": "mean_squared_error",
    }
    child = _child(tmp_path, "losses: {side: {binary_cross_entropy: {weight: 0.5}}}")
    assert child.losses["side"].weight == 0.5


def test_sections_merge_and_null_takes_away(tmp_path: Path) -> None:
    child = _child(tmp_path, "plateau: {factor: 0.5}", "clip: null", "epochs: null", "steps: 1000")
    assert child.plateau is not None
    assert (child.plateau.patience, child.plateau.factor) == (3, 0.5)
    assert child.clip is None
    assert (child.epochs, child.steps) == (None, 1000)


def test_params_are_given_from_outside(tmp_path: Path) -> None:
    child = _child(tmp_path, augment="false", epochs="7")
    assert (child.epochs, child.data.augment) == (7, ())
    with pytest.raises(SpecError, match="unknown param `epoch`"):
        _child(tmp_path, epoch=3)
    with pytest.raises(SpecError, match="a whole number is expected"):
        _child(tmp_path, epochs=1.5)


def test_what_ships_is_extended_by_its_name(tmp_path: Path) -> None:
    child = tmp_path / "child.yaml"
    child.write_text("archspec: 1\nrecipe: child\nextends: cifar10_keras\nbatch: 128\n", encoding="utf-8")
    settings = resolve(load(child))
    assert (settings.batch, settings.epochs) == (128, 200)
    assert settings.place("batch").source.name == str(child)
    assert settings.place("optimizer").source.name.endswith("cifar10_keras.yaml")
