"""The models: what a spec may hold, and what is said where it is wrong."""

from __future__ import annotations

import pytest

from archspec.errors import SpecError
from archspec.spec import Call, Depth, Repeat, Sequence, Spec, Stage, Tap, load, load_text
from tests.spec.helpers import DATA, HEAD, errors_in, errors_of, spec_of


def test_resnet50() -> None:
    spec = load(DATA / "resnet50.yaml", {"classes": "10"})
    assert spec.name == "resnet50"
    assert spec.path == DATA / "resnet50.yaml"
    assert [path.name for path in spec.sources] == ["resnet50.yaml", "residual.yaml"]
    assert [item.kind for item in spec.items] == ["call"] * 4 + ["stage"] * 4 + ["call"] * 3
    assert spec.overrides["classes"].raw == 10
    assert list(spec.blocks["bottleneck"].params) == ["depth", "bottleneck", "stride", "groups"]
    assert spec.blocks["bottleneck"].name == "bottleneck"
    assert spec.blocks["bottleneck"].params["depth"].default is None
    conv1 = spec.items[0]
    assert isinstance(conv1, Call)
    assert conv1.label == "conv1"
    assert {key: value.raw for key, value in conv1.attributes.items()} == {
        "filters": 64,
        "kernel": 7,
        "stride": 2,
        "padding": 3,
    }
    assert (conv1.place("label").line, conv1.place("label").column) == (11, 18)
    kernel = conv1.attributes["kernel"]
    assert kernel.span
    assert kernel.key_span
    assert (kernel.key_span.column, kernel.span.column) == (38, 46)
    init = spec.defaults["conv"]["init"]
    assert init.raw == {"kaiming_normal": "fan_out"}
    stage = spec.items[4]
    assert isinstance(stage, Stage)
    assert stage.units
    assert stage.units.expression
    assert (stage.label, stage.block) == ("layer1", "bottleneck")
    assert stage.units.expression.raw == "[(256, 64, 1)] * 3"


def test_loading_twice_gives_equal_specs() -> None:
    path = DATA / "resnet50.yaml"
    assert load(path) == load(path)


def test_items() -> None:
    spec = spec_of(
        """layers:
  - relu
  - relu: null
  - conv: {name: a, filters: 8}
    when: channels != 8
    else: batch_norm
  - add:
      - []
      - relu
      - [relu, relu]
      - {layers: [relu], name: side, when: channels > 3, else: [relu]}
      - {from: mark}
      - conv: {filters: 3}
  - concat: {name: joined, axis: 1, branches: [[], []]}
  - repeat: {times: 3, name: again, layers: [relu]}
  - tap: mark
  - stage: {name: s, layers: [relu]}
  - {layers: []}
  - residual: {depth: 8}
"""
    )
    items = spec.items
    plain, null, conv, add, concat, repeat, tap, stage, empty, block = items
    assert isinstance(plain, Call)
    assert plain == null
    assert plain.attributes == {}
    assert plain.branches is None
    assert isinstance(conv, Call)
    assert conv.label == "a"
    assert list(conv.attributes) == ["filters"]
    assert conv.when
    assert conv.when.raw == "channels != 8"
    assert conv.otherwise
    assert isinstance(conv.otherwise[0], Call)
    assert conv.otherwise[0].name == "batch_norm"
    assert isinstance(add, Call)
    assert add.branches is not None
    identity, one, two, side, skip, single = add.branches
    assert [len(branch.layers) for branch in add.branches] == [0, 1, 2, 1, 0, 1]
    assert all(isinstance(branch, Sequence) for branch in add.branches)
    assert identity.label is None
    assert one.layers == (plain,)
    assert two.layers == (plain, plain)
    assert side.label == "side"
    assert side.when
    assert side.otherwise == (plain,)
    assert skip.origin == "mark"
    assert skip.layers == ()
    assert isinstance(single.layers[0], Call)
    assert single.layers[0].name == "conv"
    assert isinstance(concat, Call)
    assert concat.label == "joined"
    assert concat.branches is not None
    assert len(concat.branches) == 2
    assert list(concat.attributes) == ["axis"]
    assert isinstance(repeat, Repeat)
    assert repeat.label == "again"
    assert repeat.times.raw == 3
    assert isinstance(tap, Tap)
    assert tap.name == "mark"
    assert isinstance(stage, Stage)
    assert stage.block is None
    assert stage.layers == (plain,)
    assert isinstance(empty, Sequence)
    assert empty.otherwise is None
    assert isinstance(block, Call)
    assert block.name == "residual"


