"""Models made ready to be timed: as they are, in another layout, or compiled."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from archspec.bench.backend import TimedModel
from archspec.ir.graph import LayerGraph
from archspec_torch.tensors import outputs_of, to_numpy, to_tensors
from archspec_torch.training import loss_of

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays


def timed(
    model: nn.Module, graph: LayerGraph, inputs: Arrays, *, variant: str, targets: Arrays | None = None
) -> TimedModel:
    """See `TimesModels.timed`."""

    def loss(result: Any) -> Tensor:
        assert targets is not None
        return loss_of(outputs_of(result, graph), targets)

    def named(result: Any) -> Mapping[str, Tensor]:
        return outputs_of(result, graph)

    return _timed_module(model, to_tensors(model, graph, inputs), named, variant, loss if targets else None)


def timed_rival(
    model: nn.Module,
    graph: LayerGraph,
    inputs: Arrays,
    *,
    weights: Sequence[Arrays],
    targets: Arrays | None,
    dtype: str,
    device: str | None,
) -> tuple[TimedModel, bool]:
    """See `TimesModels.timed_rival`: it is given the weights where its state dict has the same names and shapes."""
    state = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if not name.endswith(".num_batches_tracked") and name not in graph.derived
    }
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    fitting = [form for form in weights if shapes == {name: array.shape for name, array in form.items()}][:1]
    with torch.no_grad():
        for form in fitting:
            for name, tensor in state.items():
                tensor.copy_(torch.from_numpy(form[name]))
    model = model.to(dtype=getattr(torch, dtype), device=device or "cpu")

    def named(result: Any) -> Mapping[str, Tensor]:
        if isinstance(result, Mapping):
            return result
        given = result if isinstance(result, tuple | list) else (result,)
        return dict(zip(graph.outputs, given, strict=False))

    def loss(result: Any) -> Tensor:
        assert targets is not None
        return loss_of({name: named(result)[name] for name in targets}, targets)

    timed = _timed_module(model, to_tensors(model, graph, inputs), named, "", loss if targets else None)
    return timed, bool(fitting)


def _timed_module(
    model: nn.Module,
    tensors: Sequence[Tensor],
    named: Callable[[Any], Mapping[str, Tensor]],
    variant: str,
    loss: Callable[[Any], Tensor] | None,
) -> TimedModel:
    """Any module on a batch; `named` gives its outputs by name, `loss` is what it is trained by, if it is."""
    if variant == "channels_last":
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        tensors = [each.to(memory_format=torch.channels_last) if each.dim() == 4 else each for each in tensors]
    synchronize = torch.cuda.synchronize if any(each.is_cuda for each in tensors) else _nothing
    if loss is not None:
        return _training(model, tensors, variant, loss, synchronize)
    model.eval()
    call = _inference(model, tensors, variant)

    @torch.no_grad()
    def step() -> Any:
        result = call(*tensors)
        synchronize()
        return result

    return TimedModel(step, lambda: {name: to_numpy(tensor) for name, tensor in named(step()).items()})


def _inference(model: nn.Module, tensors: Sequence[Tensor], variant: str) -> Callable[..., Any]:
    if variant != "aot":
        return _compiled(model, variant)
    from torch._inductor import aoti_compile_and_package, aoti_load_package

    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        exported = torch.export.export(model, tuple(tensors))
        package = aoti_compile_and_package(exported, package_path=str(Path(folder) / "model.pt2"))
        call: Callable[..., Any] = aoti_load_package(package)
    return call


def _compiled(model: nn.Module, variant: str) -> Callable[..., Any]:
    match variant:
        case "compile":
            return torch.compile(model)
        case "max-autotune":
            return torch.compile(model, mode="max-autotune")
        case "freezing":
            from torch._inductor import config

            config.freezing = True  # the weights are constants; this process has no other model
            return torch.compile(model)
    return model


def _training(
    model: nn.Module,
    tensors: Sequence[Tensor],
    variant: str,
    loss: Callable[[Any], Tensor],
    synchronize: Callable[[], object],
) -> TimedModel:
    model.train()
    call = _compiled(model, variant)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step() -> Any:
        optimizer.zero_grad()
        value = loss(call(*tensors))
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        synchronize()
        return value

    return TimedModel(step, dict)


def _nothing() -> None:
    """What need not be waited for: a processor computes what it is told at once."""
