"""Words of other libraries lead to what means the same here, or to the reason why there is nothing.

Each library's table says what the error must name for each public layer. What an installed library has, its table has.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import archspec
from archspec.errors import Diagnostic, SpecError
from archspec.ir.ops import OPS
from archspec.suggestions.vocabulary import vocabulary

FOLDER = Path(__file__).parent
TABLES: dict[str, dict[str, str]] = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yaml"))
}
HEAD = "archspec: 1\nname: words\ninput: {channels: 16, height: 8, width: 8}\n"


def found_in(text: str, folder: Path) -> tuple[Diagnostic, ...]:
    """What is wrong with a spec."""
    path = folder / "words.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        archspec.compile(path)
    except SpecError as error:
        return error.diagnostics
    return ()


def helps(names: list[str], folder: Path) -> Iterator[tuple[str, str]]:
    """Each name as a layer, and the help of its error."""
    for start in range(0, len(names), 20):
        part = names[start : start + 20]
        found = found_in(HEAD + "layers:\n" + "".join(f'  - "{name}"\n' for name in part), folder)
        assert [diagnostic.code for diagnostic in found] == ["E0408"] * len(part)
        yield from zip(part, (diagnostic.help for diagnostic in found), strict=True)


@pytest.mark.parametrize("library", TABLES)
def test_each_layer_leads_to_what_means_the_same(library: str, tmp_path: Path) -> None:
    table = TABLES[library]
    wrong: dict[str, str] = {}
    for name, help in helps(list(table), tmp_path):
        expected, _, input = table[name].partition(" of ")
        texts = [f"write `{expected}"] if expected in OPS else [table[name]]
        if expected in OPS and input:
            texts.append(f"its input is {input}, as `input: ")
        if not all(text in help for text in texts) or "did you mean" in help or "known here" in help:
            wrong[name] = help
    assert not wrong


def _installed(library: str) -> set[str]:
    if library == "onnx":
        schemas = pytest.importorskip("onnx.defs").get_all_schemas()
        return {schema.name for schema in schemas if schema.domain == ""}
    module = pytest.importorskip({"torch": "torch.nn", "torch_functional": "torch.nn.functional"}.get(library, library))
    if library in ("keras", "keras_ops"):
        space = module.layers if library == "keras" else module.ops
        return {name for name in dir(space) if not name.startswith("_") and callable(getattr(space, name))}
    if library == "torch":
        return {name for name in dir(module) if _is_module(getattr(module, name), module.Module)}
    kinds = ("function", "builtin_function_or_method")
    return {name for name in dir(module) if name[0] != "_" and type(getattr(module, name)).__name__ in kinds}


def _is_module(value: object, base: type) -> bool:
    return isinstance(value, type) and issubclass(value, base)


@pytest.mark.parametrize("library", ["torch", "torch_functional", "keras", "onnx"])
def test_each_layer_of_an_installed_library_stands_in_its_table(library: str) -> None:
    assert _installed(library) - TABLES[library].keys() - OPS.keys() == set()


def test_each_word_of_a_layer_is_translated_or_explained(tmp_path: Path) -> None:
    """The arguments of the layers of PyTorch and Keras that there are ops for."""
    torch, keras = pytest.importorskip("torch.nn"), pytest.importorskip("keras.layers")
    wrong: list[tuple[str, str, str]] = []
    for library, space in (("torch", torch), ("keras", keras)):
        for name, op in TABLES[library].items():
            layer: Any = getattr(space, name)
            if op not in OPS or not isinstance(layer, type):
                continue
            words = [word for word in inspect.signature(layer).parameters if word not in _NO_WORDS]
            known = {"name", "branches", *OPS[op].attributes()}
            given = {word: 1 for word in words if word not in known}
            found = found_in(HEAD + yaml.safe_dump({"layers": [{op: given}]}), tmp_path)
            said = {re.findall("`([^`]+)`", diagnostic.message)[0]: diagnostic for diagnostic in found}
            wrong += [(name, op, word) for word in given if word not in said or said[word].code != "E0412"]
    assert not wrong


_NO_WORDS = ("self", "args", "kwargs")

TRANSLATED = {
    "Conv2d: {out_channels: 8, kernel_size: 3, in_channels: 16}": "conv: {filters: 8, kernel: 3}",
    "nn.Conv2d: {out_channels: 8, kernel_size: [3, 1], stride: 2}": "conv: {filters: 8, kernel: [3, 1], stride: 2}",
    "Conv2D: {filters: 8, kernel_size: 3, strides: 2, padding: SAME}": (
        "conv: {filters: 8, kernel: 3, stride: 2, padding: same}"
    ),
    "tf.keras.layers.Conv2D: {filters: 8, kernel_size: 3, use_bias: false}": (
        "conv: {filters: 8, kernel: 3, bias: false}"
    ),
    "DepthwiseConv2D: {kernel_size: 3, depth_multiplier: 2}": (
        "conv: {filters: channels * 2, kernel: 3, groups: channels}"
    ),
    "depthwise_conv: {kernel: 3}": "conv: {filters: channels, kernel: 3, groups: channels}",
    "Convolution: {num_output: 8, kernel_size: 3, pad: 1, bias_term: false}": (
        "conv: {filters: 8, kernel: 3, padding: 1, bias: false}"
    ),
    "Conv2DTranspose: {filters: 4, kernel_size: 2, strides: 2}": "conv_transpose: {filters: 4, kernel: 2, stride: 2}",
    "BatchNorm2d: {num_features: 16, eps: 1e-3, momentum: 0.01}": "batch_norm: {eps: 0.001, decay: 0.99}",
    "BatchNormalization: {momentum: 0.99, epsilon: 0.001}": "batch_norm: {eps: 0.001, decay: 0.99}",
    "GroupNorm: {num_groups: 4, num_channels: 16}": "group_norm: {groups: 4}",
    "MaxPool2d: {kernel_size: 3, stride: 2, padding: 1, ceil_mode: true}": (
        "max_pool: {kernel: 3, stride: 2, padding: 1, ceil_mode: true}"
    ),
    "MaxPooling2D: {pool_size: [2, 2]}": "max_pool: {kernel: [2, 2]}",
    "GlobalAveragePooling2D: {keepdims: true}": "global_avg_pool: {keep_axes: true}",
    "GlobalAveragePooling2D": "global_avg_pool: {keep_axes: false}",
    "ReplicationPad2d: {padding: 1}": "pad: {padding: 1, mode: edge}",
    "ZeroPadding2D: {padding: [1, 2]}": "pad: {padding: [1, 2]}",
    "LeakyReLU: {negative_slope: 0.2}": "leaky_relu: {slope: 0.2}",
    "ReLU: {inplace: true}": "relu",
    "GELU: {approximate: tanh}": "gelu: {approximate: tanh}",
    "Dropout: {p: 0.3}": "dropout: {rate: 0.3}",
    "Upsample: {scale_factor: 2, mode: bilinear, align_corners: true}": (
        "upsample: {factor: 2, mode: bilinear, align_corners: true}"
    ),
    "Upsample: {size: [65, 65], mode: bicubic}": "upsample: {mode: bicubic, size: [65, 65]}",
    "UpsamplingBilinear2d: {scale_factor: 2}": "upsample: {factor: 2, mode: bilinear, align_corners: true}",
    "Dropout2d: {p: 0.2}": "channel_dropout: {rate: 0.2}",
    "SpatialDropout2D: {rate: 0.2}": "channel_dropout: {rate: 0.2}",
    "DropBlock2d: {p: 0.2, block_size: 5}": "drop_block: {rate: 0.2, block: 5}",
    "AdaptiveMaxPool2d: {output_size: 7}": "adaptive_max_pool: {size: 7}",
    "Hardtanh": "clip: {min: -1, max: 1}",
    "Hardtanh: {min_val: 0, max_val: 4}": "clip: {min: 0, max: 4}",
    "CircularPad2d: {padding: 1}": "pad: {padding: 1, mode: circular}",
    "UpSampling2D: {size: 2, interpolation: bilinear}": "upsample: {factor: 2, mode: bilinear}",
    "PixelShuffle: {upscale_factor: 2}": "depth_to_space: {block: 2}",
    "LayerScale: {init_values: 1e-5, dim: 16}": "scale: {value: 1e-05, learned: channel}",
    "AdaptiveAvgPool2d: {output_size: 1}": "adaptive_avg_pool: {size: 1}",
    "glu": "multiply: [[split: {parts: 2, index: 0}], [split: {parts: 2, index: 1}, sigmoid]]",
    "Tanhshrink": "subtract: [[], [tanh]]",
    "reshape: [16, 64]": "reshape: {shape: [16, 64]}",
    "pad: [1, 1]": "pad: {padding: [1, 1]}",
    "upsample: [2, 2]": "upsample: {factor: [2, 2]}",
    "max_pool: [3, 2]": "max_pool: {kernel: 3, stride: 2}",
    "residual: [conv: {filters: 16, kernel: 3, padding: same}, relu]": (
        "add: [[conv: {filters: 16, kernel: 3, padding: same}, relu], []]"
    ),
    "shortcut: [[conv: {filters: 16, kernel: 1}], []]": "add: [[conv: {filters: 16, kernel: 1}], []]",
    "skip: {branches: [relu]}": "add: [[relu], []]",
    "Concatenate: [relu, [tanh]]": "concat: [relu, [tanh]]",
    "se_block: {reduction: 8}": (
        "multiply: [[], [global_avg_pool, conv: {filters: channels // 8, kernel: 1}, relu, "
        "conv: {filters: channels * 8, kernel: 1}, sigmoid]]"
    ),
    "Sequential: [relu, tanh]": "layers: [relu, tanh]",
    "activation: relu": "relu",
    "Activation: swish": "silu",
}


@pytest.mark.parametrize("written", TRANSLATED)
def test_a_call_is_spelled_for_copying(written: str, tmp_path: Path) -> None:
    (found,) = found_in(f"{HEAD}layers:\n  - {written}\n", tmp_path)
    assert f"write `{TRANSLATED[written]}`" in found.help
    assert found_in(f"{HEAD}layers:\n  - {TRANSLATED[written]}\n", tmp_path) == ()


PYTHON = {
    "Conv2d(16, 32, 3)": "conv: {filters: 32, kernel: 3}",
    "nn.Conv2d(16, 32, (3, 1), 2, padding=1, bias=False)": (
        "conv: {filters: 32, kernel: [3, 1], stride: 2, padding: 1, bias: false}"
    ),
    "Conv2D(32, (3, 3), 2, 'same')": "conv: {filters: 32, kernel: [3, 3], stride: 2, padding: same}",
    "layers.Conv2D(32, kernel_size=3, input_shape=(8, 8, 16))(x)": "conv: {filters: 32, kernel: 3}",
    "self.stem = nn.Conv2d(16, 32, 1)": "conv: {name: stem, filters: 32, kernel: 1}",
    "x = MaxPool2d(2)(x)": "max_pool: {kernel: 2}",
    "F.max_pool2d(x, 2, 2)": "max_pool: {kernel: 2, stride: 2}",
    "slim.conv2d(net, 64, [3, 3])": "conv: {filters: 64, kernel: [3, 3]}",
    "nn.AdaptiveAvgPool2d((1, 1))": "adaptive_avg_pool: {size: [1, 1]}",
    "nn.BatchNorm2d(16)": "batch_norm",
    "nn.BatchNorm2d(16, eps=1e-3)": "batch_norm: {eps: 0.001}",
    "nn.GroupNorm(4, 16)": "group_norm: {groups: 4}",
    "nn.ReLU(inplace=True)": "relu",
    "LeakyReLU(0.2)": "leaky_relu: {slope: 0.2}",
    "Dropout(p=0.5)": "dropout: {rate: 0.5}",
    "conv(32, 3)": "conv: {filters: 32, kernel: 3}",
    "relu(x)": "relu",
    "UpSampling2D((2, 2))": "upsample: {factor: [2, 2]}",
    "unit(64)": "unit: {depth: 64}",
    "unit(64, stride=2)": "unit: {depth: 64, stride: 2}",
    "nn.PixelShuffle(2)": "depth_to_space: {block: 2}",
    "nn.Flatten()": "flatten",
}
CONV = "conv: {filters: depth, kernel: 1, stride: stride}"
BLOCK = f"blocks: {{unit: {{unit: [depth], params: {{stride: 1}}, layers: [{CONV}]}}}}\n"


@pytest.mark.parametrize("written", PYTHON)
@pytest.mark.parametrize("form", ["layers:\n  - {}\n", "layers: [relu, {}, tanh]\n"], ids=["a line", "in brackets"])
def test_a_call_of_python_is_spelled_for_copying(written: str, form: str, tmp_path: Path) -> None:
    if set("['") & set(written) and "[relu" in form:
        pytest.skip("to YAML these are brackets in brackets, and a text in quotes")
    (found,) = found_in(HEAD + BLOCK + form.format(written), tmp_path)
    assert (found.code, found.help) == ("E0404", f"write `{PYTHON[written]}`")
    assert found_in(HEAD + BLOCK + form.format(PYTHON[written]), tmp_path) == ()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Linear(64, 10)", "write `dense: {units: 10}`"),  # its input is an image here
        ("self.fc = nn.Linear(64, classes)", "write `dense: {name: fc, units: classes}`"),
        ("Dense(10, activation='softmax')", "write `dense: {units: 10}`; `activation`: write it as an item of its own"),
        ("LSTM(64)", "loops over time are not in the language"),
        ("Add()([x, y])", "write `add: [[...], [...]]`"),
        ("conv_bn(16, 3)", "write `conv: {filters: 16, kernel: 3, bias: false}`, and after it `batch_norm`"),
        ("PatchEmbed(224, 16, 3, 768)", "write `conv: {filters: 768, kernel: 16, stride: 16}`, and after it"),
        ("Sparkle(64)", "a spec has no calls as in Python; write `Sparkle: {param: 64}`"),
        ("conv(3x3, 64)", "a spec has no calls as in Python: write `conv: {...}`"),
        ("Conv2d(cfg.width, 3)", "write `conv: {filters: 3, kernel: ...}`"),
    ],
)
def test_what_is_said_of_a_call_of_python(written: str, said: str, tmp_path: Path) -> None:
    (found, *_) = found_in(f"{HEAD}layers:\n  - {written}\n", tmp_path)
    assert said in found.help


def test_arguments_stand_in_the_order_of_their_library() -> None:
    """Where both have a layer of this name, one of the two."""
    torch, keras = pytest.importorskip("torch.nn"), pytest.importorskip("keras.layers")
    wrong: list[str] = []
    for text, names in vocabulary()["arguments"].items():
        words = text.split()
        for name in names.split():
            layers = [layer for space in (torch, keras) if inspect.isclass(layer := getattr(space, name, None))]
            orders = [list(inspect.signature(layer).parameters) for layer in layers]
            both = [zip(words, order, strict=False) for order in orders]
            if orders and not any(all(ours == theirs for ours, theirs in pairs) for pairs in both):
                wrong.append(name)
    assert not wrong


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "patch_embedding: {embed_dim: 64, patch_size: 4}",
            "`conv: {filters: 64, kernel: 4, stride: 4}`, and after it",
        ),
        ("patch_embedding: 4", "`conv: {kernel: 4, stride: 4, filters: ...}`, and after it `to_tokens`"),
        ("conv_bn: 16", "`conv: {filters: 16, bias: false, kernel: ...}`, and after it `batch_norm`"),
        ("conv_bn_relu: {filters: 8, kernel_size: 3}", "`conv: {filters: 8, kernel: 3, bias: false}`, and after it"),
        ("fire: [16, 64]", "`conv: {filters: 16, kernel: 1}`, and after it `relu` and `concat: [[conv: {filters: 64,"),
        ("fire: {squeeze: 8, expand: 32}", "relu], [conv: {filters: 32, kernel: 3, padding: 1}, relu]]`"),
        ("mlp: {hidden_dim: 256}", "`dense: {units: 256}`, an activation and `dense: {units: ...}`"),
        ("Linear: (64, 1000)", "`dense: {units: 1000}`"),
        ("Linear: [64, 1000]", "`dense: {units: 1000}`"),
        ("sparkle: [16, 64]", "`sparkle: {param: 16, ...}`: a call gives params by their names"),
        ("unit: [64, 2]", "`unit: {depth: 64, stride: 2}`"),
        ("concat: early", "`concat: [[], {from: early}]`, where `- tap: early` marks a tensor"),
    ],
)
def test_values_that_are_given_are_carried_over(written: str, said: str, tmp_path: Path) -> None:
    (found,) = found_in(f"{HEAD}{BLOCK}layers:\n  - {written}\n", tmp_path)
    assert found.help.startswith("write `")
    assert said in found.help


def test_two_items_are_spelled_where_it_takes_two(tmp_path: Path) -> None:
    (found,) = found_in(f"{HEAD}layers:\n  - SeparableConv2D: {{filters: 8, kernel_size: 3}}\n", tmp_path)
    items = re.findall("`([^`]+)`", found.help)
    assert items == [
        "conv: {filters: channels, kernel: 3, groups: channels, bias: false}",
        "conv: {filters: 8, kernel: 1}",
    ]
    assert found_in(HEAD + "layers:\n" + "".join(f"  - {item}\n" for item in items), tmp_path) == ()


@pytest.mark.parametrize("axes", [1, 3])
def test_a_layer_of_other_axes_is_spelled_with_the_input_that_makes_it_one(axes: int, tmp_path: Path) -> None:
    written = f"Conv{axes}d: {{out_channels: 8, kernel_size: 3, stride: 2, padding: 1}}"
    (found,) = found_in(f"{HEAD}layers:\n  - {written}\n", tmp_path)
    item, head = re.findall("`([^`]+)`", found.help)
    assert item == "conv: {filters: 8, kernel: 3, stride: 2, padding: 1}"
    assert found_in(f"archspec: 1\nname: row\n{head}\nlayers:\n  - {item}\n", tmp_path) == ()


def test_what_is_written_instead_is_valid(tmp_path: Path) -> None:
    """Shapes apart, which depend on where it stands."""
    names = [name for table in TABLES.values() for name in table]
    wrong: dict[str, str] = {}
    for name, help in helps(names, tmp_path):
        spelled = re.match(r"write `([^`]+)`", help)
        if spelled is None or "..." in spelled[1] or (spelled[1] in OPS and OPS[spelled[1]].least_inputs > 1):
            continue  # there are sizes or branches to fill in
        if spelled[1] in OPS and any(info.required for info in OPS[spelled[1]].attributes().values()):
            continue
        text = f"{HEAD}layers:\n  - {spelled[1]}\n"
        if spelled[1].startswith("input:"):
            text = f"archspec: 1\nname: words\n{spelled[1]}\nlayers: [relu]\n"
        if any(not found.code.startswith("E05") for found in found_in(text, tmp_path)):
            wrong[name] = help
    assert not wrong


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("pad: {padding: 1, mode: replicate}", "write `edge`"),
        ("pad: {padding: 1, mode: wrap}", "write `circular`"),
        ("pad: {padding: 1, mode: reflct}", "write `reflect`"),
        ("upsample: {factor: 2, mode: lanczos}", "not in the language; nearest, bilinear and bicubic are there"),
        ("upsample: {factor: 2, mode: area}", "not in the language; nearest, bilinear and bicubic are there"),
        ("upsample: {factor: 2, mode: cubic}", "write `bicubic`"),
        ("upsample: {factor: 2, mode: nearest-exact}", "write `nearest_exact`"),
        ("conv: {filters: 4, kernel: 3, padding: SAME}", "write `same`"),
        ("conv: {filters: 4, kernel: 3, bias: no}", "write `false`"),
        ("scale: {learned: per_channel}", "write `channel`"),
    ],
)
def test_a_word_that_an_attribute_does_not_take(written: str, said: str, tmp_path: Path) -> None:
    (found,) = found_in(f"{HEAD}layers:\n  - {written}\n", tmp_path)
    assert found.code == "E0411"
    assert said in found.help
    kind = OPS[written.partition(":")[0]].attributes()[re.findall("`([a-z]+)`", found.message)[0]].kind
    assert all(word in found.message for word in kind.words)


MISSPELLED = {
    "conv: {filters: 8, kernal: 3}": "kernel",
    "conv: {fliters: 8, kernel: 3}": "filters",
    "conv: {filters: 8, kernel: 3, paddding: 1}": "padding",
    "batch_nrom": "batch_norm",
    "rlu": "relu",
    "max_poool: {kernel: 2}": "max_pool",
    "globl_avg_pool": "global_avg_pool",
}


@pytest.mark.parametrize("written", MISSPELLED)
def test_a_misspelling_is_corrected(written: str, tmp_path: Path) -> None:
    (found,) = found_in(f"{HEAD}layers:\n  - {written}\n", tmp_path)
    assert found.help == f"did you mean `{MISSPELLED[written]}`?"


@pytest.mark.parametrize("word", ["kv_heads", "causal", "attn_mask", "proj_bias"])
def test_what_is_spelled_alike_is_not_offered(word: str, tmp_path: Path) -> None:
    (found,) = found_in(f"{HEAD}layers: [to_tokens, attention: {{heads: 4, {word}: 1}}]\n", tmp_path)
    assert found.code == "E0412"
    assert "not in the language" in found.help or found.help == "write `out_bias`"


@pytest.mark.parametrize(
    "written",
    [
        f"Linear({'-' * 900}1)",
        f"Linear({'.'.join('a' * 450)})",
        f"nn.Linear({'+'.join('1' * 480)})",
        "Linear(~1)",
        "Linear(not 1)",
        "Linear(-True)",
    ],
)
def test_a_call_that_is_hard_to_read_is_an_error_as_any(written: str, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(f'{HEAD}layers:\n  - "{written}"\n', encoding="utf-8")
    with pytest.raises(archspec.SpecError) as caught:
        archspec.compile(path)
    assert "internal error" not in str(caught.value)
    assert {found.code for found in caught.value.diagnostics} <= {"E0404", "E0408", "E0202", "E0304", "E0103"}
