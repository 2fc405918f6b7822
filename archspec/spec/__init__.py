"""Specs: from YAML to frozen, validated models that know where each value is written."""

from archspec.spec.base import Attribute, Model
from archspec.spec.depth import Depth
from archspec.spec.inputs import Input
from archspec.spec.items import Call, Item, Refused, Repeat, Reuse, Sequence, Stage, Tap
from archspec.spec.loading import find, load, load_text
from archspec.spec.located_data import LocatedDict, LocatedList
from archspec.spec.model import Block, Spec
from archspec.spec.params import Param
from archspec.spec.pretrained import Pretrained
from archspec.spec.shipped_specs import shipped
from archspec.spec.units import Unit, Units

__all__ = [
    "Attribute",
    "Block",
    "Call",
    "Depth",
    "Input",
    "Item",
    "LocatedDict",
    "LocatedList",
    "Model",
    "Param",
    "Pretrained",
    "Refused",
    "Repeat",
    "Reuse",
    "Sequence",
    "Spec",
    "Stage",
    "Tap",
    "Unit",
    "Units",
    "find",
    "load",
    "load_text",
    "shipped",
]
