"""The built-in backends satisfy the contracts that the commands need of them, and no others."""

from __future__ import annotations

import pytest

import archspec_keras
import archspec_onnx
import archspec_openvino
import archspec_torch
from archspec import BackendError
from archspec.codegen.backend import (
    Backend,
    BuildsModels,
    ExchangesWeights,
    OffersArguments,
    PacksModels,
    RunsModels,
    SavesWeights,
    TrainsModels,
)
from archspec.codegen.registry import backend, backends

# A type checker holds their signatures against the contracts.
TRAIN: tuple[TrainsModels, ...] = (archspec_torch.backend, archspec_keras.backend)
SAVE: tuple[SavesWeights, ...] = (archspec_torch.backend, archspec_keras.backend)
OFFER: tuple[OffersArguments, ...] = (archspec_torch.backend, archspec_keras.backend)
RUN: tuple[RunsModels, ...] = (archspec_onnx.backend, archspec_openvino.backend)
PACK: tuple[PacksModels, ...] = (archspec_onnx.backend, archspec_openvino.backend)

SOURCE = (Backend, BuildsModels, ExchangesWeights, RunsModels, TrainsModels, SavesWeights)
MODEL = (Backend, BuildsModels, ExchangesWeights, RunsModels, PacksModels)


@pytest.mark.parametrize(
    ("name", "satisfied"), [("torch", SOURCE), ("keras", SOURCE), ("onnx", MODEL), ("openvino", MODEL)]
)
def test_what_a_backend_does(name: str, satisfied: tuple[type[Backend], ...]) -> None:
    for contract in {*SOURCE, *MODEL}:
        if contract in satisfied:
            assert backend(name, contract) is backend(name)
            continue
        with pytest.raises(BackendError) as caught:
            backend(name, contract)
        [diagnostic] = caught.value.diagnostics
        assert diagnostic.code == "E0607"
        assert diagnostic.message.startswith(f"the backend `{name}` ")
        assert contract.__name__ in diagnostic.notes[0].message
        assert f"`{name}`" not in diagnostic.help


def test_the_built_in_backends_are_registered() -> None:
    assert {"torch", "keras", "onnx", "openvino"} <= set(backends())
