"""Encoder-decoders are drawn as a U: of what ships, and of networks of all depths and ways to join."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path

import pytest

import archspec
from archspec.analysis.levels import LEVELS, Level
from archspec.diagram.drawing import Drawing
from archspec.diagram.u_shape import u_shaped
from archspec.spec import load_text
from tests.diagram.geometry import faults

JOINS = ("concat", "add", "lateral", "crop")
"""How a skip comes to the decoder: as it is, through a convolution, or with its border cut away."""


def encoder_decoder(depth: int, join: str, *, blocks: bool, head: bool = False, convs: int = 1) -> str:
    """The spec of an encoder-decoder of so many levels, out of blocks or of plain layers."""
    size, channels = 32 * 2**depth, 8
    lines = [f"archspec: 1\nname: net\ninput: {{channels: 3, height: {size}, width: {size}}}"]
    if blocks:
        layers = "".join(
            f"      - conv: {{filters: {channels}, kernel: 3, padding: same}}\n      - relu\n" for _ in range(convs)
        )
        lines.append(f"blocks:\n  unit:\n    layers:\n{layers}".rstrip())
    lines.append("layers:")

    def unit() -> None:
        for _ in range(1 if blocks else convs):
            lines.extend(
                ["  - unit"] if blocks else [f"  - conv: {{filters: {channels}, kernel: 3, padding: same}}", "  - relu"]
            )

    for level in range(depth):
        unit()
        lines.extend([f"  - tap: level{level}", "  - max_pool: {kernel: 2}"])
    unit()
    lines.append("  - tap: bottom")
    for level in reversed(range(depth)):
        lines.append("  - upsample: {factor: 2, mode: nearest}")
        skip = f"from: level{level}"
        if join == "crop":
            lines.append("  - crop: {cropping: 1}")
            lines.append("  - conv: {filters: 8, kernel: 3, padding: same}")
            cut = size // 2**level - _after_crop(size, depth, level)
            lines.append(
                f"  - concat:\n      - {skip}\n        layers: [{{crop: {{cropping: {cut // 2}}}}}]\n      - []"
            )
        elif join == "lateral":
            lines.append(f"  - add:\n      - []\n      - {skip}\n        layers: [{{conv: {{filters: 8, kernel: 1}}}}]")
        else:
            lines.append(f"  - {join}: [[], {{{skip}}}]")
        unit()
    lines.append("  - conv: {name: head, filters: 2, kernel: 1}")
    if head:
        lines.append(
            "  - tap: mask\n  - from: bottom\n    layers: [global_avg_pool, flatten, {dense: {name: label, units: 5}}]"
        )
        lines.append("  - tap: label\noutputs: [mask, label]")
    return "\n".join(lines) + "\n"


def _after_crop(size: int, depth: int, level: int) -> int:
    """The size in the decoder at a level, where each upsampling is followed by a crop of one."""
    at = size >> depth
    for _ in range(depth - level):
        at = 2 * at - 2
    return at


def level_skips(drawing: Drawing) -> int:
    """How many skips of a drawing's U are drawn as one straight line; all of them are looked at in the picture."""
    (drawn,) = drawing.panels
    bend = u_shaped(drawn.part)
    assert bend is not None
    placed = drawing.set_out(drawn)
    level = 0
    for skip in bend.skips:
        route = placed.routes[skip.line]
        source, target = (placed.part.figure.lines[skip.line].source, placed.part.figure.lines[skip.line].target)
        assert source.box is not None
        assert target.box is not None
        assert not placed.spots[source.box].up
        assert placed.spots[target.box].up
        assert placed.spots[source.box].axis < placed.spots[target.box].axis
        across = [one for one, other in pairwise(route) if one[0] == other[0] and one[1] != other[1]]
        level += len(across) == 1
    return level


@pytest.mark.parametrize(("depth", "join", "blocks"), list(product((1, 2, 3, 5), JOINS, (False, True))))
def test_an_encoder_decoder_of_any_kind_is_a_u(depth: int, join: str, blocks: bool) -> None:
    if join == "crop" and depth > 3:
        pytest.skip("nothing would be left")
    for head, convs in ((False, 1), (depth > 1, 2)):
        graph = archspec.compile(load_text(encoder_decoder(depth, join, blocks=blocks, head=head, convs=convs)))
        for level in LEVELS:
            drawing = archspec.draw(graph, level=level, parameters=True)
            assert not faults(drawing.scene)
            assert level_skips(drawing) == depth
            strip = archspec.draw(graph, level=level, parameters=True, columns=1)
            assert drawing.scene.height < strip.scene.height
            assert not faults(strip.scene)
            assert not faults(archspec.draw(graph, level=level, horizontal=True).scene)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize(("name", "skips"), [("unet", 3), ("feature_pyramid", 2)])
def test_what_ships(name: str, skips: int, level: Level) -> None:
    assert level_skips(archspec.draw(name, level=level)) == skips


@pytest.mark.parametrize(
    ("name", "skips"),
    [
        ("one_skip", 1),
        ("lateral_sums", 2),
        ("units_on_skips", 3),
        ("nested", 2),
        ("uneven_skips", 2),
        ("two_inputs", 2),
    ],
)
def test_what_papers_draw(name: str, skips: int) -> None:
    graph = archspec.compile(Path(__file__).parents[1] / "zoo" / "encoder_decoders" / f"{name}.yaml")
    for level in LEVELS:
        drawing = archspec.draw(graph, level=level)
        assert level_skips(drawing) == skips
        assert not faults(drawing.scene)


@pytest.mark.parametrize(
    "name", ["resnet50", "inception", "densenet", "dcgan_generator", "vision_transformer", "espcn"]
)
def test_what_is_no_encoder_decoder_is_no_u(name: str) -> None:
    for level in LEVELS:
        assert u_shaped(archspec.draw(name, level=level).panels[0].part) is None
