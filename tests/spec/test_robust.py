"""Whatever a spec holds, the answer is a spec or a SpecError, and it comes soon."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archspec.errors import SpecError
from archspec.spec import load, load_text
from tests.pace import slowness, within_seconds
from tests.spec.helpers import DATA, HEAD

VALID = (DATA / "resnet50.yaml").read_text()
BLOCKS = HEAD + (DATA / "blocks" / "residual.yaml").read_text().split("\n", 2)[2] + "layers: []\n"
WORDS = [
    "layers", "name", "when", "else", "from", "repeat", "tap", "stage", "units", "times", "with",
    "add", "conv", "relu", "block", "unit_names", "params", "default", "choices", "rule", "input",
    "shape", "extends", "include", "blocks", "depth", "kind", "op", "span", "model_config", "items",
    "null", "~", "[]", "{}", "[", "]", "{", "}", ": ", "- ", ", ", "\n", "  ", "*a", "&a ", "<<",
    "!!str ", "!x ", "'", '"', "|", ">", "---\n", "...", "%YAML 1.2\n", "#", "? ", "\0", "\t", "\r",
    "\x85", "\u2028", "\ufeff", "\ud800", "1e999", "9" * 5000, "0x" + "f" * 50, ".nan", "-.inf",
    "(1, 2) x 3", "(1, 2) x", "(" * 60, "6n+2", "{i}", "unit_{i+1}", "lambda: 1", "1 if", "true",
    '"\\ud800"', '"\\0"', '"(\\0)"', "2**9**9", "é", "名", "__class__",
]  # fmt: skip


def only_spec_errors(text: str) -> None:
    # The overrides name a param that no spec here has, so that there is always an error.
    with pytest.raises(SpecError) as caught:
        load_text(text, folder=DATA, overrides={"classes": text[:20], "x": 1})
    assert caught.value.diagnostics
    assert "pydantic" not in str(caught.value) or "pydantic" in text
    with contextlib.suppress(SpecError):
        load_text(text, folder=DATA)


@given(st.text())
def test_any_text(text: str) -> None:
    only_spec_errors(text)
    only_spec_errors(HEAD + text)


@given(st.binary())
def test_any_bytes(content: bytes) -> None:
    only_spec_errors(content.decode("utf-8", "replace"))
    only_spec_errors(content.decode("latin-1"))


@given(st.lists(st.sampled_from(WORDS), max_size=30))
def test_any_words(words: list[str]) -> None:
    only_spec_errors(HEAD + "layers: " + "".join(words))
    only_spec_errors("".join(words))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([VALID, BLOCKS]),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from([*WORDS, ""])),
        min_size=1,
        max_size=4,
    ),
)
def test_mutated_specs(text: str, edits: list[tuple[float, int, str]]) -> None:
    for where, length, word in edits:
        at = int(where * len(text))
        text = text[:at] + word + text[at + length :]
    only_spec_errors(text)


@pytest.mark.parametrize(
    "expression",
    [
        "-" * 19_000 + "1",
        "not " * 4_000 + "1",
        "1" + "+1" * 9_000,
        "1 @ (" + "1" + "+1" * 700 + ")",
        "lambda: " + "1" + "+1" * 900,
        "1 if 1 else " * 1_500 + "1",
        "a" + ".b" * 5_000,
        "f'{" * 40,
        "1j",
        "9" * 5_000,
        "x" * 30_000,
    ],
)
def test_hostile_expressions(expression: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_text(f"{HEAD}depth: '{expression.replace(chr(39), chr(39) * 2)}'\nlayers: []\n")
    assert [found.code for found in caught.value.diagnostics] == ["E0301"]
    assert len(str(caught.value)) < 2_000


def test_deepest_nesting_that_is_read() -> None:
    layers = "[" + "{add: [[" * 20 + "relu" + "]]}" * 20 + "]"
    assert load_text(f"{HEAD}layers: {layers}\n").items


@pytest.mark.timing
def test_many_values_are_read_soon() -> None:
    rows = "".join(f"  - conv: {{filters: {i}, kernel: 3}}\n" for i in range(3_000))
    with within_seconds(5):
        spec = load_text(f"{HEAD}layers:\n{rows}")
        assert len(spec.items) == 3_000


@pytest.mark.timing
def test_a_bomb_of_wrong_values_ends_soon() -> None:
    lines = ["a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 5)]
    lines += ["layers: [{add: *a4}]"]
    with within_seconds(5), pytest.raises(SpecError):
        load_text(HEAD + "\n".join(lines))


def test_resnet50_is_read_in_15_milliseconds() -> None:
    load(DATA / "resnet50.yaml")
    times = []
    for _ in range(10):
        started = time.process_time()
        load(DATA / "resnet50.yaml")
        times.append(time.process_time() - started)
    assert min(times) < 0.015 * slowness()
