"""What is within the limits, all the way; which params stay arguments; whole numbers."""

from __future__ import annotations

import inspect

import pytest

import archspec
from archspec.errors import SpecError
from archspec.ir.graph import LayerGraph
from archspec.limits import Limits
from archspec.spec import load_text
from tests.safety.costly import nested_blocks

HEAD = "archspec: 1\nname: net\ninput: {channels: 3, height: 16, width: 16}\n"


def lowered(text: str) -> LayerGraph:
    return archspec.compile(load_text(HEAD + text, name="net.yaml"))


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_the_deepest_nesting_goes_all_the_way(backend: str) -> None:
    graph = lowered(nested_blocks(Limits().nesting - 2, "[b{0}]", "[relu]"))
    assert archspec.generate(graph, backend)


def test_the_deepest_else() -> None:
    item = "relu"
    for _ in range(60):
        item = f"{{relu: {{}}, when: channels == 5, else: {item}}}"
    assert len(lowered(f"layers: [{item}]\n").nodes) == 2


# -- which params stay arguments ------------------------------------------------------------------

STAGE_IN_A_BLOCK = """
params: {count: 2, width: 8}
blocks:
  unit: {unit: [depth], layers: [{conv: {filters: depth, kernel: 1}}]}
  group:
    params: {times: {}, width: {}}
    layers: [{stage: {name: s, block: unit, units: "UNITS"}}]
layers:
  - group: {name: first, times: count, width: width}
  - group: {name: second, times: count, width: 2 * width}
"""
SAME_NAME = """
params: {count: 8}
blocks:
  unit: {unit: [depth], layers: [{conv: {filters: depth, kernel: 1}}]}
  group:
    params: {count: {}}
    layers: [{stage: {name: s, block: unit, units: "[(4,)] * count"}}]
layers:
  - conv: {filters: count, kernel: 1}
  - group: {name: first, count: 2}
"""


def arguments(graph: LayerGraph) -> set[str]:
    """The arguments of the generated class."""
    source = archspec.generate(graph, "torch")
    head = source[source.index("class Net(") :]
    head = head[head.index("def __init__") :]
    head = head[: head.index("super()")]
    return {param.name for param in graph.params if f" {param.name}: int" in head}


@pytest.mark.parametrize(
    "units",
    ["[(width,)] * times", "[(width,)] + [(4,)] * (times - 1)", "[(width,)] if times > 5 else [(4, ), (width,)]"],
)
def test_a_param_that_counts_units_in_a_block_is_no_argument(units: str) -> None:
    assert arguments(lowered(STAGE_IN_A_BLOCK.replace("UNITS", units))) == {"width"}


def test_a_count_of_one_unit_in_a_block_is_no_argument() -> None:
    text = STAGE_IN_A_BLOCK.replace('"UNITS"', "[{depth: width, times: times}]")
    assert arguments(lowered(text)) == {"width"}


def test_a_param_that_shares_its_name_with_a_blocks_stays_an_argument() -> None:
    graph = lowered(SAME_NAME)
    assert not graph.params[0].fixed
    assert arguments(graph) == {"count"}


def test_in_the_network_itself_lowering_fixes_it() -> None:
    text = "params: {count: 2}\nblocks: {unit: {unit: [d], layers: [{conv: {filters: d, kernel: 1}}]}}\n"
    graph = lowered(text + 'layers: [{stage: {name: s, block: unit, units: "[(4,)] * count"}}]\n')
    assert graph.params[0].fixed


# -- whole numbers --------------------------------------------------------------------------------


def test_a_literal_float_that_is_whole_is_read_as_a_whole_number() -> None:
    graph = lowered("layers: [{conv: {filters: 8.0, kernel: [3.0, 1], padding: 16 / 16}}]\n")
    assert "8.0" not in archspec.generate(graph, "torch")
    assert graph.nodes["conv"].shape == (8, 16, 18)


def test_a_whole_number_from_outside_has_the_defaults_type() -> None:
    spec = load_text(HEAD + "params: {w: 4}\nlayers: [{conv: {filters: w, kernel: 1}}]\n", overrides={"w": "2.0"})
    value = archspec.compile(spec).params[0].value
    assert value == 2
    assert isinstance(value, int)


@pytest.mark.parametrize("given", ["2.5", 2.5, ".nan", ".inf", float("nan"), float("-inf")])
def test_another_number_from_outside_is_refused(given: object) -> None:
    with pytest.raises(SpecError) as caught:
        load_text(HEAD + "params: {w: 4}\nlayers: [{conv: {filters: w, kernel: 1}}]\n", overrides={"w": given})
    assert [found.code for found in caught.value.diagnostics] == ["E0411"]


def test_a_choice_is_the_specs_own_word() -> None:
    text = HEAD + "params: {w: {default: 2, choices: [2, 4]}}\nlayers: [{conv: {filters: w, kernel: 1}}]\n"
    value = archspec.compile(load_text(text, overrides={"w": "4.0"})).params[0].value
    assert value == 4
    assert isinstance(value, int)


# -- units as mappings, names of params -----------------------------------------------------------


def test_units_as_mappings_need_no_unit() -> None:
    graph = lowered(
        "blocks: {u: {params: {a: {}}, layers: [{conv: {filters: a, kernel: 1}}]}}\n"
        "layers: [{stage: {name: s, block: u, units: [{a: 4}, {a: 5, times: 2}]}}]\n"
    )
    assert graph.nodes["s.2.conv"].shape[0] == 5


def test_no_param_of_a_network_can_hide_an_argument_of_the_python_interface() -> None:
    from archspec.spec.model import NOT_PARAMS

    for function in (archspec.load, archspec.compile, archspec.build, archspec.save_weights, archspec.load_weights):
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
                assert parameter.name in NOT_PARAMS


def test_a_block_may_have_such_a_param() -> None:
    lowered("blocks: {b: {params: {device: 4}, layers: [{conv: {filters: device, kernel: 1}}]}}\nlayers: [b]\n")


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(SpecError) as caught:
        load_text(f"archspec: 1\nname: net\nextends: {'x' * 300}\n")
    assert [found.code for found in caught.value.diagnostics] == ["E0106"]


@pytest.mark.slow
def test_a_hundred_thousand_layers_are_within_them() -> None:
    body = "{unit: [k], layers: [{add: [[{conv: {filters: k, kernel: 1}}, batch_norm, relu], []]}]}"
    graph = lowered(f'blocks: {{u: {body}}}\nlayers: [{{stage: {{name: s, block: u, units: "[(3,)] * 25000"}}}}]\n')
    assert len(graph.nodes) == 100_001
