"""What a network costs and looks like, and how two differ. No framework is imported."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING

from archspec.api import compile, graph_of
from archspec.errors import SpecError
from archspec.ir.graph import LayerGraph
from archspec.limits import Limits
from archspec.spec import Spec

if TYPE_CHECKING:
    from archspec.analysis.counting import NetworkCounts
    from archspec.analysis.graph_diff import Difference
    from archspec.analysis.levels import Level
    from archspec.analysis.summary import Summary
    from archspec.diagram.drawing import Drawing
    from archspec.diagram.theme import ThemeName


def count(
    spec: Spec | LayerGraph | str | PathLike[str],
    /,
    *,
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
    **params: object,
) -> NetworkCounts:
    """What a network costs for one example: parameters, MACs, activations, bytes; in all and by stage.

    Args:
        spec: a path, a shipped spec's name, a loaded spec, or a compiled graph.
        limits, root: as for `load`; only where `spec` is not loaded yet.
        params: values for the spec's params.

    Raises:
        SpecError: the spec is wrong.
    """
    from archspec.analysis.counting import count

    return count(graph_of(spec, None, limits, root, params))


def summary(
    spec: Spec | LayerGraph | str | PathLike[str],
    /,
    *,
    level: Level = "layer",
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
    **params: object,
) -> Summary:
    """A network as a table of its stages, units and layers, with shapes, parameters, MACs and receptive fields.

    Args:
        spec: a path, a shipped spec's name, a loaded spec, or a compiled graph.
        level: what the rows go down to: `stage`, `unit` or `layer`. Units that are alike are listed once.
        limits, root: as for `load`; only where `spec` is not loaded yet.
        params: values for the spec's params; one that is called `level` can be given to `compile`.

    Returns:
        Its rows and totals. `print` shows them as a table, `rich.print` in color.

    Raises:
        SpecError: the spec is wrong.
        ValueError: there is no such level.
    """
    from archspec.analysis.summary import summarize

    return summarize(graph_of(spec, None, limits, root, params), level)


def diff(a: Spec | LayerGraph | str | PathLike[str], b: Spec | LayerGraph | str | PathLike[str], /) -> Difference:
    """What differs between two networks, layer by layer; the names of the two do not matter.

    Args:
        a, b: a path, a shipped spec's name, a loaded spec, or a compiled graph. `compile` gives params values.

    Raises:
        SpecError: a spec is wrong.
    """
    from archspec.analysis.graph_diff import diff

    return diff(graph_of(a, None, None, None, {}), graph_of(b, None, None, None, {}))


def graph_svg(graph: LayerGraph) -> str:
    """What a notebook shows of a graph."""
    from archspec.diagram.drawing import shown

    return shown(graph).svg()


def spec_svg(spec: Spec) -> str | None:
    """What a notebook shows of a spec; None where it cannot be compiled."""
    try:
        return graph_svg(compile(spec))
    except SpecError:
        return None


def draw(
    *specs: Spec | LayerGraph | str | PathLike[str],
    level: Level = "unit",
    block: str | None = None,
    horizontal: bool = False,
    theme: ThemeName = "light",
    parameters: bool = False,
    macs: bool = False,
    titles: Sequence[str] = (),
    columns: int | None = None,
    limits: Limits | None = None,
    root: str | PathLike[str] | None = None,
) -> Drawing:
    """A picture of a network, or of several side by side; of two it marks what differs. No framework is imported.

    Args:
        specs: paths, shipped specs' names, loaded specs, or compiled graphs. `compile` gives params values.
        level: `stage` has one box for each stage, `unit` each distinct unit once, `layer` everything. A network of more
            than 1,500 boxes is drawn at a coarser level.
        block: draw one block alone: of a single network each of its forms, of several the most frequent one, of two
            the most frequent one in which they differ.
        horizontal: let the data go to the right, not down.
        theme: `light` or `dark`.
        parameters, macs: say on the boxes what they cost.
        titles: above each network, in place of its own, or of its name where there are several.
        columns: set a long picture in so many columns at most (rows, if horizontal), where it can be cut. If not given,
            a single network longer than 1,500 pixels is set in as many as give it the shape of a page.
        limits, root: as for `load`; only where a spec is not loaded yet.

    Returns:
        A `Drawing`: `save("resnet50.svg")` writes it, `svg()` gives the text, and a notebook shows it.

    Raises:
        SpecError: a spec is wrong, or no network calls such a block.
        ValueError: there is no such level or theme, no column, no spec, or titles for some of the networks only.
    """
    from archspec.diagram.drawing import drawing

    if not specs:
        raise ValueError("there is nothing to draw: give one or more specs")
    return drawing(
        [graph_of(spec, None, limits, root, {}) for spec in specs],
        level=level,
        block=block,
        horizontal=horizontal,
        theme=theme,
        parameters=parameters,
        macs=macs,
        titles=titles,
        columns=columns,
    )
