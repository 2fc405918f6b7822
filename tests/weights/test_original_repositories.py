"""Checkpoints of the repositories in which networks were published first, under their names, and wrapped as there.

The names are written down here without archspec's maps, by what the repositories' classes are called:
https://github.com/microsoft/Swin-Transformer, https://github.com/facebookresearch/ConvNeXt,
https://github.com/facebookresearch/ConvNeXt-V2 and https://github.com/facebookresearch/deit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

import archspec
from archspec.checkpoints import candidates
from archspec.parity import random_weights
from archspec.weights import read_weights
from tests.needed import lazily, needs

torch: Any = lazily("torch")
Arrays = dict[str, Any]
SWIN: Final = {
    "width": 8,
    "depths": [2, 1, 2, 1],
    "heads": [1, 2, 2, 4],
    "window": 2,
    "size": 64,
    "classes": 3,
}
CONVNEXT: Final = {"widths": [8, 12, 16, 20], "depths": [1, 2, 1, 1], "classes": 3}
VIT: Final = {"features": 32, "heads": 2, "depth": 2, "size": 64, "classes": 3}


def _renamed(rules: dict[str, str | Callable[[re.Match[str]], str]]) -> Callable[[Arrays], Arrays]:
    """All names by the first pattern that a name begins with."""

    def apply(arrays: Arrays) -> Arrays:
        found: Arrays = {}
        for name, array in arrays.items():
            for pattern, new in rules.items():
                if re.match(pattern, name):
                    found[re.sub(f"^{pattern}", new, name, count=1)] = array
                    break
            else:
                found[name] = array
        return found

    return apply


def _timm_swin(arrays: Arrays) -> Arrays:
    """Stages merge patches at their end, and the classifier stands alone."""
    moved = _renamed(
        {
            r"layers\.(\d+)\.downsample": lambda match: f"layers.{int(match[1]) - 1}.downsample",
            r"head\.fc": "head",
        }
    )
    return _with_masks(moved(arrays))


def _torchvision_swin(arrays: Arrays) -> Arrays:
    moved = _renamed(
        {
            r"features\.0\.0": "patch_embed.proj",
            r"features\.0\.2": "patch_embed.norm",
            r"features\.(\d+)\.(norm|reduction)": lambda m: f"layers.{int(m[1]) // 2 - 1}.downsample.{m[2]}",
            r"features\.(\d+)\.(\d+)\.mlp\.0": lambda m: f"layers.{int(m[1]) // 2}.blocks.{m[2]}.mlp.fc1",
            r"features\.(\d+)\.(\d+)\.mlp\.3": lambda m: f"layers.{int(m[1]) // 2}.blocks.{m[2]}.mlp.fc2",
            r"features\.(\d+)\.(\d+)": lambda m: f"layers.{int(m[1]) // 2}.blocks.{m[2]}",
        }
    )
    return _with_masks(_apart(moved(arrays)))


def _apart(arrays: Arrays) -> Arrays:
    """Swin V2's biases: keys have none."""
    found = dict(arrays)
    for name in [name for name in arrays if name.endswith("qkv.bias") and name[:-8] + "logit_scale" in arrays]:
        query, _, value = np.split(found.pop(name), 3)
        found |= {name[:-8] + "q_bias": query, name[:-8] + "v_bias": value}
    return found


def _with_masks(arrays: Arrays) -> Arrays:
    """What follows from sizes is saved, too."""
    found = dict(arrays)
    for name in arrays:
        if name.endswith("attn.proj.weight"):
            block = name.removesuffix("attn.proj.weight")
            found[block + "attn.relative_position_index"] = np.zeros((4, 4), np.int64)
            if block + "attn.logit_scale" in arrays:
                found[block + "attn.relative_coords_table"] = np.zeros((1, 3, 3, 2), np.float32)
            if int(block.split(".")[3]) % 2:
                found[block + "attn_mask"] = np.zeros((9, 4, 4), np.float32)
    return found


def _timm_convnext(arrays: Arrays) -> Arrays:
    moved = _renamed(
        {
            r"stem": "downsample_layers.0",
            r"stages\.(\d+)\.downsample": r"downsample_layers.\1",
            r"stages\.(\d+)\.blocks\.(\d+)\.conv_dw": r"stages.\1.\2.dwconv",
            r"stages\.(\d+)\.blocks\.(\d+)\.mlp\.fc(\d)": r"stages.\1.\2.pwconv\3",
            r"stages\.(\d+)\.blocks\.(\d+)\.mlp\.grn\.weight": r"stages.\1.\2.grn.gamma",
            r"stages\.(\d+)\.blocks\.(\d+)\.mlp\.grn\.bias": r"stages.\1.\2.grn.beta",
            r"stages\.(\d+)\.blocks\.(\d+)": r"stages.\1.\2",
            r"head\.norm": "norm",
            r"head\.fc": "head",
        }
    )(arrays)
    # Dense layers where timm may have convolutions of 1x1; the norm's weights meet images with channels last.
    return {
        name: array.reshape(array.shape[:2])
        if ".pwconv" in name and array.ndim == 4
        else array.reshape(1, 1, 1, -1)
        if ".grn." in name
        else array
        for name, array in moved.items()
    }


