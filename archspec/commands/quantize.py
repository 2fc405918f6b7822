"""`archspec quantize`: a network in int8, by calibration."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from archspec.analysis.tables import Table, to_text
from archspec.api import compile
from archspec.atomic_files import is_folder
from archspec.codegen.files import write
from archspec.codegen.registry import backend
from archspec.commands.progress import progress
from archspec.commands.shared import (
    OK,
    add_force,
    add_spec,
    add_weights,
    check_not_given,
    check_weights_usage,
    limits,
    name_list,
    params,
    positive,
    read_spec,
    taken,
    training_alone_text,
    usage_error,
)
from archspec.digests import check_writable
from archspec.ir.graph import LayerGraph
from archspec.quantization.backend import PacksInt8, QuantizesModels
from archspec.quantization.calibration import METHODS
from archspec.quantization.examples import Examples
from archspec.quantization.measurement import QuantizedModel, packed_as, quantize
from archspec.reporting import plain
from archspec.standard_error import withheld

EXAMPLES: Final = (
    "archspec quantize resnet50 --weights resnet50.safetensors --images pictures/",
    "archspec quantize mine.yaml --weights w.safetensors --images inputs.npy --method entropy",
    "archspec quantize mobilenet_v2 --weights w.pt --images pictures/ --keep features.0,classifier",
    "archspec quantize resnet50 --weights w.pt --images pictures/ --symmetric      # for TensorRT",
    "archspec quantize resnet50 --weights w.pt --images pictures/ --backend torch  # for torchao",
)
"""What its help shows."""

_MEASURED: Final = "onnx"
"""The backend whose models are calibrated, and compared with float32."""
_SHOWN: Final = 5
"""Layers that lost most, of those that are named."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `quantize`."""
    parser.description = (
        "Write a network in 8 bits, for ONNX or PyTorch: weights of convolutions and dense layers in int8, by channel; "
        "what goes between them rounded by ranges that are seen on examples. It is held against float32 on the same."
    )
    add_spec(parser)
    add_weights(parser, "a weights file of any format that is read, of the network as it is trained; needed")
    parser.add_argument(
        "--images",
        metavar="PATH",
        type=Path,
        required=True,
        help="a folder of pictures; or inputs as they are, FILE.npy",
    )
    parser.add_argument(
        "--mean",
        metavar="M,...",
        type=_numbers,
        help="of each channel, of pixels from 0 to 1 (three: ImageNet's; one: 0)",
    )
    parser.add_argument("--std", metavar="S,...", type=_numbers, help="as --mean (three: ImageNet's; one: 1)")
    parser.add_argument("--most", metavar="N", type=positive, default=512, help="so many of the examples (512)")
    parser.add_argument(
        "--method",
        choices=METHODS,
        default="percentile",
        help="the range of a tensor: all of it, 99.99 %% at each end, or what keeps most of its histogram (percentile)",
    )
    parser.add_argument(
        "--keep",
        metavar="PATH,...",
        type=name_list,
        default=[],
        help="layers, or what they are in, that stay in float32: conv1,layer4.1",
    )
    parser.add_argument("--symmetric", action="store_true", help="0 in the middle of each range, as TensorRT wants it")
    parser.add_argument("--opset", metavar="N", type=int, help="the version of ONNX's operators (23; 20 if symmetric)")
    parser.add_argument(
        "--backend",
        choices=(_MEASURED, "torch"),
        default=_MEASURED,
        help="onnx: a model with pairs of QuantizeLinear and DequantizeLinear; torch: a program of torch.export with "
        "the same scales, of which torchao makes int8 kernels (onnx)",
    )
    parser.add_argument("-o", "--output", help="a file or folder (generated/onnx/NAME_int8.onnx, torch/NAME_int8.pt2)")
    add_force(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how errors and results are shown")


def run_quantize(arguments: argparse.Namespace) -> int:
    """Calibrate, compare, write, and say what was lost."""
    check_weights_usage(arguments)
    if arguments.weights is None:
        usage_error("--weights is needed: ranges of weights that are not trained say nothing")
    graph = _graph(arguments)
    if arguments.backend != _MEASURED:
        backend(arguments.backend, PacksInt8).require()
        if arguments.opset is not None:
            usage_error("--opset is for ONNX models")
    path = _path(arguments.output, graph, arguments.backend)
    check_writable(path, force=arguments.force)
    check_not_given(path, arguments.weights)
    examples = Examples.of(arguments.images, graph, mean=arguments.mean, deviation=arguments.std, most=arguments.most)
    weights, _ = taken(arguments, graph)
    with progress() as say, withheld():
        found = quantize(
            graph,
            examples,
            weights=weights,
            method=arguments.method,
            keep=arguments.keep,
            symmetric=arguments.symmetric,
            opset=arguments.opset,
            say=say,
        )
        if arguments.backend == _MEASURED:
            [(_, data)] = backend(_MEASURED, QuantizesModels).packed(found.model, path.name).items()
            apart = None
        else:
            say(f"writing it for {backend(arguments.backend).title}")
            data, apart = packed_as(found, graph, examples, weights=weights, backend=arguments.backend)
    write(path, data)
    for doubt in found.doubts:
        print(f"warning: {plain(doubt)}", file=sys.stderr)
    if arguments.format == "json":
        print(json.dumps(_as_dict(found, path, arguments, apart), indent=2))
    else:
        _report(graph, found, path, arguments, examples, apart)
    return OK


def _graph(arguments: argparse.Namespace) -> LayerGraph:
    """The network's form for inference."""
    spec = read_spec(arguments.spec, params(arguments.params), limits(arguments.limits), arguments.root)
    return compile(spec, form="inference")


def _path(output: str | None, graph: LayerGraph, name: str) -> Path:
    suffix = backend(name).suffix if name == _MEASURED else backend(name, PacksInt8).int8_suffix
    file = f"{graph.name}_int8{suffix}"
    if output is None:
        return Path("generated") / name / file
    path = Path(output)
    return path / file if is_folder(path) or (not path.suffix and not path.exists()) else path


def _report(
    graph: LayerGraph,
    found: QuantizedModel,
    path: Path,
    arguments: argparse.Namespace,
    examples: Examples,
    apart: float | None,
) -> None:
    rows = [
        ("examples", examples.text),
        ("int8", f"{len(found.layers)} layers with weights, ranges by {arguments.method}"),
        ("float32", ", ".join(arguments.keep) or "nothing that could be in int8"),
    ]
    if left_out := training_alone_text(graph):
        rows.append(("left out", left_out))
    if found.agreement is not None:
        rows.append(("agreement", f"{found.agreement:.2%} of the classes are those of float32"))
    rows.append(("difference", f"{found.difference:.1e} of the largest output"))
    if apart is not None:
        rows.append((arguments.backend, f"{apart:.1e} of the largest output from the ONNX model of these scales"))
    rows.append(("model", f"{path} ({path.stat().st_size / 2**20:.1f} MiB)"))
    print(plain(graph.title or graph.name))
    for name, value in rows:
        print(f"  {name:<11} {plain(value)}")
    worst = tuple((layer, f"{ratio:.1f}") for layer, ratio in found.worst[:_SHOWN])
    title = "Layers that lost most; in float32 by --keep PATH,..."
    print()
    print(to_text(Table(("layer", "signal to noise, dB"), worst, "lr", title=title)))
    if apart is not None:
        print("\n".join(f"  {line}" for line in backend(arguments.backend, PacksInt8).int8_usage(graph, str(path))))


def _as_dict(found: QuantizedModel, path: Path, arguments: argparse.Namespace, apart: float | None) -> dict[str, Any]:
    return {
        "model": str(path),
        "backend": arguments.backend,
        "difference_from_onnx": apart,
        "method": arguments.method,
        "examples": found.examples,
        "agreement": found.agreement,
        "difference": found.difference,
        "doubts": [*found.doubts],
        "decibels": {name: None if abs(ratio) == float("inf") else ratio for name, ratio in found.ratios.items()},
        "tensors": {
            name: {"scale": scale.scale, "zero_point": scale.zero_point}
            for name, scale in found.quantization.tensors.items()
        },
        "weights": {name: scales.tolist() for name, scales in found.quantization.weights.items()},
    }


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"`{text}` is not a list of numbers, as in 0.485,0.456,0.406") from None
