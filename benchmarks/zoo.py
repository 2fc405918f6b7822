"""Builders of PyTorch's libraries beside the specs that ship: `python -m benchmarks.zoo [BUILDER...]`.

All classification builders of torchvision and, with `--library timm`, those of timm that people use most; the library
must be importable. Prints a table: parameters, multiply-accumulates, and the keys and shapes of the state dict, each
equal or not, and how far apart the outputs are on each backend, for the same weights and one image. `--write` writes
what the library says into `tests/specs/<library>/builders.json`, by which the tests hold the specs without it.

Weights are drawn by their names, so that both sides have the same without a file: `drawn`.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.ir.graph import LayerGraph

TABLES: Final = Path(__file__).resolve().parents[1] / "tests" / "specs"
LIBRARIES: Final = ("torchvision", "timm")
BACKENDS: Final = ("torch", "keras", "onnx")
COUNTER: Final = "num_batches_tracked"
"""A batch norm's count of training steps, which is no weight."""
CLASSES: Final = 1000
OFFSETS: Final = "relative_coords_table"
"""Swin V2's offsets of pixels, which follow from the size of a window."""


def drawn(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Numbers for a weight, from its name and shape alone: of a size that keeps deep networks' outputs finite."""
    generator = np.random.default_rng(int.from_bytes(sha256(name.encode()).digest()[:8], "little"))
    numbers = generator.standard_normal(shape, dtype=np.float32)
    if name.endswith("running_var") or (name.endswith(".weight") and len(shape) == 1):
        return 1 + np.float32(0.1) * np.tanh(numbers)  # scales and variances are positive
    if len(shape) < 2:
        return np.float32(0.1) * numbers
    return np.float32(np.prod(shape[1:]) ** -0.5) * numbers


def digest(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Of all names and shapes, in alphabetical order."""
    lines = [f"{name} {'x'.join(map(str, shape))}" for name, shape in sorted(shapes.items())]
    return sha256("\n".join(lines).encode()).hexdigest()[:16]


def image(size: int) -> npt.NDArray[np.float32]:
    """One image (1, 3, size, size)."""
    return drawn("input", (1, 3, size, size)) * np.float32((3 * size * size) ** 0.5)


def weights_of(graph: LayerGraph) -> dict[str, npt.NDArray[np.float32]]:
    """Every weight, drawn by its name."""
    return {path: drawn(path, weight.shape) for path, weight in graph.all_weights.items()}


def ours(graph: LayerGraph, name: str, size: int) -> npt.NDArray[np.float32]:
    """What the graph gives for `image` on a backend, with the drawn weights: of several outputs the first."""
    target = backend(name, RunsModels)
    model = target.build(target.render(graph), graph, weights=weights_of(graph), dtype="float32")
    outcome = target.run(model, graph, {"input": image(size)}, training=False)
    return np.asarray(outcome.outputs[graph.output_names[0]], np.float32)


def rows(library: str = "torchvision") -> list[dict[str, Any]]:
    """The table that the tests hold specs against: a row for each builder, with its spec and the spec's params."""
    loaded: list[dict[str, Any]] = json.loads((TABLES / library / "builders.json").read_text(encoding="utf-8"))
    return loaded


class Reference:
    """A network of a library, with weights that are drawn by their names."""

    def __init__(self, builder: str, size: int, library: str = "torchvision", device: str = "cpu") -> None:
        import torch

        made: Any = import_module(library)  # it need not be there otherwise
        with torch.device(device):
            self.model = self._made(made, builder, library)
        self.size = size
        self.shapes = {
            name: tuple(value.shape) for name, value in self.model.state_dict().items() if not name.endswith(COUNTER)
        }
        self.parameters = sum(parameter.numel() for parameter in self.model.parameters())

    @staticmethod
    def _made(made: Any, builder: str, library: str) -> Any:
        if library == "torchvision":
            arguments = {"init_weights": False} if builder in ("googlenet", "inception_v3") else {}
            return made.models.get_model(builder, weights=None, **arguments).eval()
        # Whose weights timm has for features alone is made without a classifier unless it is asked for.
        others = made.get_pretrained_cfg(builder).num_classes != CLASSES
        return made.create_model(builder, pretrained=False, **({"num_classes": CLASSES} if others else {})).eval()

    def load(self) -> dict[str, Any]:
        """Draw all weights; gives the state dict."""
        import torch

        state = self.model.state_dict()
        for name, value in state.items():
            # Weights alone: a buffer that holds indices or offsets, as Swin's, stays as it is.
            if value.is_floating_point() and not name.endswith(OFFSETS):
                value.copy_(torch.from_numpy(drawn(name, tuple(value.shape))))
        return dict(state)

    def outputs(self) -> npt.NDArray[np.float32]:
        """The logits for `image`."""
        import torch

        with torch.inference_mode():
            found: npt.NDArray[np.float32] = self.model(torch.from_numpy(image(self.size))).numpy()
        return found

    def macs(self) -> int:
        """Multiply-accumulates of convolutions and matrix products, for one image; the weights are gone afterwards.

        Those of timm's blurs are not counted, which are convolutions whose weights are fixed, and those by which its
        MaxViT looks up position biases, which are products with zeros and ones.
        """
        import torch
        from torch.utils.flop_counter import FlopCounterMode

        model = self.model.to("meta")
        fixed: list[int] = []
        for module in model.modules():
            if type(module).__name__ == "BlurPool2d":
                module.register_forward_hook(lambda blur, _, y: fixed.append(y.numel() * blur.filt_size**2))
            if type(module).__name__ == "RelPosBiasTf":
                heads, height, width = module.bias_shape
                rows, columns = (size**2 for size in module.window_size)
                fixed.append(heads * rows * width * (height + columns))
        # With gradients, since PyTorch's attention otherwise is one operator that nobody counts.
        with FlopCounterMode(display=False) as counter:
            model(torch.empty(1, 3, self.size, self.size, device="meta"))
        return int(counter.get_total_flops()) // 2 - sum(fixed)


def written(row: dict[str, Any], library: str, *, outputs: bool) -> dict[str, Any]:
    """A row of the table, with what the library says; outputs if asked, for which it needs all weights."""
    reference = Reference(row["builder"], row["size"], library, "cpu" if outputs else "meta")
    found: dict[str, Any] = {}
    if outputs:
        reference.load()
        logits = reference.outputs()[0]
        found["logits"] = [float(f"{value:.6g}") for value in logits[:4]]
        found["largest"] = float(f"{np.abs(logits).max():.6g}")
    return {
        **{key: row[key] for key in ("builder", "spec", "params", "size") if key in row},
        "parameters": reference.parameters,
        "macs": reference.macs(),
        "keys": digest(reference.shapes),
        **found,
    }


def compared(row: dict[str, Any], library: str, backends: Sequence[str]) -> tuple[str, ...]:
    """One line of the printed table."""
    graph = archspec.compile(row["spec"], **row["params"])
    reference = Reference(row["builder"], row["size"], library)
    shapes = {**{name: weight.shape for name, weight in graph.all_weights.items()}, **graph.saved_derived}
    counts = (
        row["builder"],
        _equal(graph.parameters, reference.parameters),
        "equal" if shapes == reference.shapes else _differing(shapes, reference.shapes),
    )
    if shapes != reference.shapes:
        return (*counts, *("?" for _ in ("MACs", *backends)))
    reference.load()
    expected = reference.outputs()
    macs = _equal(graph.macs, reference.macs())
    apart = [np.abs(ours(graph, name, row["size"]) - expected).max() / np.abs(expected).max() for name in backends]
    return (*counts, macs, *(f"{value:.0e}" for value in apart))


def _differing(found: Mapping[str, object], expected: Mapping[str, object]) -> str:
    odd = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    return f"{len(odd)} differ: " + ", ".join(f"{name} {found.get(name)}/{expected.get(name)}" for name in odd[:4])


def _equal(found: object, expected: object) -> str:
    return "equal" if found == expected else f"{found}, not {expected}"[:40]


def main(arguments: list[str]) -> int:
    """Print the table, or write what the library says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.zoo")
    parser.add_argument("builders", nargs="*", help="all unless given")
    parser.add_argument("--write", action="store_true", help="write the table for the tests")
    parser.add_argument("--counts", action="store_true", help="write no outputs, for which large networks take long")
    parser.add_argument("--library", choices=LIBRARIES, default=LIBRARIES[0])
    parser.add_argument("--backends", default=",".join(BACKENDS), help="on which outputs are compared: %(default)s")
    given = parser.parse_args(arguments)
    library: str = given.library
    table = [row for row in rows(library) if not given.builders or row["builder"] in given.builders]
    if given.write:
        for row in table:  # each as soon as it is there, since all take long
            made = written(row, library, outputs=not given.counts)
            lines = (json.dumps(made if each["builder"] == row["builder"] else each) for each in rows(library))
            text = ",\n".join(f"  {line}" for line in lines)
            (TABLES / library / "builders.json").write_text(f"[\n{text}\n]\n", encoding="utf-8", newline="\n")
        return 0
    import torch

    print(
        f"{library} {import_module(library).__version__}, torch {torch.__version__}, archspec {archspec.__version__}, "
        f"{platform.machine()}, {torch.get_num_threads()} thread(s)\n"
    )
    backends = given.backends.split(",")
    names = " | ".join(f"outputs on {name} differ by" for name in backends)
    print(f"| builder | parameters | keys and shapes | MACs | {names} |\n|---|---|---|---|{'---|' * len(backends)}")
    for row in table:
        print(f"| {' | '.join(compared(row, library, backends))} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
