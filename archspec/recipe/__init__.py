"""Recipes: how networks are trained, from YAML to checked values. No framework, no network, no data."""

from archspec.recipe.augmentations import AUGMENTATIONS, Augmentation
from archspec.recipe.images import PREPARATIONS, Preparation, Shape, Step
from archspec.recipe.loading import find, load, load_text, shipped_recipes
from archspec.recipe.losses import LOSSES, METRICS, LossFunction, Metric
from archspec.recipe.model import Recipe
from archspec.recipe.optimizers import OPTIMIZERS, Optimizer
from archspec.recipe.part import Part, Registry
from archspec.recipe.schedules import PHASES, Phase, Schedule
from archspec.recipe.sections import CLIPS, Checkpoint, Clip, EarlyStopping, Ema, Plateau, Share, WeightDecay
from archspec.recipe.settings import DataSettings, ResolvedRecipe, measured, resolve
from archspec.recipe.sources import SOURCES, DataSource, KnownData

__all__ = [
    "AUGMENTATIONS",
    "CLIPS",
    "LOSSES",
    "METRICS",
    "OPTIMIZERS",
    "PHASES",
    "PREPARATIONS",
    "SOURCES",
    "Augmentation",
    "Checkpoint",
    "Clip",
    "DataSettings",
    "DataSource",
    "EarlyStopping",
    "Ema",
    "KnownData",
    "LossFunction",
    "Metric",
    "Optimizer",
    "Part",
    "Phase",
    "Plateau",
    "Preparation",
    "Recipe",
    "Registry",
    "ResolvedRecipe",
    "Schedule",
    "Shape",
    "Share",
    "Step",
    "WeightDecay",
    "find",
    "load",
    "load_text",
    "measured",
    "resolve",
    "shipped_recipes",
]
