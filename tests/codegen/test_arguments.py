"""How generated source takes, documents and hands on arguments, and which params stay arguments."""

from __future__ import annotations

from typing import Any

import pytest

import archspec
from archspec.codegen.simplify import fixed_params
from archspec.spec.loading import load_text

HEAD = "archspec: 1\nname: net\ninput: {channels: 8, height: 16, width: 16}\n"
BACKENDS = pytest.mark.parametrize("backend", ["torch", "keras"])


def graph_of(text: str) -> archspec.LayerGraph:
    return archspec.compile(load_text(HEAD + text))


def source_of(text: str, backend: str) -> str:
    return str(archspec.generate(graph_of(text), backend))


UNITS = """
blocks:
  unit:
    params: {expand: {}, filters: {}, stride: {}, keep: {default: true, doc: whether the size stays}}
    layers:
      - conv: {name: wide, filters: channels * expand, kernel: 1}
      - conv: {name: narrow, filters: filters, kernel: 3, stride: stride, padding: 1}
      - {relu: {}, when: keep}
layers:
  - unit: {expand: 2, filters: 8, stride: 1}
  - unit: {expand: 3, filters: 16, stride: 2, keep: false}
"""


@BACKENDS
def test_widths_stand_by_place_and_all_else_by_name(backend: str) -> None:
    found = source_of(UNITS, backend)
    if backend == "torch":
        assert "Unit(8, 8, expand=2)" in found
        assert "Unit(8, 16, expand=3, stride=2, keep=False)" in found
    else:
        assert 'unit(inputs, 8, expand=2, name="unit")' in found
        assert 'unit(x, 16, expand=3, stride=2, keep=False, name="unit_2")' in found
    archspec.build(load_text(HEAD + UNITS), backend=backend)


@BACKENDS
def test_blocks_document_their_arguments(backend: str) -> None:
    found = source_of(UNITS, backend)
    for line in (
        "        filters: output channels of `narrow`.",
        "        expand: factor of the output channels of `wide`.",
        "        stride: stride of `narrow`.",
        "        keep: whether the size stays.",
    ):
        assert line in found.splitlines()


@BACKENDS
def test_documents_of_arguments_cannot_end_a_docstring(backend: str) -> None:
    text = UNITS.replace("whether the size stays", '\'""" + exit() + """\'')
    compile(source_of(text, backend), "net.py", "exec")
    assert "exit()" in source_of(text, backend)


HEADS = """
params: {classes: {default: 10, doc: number of classes}, top: true}
layers:
  - conv: {filters: 4, kernel: 3}
  - when: top and classes > 0
    layers: [global_avg_pool, flatten, dense: {name: fc, units: classes}]
"""


@BACKENDS
def test_a_param_that_a_condition_bounds_stays_an_argument(backend: str) -> None:
    graph = graph_of(HEADS)
    assert fixed_params(graph) == {"top": "whether global_avg_pool is there"}
    found = str(archspec.generate(graph, backend))
    assert "classes: int = 10" in found
    namespace: dict[str, Any] = {"__name__": "net"}
    exec(found, namespace)
    make = namespace["Net" if backend == "torch" else "net"]
    assert make(classes=3) is not None
    with pytest.raises(ValueError, match="classes > 0"):
        make(classes=0)


@BACKENDS
def test_a_param_that_is_bound_in_other_ways_is_fixed(backend: str) -> None:
    text = HEADS.replace("top and classes > 0", "top and classes == 10")
    assert set(fixed_params(graph_of(text))) == {"classes", "top"}
    assert "classes: int" not in source_of(text, backend)


def test_where_a_condition_is_false_what_keeps_it_so_is_the_bound() -> None:
    text = HEADS.replace("when: top and classes > 0", "when: classes > 20").replace(", top: true", "")
    text += "  - conv: {filters: classes, kernel: 1}\n"
    found = source_of(text, "torch")
    assert "if classes > 20:" in found
    assert "nn.Linear" not in found


