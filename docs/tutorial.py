"""The page `docs/tutorial.md`: the specs of `specs/examples`, each with the idea that it shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import archspec

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "specs" / "examples"

ORDER: Final = (
    ("lenet", "A first network"),
    ("inception", "Branches"),
    ("densenet", "Everything that came before"),
    ("se_resnet", "Weighing channels"),
    ("mobilenet_v2", "Widths that are computed"),
    ("shufflenet_v2", "Parts of the channels"),
    ("unet", "Skips"),
    ("feature_pyramid", "Several outputs"),
    ("two_streams", "Several inputs"),
    ("deeplab", "Dilation"),
    ("espcn", "Channels into pixels"),
    ("dcgan_generator", "From a vector to an image"),
    ("convnext", "Layer norm, learned scale, stochastic depth"),
    ("vision_transformer", "Tokens and attention"),
    ("mlp_mixer", "Tokens, transposed"),
    ("m5", "Along a signal"),
    ("r3d_18", "Along a volume"),
    ("text_cnn", "Words"),
    ("bert_tiny", "Words and their context"),
)
"""The specs in the order in which they are explained, and the idea of each."""


def page(notice: str) -> Iterator[str]:
    """The lines of the page."""
    yield from ("# A tour of the language", "", notice, "")
    yield "Nineteen networks, one idea each. They ship: `archspec build unet --backend keras` works anywhere."
    yield "[language.md](language.md) is the reference, [ops.md](ops.md) lists the ops."
    yield "The generated source is in `generated/`."
    for name, idea in ORDER:
        path = FOLDER / f"{name}.yaml"
        spec = archspec.load(path)
        graph = archspec.compile(spec)
        yield from ("", f"## {idea}: {spec.title}", "", " ".join(spec.doc.split()), "")
        sizes = ", ".join(graph.nodes[at].type.whole_text for at in graph.inputs)
        yield f"Input {sizes}; {graph.parameters:,} parameters; {graph.macs:,} multiply-adds. "
        yield f"Source: [PyTorch](../generated/torch/{name}.py), [Keras](../generated/keras/{name}.py)."
        yield f"After {_reference(spec.reference)}."
        yield from ("", "```yaml", _text(path), "```")


def _reference(reference: str | list[str] | None) -> str:
    text = "; ".join([reference] if isinstance(reference, str) else reference or ())
    return text.removeprefix("after ").rstrip(".")


def _text(path: Path) -> str:
    """The file without its modeline, the keys that stand above it on the page, and what is said of existing weights."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text) if text.startswith("# yaml-language-server") else text
    text = re.sub(r"^pretrained:\n(?:  .*\n)+", "", text, flags=re.MULTILINE)
    return re.sub(r"^doc: >-\n(?:  .*\n)+", "", text, flags=re.MULTILINE).rstrip("\n")
