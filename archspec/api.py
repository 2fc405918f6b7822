"""The way from a spec to source and to a running model, in a few functions."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from archspec.ir.graph import LayerGraph
from archspec.limits import Budget, Limits
from archspec.spec import Spec
from archspec.spec import load as load_spec

if TYPE_CHECKING:
    import numpy as np

    from archspec.codegen.backend import Arrays, Source


Form: TypeAlias = Literal["training", "inference"]
"""What a network is wanted for: as its spec has it, which can be trained; or with fewer layers and the same results."""
FORMS: Final[tuple[Form, ...]] = get_args(Form)


def load(
    source: str | PathLike[str],
    /,
    *,
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
    **params: object,
) -> Spec:
    """A validated, frozen spec.

    Args:
        source: a path, or the bare name of a spec that ships (`resnet50`).
        limits: what the spec may ask for at most; see `archspec.Limits`.
        root: the folder that the files named in the spec must not leave; the spec's own folder if not given.
        params: values for the spec's params, as `--set` gives them.

    Raises:
        SpecError: the spec is wrong, or there is none.
        TypeError: `source` is neither a path nor a name.
    """
    if not isinstance(source, str | PathLike):
        found = "is loaded already" if isinstance(source, Spec) else f"was given a {type(source).__name__}"
        raise TypeError(
            "archspec.load takes the path of a spec, or the name of one that ships; "
            f"this {found} (archspec.spec.load_text reads the text of a spec)"
        )
    return loaded(source if isinstance(source, str) else Path(source), params, limits=limits, root=root)


def loaded(
    source: str | Path,
    params: Mapping[str, object],
    *,
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
    asked: Callable[[Path], object] | None = None,
) -> Spec:
    """`load` with the params as one mapping, whose names may be those of arguments: a command line gives any.

    `asked` is called with each file that is looked for, before it is read and whether or not it is there.
    """

    def check(spec: Spec, budget: Budget) -> None:
        from archspec.lowering import examine  # these two are only needed on the way to an error

        examine(spec, budget)

    def example(name: str, value: object, params: Mapping[str, Sequence[str]]) -> str:
        from archspec.suggestions.foreign_names import example, python_help

        return python_help(name, params) if value is None else example(name, value, params)

    return load_spec(source, params or None, example, limits=limits, root=root, asked=asked, check=check)


def compile(
    spec: Spec | str | PathLike[str],
    /,
    *,
    form: Form = "training",
    taps: Sequence[str] | None = None,
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
    **params: object,
) -> LayerGraph:
    """The layer graph of a spec, verified, with shapes and explicit padding: the layers that its outputs need.

    Args:
        spec: what `load` returned, or what it takes.
        form: `inference` leaves out what works in training alone, and folds batch norms, scales and pads into the
            layers beside them. Weights are those of the network as it is trained: they are folded with it.
        taps: names of tensors, which become the outputs; what none of them needs is left out. A name is a tap's, an
            input's, or the path of a layer, a stage, a unit or a block's call: `layer2`, `layer2.1`.
        limits, root, params: as for `load`; only where `spec` is not loaded yet.

    Raises:
        SpecError: the spec is wrong, or has no such tensor.
    """
    from archspec.lowering import lower
    from archspec.passes import run_passes
    from archspec.passes.check_depth import CheckDepth
    from archspec.passes.check_names import CheckNames
    from archspec.passes.check_training_outputs import CheckTrainingOutputs
    from archspec.passes.remove_dead_layers import RemoveDeadLayers
    from archspec.passes.resolve_padding import ResolvePadding

    if not isinstance(spec, Spec):
        spec = load(spec, limits=limits, root=root, **params)
    elif params or limits is not None or root is not None:
        raise TypeError("params are given to load(), or to compile() with a name or path, not to a loaded spec")
    passes = (ResolvePadding(), CheckNames(), RemoveDeadLayers(), CheckTrainingOutputs(), CheckDepth())
    graph = run_passes(lower(spec), passes).graph
    return form_of(_tapped(graph, taps), form)


def form_of(graph: LayerGraph, form: Form) -> LayerGraph:
    """A graph as it is trained, in the form that is wanted.

    Raises:
        TypeError: there is no such form.
    """
    if form not in FORMS:
        raise TypeError(f"form is one of {', '.join(FORMS)}, not {form!r}")
    if form == "training":
        return graph
    from archspec.passes.inference import inference_form

    return inference_form(graph)


def _tapped(graph: LayerGraph, taps: Sequence[str] | None) -> LayerGraph:
    """A whole graph, or what leads to some of its tensors."""
    if taps is None:
        return graph
    if isinstance(taps, str):
        raise TypeError(f"taps are a list of names, as in taps=[{taps!r}]")
    from archspec.passes import run_passes
    from archspec.passes.select_outputs import SelectOutputs

    return run_passes(graph, (SelectOutputs(tuple(taps)),)).graph


def graph_of(
    spec: Spec | LayerGraph | str | PathLike[str],
    taps: Sequence[str] | None,
    limits: Limits | None,
    root: str | PathLike[str] | None,
    params: Mapping[str, object],
    form: Form = "training",
) -> LayerGraph:
    """The graph of whatever names a network; params and the like are for what is not compiled yet."""
    if not isinstance(spec, LayerGraph):
        return compile(spec, form=form, taps=taps, limits=limits, root=root, **params)
    if params or limits is not None or root is not None:
        raise TypeError("params are given to compile(), not with a graph, which is compiled already")
    return form_of(_tapped(spec, taps), form)


def generate(
    graph: LayerGraph, backend: str, *, dtype: str | None = None, functions: bool = False, opset: int | None = None
) -> Source:
    """The source of a module for this graph, with its header; for ONNX the bytes of a model, its weights inputs.

    Args:
        graph: the network.
        backend: `torch`, `keras`, `onnx`, or another that is installed.
        dtype: of an ONNX model's weights and computation, `float32` if not given. Source is the same for all.
        functions: let an ONNX model have a function for each block. Source always has them.
        opset: the version of ONNX's operators in an ONNX model, 17 to 26; 23 if not given.

    Raises:
        BackendError: there is no such backend, it lacks an op of the graph, or it writes no such opset.
        SpecError: its expressions take too much work.
        TypeError: an opset is given for a backend that writes source.
    """
    from archspec.codegen.source_map import rendered

    source, head = rendered(graph, backend, dtype=dtype or "float32", functions=functions, opset=opset)
    return head + source if isinstance(source, str) else source


def init_weights(
    spec: Spec | LayerGraph | str | PathLike[str],
    /,
    *,
    seed: int = 0,
    taps: Sequence[str] | None = None,
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
    **params: object,
) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Weights drawn by the spec's initializers, the same everywhere, bit for bit; no framework is imported.

    A weight depends on the seed, its name, its shape and its initializer, and on nothing else: not on the layers around
    it, the machine, the version of NumPy, or the number of threads. docs/initialization.md has the scheme.

    Args:
        spec: a path, a shipped spec's name, a loaded spec, or a compiled graph.
        seed: any whole number.
        taps: names of tensors, as for `compile`: the weights that they need, each what it is without taps.
        limits, root: as for `load`; only where `spec` is not loaded yet.
        params: values for the spec's params.

    Returns:
        float32 arrays by canonical name (`layer1.0.conv1.weight`), in the canonical layout: convolutions (out,
        in / groups, *kernel), dense layers (out, in). Running statistics are among them. The arrays are parts of
        one block of memory, which is freed with the last of them.

    Raises:
        SpecError: the spec is wrong, or has no such tensor.
        TypeError: the seed is no whole number.
    """
    from archspec.initialization import draw

    return draw(graph_of(spec, taps, limits, root, params), seed)


