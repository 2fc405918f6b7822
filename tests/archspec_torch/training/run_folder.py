"""Run folders of small networks and data, and programs run in them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

import archspec
from archspec.ir.graph import LayerGraph
from archspec.recipe import load
from archspec.training.data.config import DataConfig
from archspec.training.data.module import data_module
from archspec.training.data.parts.arrays import Arrays
from archspec.training.data.parts.mixing import Mix
from archspec.training.facts import DataFacts
from archspec.training.plan import TrainingPlan, plan_of
from archspec_torch import backend

SMALL = """
archspec: 1
name: small
input: [1, 6, 6]
layers:
  - conv: {out: 4, kernel: 3, padding: 1}
  - batch_norm
  - relu
  - conv: {out: 6, kernel: 3, padding: 1}
  - relu
  - global_avg_pool
  - flatten
  - dense: 3
"""
