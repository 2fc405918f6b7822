"""Networks with their weights on the Hugging Face hub: a repository whose `config.json` holds the spec.

Files go by the conventions of `huggingface_hub.PyTorchModelHubMixin`, `config.json` and `model.safetensors`, so that
the hub and its tools know them. Nothing of a repository is executed: its spec is read as any other.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec._version import __version__
from archspec.api import build, compile, loaded
from archspec.atomic_files import write_bytes
from archspec.digests import check_writable, with_digest
from archspec.errors import BackendError, Diagnostic, SpecError, WeightsError
from archspec.ir.graph import LayerGraph
from archspec.spec import Spec, load_text
from archspec.spec.loading import NETWORK
from archspec.spec.pretrained import DIGESTS, OF_NETWORK
from archspec.weights import WeightsReport, read_weights, write
from archspec.weights.hub import download, failed
from archspec.weights_addresses import CONFIG, HUB, SCHEME, is_repository

if TYPE_CHECKING:
    from archspec.limits import Limits

WEIGHTS: Final = "model.safetensors"
CARD: Final = "README.md"
_MOST: Final = 2**24
"""Bytes of a config.json."""


def spec_of(
    address: str | os.PathLike[str], params: Mapping[str, object] | None = None, *, limits: Limits | None = None
) -> Spec:
    """The network of a repository, with the params that its weights were trained with.

    Args:
        address: `hf://owner/name`, `hf://owner/name@revision`, or a folder with the same files.
        params: values over those of the repository.
        limits: what the spec may ask for at most.

    Raises:
        WeightsError: the repository cannot be had.
        SpecError: it holds no spec of archspec's, or a wrong one.
    """
    config, shown, folder = _config(address)
    given = {**_params(config), **(params or {})}
    return load_text(json.dumps(config["spec"], indent=1), shown, folder, given, limits=limits)


def _config(address: str | os.PathLike[str]) -> tuple[dict[str, Any], str, Path]:
    """What a repository's `config.json` holds, how it is called in errors, and the folder that it lies in.

    Raises:
        WeightsError: the repository cannot be had.
        SpecError: it holds no spec of archspec's.
    """
    path = _file(address, CONFIG)
    shown = f"{address}/{CONFIG}"
    try:
        size = path.stat().st_size
        data = json.loads(path.read_text(encoding="utf-8")) if size <= _MOST else None
    except (OSError, ValueError, RecursionError):
        data = None
    if not isinstance(data, dict) or not isinstance(data.get("spec"), dict):
        help = "`archspec push` writes such repositories; weights of others are read with `--weights hf://owner/name`"
        raise SpecError(Diagnostic("E0101", f"{shown} holds no network of archspec's", help=help))
    return data, shown, path.parent


def _params(config: Mapping[str, Any]) -> dict[str, object]:
    """Those that the weights of a repository were trained with."""
    own = config.get("params")
    return dict(own) if isinstance(own, dict) else {}


def from_pretrained(
    address: str | os.PathLike[str],
    backend: str,
    *,
    device: str | None = None,
    dtype: str | None = None,
    limits: Limits | None = None,
    **params: object,
) -> Any:
    """A running model of a repository on the hub, with its weights.

    Args:
        address: `hf://owner/name` or `owner/name`, with `@revision` behind it; or a folder with the same files.
        backend: `torch` gives an `nn.Module`, `keras` a `keras.Model`, `onnx` an `onnx.ModelProto`.
        device, dtype: as for `build`.
        limits: what the spec may ask for at most.
        params: values for the spec's params, over those that the repository has.

    Raises:
        WeightsError: the repository cannot be had, or its weights do not fit.
        SpecError: it holds no spec of archspec's, or a wrong one.
        BackendError: the backend is missing.
    """
    if isinstance(address, str) and not address.startswith(SCHEME) and not Path(address).is_dir():
        match = HUB.fullmatch(SCHEME + address)
        if match is None or match["file"]:
            help = "give OWNER/NAME of the hub, with @revision behind it, or a folder that `archspec push -o` wrote"
            raise WeightsError(Diagnostic("E0701", f"`{address[:200]}` is no repository, and no folder", help=help))
        address = SCHEME + address
    graph = compile(spec_of(address, params, limits=limits))
    return build(graph, backend, weights=_file(address, WEIGHTS), device=device, dtype=dtype)


def write_repository(
    folder: Path,
    spec: str | os.PathLike[str],
    weights: str | os.PathLike[str] | Mapping[str, Any],
    *,
    license: str = "",
    options: Mapping[str, Any] | None = None,
    force: bool = False,
    limits: Limits | None = None,
    root: str | os.PathLike[str] | None = None,
    **params: object,
) -> tuple[LayerGraph, WeightsReport]:
    """Write what a repository of a network and its weights holds: config.json, model.safetensors, README.md.

    Args:
        folder: where the files go.
        spec: a path, a shipped spec's name, or another such repository, whose params hold where none are given.
        weights: a file of any format that is read, or arrays by canonical name.
        license: of the weights, as the hub names it (`apache-2.0`), for the card; what the spec says of
            this file if not given.
        options: for `read_weights`: where in the file the weights are, and what is made to fit.
        force: overwrite files of these names that were edited by hand, or not written by archspec.
        limits, root: as for `archspec.load`.
        params: values for the spec's params.

    Returns:
        The network, and how its weights were found.

    Raises:
        SpecError, WeightsError: the spec is wrong, or the weights do not fit.
        OutputError: a file cannot be written.
    """
    for name in (CONFIG, WEIGHTS, CARD):
        check_writable(folder / name, force=force)
    if is_repository(spec):
        config = _config(spec)[0]
        data, params = dict(config["spec"]), {**_params(config), **params}
        read = spec_of(spec, params, limits=limits)
    else:
        source = spec if isinstance(spec, str) else Path(spec)
        data = NETWORK.flattened(source, limits=limits, root=root)
        read = loaded(source, params, limits=limits, root=root)
    pretrained = read.chosen_pretrained
    if pretrained is not None:  # the weights lie beside it, and are those of one variant
        of_file: tuple[str, ...] = ("weights", *DIGESTS, *OF_NETWORK)
        named = weights if isinstance(weights, str) else str(weights) if isinstance(weights, os.PathLike) else ""
        if pretrained.weights is not None and pretrained.of_weights(named) is None:
            of_file = (*of_file, "license", "source")  # said of the published file, and these are other weights
        elif not license:
            license = (pretrained.of_weights(named) or pretrained).license
        data["pretrained"] = {key: value for key, value in pretrained.composed.items() if key not in of_file}
    graph = compile(read)
    arrays, report = read_weights(weights, graph, **(options or {}))
    given = {name: _plain(value) for name, value in params.items()}
    written = {"library_name": "archspec", "archspec_version": __version__, "spec": data, "params": given}
    # Each has its digest, so that it may be written again.
    write_bytes(
        folder / CONFIG, with_digest(f"{json.dumps(written, indent=2, ensure_ascii=False)}\n".encode(), ".json")
    )
    write(folder / WEIGHTS, arrays, graph, add_digest=True, derived=True)
    write_bytes(folder / CARD, with_digest(_card(graph, license).encode(), ".md"))
    return graph, report


def upload(folder: Path, repository: str, *, private: bool = False) -> str:
    """Put the files of a repository on the hub, in one commit; it is made where it is not there.

    Args:
        folder: what `write_repository` wrote.
        repository: `owner/name`.
        private: seen by its owner alone, where it is made now.

    Returns:
        Its address on the web.

    Raises:
        BackendError: huggingface_hub is not installed.
        WeightsError: the hub does not take it.
    """
    try:
        from huggingface_hub import HfApi
    except ImportError:
        help = "install it with `pip install huggingface_hub`"
        raise BackendError(Diagnostic("E0602", "huggingface_hub is not installed", help=help)) from None
    hub = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
    try:
        made = hub.create_repo(repository, private=private, exist_ok=True)
        hub.upload_folder(
            repo_id=repository,
            folder_path=folder,
            allow_patterns=[CONFIG, WEIGHTS, CARD],
            commit_message=f"Network and weights, by archspec {__version__}",
        )
    except Exception as error:  # of the network, of the hub: each has its own kind
        raise failed(f"{repository} cannot be uploaded", error) from None
    return str(made)


def _file(address: str | os.PathLike[str], name: str) -> Path:
    if isinstance(address, str) and address.startswith(SCHEME):
        return download(f"{address.rstrip('/')}/{name}")
    return Path(address) / name


def _plain(value: object) -> object:
    """A param's value as JSON holds it; text of a command line is read as YAML, there as here."""
    return str(value) if isinstance(value, str) else value


def _card(graph: LayerGraph, license: str) -> str:
    """The model card; names and titles are a spec's, and stand as text."""
    head = ["---", "library_name: archspec", "tags: [archspec, pytorch, keras]"]
    head += [f"license: {json.dumps(license)}"] if license else []
    title = " ".join((graph.title or graph.name).split())
    return "\n".join(
        [
            *head,
            "---",
            "",
            f"# {_escaped(title)}",
            "",
            f"{graph.parameters:,} parameters. The network is the spec in `config.json`, its weights are in "
            f"`{WEIGHTS}`.",
            "",
            "```python",
            "import archspec",
            "",
            'model = archspec.from_pretrained("OWNER/NAME", "torch")  # or "keras", "onnx"',
            "```",
            "",
        ]
    )


def _escaped(text: str) -> str:
    """Text that Markdown and HTML take for nothing else."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>()#!|~" else char for char in text)
