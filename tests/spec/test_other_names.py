"""What is said of the names that networks have elsewhere, in the place of a spec."""

from __future__ import annotations

from typing import Any

import pytest

import archspec
from archspec import SpecError
from archspec.spec import load_text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet_timm:resnet50", "write `resnet_timm --set variant=resnet50`"),
        ("resnet_timm:resnet51", "did you mean `resnet50`?"),
        ("resnet50:v2", "resnet50 has no such variant"),
        ("resnet50d", "write `resnet_timm --set variant=resnet50d`"),
        ("timm/resnet50d", "write `resnet_timm --set variant=resnet50d`"),
        ("timm:resnet50d", "write `resnet_timm --set variant=resnet50d`"),
        ("convnext_tiny", "`convnext --set variant=tiny`"),
        ("torchvision.models.resnet50", "write `resnet50`"),
        ("keras.applications.EfficientNetB0", "write `efficientnet_keras --set variant=b0`"),
        ("efficientnetb0", "write `efficientnet_keras --set variant=b0`"),
        ("EfficientNetB0", "write `efficientnet_keras --set variant=b0`"),
        ("elsewhere/resnet50", "`resnet50` ships: name it without its folder\n"),
        ("elsewhere/resnet50.yaml", "`resnet50` ships: name it without its folder and `.yaml`"),
        ("resnet49", "did you mean `resnet"),
    ],
)
def test_a_name_from_elsewhere(name: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        archspec.load(name)
    [found] = caught.value.diagnostics
    assert found.code in ("E0101", "E0106")
    assert said in f"{found.help}\n"


def test_a_name_of_nothing() -> None:
    with pytest.raises(SpecError) as caught:
        archspec.load("nothing.of.this.kind")
    assert caught.value.diagnostics[0].help == ""


@pytest.mark.parametrize(
    ("network", "name", "said"),
    [
        ("resnet_timm", "num_classes", "did you mean `classes`?"),
        ("mobilenet_keras", "alpha", "did you mean `width`?"),
        ("swin_timm", "img_size", "did you mean `size`?"),
        ("resnet18", "in_chans", "did you mean `in_channels`?"),
        ("resnet_timm", "in_chans", "`extends: resnet_timm` and `input: {channels: ...}`"),
    ],
)
def test_a_param_by_the_word_of_another_library(network: str, name: str, said: str) -> None:
    params: dict[str, Any] = {name: 1}
    with pytest.raises(SpecError) as caught:
        archspec.load(network, **params)
    [found] = caught.value.diagnostics
    assert found.code == "E0401"
    assert said in found.help


def test_the_two_lines_that_are_named_are_a_spec() -> None:
    text = "archspec: 1\nname: four\nextends: resnet_timm\ninput: {channels: 4}\n"
    graph = archspec.compile(load_text(text, overrides={"variant": "resnet18"}))
    assert graph.all_weights["conv1.weight"].shape == (64, 4, 7, 7)