@pytest.mark.parametrize(
    ("item", "error"),
    [
        ("{conv: {}, relu: {}}", "E0202 5:16 an item has one kind, found `conv` and `relu`"),
        ("{layers: [], conv: {}}", "E0202 5:18 an item has one kind, found `layers` and `conv`"),
        ("{layers: [], naem: x}", "E0201 5:18 unknown key `naem` in a sequence"),
        ("{layers: [], name: 5}", "E0202 5:24 `name` must be a string, found the number 5"),
        ("{when: a}", "E0202 5:5 an item has one kind, found none"),
        ("{}", "E0202 5:5 an item has one kind, found an empty mapping"),
        ("5", "E0202 5:5 an item must be an op, a block or a mapping, found the number 5"),
        ("[relu]", "E0202 5:5 an item must be an op, a block or a mapping, found a list"),
        ("", "E0202 5:4 an item must be an op, a block or a mapping, found nothing"),
        ("conv 3", "E0404 5:5 `conv 3` cannot name an op or block: it is not a name"),
        ("layers", "E0404 5:5 `layers` cannot name an op or block: it has a meaning of its own"),
        ("{dense: 10}", "E0202 5:13 the attributes of `dense` must be a mapping, found the number"),
        ("{conv: {name: x/1}}", "E0404 5:19 `x/1` cannot name a layer: it is not a name"),
        ("{conv: {name: 5}}", "E0202 5:19 `name` must be a string, found the number 5"),
        ("{conv: {}, name: x}", "E0202 5:16 the name of `conv` stands inside its mapping"),
        ("{relu: {}, else: []}", "E0202 5:16 an `else` without a `when`"),
        ("{relu: {}, when: }", "E0202 5:16 `when` must be a condition, found nothing"),
        ("{tap: input}", "E0404 5:11 `input` cannot name a tap: it has a meaning of its own"),
        ("{tap: 1}", "E0202 5:11 the name of a tap must be a string, found the number 1"),
        ("{tap: a, when: b}", "E0202 5:14 a `tap` cannot have a condition"),
        ("{repeat: 3}", "E0202 5:14 `repeat` must be a mapping, found the number 3"),
        ("{repeat: {layers: []}}", "E0205 5:5 `repeat` needs the key `times`"),
        ("{repeat: {times: , layers: []}}", "E0202 5:22 `times` must be a value, found nothing"),
        ("{repeat: {times: 2, layer: []}}", "E0201 5:25 unknown key `layer` in `repeat`"),
        ("{repeat: {times: 2, kind: x, layers: []}}", "E0201 5:25 unknown key `kind` in `repeat`"),
        ("{add: {branches: 3}}", "E0202 5:22 `branches` must be a list of branches, found the"),
        (
            "{add: [3]}",
            "E0202 5:12 `add` takes a mapping of attributes, or a list of branches",
        ),
        ("{from: a b}", "E0404 5:12 `a b` cannot name a tap: it is not a name"),
        ("{layers: relu}", 'E0202 5:14 `layers` must be a list of items, found the string "relu"'),
        ("{stage: {name: s}}", "E0205 5:13 a stage needs the keys `block` and `units`"),
        ("{stage: {name: s, block: b}}", "E0205 5:13 a stage needs the key `units`"),
        ("{stage: {block: b, units: a}}", "E0205 5:13 a stage needs the key `name`"),
        (
            "{stage: {name: s, block: b, units: a, layers: []}}",
            "E0202 5:23 a stage has either a block or layers, found `block` and `layers`",
        ),
    ],
)
def test_wrong_items(item: str, error: str) -> None:
    (found,) = errors_of(f"layers:\n  - {item}\n")
    assert found.startswith(error)


