"""Initial weights of networks whose library cuts them at -2 and 2 have the standard deviation that it names.

timm and torchvision write `trunc_normal_(weight, std=0.02)`, whose cut is at -2 and 2, not at so many standard
deviations: nothing is cut off. `truncated_normal`, which cuts at two standard deviations, leaves 0.88 of it.
"""

from __future__ import annotations

from typing import Any

import pytest

import archspec

CASES = [
    ("vit_timm", {"variant": "tiny_16", "depth": 1}, "blocks.0.attn.qkv.weight", 0.02),
    ("vit_timm", {"variant": "tiny_16", "depth": 1}, "blocks.0.mlp.fc1.weight", 0.02),
    ("vit_timm", {"variant": "tiny_16", "depth": 1}, "pos_embed", 0.02),
    ("vit_timm", {"variant": "deit3_small", "depth": 1}, "pos_embed", 0.02),
    ("swin_timm", {"variant": "tiny"}, "layers.3.blocks.0.attn.qkv.weight", 0.02),
    ("swin_timm", {"variant": "tiny"}, "layers.3.blocks.0.mlp.fc1.weight", 0.02),
    ("swin", {}, "features.7.0.mlp.0.weight", 0.02),
    ("convnext", {}, "features.7.0.block.3.weight", 0.02),
    ("convnext", {}, "features.6.1.weight", 0.02),
    ("vision_transformer", {"variant": "b_16", "depth": 1}, "conv_proj.weight", 768**-0.5),
    ("googlenet", {}, "inception5b.branch2.1.conv.weight", 0.01),
    ("inception_v3", {}, "Mixed_7c.branch_pool.conv.weight", 0.1),
    ("inception_v3", {}, "fc.weight", 0.1),
]


@pytest.mark.parametrize(("spec", "params", "name", "std"), CASES)
def test_nothing_is_cut_off(spec: str, params: dict[str, Any], name: str, std: float) -> None:
    array = archspec.init_weights(archspec.compile(spec, **params))[name]
    assert array.std() == pytest.approx(std, rel=0.02)  # of 37,000 numbers and more: five times its own deviation
    assert abs(array).max() > 2.5 * std
