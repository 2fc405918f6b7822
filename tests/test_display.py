"""What archspec gives shows itself in a process that has imported nothing but `archspec`."""

from __future__ import annotations

import subprocess
import sys

import pytest

SHOWN = {
    "print(archspec.compile('lenet').dump())": "network lenet",
    "print(archspec.compile('lenet')._repr_svg_())": "<svg",
    "rich.print(archspec.compile('lenet'))": "61,706",
    "print(archspec.load('lenet')._repr_svg_())": "<svg",
    "rich.print(archspec.load('lenet'))": "lenet.yaml",
    "print(archspec.summary('lenet'))": "61,706",
    "print(archspec.summary('lenet')._repr_markdown_())": "| ",
    "rich.print(archspec.summary('lenet'))": "61,706",
    "print(archspec.count('lenet'))": "61,706",
    "print(archspec.count('lenet')._repr_markdown_())": "| ",
    "print(archspec.diff('lenet', 'resnet18'))": "lenet -> resnet18",
    "print(archspec.diff('lenet', 'resnet18')._repr_markdown_())": "| ",
    "print(archspec.draw('lenet')._repr_svg_())": "<svg",
    "try: archspec.load('lenett')\nexcept archspec.SpecError as error: print(error)": "error[E0106]: no spec named",
}


@pytest.mark.parametrize("code", SHOWN)
def test_it_shows_itself(code: str) -> None:
    script = f"import archspec, rich\n{code}"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert SHOWN[code] in done.stdout
