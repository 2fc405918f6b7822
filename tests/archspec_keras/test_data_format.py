"""Generated source is the same network whatever the user's `keras.json` says."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archspec
from archspec.codegen.backend import RunsModels
from archspec.codegen.registry import backend
from archspec.errors import InternalError
from archspec.parity import random_inputs
from archspec.spec import load_text
from tests.conformance.cases import CASES
from tests.conformance.graphs import graph_of
from tests.needed import lazily, needs

keras: Any = lazily("keras")
pytestmark = needs("keras")

OPS = ("conv", "conv_transpose", "max_pool", "avg_pool", "flatten", "reshape", "pad", "crop", "upsample")
MORE = ("global_avg_pool", "global_max_pool", "adaptive_avg_pool", "depth_to_space", "to_tokens", "batch_norm")
SPECS = ("lenet", "unet", "mobilenet_v2", "inception")

RUN = """
import importlib, json, sys
import keras, numpy as np
assert keras.config.image_data_format() == sys.argv[1]
for name in json.loads(sys.argv[2]):
    keras.utils.set_random_seed(0)
    model = getattr(importlib.import_module(name), name)()
    for index, variable in enumerate(model.weights):
        values = np.cos(np.arange(np.prod(variable.shape)) + index).reshape(variable.shape) / 8
        variable.assign(abs(values) if "variance" in variable.path else values)
    shapes = [(2, *tensor.shape[1:]) for tensor in model.inputs]
    inputs = [np.sin(np.arange(np.prod(shape))).reshape(shape).astype("float32") for shape in shapes]
    outputs = model(inputs[0] if len(inputs) == 1 else inputs)
    outputs = outputs.values() if isinstance(outputs, dict) else [outputs]
    sums = [float(np.abs(keras.ops.convert_to_numpy(tensor)).mean()) for tensor in outputs]
    print(json.dumps([name, model.count_params(), [list(tensor.shape) for tensor in outputs], sums]))
