"""What several commands share: overrides, exit codes, numbers for people."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TextIO

from archspec.analysis.number_format import counted as counted
from archspec.api import FORMS, compile, loaded
from archspec.errors import BackendError, Diagnostic, Note, OutputError, SpecError, WeightsError, WeightsOptionError
from archspec.ir.evaluation import evaluated
from archspec.ir.graph import LayerGraph
from archspec.limits import Limits, parse_limits
from archspec.process_exit import FAILED as FAILED
from archspec.process_exit import OK as OK
from archspec.process_exit import USAGE
from archspec.spec.overrides import FromSet
from archspec.weights_addresses import is_repository

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays
    from archspec.spec import Spec
    from archspec.weights import WeightsReport

_SHOWN: Final = 5
"""Parts that are named at most."""
SPEC_HELP: Final = (
    "a path, the bare name of a spec that ships (see `archspec list`), or a repository that `archspec push` wrote: its "
    "folder, or hf://owner/name"
)
SPECS_HELP: Final = "paths, bare names of specs that ship, or repositories that `archspec push` wrote"
FORMAT_HELP: Final = "how errors and results are shown"


def add_spec(parser: argparse.ArgumentParser) -> None:
    """The spec to work on, and values for its params."""
    parser.add_argument("spec", help=SPEC_HELP)
    add_set(parser)


def add_set(parser: argparse.ArgumentParser) -> None:
    """Values for params."""
    parser.add_argument(
        "--set",
        dest="params",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="give a param of the spec a value; may stand several times",
    )
    add_bounds(parser)


def add_form(parser: argparse.ArgumentParser) -> None:
    """Which form of the network is meant."""
    parser.add_argument(
        "--for",
        dest="network_form",
        choices=FORMS,
        default=FORMS[0],
        help="inference: without what works in training alone, norms and scales folded into the layers beside them",
    )


def add_bounds(parser: argparse.ArgumentParser) -> None:
    """What a spec may ask for, and which files it may name."""
    parser.add_argument(
        "--limit",
        dest="limits",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="raise or lower one of the limits on specs (docs/language.md lists them); may stand several times",
    )
    parser.add_argument(
        "--root", metavar="FOLDER", help="files that the spec names lie in this folder (the spec's own folder)"
    )


def compiled(spec: str, arguments: argparse.Namespace, asked: Callable[[Path], object] | None = None) -> LayerGraph:
    """The graph of a spec, with the params, the limits, the root and the taps that the command line gives.

    `asked` is called with each file that is looked for, before it is read and whether or not it is there.

    Raises:
        SpecError: the spec or one of these is wrong.
    """
    given, bounds = params(arguments.params), limits(arguments.limits)
    taps, form = getattr(arguments, "taps", None), getattr(arguments, "network_form", FORMS[0])
    return compile(read_spec(spec, given, bounds, arguments.root, asked), taps=taps, form=form)


def read_spec(
    source: str,
    given: Mapping[str, object],
    bounds: Limits | None,
    root: str | None,
    asked: Callable[[Path], object] | None = None,
) -> Spec:
    """The spec that a command line names: a path, the name of one that ships, or a repository, which is a network too.

    Raises:
        SpecError: it is wrong, or a param is.
        WeightsError: the repository cannot be had.
    """
    if is_repository(source):
        from archspec.hub import spec_of

        return spec_of(source, given, limits=bounds)
    return loaded(source, given, limits=bounds, root=root, asked=asked)


def params(pairs: Sequence[str], option: str = "--set") -> dict[str, object]:
    """The params that `--set` gives, or another option for params.

    Raises:
        SpecError: one is not of the form NAME=VALUE.
    """
    return dict(_pairs(option, pairs))


def limits(pairs: Sequence[str]) -> Limits | None:
    """The limits that `--limit` gives, if it gives any.

    Raises:
        SpecError: one is not of the form NAME=VALUE, does not exist, or cannot have its value.
    """
    given = _pairs("--limit", pairs)
    return parse_limits(given) if given else None


def _pairs(option: str, pairs: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            message = f"{option} takes NAME=VALUE, this is `{pair}`"
            raise SpecError(Diagnostic("E0202", message, help=f"as in {option} {_EXAMPLES[option]}"))
        found[name.strip()] = FromSet(value.strip())
    return found


_EXAMPLES: Final = {"--set": "classes=10", "--recipe-set": "epochs=10", "--limit": "items=1000000"}


def use_color(choice: str, stream: TextIO) -> bool:
    """Whether a stream is written to in color, by `--color`, NO_COLOR, FORCE_COLOR and what the stream is."""
    if choice == "auto":
        if os.environ.get("NO_COLOR"):
            return False
        return bool(os.environ.get("FORCE_COLOR")) or stream.isatty()
    return choice == "always"


def with_way_out(error: BackendError, way: str) -> BackendError:
    """The error, with what a command can do where a framework is not installed."""
    return BackendError(
        replace(found, help=f"{found.help}; {way}") if found.code == "E0602" else found for found in error.diagnostics
    )


def usage_error(message: str) -> NoReturn:
    """End with the exit code of wrong usage."""
    from archspec.reporting import one_line

    print(f"archspec: error: {one_line(message)}", file=sys.stderr)
    sys.exit(USAGE)


def positive(text: str) -> int:
    """An argument that is a whole number, 1 or more."""
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number, 1 or more")
    return value


def name_list(text: str) -> list[str]:
    """An argument that is a list of names."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(f"`{text}` is not a list of names, as in layer2,layer4")
    return found


