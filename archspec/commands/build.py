"""`archspec build`: a spec to source or to a model, checked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from archspec.analysis.tables import plain
from archspec.api import build, build_partly, generate
from archspec.codegen.backend import Backend, Source, backend
from archspec.codegen.files import check_current, check_writable, write
from archspec.codegen.simplify import fixed_params
from archspec.commands.shared import (
    OK,
    add_spec,
    check_not_given,
    check_weights_path,
    compiled,
    counted,
    left_out_text,
    name_list,
    parameters_text,
    usage_error,
    with_way_out,
)
from archspec.errors import BackendError, Diagnostic, OutputError
from archspec.ir.graph import LayerGraph
from archspec.storage import write_text
from archspec.written import model_files


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `build`."""
    add_spec(parser)
    parser.add_argument("--backend", default="torch", help="torch, keras, onnx, or another that is installed (torch)")
    parser.add_argument(
        "-o", "--output", help="a file or folder; `-` is standard output (generated/BACKEND/NAME.py, .onnx)"
    )
    parser.add_argument("--weights", metavar="FILE", help="safetensors or a PyTorch state dict, for this network")
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
    parser.add_argument("--functions", action="store_true", help="onnx: a function for each block, not one flat graph")
    parser.add_argument("--external-data", action="store_true", help="onnx: the weights in FILE.data beside the model")
    parser.add_argument("--emit", choices=("source", "ir"), default="source", help="the source, or the graph as text")
    parser.add_argument("--check", action="store_true", help="write nothing; fail unless the file is current")
    parser.add_argument("--no-verify", dest="verify", action="store_false", help="do not run the source: no framework")
    parser.add_argument("--force", action="store_true", help="overwrite a file that was edited by hand")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how errors are shown")


def run(arguments: argparse.Namespace) -> int:
    """Compile, generate, verify, write; nothing is written unless everything before went well."""
    _check_usage(arguments)
    graph = compiled(arguments.spec, arguments)
    if arguments.emit == "ir":
        return _emit(graph.dump(), arguments.output, arguments.force)
    target = backend(arguments.backend)
    _check_usage_of(target, arguments)
    source = generate(graph, arguments.backend, functions=arguments.functions)
    if target.holds_weights:
        return _write_model(graph, target, source, arguments)
    path = _path(arguments.output, target, graph)
    if path is None:
        if arguments.verify:
            _verify(target, source, graph)
        sys.stdout.write(source)
        return OK
    if arguments.check:
        check_current(path, source)
        print(f"{path} is current")
        return OK
    check_writable(path, force=arguments.force)
    weights_path = None
    if arguments.weights is not None or arguments.seed is not None:
        weights_path = path.with_name(path.name.removesuffix(path.suffix) + target.weights_suffix)
        check_weights_path(weights_path, arguments.weights, force=arguments.force)
    if arguments.verify:
        _verify(target, source, graph)
    left_out: dict[str, list[str]] = {}
    if weights_path is not None:
        if arguments.partial:
            model, report = build_partly(graph, arguments.backend, arguments.weights, source=source)
            left_out = report.lists()
        else:
            model = build(graph, arguments.backend, weights=arguments.weights, seed=arguments.seed)
        target.save_weights(model, weights_path)
    write(path, source, force=arguments.force)
    _report(graph, target, path, arguments.verify, weights_path)
    _tell(left_out, arguments.weights)
    return OK


def _verify(target: Backend, source: Source, graph: LayerGraph) -> None:
    try:
        target.verify(source, graph)
    except BackendError as error:
        raise with_way_out(error, "with `--no-verify` the source is written without") from None


def _tell(left_out: Mapping[str, Sequence[str]], weights: str) -> None:
    """Which weights of a file were not loaded."""
    for what, left in left_out.items():
        then = "not used" if what == "unexpected" else "drawn anew"
        print(f"\n{len(left)} {what} in {weights}, {then}:")
        print("\n".join(f"  {name}" for name in left))


def _check_usage(arguments: argparse.Namespace) -> None:
    if arguments.output == "":
        usage_error("-o needs a file, a folder, or `-`")
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
    if not target.holds_weights:
        option = _weights_option(arguments)
        if arguments.functions or arguments.external_data:
            usage_error(f"--functions and --external-data are for ONNX models; {target.title} has neither")
        if option is not None and (arguments.check or arguments.output == "-"):
            usage_error(f"{option} writes a weights file beside the source: not with --check or -o -")
    elif arguments.external_data and arguments.output == "-":
        usage_error("--external-data writes a second file: not with -o -")


