"""How long generated source is, beside that of torchvision and keras.applications: the table of docs/source_lines.md.

    python -m benchmarks.source_lines [--torchvision FOLDER]

Counted are lines of code: no blank lines, comments or docstrings. Of a library's module those definitions count that
the function for one network leads to, within its file; tables of weights and what registers models are left out.
Nothing of the libraries is imported, so that FOLDER may be any unpacked torchvision.
"""

from __future__ import annotations

import argparse
import ast
import io
import tokenize
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import archspec

ROOT: Final = Path(__file__).parent.parent
NAMED: Final = ROOT / "tests" / "codegen" / "layer_names"
FAMILIES: Final = (
    # the network, our spec, torchvision's module and function, Keras's module and function
    ("ResNet-50", "resnet50", ("resnet", "resnet50"), ("resnet", "ResNet50")),
    ("DenseNet-121", NAMED / "densenet121.yaml", ("densenet", "densenet121"), ("densenet", "DenseNet121")),
    ("MobileNetV2", NAMED / "mobilenet_v2.yaml", ("mobilenetv2", "mobilenet_v2"), ("mobilenet_v2", "MobileNetV2")),
    (
        "EfficientNet-B0",
        NAMED / "efficientnet_b0.yaml",
        ("efficientnet", "efficientnet_b0"),
        ("efficientnet", "EfficientNetB0"),
    ),
    ("VGG-11", NAMED / "vgg11_bn.yaml", ("vgg", "vgg11_bn"), None),
    ("SqueezeNet 1.1", NAMED / "squeezenet1_1.yaml", ("squeezenet", "squeezenet1_1"), None),
    ("RegNetY-400MF", NAMED / "regnet_y_400mf.yaml", ("regnet", "regnet_y_400mf"), None),
    ("ShuffleNetV2", ROOT / "specs/examples/shufflenet_v2.yaml", ("shufflenetv2", "shufflenet_v2_x1_0"), None),
    (
        "ConvNeXt-Tiny",
        ROOT / "specs/examples/convnext.yaml",
        ("convnext", "convnext_tiny"),
        ("convnext", "ConvNeXtTiny"),
    ),
    ("ViT-B/16", ROOT / "specs/examples/vision_transformer.yaml", ("vision_transformer", "vit_b_16"), None),
)


def code_lines(source: str) -> int:
    """Lines with code on them."""
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            docstrings |= {*range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)}
    found: set[int] = set()
    skipped = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in skipped:
            found |= {*range(token.start[0], token.end[0] + 1)}
    return len(found - docstrings)


def reachable(source: str, start: str) -> str:
    """The definitions of a module that one of them leads to, itself included, in their order."""
    tree = ast.parse(source)
    made = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    left, found = [start], set[str]()
    while left:
        name = left.pop()
        if name in found or name not in made or name.endswith("_Weights"):
            continue
        found.add(name)
        node = made[name]
        decorated = {id(part) for wrapper in node.decorator_list for part in ast.walk(wrapper)}
        left += [part.id for part in ast.walk(node) if isinstance(part, ast.Name) and id(part) not in decorated]
    return "\n".join(ast.get_source_segment(source, made[name]) or "" for name in made if name in found)


def library_lines(folder: Path | None, place: tuple[str, str] | None) -> int | None:
    """The lines of a library's network; None where it has none, or is not there."""
    if folder is None or place is None:
        return None
    module, function = place
    return code_lines(reachable((folder / f"{module}.py").read_text(encoding="utf-8"), function))


def _folder(package: str, *parts: str) -> Path | None:
    found = find_spec(package)
    return Path(found.origin).parent.joinpath(*parts) if found is not None and found.origin else None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--torchvision", type=Path, help="where torchvision is unpacked, if it is not installed")
    given: Path | None = parser.parse_args().torchvision
    torchvision = given / "torchvision" / "models" if given else _folder("torchvision", "models")
    keras = _folder("keras", "src", "applications")
    print("| network | PyTorch | torchvision | Keras | keras.applications |")
    print("|---|--:|--:|--:|--:|")
    for title, spec, their_torch, their_keras in FAMILIES:
        graph = archspec.compile(spec)
        ours = [code_lines(str(archspec.generate(graph, backend))) for backend in ("torch", "keras")]
        theirs = [library_lines(torchvision, their_torch), library_lines(keras, their_keras)]
        cells = [ours[0], theirs[0], ours[1], theirs[1]]
        print(f"| {title} | {' | '.join('' if cell is None else str(cell) for cell in cells)} |")


if __name__ == "__main__":
    main()