def check_not_given(path: Path, given: str | None) -> None:
    """See that a file is not the one that weights are read from.

    Raises:
        OutputError: it is.
    """
    try:
        same = given is not None and path.samefile(given)
    except (OSError, ValueError):  # one of the two is not there
        same = False
    if same:
        help = "write to another place with -o"
        raise OutputError(Diagnostic("E0604", f"{path} would be overwritten, and is what --weights reads", help=help))


def write_out(text: str) -> None:
    """Print a file on standard output: in UTF-8, as it would be written, whatever the terminal's encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())


def add_weights(parser: argparse.ArgumentParser, help: str) -> None:
    """A file of weights, and where in it they are."""
    parser.add_argument("--weights", metavar="FILE", help=help)
    add_weights_options(parser)


def add_weights_options(parser: argparse.ArgumentParser) -> None:
    """Where in a file the weights are."""
    parser.add_argument("--weights-key", metavar="KEY", help="of the file's mappings, take this: state_dict_ema")
    parser.add_argument(
        "--strip-prefix", metavar="PREFIX", help="take the weights whose names begin so, and take it off: backbone."
    )
    parser.add_argument(
        "--map",
        metavar="MAP",
        help="whose names the file has: a map's file, FILE.yaml, the name of one that ships, or `order`, where weights "
        "are the network's in its order (found by the names)",
    )
    parser.add_argument(
        "--adapt",
        metavar="WHAT",
        action="append",
        default=[],
        help="make weights of another shape fit: channels, of the input; head, drawn anew, or head=281,282 with these "
        "classes; positions, of tokens as timm does it and of windows as Swin's authors, positions=torchvision "
        "or positions=geometric; may stand several times",
    )


def weights_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `add_weights_options` gave, as arguments of `read_weights`."""
    return {
        "key": arguments.weights_key,
        "prefix": arguments.strip_prefix,
        "adapt": arguments.adapt,
        "map": arguments.map,
    }


def taken(arguments: argparse.Namespace, graph: LayerGraph, *, as_stored: bool = False) -> tuple[Arrays, WeightsReport]:
    """The weights of the file that a command line names, what is doubtful about them said.

    Args:
        arguments: those of `add_weights_options`, and `weights`.
        graph: the network.
        as_stored: as in `read_weights`.

    Raises:
        WeightsError: the file cannot be read, or does not fit.
    """
    from archspec.checkpoints.published_files import doubt_of_name
    from archspec.reporting import plain
    from archspec.weights import read_weights

    with named_owner(arguments.weights, graph.name):
        arrays, report = read_weights(
            arguments.weights,
            graph,
            partial=getattr(arguments, "partial", False),
            as_stored=as_stored,
            **weights_options(arguments),
        )
    owner = "" if report.complete else owner_of(arguments.weights, graph.name)
    for doubt in (*report.doubts, *filter(None, [owner, doubt_of_name(arguments.weights, graph)])):
        print(f"warning: {plain(doubt)}", file=sys.stderr)
    return arrays, report