def test_stages_may_hold_items_of_any_kind() -> None:
    spec = spec_of("stages:\n- {name: a, block: b, units: [[1]]}\n- transition\n- {name: c, layers: [relu]}\n")
    assert [item.kind for item in spec.items] == ["stage", "call", "stage"]


@pytest.mark.parametrize("key", ["when: 1 < 2", "from: input", "when: 1 < 2, else: [relu]"])
def test_a_named_sequence_that_no_stage_could_be_may_stand_in_stages(key: str) -> None:
    (item,) = spec_of(f"stages:\n- {{name: c, layers: [relu], {key}}}\n").items
    assert item.kind == "sequence"


def test_a_stage_has_no_condition() -> None:
    (found,) = errors_of("stages:\n- {name: c, block: b, units: [[1]], when: 1 < 2}\n")
    assert found.startswith("E0201 5:")


def depth_of(text: str) -> Depth:
    depth = spec_of(f"depth: {text}\nlayers: [relu]\n").depth
    assert depth is not None
    return depth


def test_depth() -> None:
    assert depth_of("50").value.raw == 50
    assert depth_of("50").coefficients is None
    assert depth_of("depth").value.raw == "depth"
    ruled = depth_of("{value: 20, rule: 6n+2}")
    assert ruled.coefficients == (6, 2)
    assert [ruled.n(depth) for depth in (20, 21, 26, 2, -4)] == [3, None, 4, None, None]
    assert ruled.nearest(21) == [(20, 3), (26, 4)]
    assert ruled.nearest(20) == [(20, 3)]
    assert ruled.nearest(1) == [(8, 1)]
    assert depth_of("{value: d, rule: 3n}").coefficients == (3, 0)
    assert depth_of("{value: d, rule: 9n - 1}").coefficients == (9, -1)


@pytest.mark.parametrize(
    ("depth", "error"),
    [
        ("{value: 20, rule: 6m+2}", "E0202 4:26 `rule` must be a rule such as `6n+2`, found"),
        ("{value: 20, rule: 0n+2}", "E0202 4:26 `rule` must be a rule such as `6n+2`, found"),
        ("{rule: 6n+2}", "E0205 4:8 `depth` needs the key `value`"),
        ("{value: 1, rul: 6n}", "E0201 4:19 unknown key `rul` in `depth`"),
        ("[1]", "E0202 4:8 the depth must be an integer or an expression, found a list"),
        ("1.5", "E0202 4:8 the depth must be an integer or an expression, found the number 1.5"),
        ("true", "E0202 4:8 the depth must be an integer or an expression, found `true`"),
        ("a b", "E0301 4:8 not an expression: "),
    ],
)
def test_wrong_depths(depth: str, error: str) -> None:
    (found,) = errors_of(f"depth: {depth}\nlayers: [relu]\n")
    assert found.startswith(error)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{channels: 3}", "E0205 3:8 an input needs the key `height`"),
        ("{}", "E0205 3:8 an input needs the keys `channels`, `height` and `width`"),
        ("{shape: [3], width: 2}", "E0202 3:21 an input has either a `shape` or sizes, found"),
        ("{shape: 3}", "E0202 3:16 `shape` must be a list or an expression, found the number 3"),
        ("{chanels: 3}", "E0201 3:9 unknown key `chanels` in an input"),
        ("3", "E0202 3:8 `input` must be a mapping, found the number 3"),
    ],
)
def test_wrong_inputs(text: str, error: str) -> None:
    found = errors_in(f"archspec: 1\nname: net\ninput: {text}\nlayers: []\n")
    assert found[0].startswith(error)