"""


def _said(folder: Path, layout: str, names: list[str]) -> list[list[Any]]:
    """What the modules of a folder compute in a new process, whose `keras.json` says this layout."""
    home = folder / layout
    home.mkdir()
    text = {"image_data_format": layout, "backend": keras.backend.backend(), "floatx": "float32", "epsilon": 1e-3}
    (home / "keras.json").write_text(json.dumps(text))
    environment = {**os.environ, "KERAS_HOME": str(home), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment.pop("KERAS_BACKEND", None)
    command = [sys.executable, "-c", RUN, layout, json.dumps(names)]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=500
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]


@pytest.mark.slow
def test_another_keras_json_makes_no_other_network(tmp_path: Path) -> None:
    graphs = {name: archspec.compile(name) for name in SPECS}
    for op in (*OPS, *MORE):
        for index, case in enumerate(CASES[op]):
            graphs[f"{op}_{index}"] = graph_of(case, (8, 8))
    for name, graph in graphs.items():
        source = archspec.generate(graph, "keras").replace("def case(", f"def {name}(")
        (tmp_path / f"{name}.py").write_text(source)
    first = _said(tmp_path, "channels_last", [*graphs])
    second = _said(tmp_path, "channels_first", [*graphs])
    assert [row[0] for row in first] == [*graphs]
    for one, other in zip(first, second, strict=True):
        assert one[:3] == other[:3]
        assert one[1] == graphs[one[0]].parameters + graphs[one[0]].buffers
        np.testing.assert_allclose(one[3], other[3], rtol=1e-4)


def test_every_layer_that_takes_a_data_format_is_given_one() -> None:
    from archspec_keras.data_format import stated
    from archspec_keras.names import CHANNELS_LAST, HELPERS

    taking = {
        name
        for name, kind in vars(keras.layers).items()
        if inspect.isclass(kind) and "data_format" in inspect.signature(kind.__init__).parameters
    }
    folder = Path(inspect.getfile(sys.modules["archspec_keras.ops"])).parent
    printed = {name for file in folder.glob("*.py") for name in re.findall(r"\blayers\.(\w+)", file.read_text())}
    printed |= {f"Global{kind}Pooling{axes}D" for kind in ("Average", "Max") for axes in (1, 2, 3)}
    printed |= {f"{kind}Pooling{axes}D" for kind in ("Average", "Max") for axes in (1, 2, 3)}
    ranked = {name for file in folder.glob("*.py") for name in re.findall(r'"layers\.(\w*\{\}\w*)"', file.read_text())}
    printed |= {name.format(f"{axes}D") for name in ranked for axes in (1, 2, 3)}
    assert printed & taking == CHANNELS_LAST
    assert taking >= CHANNELS_LAST
    from archspec.codegen.pretty_printer import call, flat

    for name in HELPERS.names:
        base = re.search(r"^class \w+\(layers\.(\w+)\)", HELPERS.text(name), re.MULTILINE)
        if base is not None and base[1] in taking:
            assert "data_format=" in flat(stated(call(name, "1"), HELPERS)), name


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_source_that_leaves_the_data_format_open_is_found_out(layout: str) -> None:
    text = (
        "archspec: 1\nname: net\ninput: {channels: 3, height: 8, width: 8}\nlayers: [conv: {filters: 4, kernel: 3}]\n"
    )
    graph, target = archspec.compile(load_text(text)), backend("keras", RunsModels)
    source = target.render(graph)
    before = keras.config.image_data_format()
    keras.config.set_image_data_format(layout)
    try:
        target.verify(source, graph)
        with pytest.raises(InternalError):
            target.verify(source.replace(', data_format="channels_last"', ""), graph)
        outcome = target.run(archspec.build(graph, "keras"), graph, random_inputs(graph, batch=1), training=True)
        assert outcome.outputs["output"].shape == (1, 4, 6, 6)
        assert keras.config.image_data_format() == layout
    finally:
        keras.config.set_image_data_format(before)


@pytest.mark.parametrize(
    ("layers", "any_size"),
    [
        ("[conv: {filters: 4, kernel: 3}]", True),
        ("[conv: {filters: 4, kernel: 3}, global_avg_pool, flatten, dense: {units: 2}]", True),
        ("[adaptive_avg_pool: {size: 2}, flatten, dense: {units: 2}]", True),
        ("[max_pool: {kernel: 2}, upsample: {factor: 2}]", True),
        ("[to_tokens, attention: {heads: 1}]", True),
        ("[flatten]", False),
        ("[flatten, dense: {units: 2}]", False),
        ("[conv: {filters: 4, kernel: 8}, flatten, dense: {units: 2}]", False),
        ("[reshape: {shape: [3, 4, 16]}]", False),
        ("[to_tokens, position_embedding]", False),
        ("[to_tokens, class_token, position_embedding]", False),
        ("[to_tokens, transpose, dense: {units: 4}]", False),
        ("[to_tokens, to_image: {height: 8, width: 8}]", False),
    ],
)
def test_any_input_size_is_offered_where_the_network_takes_it(layers: str, any_size: bool) -> None:
    text = f"archspec: 1\nname: net\ninput: {{channels: 3, height: 8, width: 8}}\nlayers: {layers}\n"
    source = backend("keras").render(archspec.compile(load_text(text)))
    assert ("input_size: tuple[int | None, int | None]" in source) is any_size
    assert ("None where they vary" in source) is any_size
    if any_size:
        space: dict[str, Any] = {}
        exec(source, space)
        model = space["net"](input_size=(None, None))
        for size in (8, 12):
            model(np.zeros((1, size, size, 3), "float32"))


@pytest.mark.parametrize(
    ("more", "layers", "is_fixed"),
    [
        ("", "[conv: {filters: 4, kernel: 3}]", False),
        ("let: {odd: size % 2}\n", "[pad: {padding: '[odd, 1, odd, 1]'}, max_pool: {kernel: 3}]", True),
        ("", "[conv: {filters: 4, kernel: 3, padding: size // 8}]", True),
        ("", "[part: {edge: size // 8}]", True),
        ("", "[{name: inside, layers: [part: {edge: size // 8}]}]", True),
        ("", "[{conv: {filters: 4, kernel: 1}, when: size > 4}]", True),
        ("", "[part: {edge: wide}]", False),
        ("", "[part: {edge: 2}]", False),
    ],
)
@pytest.mark.parametrize("shape", ["{channels: 3, height: size, width: size}", "{shape: '[3, size, size]'}"])
def test_no_size_is_offered_where_layers_are_worked_out_from_it(
    more: str, layers: str, is_fixed: bool, shape: str
) -> None:
    """Layers for another size are others; those that know it by a param's default may be given another."""
    text = f"archspec: 1\nname: net\nparams: {{size: 8, wide: size // 4}}\n{more}input: {shape}\n"
    text += "blocks: {part: {params: {edge: {}, size: 1}, layers: [pad: {padding: edge}, crop: {cropping: size}]}}\n"
    text += f"layers: {layers[:-1]}, pad: {{name: last, padding: wide}}]\n"
    graph = archspec.compile(load_text(text))
    source = backend("keras").render(graph)
    assert ("input_size" not in source) is is_fixed
    space: dict[str, Any] = {}
    exec(source, space)
    space["net"]()(np.zeros((1, 8, 8, 3), "float32"))