def build(
    spec: Spec | LayerGraph | str | PathLike[str],
    /,
    backend: str,
    *,
    weights: str | PathLike[str] | Mapping[str, Any] | None = None,
    partial: bool = False,
    weights_key: str | None = None,
    strip_prefix: str | None = None,
    adapt: Sequence[str] = (),
    map: str | PathLike[str] | None = None,
    seed: int | None = None,
    form: Form = "training",
    taps: Sequence[str] | None = None,
    device: str | None = None,
    dtype: str | None = None,
    opset: int | None = None,
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
    **params: object,
) -> Any:
    """A running model: the generated source, executed.

    Args:
        spec: a path, a shipped spec's name, a loaded spec, or a compiled graph.
        backend: `torch` gives an `nn.Module`, `keras` a `keras.Model`, `onnx` an `onnx.ModelProto`.
        weights: a safetensors file or a PyTorch state dict file, or arrays by canonical name. Without them the
            weights are drawn by the spec's initializers, by the framework and its own seed unless `seed` is given.
            Weights that are doubtful (NaN, infinite, whole numbers) are loaded with a `WeightsWarning`.
        partial: load the weights that fit by name and shape, and draw the others. What was left out is the `report`
            of a `PartialWeightsWarning`.
        weights_key: the key of the file under which the weights are (`state_dict_ema`); without it the mapping is taken
            that fits best.
        strip_prefix: what stands before the network's names in the file (`backbone.`), where it does not stand before
            all of them; names without it are passed over.
        adapt: what of the weights is made to fit: `channels`, the kernel of the first convolution for another number
            of input channels; `head`, the classifier drawn anew, whatever the file has, or `head=281,282` with these
            classes of the file; `positions`, embeddings interpolated as timm does it and biases of
            windows as Swin's authors, `positions=torchvision`, or `positions=geometric`.
        map: whose names the file has: a map's file, the name of one that ships, or `order`, where weights are the
            network's in its order; found by the names if not given.
        seed: draw the weights as `init_weights` does, the same on every backend.
        form: as for `compile`; the form for inference takes the weights of the network as it is trained.
        taps: names of tensors, as for `compile`; the model gives them by name and computes nothing beyond them. Weights
            of the whole network fit it.
        device: where the model is put (`cuda`), in the framework's own words.
        dtype: of weights and computation: `float32` (the default), `float64`, `bfloat16`, `float16`.
        opset: of an ONNX model, as for `generate`.
        limits, root: as for `load`; only where `spec` is not loaded yet.
        params: values for the spec's params.

    Raises:
        SpecError: the spec is wrong, or has no such tensor.
        BackendError: the backend is missing, lacks an op, or builds no models.
        WeightsError: the weights cannot be read or do not fit; with `partial`, none of them does.
    """
    from archspec.codegen.backend import BuildsModels, PacksModels
    from archspec.codegen.registry import backend as find
    from archspec.ir.evaluation import evaluated

    graph = graph_of(spec, taps, limits, root, params, form)
    if seed is not None and weights is not None:
        raise TypeError("either weights are given, or a seed to draw them by")
    if weights is None and (partial or weights_key is not None or strip_prefix is not None or map is not None or adapt):
        raise TypeError("partial, weights_key, strip_prefix, map and adapt are for weights that are given")
    target = find(backend, BuildsModels)
    target.require()
    if isinstance(target, PacksModels):
        graph = evaluated(graph)  # its models have no outputs of training alone, and no weights for them
    if weights is None:
        from archspec.initialization import draw

        drawn = None if seed is None else draw(graph, seed)
        source = generate(graph, backend, dtype=dtype, opset=opset)
        return target.build(source, graph, weights=drawn, device=device, dtype=dtype)
    from archspec.weights import PartialWeightsWarning, WeightsWarning, read_weights

    arrays, report = read_weights(
        weights, graph, partial=partial, key=weights_key, prefix=strip_prefix, adapt=adapt, map=map
    )
    if report.doubts:
        warnings.warn(WeightsWarning(report), stacklevel=2)
    if not report.complete:
        warnings.warn(PartialWeightsWarning(report), stacklevel=2)
    source = generate(graph, backend, dtype=dtype, opset=opset)
    return with_weights(graph, backend, arrays, source=source, device=device, dtype=dtype)


def with_weights(
    graph: LayerGraph,
    backend: str,
    arrays: Arrays,
    *,
    source: Source | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> Any:
    """A running model with these weights, those that are not among them drawn; see `build`.

    `source` is what was generated for the graph, if it was.
    """
    from archspec.codegen.backend import BuildsModels, ExchangesWeights
    from archspec.codegen.registry import backend as find

    find(backend, BuildsModels).require()
    if source is None:
        source = generate(graph, backend, dtype=dtype)
    if arrays.keys() == graph.all_weights.keys():
        return find(backend, BuildsModels).build(source, graph, weights=arrays, device=device, dtype=dtype)
    target = find(backend, ExchangesWeights)
    model = target.build(source, graph, device=device, dtype=dtype)
    target.load_weights(model, graph, {**target.export_weights(model, graph), **arrays})
    return model
