"""What is said of the names that networks have elsewhere, in the place of a spec."""

from __future__ import annotations

import pytest

import archspec
from archspec import SpecError


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
