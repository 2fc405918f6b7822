"""`archspec weights`: what weights files hold, and the same weights in another format. No network need be built."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.commands.shared import (
    OK,
    add_force,
    add_spec,
    add_weights_options,
    compiled,
    taken,
    usage_error,
)
from archspec.digests import check_writable
from archspec.reporting import plain

if TYPE_CHECKING:
    from archspec.checkpoints import FileContents, LikelyNetwork

EXAMPLES: Final = (
    "archspec weights inspect checkpoint.pth",
    "archspec weights convert checkpoint.pth resnet50 -o resnet50.weights.h5",
    "archspec weights convert model.ckpt resnet_v2_50 --to torch",
)
"""What its help shows."""
_FORMATS: Final = ("safetensors", "torch", "keras", "numpy", "tensorflow", "onnx")
"""Those of `archspec.checkpoints`, which is imported where it is needed."""
_SHOWN: Final = 5
_TENSORS: Final = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `weights`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    inspect = actions.add_parser(
        "inspect", help="say what a file holds, and of which network it most likely is", allow_abbrev=False
    )
    inspect.add_argument("files", nargs="+", metavar="file", help="weights files of any library")
    inspect.add_argument("--tensors", action="store_true", help="list all tensors, with their shapes and types")
    inspect.add_argument("--format", choices=("text", "json"), default="text", help="(text)")
    convert = actions.add_parser(
        "convert", help="write the weights in another library's format, exactly", allow_abbrev=False
    )
    convert.add_argument("weights", metavar="file", help="a weights file of any library")
    add_spec(convert)
    add_weights_options(convert)
    convert.add_argument("--to", metavar="FORMAT", choices=_FORMATS, help=f"{', '.join(_FORMATS)} (as -o says)")
    convert.add_argument(
        "--names", metavar="MAP", help="names by a map: a file, or the name of one that ships, as slim_resnet_v2"
    )
    convert.add_argument("-o", "--output", metavar="FILE", help="(NAME and the suffix of the format)")
    add_force(convert)
    convert.add_argument("--format", choices=("text", "json"), default="text", help="how errors are shown (text)")


def run_weights(arguments: argparse.Namespace) -> int:
    """Inspect files, or convert one."""
    return _inspect(arguments) if arguments.action == "inspect" else _convert(arguments)


def _inspect(arguments: argparse.Namespace) -> int:
    from archspec.checkpoints import candidates, contents
    from archspec.weights.hub import local

    paths = [local(file) for file in arguments.files]
    found = [(contents(path), candidates(path)) for path in paths]
    if arguments.format == "json":
        print(json.dumps([_as_dict(file, likely, arguments.tensors) for file, likely in found], indent=2))
        return OK
    for file, likely in found:
        print("\n".join(_lines(file, likely, arguments.tensors)))
    return OK


def _lines(file: FileContents, likely: list[LikelyNetwork], tensors: bool) -> list[str]:
    found = [plain(str(file.path)), f"  format      {plain(file.format)}"]
    if file.form:
        found.append(
            f"  form        for {plain(file.form)}: made of the weights that were trained, and read by that form alone"
        )
    for key in file.mappings:
        kinds = ", ".join(f"{count} {kind}" for kind, count in file.kinds(key).most_common())
        under = f" under `{plain(key)}`" if key else ""
        found.append(f"  weights     {file.numbers(key):,} numbers in {len(file.weights(key))} tensors{under}: {kinds}")
    for index, candidate in enumerate(likely):
        share = f"{candidate.found} of {candidate.wanted} weights"
        left = f", and {candidate.left} others" if candidate.left else ""
        found.append(f"  {'or' if index else 'network':<11} {candidate.name}: {share}{left}")
        details = [*candidate.notes, *candidate.reshaped[:_SHOWN]]
        found += [f"{'':<14}{plain(line)}" for line in details if not index or not likely[0].complete]
    if file.shard is not None:
        found.append(f"  {plain(str(file.shard))}")
    if not likely:
        why = ": its names or shapes are others"
        if file.shard is not None:
            why = ", as far as one part shows"
        elif not file.mappings:
            why = ": it holds no tensors"
        found.append(f"  network     of none that ships{why}")
    for key, mapping in file.mappings.items():
        shown = list(mapping.items())[: None if tensors else _TENSORS]
        found.append(f"  tensors{f' of `{plain(key)}`' if key else ''}")
        for name, tensor in shown:
            sizes = " x ".join(map(str, tensor.shape)) or "one number"
            found.append(f"    {plain(name)}  {sizes}  {plain(tensor.kind)}")
        if len(shown) < len(mapping):
            found.append(f"    ... and {len(mapping) - len(shown)} more (--tensors lists all)")
    return found


def _as_dict(file: FileContents, likely: list[LikelyNetwork], tensors: bool) -> dict[str, Any]:
    return {
        "file": str(file.path),
        "format": file.format,
        "form": file.form or None,
        "part": [file.shard.number, file.shard.count] if file.shard is not None else None,
        "mappings": {
            key: {
                "numbers": file.numbers(key),
                "kinds": dict(file.kinds(key)),
                **(
                    {"tensors": {name: [list(tensor.shape), tensor.kind] for name, tensor in mapping.items()}}
                    if tensors
                    else {}
                ),
            }
            for key, mapping in file.mappings.items()
        },
        "networks": [
            {
                "name": each.name,
                "found": each.found,
                "wanted": each.wanted,
                "others": each.left,
                "notes": list(each.notes),
                "reshaped": list(each.reshaped),
            }
            for each in likely
        ],
    }


def _convert(arguments: argparse.Namespace) -> int:
    from archspec.checkpoints import SUFFIXES, format_of, keeps_channels_last, write_as
    from archspec.ir.evaluation import evaluated
    from archspec.weights.weight_maps import found_map

    output: str | None = arguments.output
    format = arguments.to or (format_of(output) if output is not None else None)
    if format is None:
        usage_error(
            "say the format with --to, or by the name after -o: "
            f"{', '.join(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)}"
        )
    if output is not None and format_of(output) not in (None, format):
        usage_error(f"-o names a file of {format_of(output)}, and --to says {format}")
    if output is not None and format == "keras" and format_of(output) is None:
        usage_error("Keras's files are known by their names: end it in .weights.h5, .keras or .h5")
    names = found_map(arguments.names) if arguments.names is not None else None
    graph = compiled(arguments.spec, arguments)
    path = Path(output if output is not None else graph.name + SUFFIXES[format][0])
    if format != "tensorflow":
        check_writable(path, force=arguments.force)
    else:
        for end in (".index", ".data-00000-of-00001"):
            check_writable(path.with_name(path.name + end), force=arguments.force)
    arrays, report = taken(arguments, graph, as_stored=keeps_channels_last(format, names))
    written = write_as(format, path, arrays, graph, names=names)
    print(f"{plain(arguments.weights)} as {', '.join(plain(str(each)) for each in written)}")
    left_out = len(graph.all_weights) - len(evaluated(graph).all_weights) if format == "onnx" else 0
    print(f"  weights     all {len(report.loaded)} of {graph.name}")
    if left_out:
        print(f"              but {left_out} of outputs of training alone, which no ONNX model has")
    for note in report.notes:
        print(f"              {plain(note)}")
    return OK
