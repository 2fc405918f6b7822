"""The README shows what is really there."""

from __future__ import annotations

import textwrap
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_excerpt_is_the_spec_and_its_generated_source() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = (ROOT / "specs" / "blocks" / "residual.yaml").read_text(encoding="utf-8")
    block = textwrap.dedent(blocks[blocks.index("  bottleneck:") :]).strip()
    source = (ROOT / "generated" / "torch" / "resnet50.py").read_text(encoding="utf-8")
    written = source[source.index("class Bottleneck") : source.index("\n\n\nclass ResNet50")]
    assert f"```yaml\n{block}\n```" in readme
    assert f"```python\n{written}\n```" in readme