def test_a_width_stays_an_argument_where_a_condition_inside_of_another_is_settled() -> None:
    text = """
params: {width: 8, kind: {default: A, choices: [A, B]}}
blocks:
  unit:
    params: {filters: {}, stride: 1, kind: {}}
    layers:
      - add:
          - conv: {filters: filters, kernel: 3, stride: stride, padding: 1}
          - name: shortcut
            when: stride != 1 or channels != filters
            layers:
              - {conv: {filters: filters, kernel: 1, stride: stride}, when: kind == 'A', else: [max_pool: {kernel: 2}]}
layers:
  - conv: {filters: width, kernel: 1}
  - unit: {filters: width, kind: kind}
  - unit: {filters: 2 * width, stride: 2, kind: kind}
"""
    assert set(fixed_params(graph_of(text))) == {"kind"}
    assert "2 * width" in source_of(text, "torch")


CHOICES = """
layers:
  - conv: {name: c1, filters: width * depth, kernel: 1}
  - when: depth >= 3
    layers: [conv: {name: c2, filters: width, kernel: 1}]
  - when: depth >= 4
    layers: [conv: {name: c3, filters: width, kernel: 1}]
"""


def with_params(params: str) -> archspec.LayerGraph:
    head = f"archspec: 1\nname: chosen\nparams: {params}\ninput: {{channels: 3, height: 8, width: 8}}\n"
    return archspec.compile(load_text(head + CHOICES))


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_an_argument_is_one_of_its_choices_or_within_one_bound(backend: str) -> None:
    found = str(archspec.generate(with_params("{depth: {default: 2, choices: [1, 2, 3, 4]}, width: 8}"), backend))
    assert "if depth not in (1, 2):" in found
    assert 'raise ValueError("depth has to be 1 or 2")' in found
    found = str(archspec.generate(with_params("{depth: 2, width: 8}"), backend))
    assert found.count("raise ValueError") == 1
    assert "if depth >= 3:" in found


def test_a_param_of_which_one_choice_is_left_is_no_argument() -> None:
    graph = with_params("{depth: {default: 2, choices: [2, 3, 4]}, width: {default: 8, choices: [8, 16]}}")
    assert fixed_params(graph) == {"depth": "whether more layers follow c1"}
    assert "if width not in (8, 16):" in str(archspec.generate(graph, "torch"))


def test_what_decides_a_condition_alone_says_so() -> None:
    narrow, wider = (
        "{conv: {filters: 4, kernel: 1}, when: count > 1}",
        "{conv: {filters: wide, kernel: 1}, when: count > 3}",
    )
    text = f"layers: [{narrow}, {wider}]\n"
    head = "archspec: 1\nname: alone\nparams: {count: 2, wide: 8}\ninput: {channels: 3, height: 8, width: 8}\n"
    graph = archspec.compile(load_text(head + text))
    assert fixed_params(graph) == {"count": "whether more layers follow conv", "wide": ""}


RATES = """
params: {rates: {default: [2, 4, 6], doc: dilations of the branches}, wide: 5}
blocks:
  branch:
    params: {rate: {}}
    layers: [conv: {filters: 4, kernel: 3, padding: rate, dilation: rate}, conv: {filters: 4, kernel: 1}]
  pyramid:
    params: {rates: {}}
    layers:
      - concat:
          - [branch: {rate: "rates[0]"}]
          - [branch: {rate: "rates[1]"}]
          - [branch: {rate: "rates[2]"}]
  two:
    params: {filters: {}, middle: {}}
    layers: [conv: {filters: middle, kernel: 1}, relu, conv: {filters: filters, kernel: 1}]
  twice:
    params: {width: {}}
    layers: [conv: {filters: width, kernel: 1}, relu, conv: {filters: width, kernel: 1}]
layers:
  - pyramid: {rates: rates}
  - two: {filters: 8, middle: 4}
  - two: {filters: 6, middle: 3}
  - twice: {width: 4}
  - twice: {width: 5}
  - conv: {filters: 4, kernel: 5, padding: 2 * wide, dilation: wide}
"""


@BACKENDS
def test_dilations_that_their_padding_makes_up_for_stay_arguments(backend: str) -> None:
    graph = graph_of(RATES)
    found = source_of(RATES, backend)
    assert "rates: tuple[int, int, int] = (2, 4, 6)" in found
    assert "wide: int = 5" in found
    assert not fixed_params(graph)
    archspec.build(load_text(HEAD + RATES), backend=backend)
    other = archspec.compile(load_text(HEAD + RATES, overrides={"rates": [1, 3, 5], "wide": 3}))
    assert other.types == graph.types


