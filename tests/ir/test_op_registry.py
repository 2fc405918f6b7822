"""Ops are found by name; the module of one is imported when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import pytest

import archspec.ir.ops
from archspec.ir.attributes import FloatKind, attribute
from archspec.ir.op import Example, OpKind
from archspec.ir.op_registry import OpRegistry
from archspec.ir.ops import CORE, OPS
from archspec.ir.ops.activations import Elu, Relu
from archspec.ir.ops.base import Elementwise


def test_each_op_stands_in_the_module_that_is_imported_for_it() -> None:
    for file in Path(archspec.ir.ops.__file__).parent.glob("[!_]*.py"):
        import_module(f"archspec.ir.ops.{file.stem}")
    assert {name for name in OPS if OPS[name].__module__.startswith("archspec.ir.ops.")} == CORE
    assert all(OPS[name].name == name for name in CORE)


def test_a_network_of_convolutions_imports_no_transformers() -> None:
    code = """
import sys, archspec
archspec.compile("resnet50")
found = {name.removeprefix("archspec.ir.ops.") for name in sys.modules if name.startswith("archspec.ir.ops.")}
assert {"linear", "norms", "pools"} <= found, found
assert not found & {"attention", "windows", "tokens", "interpolation"}, found
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_other_packages_find_the_classes_of_ops_beside_the_registry() -> None:
    code = """
from archspec.ir.ops import Clamp, Conv, GraphInput, WindowAttention
import archspec.ir.ops.linear, archspec.ir.ops
assert Conv is archspec.ir.ops.linear.Conv
assert Clamp.name == "clip"
assert all(getattr(archspec.ir.ops, op.__name__) is op for op in archspec.ir.ops.OPS.values())
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    for name in ("ConvNd", "OpKind", "conv2d"):
        with pytest.raises(AttributeError, match=name):
            getattr(archspec.ir.ops, name)


def test_a_module_is_imported_once_and_for_its_own_ops_alone() -> None:
    registry, asked = OpRegistry(), list[str]()

    def imported(module: str) -> None:
        asked.append(module)
        registry.register(Relu)
        registry.register(Elu)

    registry.expect(Relu.__module__, ["relu", "elu"], imported)
    assert list(registry)[:2] == ["relu", "elu"]
    assert "elu" in registry
    assert not asked
    assert (registry["elu"], registry["relu"]) == (Elu, Relu)
    assert asked == [Relu.__module__]


def test_no_other_module_takes_the_name_of_an_op_that_is_expected() -> None:
    class Taken(Elementwise):
        """Another's."""

        __slots__ = ()
        name: ClassVar[str] = "relu"
        kind: ClassVar[OpKind] = "activation"
        example: ClassVar[Example] = Example((4,), "relu")

    registry = OpRegistry()
    registry.expect(Relu.__module__, ["relu"], lambda module: None)
    with pytest.raises(ValueError, match="two ops are called relu"):
        registry.register(Taken)


def test_an_op_whose_expected_name_is_not_registered_is_named() -> None:
    registry = OpRegistry()
    registry.expect("elsewhere", ["relu"], lambda module: None)
    with pytest.raises(TypeError, match="elsewhere registers no op relu"):
        registry["relu"]


def test_attributes_that_no_dataclass_reads_are_refused() -> None:
    class Forgotten(Elementwise):
        """Its attribute would be the same for all of its layers."""

        __slots__ = ()
        rate: float = attribute(FloatKind(), "a number", default=0.0)
        name: ClassVar[str] = "forgotten"
        kind: ClassVar[OpKind] = "activation"
        example: ClassVar[Example] = Example((4,), "forgotten")

    with pytest.raises(TypeError, match=r"Forgotten is no `@dataclass\(frozen=True, slots=True\)`"):
        OpRegistry().register(Forgotten)


def test_ops_without_attributes_compare_and_are_frozen_as_others() -> None:
    assert Relu() == Relu()
    assert hash(Relu()) == hash(Relu())
    assert Relu() != OPS["tanh"]()
    assert repr(Relu()) == "Relu()"
    with pytest.raises((AttributeError, TypeError)):
        Relu().rate = 1  # type: ignore[attr-defined]
