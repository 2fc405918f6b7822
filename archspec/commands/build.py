"""`archspec build`: a spec to source or to a model, checked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archspec.api import generate, with_weights
from archspec.atomic_files import is_folder, whole_file, write_bytes
from archspec.build_output import LOW_PRECISION, error_of, model_files
from archspec.codegen.backend import Backend, BuildsModels, FileOption, PacksModels, RunsModels, SavesWeights, Source
from archspec.codegen.backend_errors import DTYPES
from archspec.codegen.files import check_current, replaced, write
from archspec.codegen.registry import backend, without
from archspec.commands.build_report import report_build
from archspec.commands.progress import progress
from archspec.commands.shared import (
    OK,
    add_force,
    add_form,
    add_spec,
    add_weights,
    check_not_given,
    check_weights_usage,
    compiled,
    name_list,
    taken,
    training_alone_text,
    usage_error,
    with_way_out,
    write_out,
)
from archspec.digests import check_writable, with_digest
from archspec.errors import BackendError
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.reporting import one_line
from archspec.standard_error import withheld

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays
    from archspec.weights import WeightsReport

EXAMPLES: Final = (
    "archspec build resnet50 --backend torch                  # writes generated/torch/resnet50.py",
    "archspec build mine.yaml --backend keras --set classes=10",
    "archspec build resnet50 --backend onnx --weights resnet50.safetensors",
    "archspec build resnet50 --for inference --weights resnet50.safetensors    # batch norms folded into convolutions",
    "archspec build resnet50 --for inference --backend onnx --dtype bfloat16  # typed throughout; the error is said",
    "archspec build resnet50 --backend onnx --opset 17        # for an older runtime",
    "archspec build resnet50 --for inference --backend openvino              # resnet50_inference.xml and .bin",
    "archspec build resnet50 --backend torch --check          # exits with 3 if the file is not current",
)
"""What its help shows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `build`."""
    add_spec(parser)
    add_form(parser)
    parser.add_argument(
        "--backend", default="torch", help="torch, keras, onnx, openvino, or another that is installed (torch)"
    )
    parser.add_argument(
        "-o",
        "--output",
        help="a file or folder; `-` is standard output (generated/BACKEND/NAME.py, .onnx, .xml, whatever --set gives; "
        "the report says when a file that was built with other params is replaced)",
    )
    add_weights(parser, "a weights file of any format that is read, or hf://owner/name; for this network")
    parser.add_argument(
        "--seed", metavar="N", type=int, help="draw the weights by this seed, as `archspec init`, and write them"
    )
    parser.add_argument("--partial", action="store_true", help="load the weights that fit, and list the others")
    parser.add_argument(
        "--taps",
        metavar="NAME,...",
        type=name_list,
        help="give these tensors, and compute nothing beyond them (generated/BACKEND/NAME_taps.py)",
    )
    parser.add_argument(
        "--dtype",
        choices=DTYPES,
        help="onnx, openvino: of weights and computation, inputs and outputs staying float32; torch, keras: of the "
        "weights that --weights or --seed writes (float32)",
    )
    parser.add_argument("--functions", action="store_true", help="onnx: a function for each block, not one flat graph")
    parser.add_argument(
        "--opset", metavar="N", type=int, help="onnx: the version of its operators, 17 to 26, for older runtimes (23)"
    )
    parser.add_argument("--external-data", action="store_true", help="onnx: the weights in FILE.data beside the model")
    parser.add_argument("--emit", choices=("source", "ir"), default="source", help="the source, or the graph as text")
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; fail unless the file is current, for the same --set; line ends do not count",
    )
    parser.add_argument("--no-verify", dest="verify", action="store_false", help="do not run the source: no framework")
    add_force(parser)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how errors are shown")


def run_build(arguments: argparse.Namespace) -> int:
    """Compile, generate, verify, write; nothing is written unless everything before went well."""
    _check_usage(arguments)
    graph = compiled(arguments.spec, arguments)
    if arguments.emit == "ir":
        return _emit(graph.dump(), arguments.output, arguments.force)
    target = backend(arguments.backend)
    _check_usage_of(target, arguments)
    left_out = ""
    if isinstance(target, PacksModels):  # its models have no outputs of training alone
        left_out, graph = training_alone_text(graph), evaluated(graph)
        lacking = target.lacks("inference", "float64") if isinstance(target, RunsModels) else ""
        if arguments.dtype == "float64" and lacking:
            print(f"warning: {lacking}", file=sys.stderr)
    source = generate(
        graph, arguments.backend, dtype=arguments.dtype, functions=arguments.functions, opset=arguments.opset
    )
    if isinstance(target, PacksModels):
        return _write_model(graph, target, source, arguments, left_out)
    path = _path(arguments.output, target, graph)
    if path is None:
        if arguments.verify:
            with progress() as say:
                checked = _verify(target, source, graph, say)
            if not isinstance(target, BuildsModels):
                print(f"warning: {checked}", file=sys.stderr)
        write_out(source)
        return OK
    if arguments.check:
        return _say_current(path, check_current(path, source))
    check_writable(path, force=arguments.force)
    weights_path = saving = None
    if _weights_option(arguments) is not None:
        saving = backend(arguments.backend, SavesWeights)
        weights_path = path.with_name(path.name.removesuffix(path.suffix) + saving.weights_suffix)
        check_not_given(weights_path, arguments.weights)
        check_writable(weights_path, force=arguments.force)
    arrays, report = _weights(arguments, graph)  # before the framework is imported, which takes seconds
    before = replaced(path, source)
    with progress() as say:
        checked = _verify(target, source, graph, say) if arguments.verify else ""
        model = None
        if saving is not None:
            say("building the model and loading its weights")
            with withheld():
                model = with_weights(graph, arguments.backend, arrays, source=source, dtype=arguments.dtype)
        error = _error(graph, arguments, arrays, say) if saving is not None else ""
    with whole_file(path) as temporary:
        temporary.write_bytes(source.encode())  # first: where it cannot be written, the weights stay as they were
        if saving is not None and weights_path is not None:
            saving.save_weights(model, weights_path, graph.weights_form)
    report_build(graph, target, path, arguments, report, weights_path, checked=checked, before=before, error=error)
    return OK


def _error(graph: LayerGraph, arguments: argparse.Namespace, arrays: Arrays, say: Callable[[str], object]) -> str:
    """How far a model of fewer bits is from float32, as people read it; empty where there are not fewer."""
    if arguments.dtype not in LOW_PRECISION or not arguments.verify:
        return ""
    say(f"comparing {arguments.dtype} with float32")
    try:
        with withheld():
            error, engine = error_of(graph, arguments.backend, arguments.dtype, arrays)
    except BackendError as failed:
        return f"not measured: {failed.diagnostics[0].message}"
    return f"{error:.1e} of the largest output, {arguments.dtype} against float32 on random inputs ({engine})"


def _weights(arguments: argparse.Namespace, graph: LayerGraph) -> tuple[Arrays, WeightsReport | None]:
    """The weights that the command line gives, of a file or by a seed, and how they were found in a file."""
    if arguments.weights is not None:
        return taken(arguments, graph)
    if arguments.seed is not None:
        from archspec.initialization import draw

        return draw(graph, arguments.seed), None
    return {}, None


def _say_current(path: Path, ends: str) -> int:
    print(f"{one_line(str(path))} is current" + (f", but has {ends}, where archspec writes neither" if ends else ""))
    return OK


def _verify(target: Backend, source: Source, graph: LayerGraph, say: Callable[[str], object]) -> str:
    """Compare what was generated with the graph, where the backend can; what is to be said of that."""
    if not isinstance(target, BuildsModels):
        return f"not checked: {without(target.name, BuildsModels)}"
    try:
        what = "model" if isinstance(target, PacksModels) else "source"
        say(f"importing {target.title}, and checking the {what} with it")
        with withheld():
            target.verify(source, graph)
    except BackendError as error:
        raise with_way_out(error, "with `--no-verify` the source is written without") from None
    return "checked against the graph, " + ", ".join(f"{name} {found}" for name, found in target.versions().items())


def _check_usage(arguments: argparse.Namespace) -> None:
    if arguments.output == "":
        usage_error("-o needs a file, a folder, or `-`")
    check_weights_usage(arguments)
    if arguments.partial and arguments.weights is None:
        usage_error("--partial is for --weights")
    if arguments.check and (arguments.emit == "ir" or arguments.output == "-"):
        usage_error("--check compares a generated file: it goes neither with --emit ir nor with -o -")
    if arguments.weights is not None and arguments.seed is not None:
        usage_error("--weights gives the weights, --seed draws them: one of the two")
    option = _weights_option(arguments)
    if option is not None and arguments.emit == "ir":
        usage_error(f"{option} is for a model or its source: not with --emit ir")


def _weights_option(arguments: argparse.Namespace) -> str | None:
    """The option that says which weights are to be written."""
    return "--weights" if arguments.weights is not None else "--seed" if arguments.seed is not None else None


def _check_usage_of(target: Backend, arguments: argparse.Namespace) -> None:
    """What depends on whether the backend writes source or a model."""
    has: frozenset[FileOption] = target.file_options if isinstance(target, PacksModels) else frozenset()
    given: dict[FileOption, bool] = {
        "functions": arguments.functions,
        "opset": arguments.opset is not None,
        "external": arguments.external_data,
    }
    for name, is_given in given.items():
        if is_given and name not in has:
            named = "--external-data" if name == "external" else f"--{name}"
            usage_error(f"{named} is for ONNX models; {target.title} has none")
    if not isinstance(target, PacksModels):
        option = _weights_option(arguments)
        if arguments.dtype is not None and option is None:
            usage_error(f"--dtype is of weights: with --weights or --seed; {target.title}'s source is the same for all")
        if option is not None and (arguments.check or arguments.output == "-"):
            usage_error(f"{option} writes a weights file beside the source: not with --check or -o -")


def _write_model(
    graph: LayerGraph, target: PacksModels, source: Source, arguments: argparse.Namespace, left_out: str
) -> int:
    """A model whose file holds its weights: there is no source to be read, and no weights file.

    `left_out` says what only training needs, which the graph is without.
    """
    path = _path(arguments.output, target, graph)
    arrays, report = _weights(arguments, graph)
    with progress() as say:
        checked = _verify(target, source, graph, say) if arguments.verify else ""
        say("writing the weights into the model")
        files = model_files(
            graph,
            arguments.backend,
            source,
            path.name if path else f"{graph.name}{target.suffix}",
            weights=None if report is None else arrays,
            seed=arguments.seed,
            dtype=arguments.dtype,
            external=arguments.external_data,
        )
        error = _error(graph, arguments, arrays, say)
    if path is None:
        if len(files) > 1:
            usage_error(f"{' and '.join(files)} are two files: not with -o -")
        sys.stdout.buffer.write(next(iter(files.values())))
        return OK
    contents = {path.with_name(name): data for name, data in files.items()}
    if arguments.check:
        for file, data in contents.items():
            check_current(file, data)
        return _say_current(path, "")
    for file in contents:
        check_writable(file, force=arguments.force)
        check_not_given(file, arguments.weights)
    before = replaced(path, contents[path])
    for file, data in reversed(contents.items()):  # first what the model needs, then the model
        write(file, data)
    beside = next((file for file in contents if file != path), None)
    report_build(
        graph, target, path, arguments, report, beside, checked=checked, before=before, error=error, left_out=left_out
    )
    return OK


def _emit(text: str, output: str | None, force: bool) -> int:
    if output in (None, "-"):
        write_out(text)
        return OK
    path = Path(output)
    check_writable(path, force=force)
    write_bytes(path, with_digest(text.encode(), ".txt"))
    return OK


def _path(output: str | None, target: Backend, graph: LayerGraph) -> Path | None:
    """Where the source goes; None is standard output. What has no suffix is a folder."""
    if output == "-":
        return None
    form = "_inference" if graph.training_form is not None else ""
    file = f"{graph.name}{'_taps' if graph.asked else ''}{form}{target.suffix}"
    if output is None:
        return Path("generated") / target.name / file
    path = Path(output)
    as_folder = is_folder(path) or (not path.suffix and not path.exists())
    return path / file if as_folder else path