def test_several_inputs() -> None:
    spec = load_text("archspec: 1\nname: net\ninputs: {a: {shape: [3, h]}, b: {shape: s}}\nlayers: []\n")
    assert list(spec.inputs) == ["a", "b"]
    assert spec.input is None


@pytest.mark.parametrize(
    ("rest", "errors"),
    [
        ("stem: []\nlayers: []\n", ["E0202 5:1 a spec has either `layers` or stages, found"]),
        ("doc: x\n", ["E0205 1:1 a spec needs the key `layers`"]),
        ("inputs: {a: {shape: s}}\nlayers: []\n", ["E0202 4:1 a spec has either `input` or"]),
        ("title: 5\nlayers: []\n", ["E0202 4:8 `title` must be a string, found the number 5"]),
        ("title:\nlayers: []\n", ["E0202 4:7 `title` must be a string, found nothing"]),
        ("outputs: [a, 3]\nlayers: []\n", ["E0202 4:14 item 2 of `outputs` must be a string"]),
        ("outputs: a\nlayers: []\n", ["E0202 4:10 `outputs` must be a list, found the string"]),
        ("class: 3d\nlayers: []\n", ["E0404 4:8 `3d` cannot name a class: it is not a name"]),
        ("reference: [1]\nlayers: []\n", ["E0202 4:12 `reference` must be a string or a list"]),
        ("defaults: {conv: 3}\nlayers: []\n", ["E0202 4:18 the defaults of `conv` must be a"]),
        ("blocks: {b: 3}\nlayers: []\n", ["E0202 4:13 `b` must be a mapping, found the number"]),
        ("blocks: {b: {}}\nlayers: []\n", ["E0205 4:13 a block needs the key `layers`"]),
        ("items: []\nlayers: []\n", ["E0201 4:1 unknown key `items` in a spec"]),
        ("overrides: {}\nlayers: []\n", ["E0201 4:1 unknown key `overrides` in a spec"]),
        (
            "params: {class: 1, n: 2, a: {defualt: 1}}\nlayers: []\n",
            [
                "E0404 4:10 `class` cannot name a param: it is a keyword of Python",
                "E0404 4:20 `n` cannot name a param: it has a meaning of its own",
                "E0201 4:30 unknown key `defualt` in a param",
            ],
        ),
        (
            "blocks: {b: {unit: [a, a, i], layers: []}}\nlayers: []\n",
            [
                "E0202 4:24 `a` stands twice in `unit`",
                "E0404 4:27 `i` cannot name a param: it has a meaning of its own",
            ],
        ),
        (
            "params: {p: {default: c, choices: [a, b]}}\nlayers: []\n",
            ["E0411 4:23 the default must be one of the choices, found the string"],
        ),
        (
            "params: {p: {default: true, choices: [1, 2]}}\nlayers: []\n",
            ["E0411 4:23 the default must be one of the choices, found `true`"],
        ),
        (
            "params: {p: {choices: 3}}\nlayers: []\n",
            ["E0202 4:23 `choices` must be a list of values, found the number 3"],
        ),
    ],
)
def test_wrong_specs(rest: str, errors: list[str]) -> None:
    found = errors_of(rest)
    assert len(found) == len(errors)
    for one, error in zip(found, errors, strict=True):
        assert one.startswith(error)


def test_versions() -> None:
    assert errors_in("archspec: 2\nnonsense: 3\n") == [
        "E0206 1:11 version 1 of the language is read here, found the number 2"
    ]
    assert errors_in("name: net\nlayer: [relu]\n") == [  # it is read as version 1
        "E0205 1:1 a spec needs the key `archspec`",
        "E0201 2:1 unknown key `layer` in a spec",
    ]
    assert errors_in("archspec: true\n")[0].startswith("E0206 1:11")


