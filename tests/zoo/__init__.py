"""Networks of many kinds, one file each: every one is compiled, generated for both backends, and judged."""

from pathlib import Path
from typing import Final

NETWORKS: Final[dict[str, str]] = {
    path.stem: path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.yaml"))
}
"""The text of each, by name."""
