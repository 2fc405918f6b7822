"""Predictions by a backend, in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archspec.api import compile, loaded, with_weights
from archspec.atomic_files import resolved
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend as find
from archspec.errors import Diagnostic, SpecError, WeightsError, nearest
from archspec.hub import WEIGHTS, spec_of
from archspec.ir.graph import LayerGraph
from archspec.prediction.classes import Prediction, PredictionError, Ranking
from archspec.prediction.preprocessing import ImageError, Preprocessing
from archspec.spec import Pretrained, Spec
from archspec.weights.downloads import check_digest
from archspec.weights.hub import local
from archspec.weights_addresses import canonical, is_repository

if TYPE_CHECKING:
    from archspec.codegen.backend import Arrays
    from archspec.limits import Limits

BATCH: Final = 8


def preprocessing(
    source: str | os.PathLike[str],
    /,
    *,
    limits: Limits | None = None,
    root: str | os.PathLike[str] | None = None,
    weights: str | None = None,
    **params: object,
) -> Preprocessing:
    """How images are prepared for a network's weights: call what is returned with paths or images of Pillow's.

    Args:
        source: a spec, as for `load`, or a repository, as for `from_pretrained`.
        limits, root: as for `load`.
        weights: the address of those that are used, where the spec names several; unless given, the usual ones.
        params: values for the spec's params.

    Raises:
        SpecError: the spec is wrong, does not say it, says what does not fit its network, or does not name the weights.
        WeightsError: the repository cannot be had.
    """
    if is_repository(source):
        spec = spec_of(source, params, limits=limits)
    else:
        spec = loaded(source if isinstance(source, str) else Path(source), params, limits=limits, root=root)
    if (unknown := not_named(spec, weights)) is not None:
        raise SpecError(unknown)
    return Preprocessing.of(pretrained_of(spec, weights), compile(spec))


def pretrained_of(spec: Spec, weights: str | None) -> Pretrained | None:
    """What a spec says of weights that are given by their address, or of the usual ones of the chosen variant."""
    found = spec.chosen_pretrained
    return (found.of_weights(weights) or found) if found is not None and weights is not None else found


def not_named(spec: Spec, weights: str | None) -> Diagnostic | None:
    """That a spec says nothing of weights for the variant that is chosen, and what may be meant; None if it does."""
    usual = spec.chosen_pretrained
    if weights is None or usual is None or spec.pretrained is None or usual.of_weights(weights) is not None:
        return None
    named = {address: variant for variant, address in spec.pretrained.addresses()}
    owners = [variant for address, variant in named.items() if canonical(address) == canonical(weights)]
    message = f"the spec {spec.name} does not name the weights `{weights[:200]}`"
    if owners and spec.chosen_variant is not None:
        message += f" for its variant {spec.chosen_variant}"
    if owners and owners[0]:
        help = f"they are those of its variant `{owners[0]}`: choose it"
    else:
        usual_ones = f" ones, `{usual.weights}`" if usual.weights is not None else " ones"
        meant = nearest(weights, named)
        help = f"did you mean `{meant}`?" if meant else f"without them images are prepared as for its usual{usual_ones}"
    return Diagnostic("E0411", message, help=help)


def pretrained_weights(spec: Spec, address: str | os.PathLike[str] | None = None, weights: str | None = None) -> Path:
    """The file of weights that a spec names for the variant that is chosen, downloaded where it is not here yet.

    Args:
        spec: the network.
        address: of the repository on the hub that the spec is from, whose weights lie beside it.
        weights: the address of those that are meant, where the spec names several; unless given, the usual ones.

    Raises:
        SpecError: it does not name those that are meant.
        WeightsError: it names none, or the file cannot be had, or is another than is meant.
    """
    if (unknown := not_named(spec, weights)) is not None:
        raise SpecError(unknown)
    pretrained = pretrained_of(spec, weights)
    if weights is None and address is not None and is_repository(address):
        inside = f"{os.fspath(address).rstrip('/')}/{WEIGHTS}"
        return local(inside)
    if pretrained is None or pretrained.weights is None:
        message = f"the spec {spec.name} names no weights"
        raise WeightsError(Diagnostic("E0701", message, help="give a file with --weights"))
    path = local(pretrained.weights)
    if "://" not in pretrained.weights:
        folder = resolved(spec.path.parent if spec.path is not None else Path())
        path = folder / path
        if not resolved(path).is_relative_to(folder):
            message = f"`{pretrained.weights}` lies outside the spec's folder"
            raise SpecError(Diagnostic("E0109", message, pretrained.place("weights")))
    if pretrained.sha256 is not None:
        check_digest(path, pretrained.sha256)
    if pretrained.md5 is not None:
        check_digest(path, pretrained.md5, "md5")
    return path


@dataclass(frozen=True)
class Predictor:
    """A network with its weights on a backend, that says what is in images."""

    graph: LayerGraph
    backend: str
    weights: Arrays
    preprocessing: Preprocessing
    ranking: Ranking
    _models: list[Any] = field(default_factory=list[Any])

    def predictions(
        self, images: Sequence[str | os.PathLike[str]], count: int
    ) -> Iterator[tuple[str, list[Prediction] | ImageError | PredictionError]]:
        """For each image its most probable classes, or why there are none; in order."""
        import numpy as np

        for start in range(0, len(images), BATCH):
            part = images[start : start + BATCH]
            prepared = [self._prepared(image) for image in part]
            sound = [array for array in prepared if not isinstance(array, ImageError)]
            rows = iter(self._outputs(np.stack(sound)) if sound else ())
            for image, array in zip(part, prepared, strict=True):
                found = array if isinstance(array, ImageError) else self._top(next(rows), count)
                yield os.fspath(image), found

    def _top(self, outputs: Any, count: int) -> list[Prediction] | PredictionError:
        try:
            return self.ranking.top(outputs, count)
        except PredictionError as error:
            return error

    def _prepared(self, image: str | os.PathLike[str]) -> Any:
        try:
            return self.preprocessing.prepared(image)
        except ImageError as error:
            return error

    def _outputs(self, batch: Any) -> Any:
        target = find(self.backend, RunsModels)
        if not self._models:
            self._models.append(with_weights(self.graph, self.backend, self.weights))
        inputs = {self.graph.inputs[0]: batch}
        return target.run(self._models[0], self.graph, inputs, training=False).outputs[self.ranking.output]