def test_all_errors_at_once_with_help() -> None:
    text = HEAD + "tile: x\nlayers:\n  - conv: {name: 1}\n  - {relu: {}, add: []}\n  - tap: a b\n"
    with pytest.raises(SpecError) as caught:
        load_text(text)
    found = caught.value.diagnostics
    assert [each.code for each in found] == ["E0201", "E0202", "E0202", "E0404"]
    assert found[0].help == "did you mean `title`?"
    assert "pydantic" not in str(caught.value)
    assert "^^^^" in str(caught.value)


PARAMS = "params: {width: 64, kind: {default: a, choices: [a, b]}, size: null}\nlayers: []\n"


@pytest.mark.parametrize(
    ("name", "value", "raw"),
    [
        ("width", "32", 32),
        ("width", 32, 32),
        ("width", "64.0", 64),
        ("width", 16.0, 16),
        ("size", "1e-3", 1e-3),
        ("width", "2 * 16", "2 * 16"),
        ("size", "true", True),
        ("width", "[1, 2]", [1, 2]),
        ("width", (1, 2), [1, 2]),
        ("width", "[1, 2] * 2", "[1, 2] * 2"),
        ("kind", "b", "b"),
        ("size", 7, 7),
    ],
)
def test_overrides(name: str, value: object, raw: object) -> None:
    found = spec_of(PARAMS, {name: value}).overrides[name].raw
    assert found == raw
    assert isinstance(found, type(raw))


@pytest.mark.parametrize(
    ("name", "value", "said", "help"),
    [
        ("width", "ten", '"ten"; a number is expected, as its default 64 is', "write `width=64`, or another number"),
        ("width", "no", '"no"; a number is expected', "or another number"),
        ("width", "10k", '"10k"; a number is expected', "or another number"),
        ("width", "1 +", '"1 +"; a number is expected', "or another number"),
        ("width", True, "`true`; a number is expected", "or another number"),
        ("wide", "yes", '"yes"; true or false is expected, as its', "write `wide=true` or `wide=false`"),
        ("wide", 1, "the number 1; true or false is expected", "write `wide=true` or `wide=false`"),
        ("sizes", "three", '"three"; a list is expected', "write `sizes=[1, 2]`, or another list"),
        ("size", "ten", '"ten"; a value of another kind is expected', "numbers, `true`, `false`, and lists"),
        ("half", "wide", '"wide"; a value of another kind is expected', "numbers, `true`, `false`, and lists"),
    ],
)
def test_a_value_of_another_kind(name: str, value: object, said: str, help: str) -> None:
    params = "params: {width: 64, wide: true, sizes: [1, 2], size: null, half: width // 2}\nlayers: []\n"
    with pytest.raises(SpecError) as caught:
        spec_of(params, {name: value})
    (found,) = caught.value.diagnostics
    assert found.code == "E0411"
    assert said in found.message
    assert help in found.help


def test_wrong_overrides() -> None:
    overrides = {"widht": 3, "kind": "c", "width": None, "size": "9" * 200}
    assert errors_of(PARAMS, overrides) == [
        "E0401 1:1 unknown param `widht`",
        'E0411 1:6 `kind` cannot be the string "c"',
        "E0304 1:6 a number of 200 digits",
        "E0202 1:7 `width` must be a number, a string, a list or a mapping, found nothing",
    ]


def test_wrong_override_is_shown_as_it_was_typed() -> None:
    with pytest.raises(SpecError) as caught:
        spec_of(PARAMS, {"widht": "3"})
    assert "--> argument:1:1" in str(caught.value)
    assert "widht=3" in str(caught.value)
    assert caught.value.diagnostics[0].help == "did you mean `width`?"


def test_the_schema_names_what_may_be_written() -> None:
    schema = Spec.model_json_schema()
    assert {"archspec", "name", "class", "stages", "extends"} <= set(schema["properties"])
    assert "items" not in schema["properties"]
    assert schema["required"] == ["archspec", "name"]