def test_a_dilation_that_changes_sizes_is_fixed() -> None:
    text = RATES.replace("padding: 2 * wide, dilation", "padding: 9, dilation")
    assert fixed_params(graph_of(text)) == {"wide": "the sizes that arrive at conv"}


@BACKENDS
def test_which_of_several_layers_is_meant_is_said(backend: str) -> None:
    found = source_of(RATES, backend)
    assert "filters: output channels of the second convolution." in found
    assert "middle: output channels of the first convolution." in found
    assert "rate: padding and dilation of the first convolution." in found
    assert "width: output channels of the first and second convolution." in found


SETTLED = """
archspec: 1
name: net
params: {width: 8, deep: 4}
input: {channels: 3, height: 16, width: 16}
blocks:
  unit:
    unit: [filters]
    layers:
      - add:
          - [conv: {filters: filters, kernel: 3, padding: 1}]
          - {when: channels != filters, layers: [conv: {name: project, filters: filters, kernel: 1}]}
  branch:
    params: {filters: {}}
    let: {wide: 2 * filters}
    layers: [unit: "(filters,)", conv: {filters: wide, kernel: 1}, unit: "(wide,)"]
layers:
  - conv: {filters: width, kernel: 1}
  - branch: {filters: width}
  - conv: {filters: DEEP, kernel: 1}
  - unit: [width]
"""


def test_a_condition_that_all_callers_settle_fixes_no_param() -> None:
    graph = archspec.compile(load_text(SETTLED.replace("DEEP", "width").replace(", deep: 4", "")))
    assert fixed_params(graph) == {}
    assert "width: int = 8" in str(archspec.generate(graph, "torch"))


def test_a_condition_that_holds_by_chance_fixes_params() -> None:
    graph = archspec.compile(load_text(SETTLED.replace("DEEP", "deep"), overrides={"deep": 8}))
    assert fixed_params(graph) == dict.fromkeys(("width", "deep"), "whether more layers follow conv")


CHOSEN = """
archspec: 1
name: net
params: {mode: {default: fast, choices: [fast, small, exact]}}
input: {channels: 3, height: 16, width: 16}
layers:
  - conv: {filters: 4, kernel: 1}
  - {relu: {}, when: mode != 'exact'}
  - conv: {name: last, filters: "8 if mode == 'fast' else 4", kernel: 1}
"""


def test_words_can_be_bounds() -> None:
    source = str(archspec.generate(archspec.compile(load_text(CHOSEN)), "torch"))
    assert 'mode: str = "fast"' in source
    assert 'if mode not in ("fast", "small"):' in source
    assert "mode has to be 'fast' or 'small'" in source.replace('\\"', "'").replace('"', "'")


SETTLED_BY_ONE = """
params: {widths: [8, 16, 16], reduce: false}
blocks:
  unit:
    params: {filters: {}, reduce: {}}
    layers:
      - {conv: {name: reduction, filters: filters, kernel: 1}, when: TEST}
      - conv: {name: conv, filters: filters, kernel: 3, padding: 1}
layers:
  - repeat: {name: stages, times: 3, layers: [unit: {filters: "widths[i]", reduce: reduce}]}
"""


@pytest.mark.parametrize("test", ["reduce and in_channels != filters", "in_channels != filters and reduce"])
def test_of_several_conditions_that_which_settles_them_is_fixed(test: str) -> None:
    fixed = fixed_params(graph_of(SETTLED_BY_ONE.replace("TEST", test)))
    assert set(fixed) == {"reduce"} if test.startswith("reduce") else {"reduce"} <= set(fixed)


REQUIRED = """
blocks:
  inner:
    params: {filters: {}, kernel: 1, stride: 1}
    layers: [conv: {filters: filters, kernel: kernel, stride: stride, padding: kernel // 2}]
  outer:
    params: {filters: {}, kernel: {}, stride: {}}
    layers: [inner: {filters: filters, kernel: kernel, stride: stride}]
layers:
  - outer: {filters: 8, kernel: 3, stride: 1}
  - outer: {filters: 8, kernel: 1, stride: 2}
"""


def test_a_kernel_that_the_spec_requires_has_no_default_and_a_stride_is_one() -> None:
    source = " ".join(source_of(REQUIRED, "torch").split())
    assert "kernel: int, stride: int = 1" in source[source.index("class Outer") :]