def _write_model(graph: LayerGraph, target: Backend, source: Source, arguments: argparse.Namespace) -> int:
    """A model whose file holds its weights: there is no source to be read, and no weights file."""
    path = _path(arguments.output, target, graph)
    if arguments.verify:
        _verify(target, source, graph)
    files, report = model_files(
        graph,
        arguments.backend,
        source,
        path.name if path else graph.name,
        weights=arguments.weights,
        partial=arguments.partial,
        seed=arguments.seed,
        external=arguments.external_data,
    )
    if path is None:
        sys.stdout.buffer.write(next(iter(files.values())))
        return OK
    contents = {path.with_name(name): data for name, data in files.items()}
    if arguments.check:
        for file, data in contents.items():
            check_current(file, data)
        print(f"{path} is current")
        return OK
    for file in contents:
        check_writable(file, force=arguments.force)
        check_not_given(file, arguments.weights)
    for file, data in reversed(contents.items()):  # first what the model needs, then the model
        write(file, data, force=arguments.force)
    _report(graph, target, path, arguments.verify, *(file for file in contents if file != path))
    _tell(report.lists() if report else {}, arguments.weights)
    return OK


def _emit(text: str, output: str | None, force: bool) -> int:
    if output in (None, "-"):
        sys.stdout.write(text)
        return OK
    path = Path(output)
    if path.exists() and not force and not (path.is_file() and _is_dump(path)):
        help = "write to another place with -o, or overwrite it with --force"
        raise OutputError(Diagnostic("E0604", f"{path} was not written by archspec", help=help))
    write_text(path, text)
    return OK


def _is_dump(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(8) == b"network "


def _path(output: str | None, target: Backend, graph: LayerGraph) -> Path | None:
    """Where the source goes; None is standard output. What has no suffix is a folder."""
    if output == "-":
        return None
    file = f"{graph.name}{'_taps' if graph.asked else ''}{target.suffix}"
    if output is None:
        return Path("generated") / target.name / file
    path = Path(output)
    as_folder = path.is_dir() or (not path.suffix and not path.exists())
    return path / file if as_folder else path


def _report(graph: LayerGraph, target: Backend, path: Path, verified: bool, weights: Path | None = None) -> None:
    """What a user wants to know after a build."""
    checked = ""
    if verified:
        versions = ", ".join(f"{name} {version}" for name, version in target.versions().items())
        checked = f" (checked against the graph, {versions})"
    rows = [
        ("parameters", parameters_text(graph)),
        ("MACs", f"{counted(graph.macs)} for an input of {graph.input_text}"),
        ("depth", f"{len(graph.weighted_path)} weighted layers on the longest path"),
        ("model" if target.holds_weights else "source", f"{path}{checked}"),
    ]
    if fixed := fixed_params(graph):
        rows.insert(3, ("fixed", f"{', '.join(fixed)}; --set gives them other values"))
    if left_out := left_out_text(graph):
        rows.insert(-1, ("left out", left_out))
    if weights is not None:
        rows.append(("weights", str(weights)))
    print(plain(graph.title or graph.name))
    for name, value in rows:
        print(f"  {name:<11} {value}")
    print()
    for line in _usage(graph, target, path, weights):
        print(f"  {line}")


def _usage(graph: LayerGraph, target: Backend, path: Path, weights: Path | None) -> list[str]:
    """Lines that import the file, make the model, load its weights and call it."""
    if target.holds_weights:
        return [*target.usage(graph, str(path))]
    if not path.stem.isidentifier() or path.suffix != ".py":
        return [f"{path.name} can be imported once its name is that of a Python module"]
    lines: list[str] = []
    module = path.stem
    if all(part.isidentifier() for part in path.parent.parts):
        module = ".".join((*path.parent.parts, path.stem))
    else:
        lines += ["import sys", f"sys.path.insert(0, {str(path.parent.resolve())!r})"]
    *before, call = target.usage(graph, module)
    return [*lines, *before, *([] if weights is None else [target.load_usage(str(weights))]), call]
