"""How wide text is, without a font at hand.

The widths are DejaVu Sans's, which matplotlib draws PNG and PDF files with. It is as wide as Verdana, and wider than
Arial, Helvetica or Liberation Sans, one of which a viewer of an SVG file has: what fits here fits there.
"""

from __future__ import annotations

import unicodedata
from typing import Final

# fmt: off
_PLAIN: Final = (
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656,
    557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613,
    635, 550, 635, 615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818,
    592, 592, 525, 636, 337, 636, 838,
)
_BOLD: Final = (
    348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365, 696, 696, 696, 696, 696, 696,
    696, 696, 696, 696, 400, 400, 838, 838, 838, 580, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 372, 775,
    637, 995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725, 457, 365, 457, 838, 500, 500, 675,
    716, 593, 716, 678, 435, 716, 712, 343, 343, 665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924,
    645, 652, 582, 712, 365, 712, 838,
)
# fmt: on
"""Advance widths of the characters from space to tilde, in thousandths of the font's size."""

_OTHER: Final = 838
"""Of other characters that are not wide; those that archspec writes, such as a multiplication sign, are no wider."""


def width(text: str, size: float, *, bold: bool = False) -> float:
    """The width of one line of text in a font of this size, in the size's unit; never less than a viewer's."""
    table = _BOLD if bold else _PLAIN
    return sum(_thousandths(character, table) for character in text) * size / 1000


def _thousandths(character: str, table: tuple[int, ...]) -> int:
    index = ord(character) - 32
    if 0 <= index < len(table):
        return table[index]
    if unicodedata.combining(character):
        return 0
    return 1000 if unicodedata.east_asian_width(character) in "WF" or character == "…" else _OTHER


def shortened(text: str, most: int = 48) -> str:
    """The text in one line of at most so many characters, its middle left out if need be: a spec's text may be long."""
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    if len(text) <= most:
        return text
    head = (most - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"
