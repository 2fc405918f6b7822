"""The commands that know recipes: validate, list, new and schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archspec.cli import main
from archspec.recipe import load, resolve, shipped_recipes
from archspec.starters import RECIPE, starter
from tests.recipe.recipes import suggested, text


@pytest.fixture(autouse=True)
def _there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_validate_tells_recipes_from_networks(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.yaml").write_text(text(), encoding="utf-8")
    code, out, err = _run(capsys, "validate", "digits", "lenet", "mine.yaml")
    assert (code, err) == (0, "")
    assert [line.partition(" (")[0] for line in out.splitlines()] == [
        "digits: right",
        "lenet: right",
        "mine.yaml: right",
    ]
    assert "(a recipe: digits, sgd, batches of 64, 40 epochs)" in out


def test_validate_warns_and_fails_where_it_is_asked_to(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "validate", "cifar10_keras")
    assert (code, out.count("right")) == (0, 1)
    assert err.count("warning[E09") == 2
    assert _run(capsys, "validate", "cifar10_keras", "--strict")[0] == 3
    assert _run(capsys, "validate", "cifar10_paper", "--strict")[0] == 0
    code, out, _ = _run(capsys, "validate", "cifar10_keras", "--format", "json")
    assert code == 0
    assert {(each["code"], each["severity"]) for each in json.loads(out)} == {
        ("E0911", "warning"),
        ("E0912", "warning"),
    }


def test_validate_holds_a_recipe_against_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "validate", "cifar10_keras", "--network", "cifar_resnet_keras")
    assert code == 0
    assert "with cifar_resnet_keras: 200 epochs of 1,563 steps, 312,600 in all" in out
    code, _, err = _run(capsys, "validate", "cifar10_keras", "--network", "resnet50")
    assert code == 1
    assert "error[E0901]" in err
    code, out, _ = _run(capsys, "validate", "imagenet_paper", "--network", "resnet50")
    assert code == 0
    assert "whether it fits resnet50 is seen once its data are" in out
    Path("mine.yaml").write_text(text(data="{source: mnist, validation: {share: 0.1, per_class: true}}"), "utf-8")
    code, out, _ = _run(capsys, "validate", "mine.yaml", "--network", "lenet")
    assert code == 0
    assert "whether it fits lenet" in out


def test_validate_sets_params(capsys: pytest.CaptureFixture[str]) -> None:
    assert "7 epochs" in _run(capsys, "validate", "digits", "--set", "epochs=7")[1]
    code, _, err = _run(capsys, "validate", "digits", "--set", "epoch=7")
    assert code == 1
    assert "did you mean `epochs`?" in err


def test_a_network_is_no_recipe_and_a_recipe_no_network(capsys: pytest.CaptureFixture[str]) -> None:
    Path("net.yaml").write_text("archspec: 1\nname: net\ninput: {shape: [4]}\nlayers: [relu]\n", encoding="utf-8")
    Path("mine.yaml").write_text(text(extends="net.yaml"), encoding="utf-8")
    code, _, err = _run(capsys, "validate", "mine.yaml")
    assert code == 1
    assert "error[E0205]: this recipe extends a network" in err
    Path("mine.yaml").write_text(text(), encoding="utf-8")
    code, _, err = _run(capsys, "build", "mine.yaml", "--backend", "torch", "--no-verify")
    assert code == 1
    assert "error[E0205]: this is a recipe for training, and no network" in err


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = _run(capsys, "list", "--recipes")
    assert [line.split()[0] for line in out.splitlines()[2:]] == shipped_recipes()
    assert _run(capsys, "list", "--recipes", "--names")[1].split() == shipped_recipes()
    rows = json.loads(_run(capsys, "list", "--recipes", "--format", "json")[1])
    assert [row["name"] for row in rows] == shipped_recipes()
    assert {"name", "title", "data", "batch", "epochs", "steps"} == rows[0].keys()
    assert not set(shipped_recipes()) & set(_run(capsys, "list", "--names")[1].split())


def test_a_recipe_to_start_from_and_what_it_suggests(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "new", "mine", "--kind", "recipe")
    assert code == 0
    assert "archspec build" not in out
    assert "archspec schema --recipe" in out
    written = Path("mine.yaml").read_text(encoding="utf-8")
    assert written == starter(RECIPE, "mine")
    texts = [written, *suggested(written)]
    assert len(texts) >= 15
    for number, edited in enumerate(texts):
        path = Path(f"edit_{number}.yaml")
        path.write_text(edited, encoding="utf-8")
        assert resolve(load(path)).batch == 128


@pytest.mark.parametrize("name", shipped_recipes())
def test_a_copy_of_what_ships(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run(capsys, "new", "mine", "--like", name)[0] == 0
    copy, origin = resolve(load(Path("mine.yaml"))), resolve(load(name))
    assert (copy.recipe.name, copy.recipe.title) == ("mine", f"begun as a copy of {name}")
    assert copy == origin  # but for where it is written


def test_the_schema(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["schema", "--recipe"]) == 0
    assert b'"urn:archspec:recipe:1"' in capsysbinary.readouterr().out
    assert main(["schema", "--recipe", "-o", "recipe.schema.json"]) == 0
    main(["new", "mine", "--kind", "recipe"])
    assert (
        Path("mine.yaml").read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=recipe.schema.json\n")
    )
