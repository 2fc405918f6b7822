"""A `.keras` file of a network with the usual layers loads in a process that knows nothing of archspec."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.spec.loading import load_text
from tests.needed import needs

pytestmark = needs("keras")

TEXT = """
archspec: 1
name: saved
input: {channels: 4, height: 8, width: 8}
blocks:
  unit:
    params: {filters: {}, groups: 1}
    layers:
      - conv: {filters: filters, kernel: 3, padding: 1, groups: groups, bias: false}
      - batch_norm
      - relu
layers:
  - unit: {filters: 8}
  - unit: {filters: 8, groups: 8}
  - unit: {filters: 16}
  - global_avg_pool: {keep_axes: false}
  - dense: {units: 3}
"""
MANY = TEXT.replace(
    "  - global_avg_pool",
    "  - conv: {filters: 8, kernel: 1, bias: false, init: {kaiming_normal: fan_out}}\n  - batch_norm\n" * 4
    + "  - global_avg_pool",
)
"""With layers whose common arguments are written once."""
LOAD = """
import sys
import keras
import numpy as np
model = keras.models.load_model(sys.argv[1])
np.save(sys.argv[3], model(np.load(sys.argv[2])))
assert not any("archspec" in name for name in sys.modules)
"""


@pytest.mark.slow
@pytest.mark.parametrize("text", [TEXT, MANY], ids=["few", "many"])
def test_it_loads_in_a_fresh_process(text: str, tmp_path: Path) -> None:
    model: Any = archspec.build(archspec.compile(load_text(text)), "keras", seed=1)
    x = np.random.default_rng(0).standard_normal((2, 8, 8, 4)).astype(np.float32)
    model.save(tmp_path / "saved.keras")
    np.save(tmp_path / "x.npy", x)
    arguments = [str(tmp_path / name) for name in ("saved.keras", "x.npy", "y.npy")]
    subprocess.run([sys.executable, "-c", LOAD, *arguments], check=True, cwd=tmp_path, env=os.environ, timeout=300)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), np.asarray(model(x)), rtol=1e-5, atol=1e-6)


def test_batch_norms_have_their_common_arguments_once() -> None:
    """Where there are many."""
    source = str(archspec.generate(archspec.compile(load_text(MANY)), "keras"))
    assert source.count('kaiming_normal("fan_out")') == 1  # the convolutions are a loop
    assert "\nbatch_norm = partial(BatchNormalization, momentum=0.9, epsilon=1e-5)\n" in source
    assert source.count("momentum=") == 1
    assert "register_keras_serializable" not in source


def test_channels_by_themselves_are_convolved_depthwise() -> None:
    source = str(archspec.generate(archspec.compile(load_text(TEXT)), "keras"))
    assert source.count("DepthwiseConv2D(") == 1
    assert "groups=" not in source


def test_nothing_is_padded_by_nothing() -> None:
    text = """
archspec: 1
name: padded
input: {channels: 4, height: 9, width: 9}
blocks:
  unit:
    params: {filters: {}, kernel: 1, stride: 1}
    layers: [conv: {filters: filters, kernel: kernel, stride: stride, padding: kernel // 2}]
layers:
  - unit: {filters: 8}
  - unit: {filters: 8, kernel: 3}
  - unit: {filters: 8, kernel: 5, stride: 2}
"""
    model: Any = archspec.build(archspec.compile(load_text(text)), "keras")
    pads = [layer for layer in model.layers if "pad" in layer.name]
    assert [layer.padding for layer in pads] == [((2, 2), (2, 2))]  # at stride 1 the convolution pads