def _torchvision_convnext(arrays: Arrays) -> Arrays:
    def unit(m: re.Match[str]) -> str:
        layer = {"0": "dwconv", "2": "norm", "3": "pwconv1", "5": "pwconv2"}[m[3]]
        return f"stages.{int(m[1]) // 2}.{m[2]}.{layer}"

    moved = _renamed(
        {
            r"features\.0\.": "downsample_layers.0.",
            r"features\.(\d+)\.(\d+)\.block\.(\d)": unit,
            r"features\.(\d+)\.(\d+)\.layer_scale": lambda m: f"stages.{int(m[1]) // 2}.{m[2]}.gamma",
            r"features\.(\d+)\.(\d+)": lambda m: f"downsample_layers.{int(m[1]) // 2}.{m[2]}",
            r"classifier\.0": "norm",
            r"classifier\.2": "head",
        }
    )(arrays)
    return {name: array.ravel() if name.endswith("gamma") else array for name, array in moved.items()}


ORIGINALS: Final[dict[str, tuple[str, dict[str, Any], Callable[[Arrays], Arrays]]]] = {
    "Swin, as torchvision": ("swin", SWIN, _torchvision_swin),
    "Swin, as timm": ("swin_timm", SWIN, _timm_swin),
    "Swin V2, as torchvision": ("swin_v2", SWIN, _torchvision_swin),
    "Swin V2, as timm": ("swin_v2_timm", SWIN, _timm_swin),
    "ConvNeXt, as torchvision": ("convnext", CONVNEXT, _torchvision_convnext),
    "ConvNeXt, as timm": ("convnext_timm", {**CONVNEXT, "convolutions": False}, _timm_convnext),
    "ConvNeXt V2, small": ("convnext_v2_timm", CONVNEXT, _timm_convnext),
    "ConvNeXt V2, large": ("convnext_v2_timm", {**CONVNEXT, "convolutions": False}, _timm_convnext),
    "DeiT": ("vit_timm", VIT, dict),
    "DeiT, distilled": ("vit_timm", {**VIT, "distilled": True}, dict),
    "DeiT III": (
        "vit_timm",
        {**VIT, "layer_scale": True, "class_position": False},
        _renamed({r"blocks\.(\d+)\.ls(\d)\.gamma": r"blocks.\1.gamma_\2"}),
    ),
}


def _made(name: str) -> tuple[archspec.LayerGraph, Arrays]:
    spec, params, _ = ORIGINALS[name]
    graph = archspec.compile(spec, **params)
    arrays = {path: array.astype(np.float32) for path, array in random_weights(graph).items()}
    for path, array in arrays.items():  # which Microsoft's networks have no place for
        if path.endswith("qkv.bias") and path[:-8] + "logit_scale" in arrays:
            array[len(array) // 3 : 2 * len(array) // 3] = 0
    return graph, arrays


@needs("torch")
@pytest.mark.parametrize("name", ORIGINALS)
def test_original_names(name: str, tmp_path: Path) -> None:
    graph, arrays = _made(name)
    renamed = ORIGINALS[name][2](arrays)
    assert renamed.keys() != arrays.keys() or name in ("DeiT", "DeiT, distilled")
    state = {path: torch.from_numpy(array.copy()) for path, array in renamed.items()}
    torch.save({"model": state, "epoch": torch.tensor(3)}, tmp_path / "w.pth")
    found, report = read_weights(tmp_path / "w.pth", graph)
    assert report.complete, report.lists()
    assert not report.doubts
    for path, array in arrays.items():
        assert np.array_equal(found[path], array), path


@needs("torch")
def test_inspection_names_the_network(tmp_path: Path) -> None:
    graph = archspec.compile("swin_timm")
    arrays = {name: np.broadcast_to(np.float32(0.5), weight.shape) for name, weight in graph.all_weights.items()}
    state = {name: torch.from_numpy(np.array(array)) for name, array in _timm_swin(arrays).items()}
    torch.save({"model": state}, tmp_path / "w.pth")
    assert any(each.name in ("swin", "swin_timm") and each.complete for each in candidates(tmp_path / "w.pth"))
