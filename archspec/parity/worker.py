"""One participant's process: `python -m archspec.parity.worker FOLDER INDEX`."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from archspec.codegen.backend import backend
from archspec.errors import ArchspecError
from archspec.ir.graph import LayerGraph


def main(folder: Path, index: int) -> None:
    """Run what the request asks for and write results and versions beside it."""
    request = json.loads((folder / f"request-{index}.json").read_text(encoding="utf-8"))
    graph: LayerGraph = pickle.loads((folder / "graph.pickle").read_bytes())
    weights, inputs = (load_file(folder / f"{name}.safetensors") for name in ("weights", "inputs"))
    target = backend(request["backend"])
    try:
        target.require()
    except ArchspecError as error:  # said to the user as it is, not as the failure of a worker
        found = [{"code": d.code, "message": d.message, "help": d.help} for d in error.diagnostics]
        (folder / f"refused-{index}.json").write_text(json.dumps(found), encoding="utf-8")
        return
    results: dict[str, np.ndarray[Any, Any]] = {}
    for dtype in request["dtypes"]:
        model = target.build(request["source"], graph, weights=weights, dtype=dtype)
        # Inference first: a training step changes the running statistics that inference uses.
        for mode in sorted(request["modes"]):
            outcome = target.run(model, graph, inputs, training=mode == "training")
            for name, array in outcome.outputs.items():
                results[f"{dtype}/{mode}/outputs/{name}"] = array
            if mode == "training":
                for name, array in outcome.statistics.items():
                    results[f"{dtype}/{mode}/statistics/{name}"] = array
        del model
    contiguous = {name: np.ascontiguousarray(array) for name, array in results.items()}
    save_file(contiguous, folder / f"result-{index}.safetensors")
    (folder / f"versions-{index}.json").write_text(json.dumps(dict(target.versions())), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
