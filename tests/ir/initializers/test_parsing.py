"""What specs say of initializers: options, expressions, and errors that show what to write."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import archspec
from archspec.codegen.backend import BuildsModels
from archspec.codegen.registry import backend
from archspec.ir import OPS
from archspec.ir.attributes import InitKind
from archspec.ir.initializers import (
    INITIALIZERS,
    OTHER_NAMES,
    Initializer,
    InitializerError,
    Normal,
    Uniform,
    parse_initializer,
)
from archspec.spec import load_text
from tests.conformance.cases import CASES
from tests.conformance.graphs import graph_of

HEAD = "archspec: 1\nname: net\ninput: {channels: 4, height: 8, width: 8}\n"


def _compiled(text: str) -> archspec.LayerGraph:
    return archspec.compile(load_text(HEAD + text))


def _error(init: str, attribute: str = "init") -> Any:
    with pytest.raises(archspec.SpecError) as caught:
        _compiled(f"layers: [conv: {{filters: 4, kernel: 1, {attribute}: {init}}}]\n")
    [diagnostic] = caught.value.diagnostics
    return diagnostic


@pytest.mark.parametrize(
    ("init", "message", "help"),
    [
        ("kaiming_norml", "`kaiming_norml` is not an initializer", "did you mean `kaiming_normal`?"),
        ("glorot_uniform", "`glorot_uniform` is not an initializer", "write `xavier_uniform`, which is the same"),
        ("GlorotUniform", "is not an initializer", "write `xavier_uniform`, which is the same"),
        ("he_uniform", "is not an initializer", "write `kaiming_uniform`, which is the same"),
        ("xavier", "is not an initializer", "write `xavier_uniform` or `xavier_normal`"),
        ("msra", "is not an initializer", "write `kaiming_normal`, which is Caffe's"),
        ("{RandomNormal: 0.1}", "is not an initializer", "write `normal`"),
        ("HeNormal", "is not an initializer", "write `he_normal`"),
        ("kaiming_normal_", "is not an initializer", "write `kaiming_normal`"),
        ("{normal: {stdd: 1}}", "`normal` has no option `stdd`", "did you mean `std`?"),
        ("{normal: {mean: 1}}", "`normal` needs an option: std", ""),
        ("uniform", "`uniform` needs an option: limit", ""),
        ("{uniform: 0}", "`limit` of `uniform` must be more than 0, this is 0.0", ""),
        ("{truncated_normal: -1}", "`std` of `truncated_normal` must be more than 0", ""),
        ("{variance_scaling: 0}", "`scale` of `variance_scaling` must be more than 0", ""),
        ("{slim_variance_scaling: -2}", "`factor` of `slim_variance_scaling` must be more than 0", ""),
        ("{kaiming_normal: fan_avg}", "`mode` of `kaiming_normal` is one of fan_in, fan_out", ""),
        ("{kaiming_normal: 2}", "`mode` of `kaiming_normal` is `2`: a word is expected", ""),
        ("{variance_scaling: {mode: fan}}", "one of fan_in, fan_out, fan_avg, this is `fan`", ""),
        ("{variance_scaling: {distribution: cauchy}}", "one of normal, truncated_normal, uniform", ""),
        ("{he_normal: fan_out}", "`he_normal` takes no option", ""),
        ("{normal: 1, zeros: null}", "an initializer has one name", ""),
        ("3", "an initializer is expected", ""),
    ],
)
def test_what_is_no_initializer_is_refused_with_a_way_out(init: str, message: str, help: str) -> None:
    found = _error(init)
    assert found.code == "E0411"
    assert message in found.message
    assert help in (found.help or "")


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_what_other_libraries_say_leads_to_a_name_of_ours(name: str) -> None:
    assert name not in INITIALIZERS
    for spelling in (name, name.upper(), name.title().replace("_", ""), f"{name}_"):
        with pytest.raises(InitializerError) as caught:
            parse_initializer({spelling: None})
        assert caught.value.help == OTHER_NAMES[name]
    assert any(f"`{known}`" in OTHER_NAMES[name] for known in INITIALIZERS)


@pytest.mark.parametrize("name", [name for name, kind in INITIALIZERS.items() if not kind.fits_bias])
def test_a_bias_has_no_use_for_fans(name: str) -> None:
    found = _error(name, "bias_init")
    assert f"`{name}` is for a weight that joins inputs and outputs, not a bias" in found.message
    assert "`zeros`" in found.help


def test_a_weight_without_inputs_takes_none_by_fan() -> None:
    with pytest.raises(archspec.SpecError, match="this weight has no inputs"):
        _compiled("layers: [to_tokens, position_embedding: {init: kaiming_normal}]\n")


_OPTIONS = st.dictionaries(
    st.sampled_from(["std", "mean", "value", "limit", "mode", "scale", "distribution", "factor", "x"]),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.floats(),
        st.text(max_size=5),
        st.lists(st.integers(), max_size=2),
        st.sampled_from(["fan_in", "fan_out", "fan_avg", "normal", "truncated_normal", "uniform"]),
    ),
    max_size=3,
)


@given(st.sampled_from([*INITIALIZERS, *OTHER_NAMES]), st.one_of(_OPTIONS, st.none(), st.floats(), st.text(max_size=9)))
def test_options_are_read_or_refused(name: str, option: Any) -> None:
    with suppress(InitializerError):  # and no other
        found = parse_initializer({name: option})
        assert isinstance(found, INITIALIZERS[name])
        assert hash(found) == hash(parse_initializer({name: option}))


def test_options_may_be_expressions() -> None:
    graph = _compiled(
        "params: {std: 0.5, width: 4, classes: 5}\n"
        "defaults: {dense: {init: {uniform: std * 3}}}\n"
        "blocks:\n  unit:\n    params: {spread: {}}\n"
        "    layers: [conv: {name: c, filters: 4, kernel: 1, init: {normal: {std: spread / 2, mean: channels}}}]\n"
        "layers:\n"
        "  - unit: {name: a, spread: std}\n"
        "  - unit: {name: b, spread: std * width}\n"
        "  - flatten\n"
        "  - dense: {name: fc, units: classes}\n"
    )
    wanted = {"a.c": Normal(0.25, 4), "b.c": Normal(1, 4), "fc": Uniform(1.5)}
    for path, initializer in wanted.items():
        assert graph.all_weights[f"{path}.weight"].initializer == initializer
    for name in ("torch", "keras"):
        source = archspec.generate(graph, name)
        # No argument of the network is one that its initial weights would not go by.
        assert "classes: int = 5" in source
        assert "width: int" not in source
        if name == "torch":
            backend(name, BuildsModels).verify(source, graph)


@pytest.mark.parametrize(
    ("init", "code", "message"),
    [
        ("{normal: nope}", "E0302", "`nope` is not defined"),
        ("{normal: 1 +}", "E0301", "is not an expression"),
        ("{normal: 1 / 0}", "E0303", "cannot be evaluated"),
        ("{normal: 1 - channels}", "E0411", "must be 0 or more, this is -3.0"),
        ("{normal: channels > 1}", "E0411", "a finite number is expected"),
    ],
)
def test_an_expression_that_gives_no_number(init: str, code: str, message: str) -> None:
    found = _error(init)
    assert found.code == code
    assert message in found.message


def test_a_param_that_only_an_initializer_uses_is_used() -> None:
    _compiled("params: {std: 0.1}\nlayers: [conv: {filters: 4, kernel: 1, init: {normal: std}}]\n")


def test_every_weight_that_may_go_by_fans_has_them() -> None:
    """Whatever initializer an op's attribute takes, the weight that it is for knows what that draws from."""
    seen: set[tuple[str, str]] = set()
    for cases in CASES.values():
        for case in cases:
            graph = graph_of(case, (8, 8))
            for node in graph.nodes.values():
                kinds = {name: info.kind for name, info in node.op.attributes().items()}
                for name, kind in kinds.items():
                    if not isinstance(kind, InitKind):
                        continue
                    seen.add((node.op.name, name))
                    is_bias = name == "bias_init"
                    assert kind.of_bias is is_bias, (node.op.name, name)
                    for weight in graph.weights(node):
                        if kind.by_fan and weight.name.endswith("bias") is is_bias and weight.trainable:
                            assert weight.fans is not None, (node.op.name, weight.name)
                            assert np.isfinite(weight.distribution.variance)
    assert seen == {
        (op.name, name)
        for op in OPS.values()
        for name, info in op.attributes().items()
        if isinstance(info.kind, InitKind)
    }


def test_the_base_class_draws_nothing() -> None:
    with pytest.raises(NotImplementedError):
        Initializer().drawn_from(None)
