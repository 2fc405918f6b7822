"""The running PyTorch model."""

from __future__ import annotations

import pickle
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph
from archspec.spec import load_text
from tests.needed import lazily, needs

torch: Any = lazily("torch")
pytestmark = needs("torch")
overrides: Any = lazily("torch.overrides")


def test_a_model_whose_weights_are_given_draws_none() -> None:
    """Truncated normals are drawn again until they fit: what is not drawn must not be waited for."""
    graph = archspec.compile("convnext")
    weights = archspec.init_weights(graph, seed=0)
    state = torch.get_rng_state()
    model = archspec.build(graph, "torch", weights=weights)
    assert torch.equal(torch.get_rng_state(), state)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, torch.from_numpy(weights[name]))


def test_threads_build_one_network_at_once() -> None:
    """One class serves all of them: while a model is made its class, and so another thread's model, stays as it is."""
    graph = archspec.compile("mobilenet_keras")
    weights = archspec.init_weights(graph, seed=0)
    source = archspec.generate(graph, "torch") + "\n# a module that no test has made\n"
    target = backend("torch", BuildsModels)
    begin = threading.Barrier(4)

    def build(_: int) -> Any:
        begin.wait()
        return target.build(source, graph, weights=weights)

    with ThreadPoolExecutor(4) as pool:
        models = [model for _ in range(4) for model in pool.map(build, range(4))]
    assert len({*map(type, models)}) == 1
    for model in (models[0], pickle.loads(pickle.dumps(models[-1]))):
        assert "reset_parameters" not in vars(model)
        assert type(model).reset_parameters.__qualname__.endswith(f"{type(model).__name__}.reset_parameters")
        before = next(model.parameters()).clone()
        model.reset_parameters()
        assert not torch.equal(next(model.parameters()), before)


def test_a_class_stays_as_it_is_while_a_model_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = archspec.compile("vit_timm", depth=1, features=24, heads=2)
    given = archspec.init_weights(graph, seed=0)
    kind = type(archspec.build(graph, "torch", weights=given))
    wanted, found = vars(kind)["reset_parameters"], list[Any]()
    original = kind.__init__

    def watched(self: Any) -> None:
        found.append(vars(kind)["reset_parameters"])
        original(self)

    monkeypatch.setattr(kind, "__init__", watched)
    archspec.build(graph, "torch", weights=given)
    assert found == [wanted]


def _draws(graph: LayerGraph) -> dict[str, int]:
    """How many numbers `reset_parameters` draws for each weight, as shares of those that it has."""
    model = archspec.build(graph, "torch", seed=0)
    return _drawn_by(lambda: model.reset_parameters() or model)


def _drawn_by(make: Callable[[], Any]) -> dict[str, int]:
    """How many numbers are drawn for each weight of what is made, as shares of those that it has."""
    drawn: Counter[int] = Counter()

    class Counted(overrides.TorchFunctionMode):  # type: ignore[misc]  # imported lazily
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            given = kwargs or {}
            if getattr(func, "__name__", "") in {"normal_", "uniform_", "kaiming_uniform_", "zero_", "fill_"}:
                changed = args[0] if args else given["tensor"]
                drawn[changed.untyped_storage().data_ptr()] += changed.numel()
            return func(*args, **given)

    with torch.no_grad(), Counted():
        model = make()
    return {name: drawn[p.untyped_storage().data_ptr()] // p.numel() for name, p in model.named_parameters()}


@pytest.mark.parametrize(
    ("init", "cut"),
    [("{normal: 0.5}", 1), ("{uniform: 0.5}", 1), ("xavier_uniform", 2), ("kaiming_normal", 2)],
)
@pytest.mark.parametrize("maps", ["joint", "apart"])
def test_no_map_of_an_attention_is_drawn_twice_without_a_cause(init: str, cut: int, maps: str) -> None:
    """A joined map has other fans than its thirds, so that one that asks for them draws these after it."""
    given = "names: timm" if maps == "joint" else "maps: apart"
    text = (
        f"archspec: 1\nname: net\ninput: {{channels: 12, height: 3, width: 2}}\n"
        f"defaults: {{dense: {{init: {init}, bias_init: zeros}}, attention: {{init: {init}, bias_init: zeros}}}}\n"
        f"layers:\n  - to_tokens\n  - attention: {{name: a, heads: 2, {given}}}\n"
        f"  - attention: {{name: b, heads: 2, bias: false, {given}}}\n  - dense: {{units: 3}}\n"
    )
    graph = archspec.compile(load_text(text))
    backend("torch", BuildsModels).verify(archspec.generate(graph, "torch"), graph)
    found = _draws(graph)
    assert found.pop("dense.weight") == found.pop("dense.bias") == 1
    assert {*found.values()} == ({1} if maps == "apart" else {cut})


STARTS = """
archspec: 1
name: net
input: {channels: 4, height: 6, width: 6}
layers:
  - conv: {filters: 4, kernel: 3, init: kaiming_normal}
  - batch_norm
  - conv: {filters: 4, kernel: 3, bias: false, init: kaiming_normal}
  - batch_norm: {init: zeros}
  - flatten
  - dense: {units: 3}
"""


@pytest.mark.parametrize("built", [True, False])
def test_only_what_a_layer_draws_otherwise_is_drawn_again(built: bool) -> None:
    """A layer of PyTorch draws when it is made; `archspec.build` has each weight drawn once."""
    graph = archspec.compile(load_text(STARTS))
    kind = type(archspec.build(graph, "torch"))
    found = _drawn_by((lambda: archspec.build(graph, "torch")) if built else kind)
    again = set[str]() if built else {"conv.weight", "conv_2.weight", "batch_norm_2.weight"}
    assert {name for name, times in found.items() if times > 1} == again
    assert min(found.values()) == 1


@pytest.mark.parametrize("plain", ["init: {kaiming_normal: fan_out}", "init: zeros, bias_init: zeros"])
@pytest.mark.parametrize("own", ["", ", init: {normal: 3}"])
@pytest.mark.parametrize("op", ["standardized_conv", "scaled_standardized_conv"])
def test_a_kind_of_convolution_is_drawn_by_its_own_rule(op: str, own: str, plain: str) -> None:
    """Its class is one of PyTorch's convolutions, too, which another rule is for."""
    text = f"{op}: {{name: kind, filters: 64, kernel: 3{own}}}"
    head = "archspec: 1\nname: net\ninput: {channels: 4, height: 6, width: 6}\nlayers:\n"
    layers = f"  - {text}\n  - conv: {{name: plain, filters: 4, kernel: 1, {plain}}}\n"
    weights = archspec.build(archspec.compile(load_text(head + layers)), "torch").state_dict()
    wanted = 3.0 if own else (3 * 36) ** -0.5  # of PyTorch's own rule for fans of 36
    assert abs(float(weights["kind.weight"].std()) / wanted - 1) < 0.1
    assert bool(weights["plain.weight"].any()) is ("kaiming" in plain)


def test_a_network_whose_layers_draw_all_has_no_more_to_say() -> None:
    source = archspec.generate(archspec.compile("alexnet"), "torch")
    assert "reset_parameters" not in source
