"""`archspec build`: a spec to source, checked."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from archspec.api import compile, generate
from archspec.codegen.backend import Backend, backend
from archspec.codegen.files import check_current, check_writable, write
from archspec.commands.shared import OK, add_spec, counted, input_text, params, usage_error
from archspec.ir.graph import LayerGraph
from archspec.storage import write_text


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `build`."""
    add_spec(parser)
    parser.add_argument("--backend", default="torch", help="torch, keras, or another that is installed (torch)")
    parser.add_argument("-o", "--output", help="a file or folder; `-` is standard output (generated/BACKEND/NAME.py)")
    parser.add_argument("--weights", metavar="FILE", help="safetensors or a PyTorch state dict, for this network")
    parser.add_argument("--emit", choices=("source", "ir"), default="source", help="the source, or the graph as text")
    parser.add_argument("--check", action="store_true", help="write nothing; fail unless the file is current")
    parser.add_argument("--no-verify", dest="verify", action="store_false", help="do not run the source: no framework")
    parser.add_argument("--force", action="store_true", help="overwrite a file that was edited by hand")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how errors are shown")


def run(arguments: argparse.Namespace) -> int:
    """Compile, generate, verify, write; nothing is written unless everything before went well."""
    if arguments.check and (arguments.emit == "ir" or arguments.output == "-"):
        usage_error("--check compares a generated file: it goes neither with --emit ir nor with -o -")
    graph = compile(arguments.spec, **params(arguments.params))
    if arguments.emit == "ir":
        return _emit(graph.dump(), arguments.output)
    target = backend(arguments.backend)
    source = generate(graph, arguments.backend)
    path = _path(arguments.output, target, graph)
    if arguments.check:
        assert path is not None
        check_current(path, source)
        print(f"{path} is current")
        return OK
    if path is not None:
        check_writable(path, force=arguments.force)
    if arguments.verify:
        target.require()
        target.verify(source, graph)
    weights = None
    if arguments.weights is not None:
        from archspec.weights import fit, read

        weights = fit(read(arguments.weights), graph)
    if path is None:
        sys.stdout.write(source)
        return OK
    write(path, source, force=arguments.force)
    weights_path = None
    if weights is not None:
        weights_path = path.with_suffix(target.weights_suffix)
        target.save_weights(target.build(source, graph, weights=weights), weights_path)
    _report(graph, target, path, arguments.verify, weights_path)
    return OK


def _emit(text: str, output: str | None) -> int:
    if output in (None, "-"):
        sys.stdout.write(text)
    else:
        write_text(Path(output), text)
    return OK


def _path(output: str | None, target: Backend, graph: LayerGraph) -> Path | None:
    """Where the source goes; None is standard output."""
    if output == "-":
        return None
    file = f"{graph.name}{target.suffix}"
    if output is None:
        return Path("generated") / target.name / file
    path = Path(output)
    return path / file if path.is_dir() or output.endswith(("/", "\\")) else path


def _report(graph: LayerGraph, target: Backend, path: Path, verified: bool, weights: Path | None) -> None:
    """What a user wants to know after a build."""
    checked = ""
    if verified:
        versions = ", ".join(f"{name} {version}" for name, version in target.versions().items())
        checked = f" (checked against the graph, {versions})"
    rows = [
        (
            "parameters",
            f"{graph.parameters:,}" + (f" and {graph.buffers:,} running statistics" if graph.buffers else ""),
        ),
        ("MACs", f"{counted(graph.macs)} for an input of {input_text(graph)}"),
        ("depth", f"{len(graph.weighted_path)} weighted layers on the longest path"),
        ("source", f"{path}{checked}"),
    ]
    if weights is not None:
        rows.append(("weights", str(weights)))
    print(graph.title or graph.name)
    for name, value in rows:
        print(f"  {name:<11} {value}")
    print()
    for line in target.usage(graph, _module(path)):
        print(f"  {line}")
    if weights is not None:
        print(f"  {target.load_usage(str(weights))}")


def _module(path: Path) -> str:
    """How the file is imported from the current folder, where it can be."""
    parts = path.with_suffix("").parts
    return ".".join(parts) if all(part.isidentifier() for part in parts) else path.stem