@contextmanager
def named_owner(weights: str, network: str) -> Iterator[None]:
    """Errors of weights that do not fit a network say whose the file is; those of an option's spelling do not."""
    try:
        yield
    except WeightsOptionError:
        raise
    except WeightsError as error:
        note = [Note(owner)] if (owner := owner_of(weights, network)) else []
        raise WeightsError([replace(each, notes=(*note, *each.notes)) for each in error.diagnostics]) from None


def owner_of(weights: str, network: str) -> str:
    """The network that ships whose weights all are in a file, and are most of it; empty where there is none.

    Args:
        weights: the file.
        network: the name of the spec that they are given to, maybe with other params.
    """
    from archspec.checkpoints import candidates
    from archspec.weights.hub import local

    try:
        likely = candidates(local(weights))
    except WeightsError:  # it cannot be read
        return ""
    if not likely or likely[0].found < likely[0].wanted or likely[0].left > likely[0].found:
        return ""
    first = likely[0]
    others = f", and {first.left} other tensor{'s' * (first.left > 1)}" if first.left else ""
    usual = " with the params that it ships with" if first.name == network else ""
    return f"these are the weights of {first.name}{usual} ({first.found} of {first.wanted}){others}"


def check_weights_usage(arguments: argparse.Namespace) -> None:
    """End where options say how weights are read that are not given."""
    given = (arguments.weights_key, arguments.strip_prefix, arguments.map, *arguments.adapt)
    if arguments.weights is None and any(each is not None for each in given):
        usage_error("--weights-key, --strip-prefix, --map and --adapt are for --weights")


def add_force(parser: argparse.ArgumentParser) -> None:
    """The option to lose what is there."""
    parser.add_argument(
        "--force",
        action="store_true",
        help="overwrite a file that was edited by hand, that archspec did not write, or that a link leads to",
    )


def left_out_text(graph: LayerGraph) -> str:
    """The outermost parts of a spec that no output needs, and what they would add; empty if there are none."""
    if graph.whole is None:
        return ""
    kept = {path.split(".")[0] for path in graph.nodes}
    left = [path for path in graph.whole.nodes if path not in graph.nodes]
    parts = list(dict.fromkeys(path if (first := path.split(".")[0]) in kept else first for path in left))
    shown = ", ".join(parts[:_SHOWN]) + (f" and {len(parts) - _SHOWN} more" if len(parts) > _SHOWN else "")
    layers = "1 layer" if len(left) == 1 else f"{len(left)} layers"
    return f"{shown}: no output needs it ({layers}, {graph.whole.parameters - graph.parameters:,} parameters)"


def training_alone_text(graph: LayerGraph) -> str:
    """What a network that is evaluated is without: outputs of training alone, and weights; empty if there are none."""
    whole = graph.training_form or graph
    if not whole.training_outputs:
        return ""
    weights = whole.all_weights.keys() - evaluated(whole).all_weights.keys()
    more = whole.parameters - evaluated(whole).parameters
    return f"{', '.join(whole.training_outputs)}, for training alone: {len(weights)} weights, {more:,} parameters"


def parameters_text(graph: LayerGraph) -> str:
    """How many parameters and running statistics a network has."""
    return f"{graph.parameters:,}" + (f" and {graph.buffers:,} running statistics" if graph.buffers else "")


def saved_text(form: LayerGraph, trained: LayerGraph) -> str:
    """What a form for inference does without, by the ops' names."""
    before, after = (Counter(node.op.name for node in graph.nodes.values()) for graph in (trained, form))
    found = [f"{count} {name}" for name, count in (before - after).items()]
    bare = sum(
        node.op.kind == "norm" and bool(trained.weights(node)) and not form.weights(same)
        for path, node in trained.nodes.items()
        if (same := form.nodes.get(path)) is not None and type(same.op) is type(node.op)
    )
    if bare:
        found.append(f"the scales and shifts of {bare} norm{'s' * (bare > 1)}")
    return f"without {', '.join(found)}"
