"""Every form of the language that can stand in itself, at its highest limits: it works, or is refused with a code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

import archspec
from archspec import Limits
from archspec.errors import ArchspecError
from archspec.spec import load_text
from tests.pace import within_seconds
from tests.safety.costly import HEAD

SECONDS: Final = 30.0
"""Processor time for one network on a machine that others use, too; an exponential one takes for ever."""
GROWS: Final = "{conv: {filters: channels + i + 1, kernel: 1}}"


def nested(form: str, inner: str = "relu") -> Callable[[int], str]:
    def text(depth: int) -> str:
        body = inner
        for level in range(depth):
            body = form.replace("@", body).replace("#", str(level))
        return f"{HEAD}layers: [{body}]\n"

    return text


def written(before: str, middle: str, after: str = "", rest: str = "") -> Callable[[int], str]:
    """An expression in which something stands so many times."""

    def text(depth: int) -> str:
        expression = f"{before * depth}{middle}{after * depth}{rest}"
        return f"{HEAD}layers: [{{conv: {{filters: '{expression}', kernel: 1}}}}]\n"

    return text


def blocks(body: str) -> Callable[[int], str]:
    def text(depth: int) -> str:
        made = "".join(f"  b{i}: {{layers: [{body.replace('@', f'b{i + 1}')}]}}\n" for i in range(depth))
        return f"{HEAD}blocks:\n{made}  b{depth}: {{layers: [relu]}}\nlayers: [b0]\n"

    return text


def stages(depth: int) -> str:
    stage = "{{stage: {{name: s, block: b{}, units: [[{}]]}}}}"
    made = "".join(f"  b{i}: {{unit: [k], layers: [{stage.format(i + 1, 'k')}]}}\n" for i in range(depth))
    last = f"  b{depth}: {{unit: [k], layers: [{{conv: {{filters: k, kernel: 1}}}}]}}\n"
    return f"{HEAD}blocks:\n{made}{last}layers: [{stage.format(0, 4)}]\n"


BODIES: Final = {
    "repeats": nested("{repeat: {times: 1, layers: [@]}}"),
    "repeats that grow": nested("{repeat: {times: 1, layers: [" + GROWS + ", @]}}", GROWS),
    "repeats with something after": nested("{repeat: {times: 1, layers: [@, " + GROWS + "]}}"),
    "repeats of two rounds": nested("{repeat: {times: 2, layers: [@]}}"),
    "repeats of two rounds that grow": nested("{repeat: {times: 2, layers: [@]}}", GROWS),
    "repeats with a condition": nested("{repeat: {times: 1, layers: [@, {relu: {}, when: channels == 3}]}}"),
    "repeats of branches": nested("{repeat: {times: 1, layers: [{add: [[@], []]}]}}"),
    "sequences": nested("{name: s#, layers: [@]}"),
    "sequences under `when`": nested("{name: s#, layers: [@], when: channels == 3}"),
    "branches": nested("{add: [[@], []]}"),
}
CALLS: Final = {
    "blocks": blocks("@"),
    "blocks with repeats": blocks("{repeat: {times: 1, layers: [@]}}"),
    "stages": stages,
}
EXPRESSIONS: Final = {
    "brackets": written("(", "4", ")"),
    "brackets around terms": written("(1 + ", "channels", ")"),
    "functions": written("min(", "channels", ", 4)"),
    "conditionals": written("channels if channels > 9 else ", "4"),
    "powers": written("1 ** ", "4"),
    "signs": written("-", "4"),
    "pairs of signs": written("--", "channels"),
}
NAMES: Final = {"names": lambda depth: f"{HEAD}layers: [relu: {{name: {'a' * depth}}}]\n"}
# Two iterations each are 2 ** depth layers: what is past the limit of work is refused after all of that work, 7 s.
DOUBLED: Final = ("repeats of two rounds", "repeats of two rounds that grow")
FORMS: Final = {
    **{name: (form, (10, 11, 19, 20, 21, 24, 25, 26)) for name, form in BODIES.items() if name not in DOUBLED},
    **{name: (BODIES[name], (10, 11, 19, 26)) for name in DOUBLED},
    **{name: (form, (38, 39, 62, 63, 77, 78, 79)) for name, form in CALLS.items()},
    **{name: (form, (47, 49, 50, 51, 59, 60, 61, 400)) for name, form in EXPRESSIONS.items()},
    **{name: (form, (79, 80, 81, 249, 250, 251)) for name, form in NAMES.items()},
}
MOST: Final = Limits(depth=80, nesting=80, brackets=60, name=250)


@pytest.mark.timing
@pytest.mark.slow
@pytest.mark.parametrize("limits", [None, MOST], ids=["usual", "highest"])
@pytest.mark.parametrize("name", FORMS)
def test_deep_forms_work_or_are_refused(name: str, limits: Limits | None) -> None:
    form, depths = FORMS[name]
    passed = 0
    for depth in depths:
        with within_seconds(SECONDS):
            try:
                graph = archspec.compile(load_text(form(depth), limits=limits))
                for backend in ("torch", "keras"):
                    compile(archspec.generate(graph, backend), "net.py", "exec")
                passed += 1
            except ArchspecError:  # each of its diagnostics has a code
                pass
    assert passed  # what is refused is past a limit, and not the form itself


@pytest.mark.timing
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("name", ["repeats", "repeats that grow", "repeats with something after"])
def test_nested_repeats_take_time_in_proportion(name: str, backend: str) -> None:
    graph = archspec.compile(load_text(BODIES[name](18)))  # walked twice by each, the innermost is 260,000 times
    with within_seconds(3):  # 0.1 on a quiet machine
        source = archspec.generate(graph, backend)
    compile(source, "net.py", "exec")


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_loops_past_the_sixth_have_names(backend: str) -> None:
    text = nested("{repeat: {times: 3, layers: [@, {relu: {name: r}}]}}")
    compile(archspec.generate(archspec.compile(load_text(text(8))), backend), "net.py", "exec")
