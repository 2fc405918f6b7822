"""The limits: one table, documented, that can be raised from the command line and from Python."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

import archspec
from archspec import Limits, SpecError
from archspec.cli import main
from tests.pace import within_seconds

DOCS = Path(__file__).resolve().parents[2] / "docs" / "language.md"
HEAD = "archspec: 1\nname: net\ninput: {channels: 3, height: 8, width: 8}\n"


def number(text: str) -> int | None:
    if text == "any":
        return None
    power = re.fullmatch(r"2\*\*(\d+)( - 1)?", text)
    return 2 ** int(power[1]) - bool(power[2]) if power else int(text.replace(",", ""))


def test_the_documentation_has_them_all() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \| (.+) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {name: (doc, number(value), number(most)) for name, doc, value, most in rows}
    code = {
        field.name: (field.metadata["doc"], field.default, field.metadata["most"])
        for field in dataclasses.fields(Limits)
    }
    assert {name: documented.get(name) for name in code} == code


def too_much(folder: Path) -> dict[str, str]:
    """For each limit a spec that is past 10 of it, and within 10,000."""
    (folder / "library.yaml").write_text("archspec: 1\nblocks: {}\n")
    for index in range(12):
        (folder / f"part{index}.yaml").write_text(f"archspec: 1\nblocks: {{b{index}: {{layers: []}}}}\n")
    blocks = "".join(f"  b{index}: {{layers: [b{index + 1}]}}\n" for index in range(12))
    conv = "layers: [{{conv: {{filters: '{}', kernel: 1}}}}]\n"
    return {
        "bytes": "layers: []\n",
        "files": f"include: [{', '.join(f'part{index}.yaml' for index in range(12))}]\nlayers: []\n",
        "values": f"layers: [{'relu, ' * 20}]\n",
        "text": "doc: 'far more than ten characters'\nlayers: []\n",
        "digits": "layers: [{conv: {filters: 000000000000004, kernel: 1}}]\n",
        "name": "layers: [relu: {name: abcdefghijklmnop}]\n",
        "items": "layers: [{repeat: {times: 12, layers: []}}]\n",
        "nesting": f"blocks:\n{blocks}  b12: {{layers: [relu]}}\nlayers: [b0]\n",
        "size": "layers: [{conv: {filters: 12, kernel: 1}}]\n",
        "tensor": "layers: [relu]\n",
        "expression": conv.format("1 + 1 + 1 + 1 + 1"),
        "brackets": conv.format("((((((((((((4))))))))))))"),
        "list_items": conv.format("len([1] * 12)"),
        "default_parts": "blocks: {b: {params: {k: {}, m: k + 1 + k + 1 + k + 1 + k}, "
        "layers: [{conv: {filters: m, kernel: 1}}]}}\nparams: {w: 2}\nlayers: [{b: {k: w}}]\n",
        "work": conv.format("1 + 1 + 1 + 1 + 1 + 1 + 1 + 1"),
    }


NOT_BY_ONE_SPEC = {"depth", "errors"}  # nested lists are no network; what is wrong stays wrong


@pytest.mark.parametrize(
    "name", [field.name for field in dataclasses.fields(Limits) if field.name not in NOT_BY_ONE_SPEC]
)
def test_each_can_be_lowered_and_raised(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(HEAD + too_much(tmp_path)[name])
    most = {"brackets": 10, "nesting": 10}.get(name, 10)
    with pytest.raises(SpecError) as caught:
        archspec.compile(path, limits=Limits(**{name: most}))
    assert {found.code for found in caught.value.diagnostics} <= {"E0104", "E0301", "E0304", "E0404"}
    graph = archspec.compile(path)
    assert getattr(graph.limits, name) == getattr(Limits(), name)


def test_the_two_others() -> None:
    from archspec.spec import load_text

    with pytest.raises(SpecError) as caught:
        load_text(f"{HEAD}layers: [[[[[[[]]]]]]]\n", limits=Limits(depth=5))
    assert [found.code for found in caught.value.diagnostics] == ["E0104"]
    with pytest.raises(SpecError) as caught:
        load_text(f"{HEAD}layers: [{', '.join(f'x: {i}' for i in range(30))}]\n", limits=Limits(errors=5))
    assert len(caught.value.diagnostics) <= 6


def test_what_is_made_of_a_spec_keeps_its_limits(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(f"{HEAD}layers: [{{repeat: {{times: 300000, layers: []}}}}]\n")
    raised = Limits(items=1_000_000)
    spec = archspec.load(path, limits=raised)
    with pytest.raises(SpecError):
        archspec.compile(path)
    path.write_text(f"{HEAD}layers: [{{repeat: {{times: 3, layers: [relu]}}}}]\n")
    graph = archspec.compile(path, limits=raised)
    assert spec.limits is graph.limits is raised
    with pytest.raises(TypeError):
        archspec.compile(spec, limits=raised)
    with pytest.raises(TypeError):
        archspec.build(graph, "torch", root=tmp_path)


def test_what_is_compiled_while_a_spec_is_read_has_limits_of_its_own(tmp_path: Path) -> None:
    """Neither what the one may take nor what it has taken is known to the other, in the same thread."""
    from archspec.spec import load

    path, other = tmp_path / "net.yaml", tmp_path / "other.yaml"
    path.write_text(f"{HEAD}layers: [conv: {{filters: 2 + 2, kernel: 1}}]\n")
    other.write_text(f"{HEAD}layers: [repeat: {{times: 100, layers: [relu]}}]\n")
    spec = load(path, limits=Limits(items=5, work=60), asked=lambda _: archspec.compile(other))
    assert archspec.compile(spec).nodes["conv"].shape[0] == 4


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(f"{HEAD}layers: [{{repeat: {{times: 12, layers: [relu]}}}}]\n")
    assert main(["validate", str(path), "--limit", "items=10"]) == 1
    assert main(["validate", str(path), "--limit", "items=1_000", "--limit", "nesting=80"]) == 0
    out = ["-o", str(tmp_path / "net.py"), "--no-verify"]
    assert main(["build", str(path), "--limit", "items=10", *out]) == 1
    assert main(["build", str(path), "--limit", "items=1000", *out]) == 0
    capsys.readouterr()
    for wrong in ("item=10", "items=-1", "items=0", "items=ten", "items=", "nesting=10000", "items=" + "9" * 5000):
        assert main(["validate", str(path), "--limit", wrong]) == 1
        assert "E0207" in capsys.readouterr().err
    for taken in ("limits=3", "root=3"):
        assert main(["validate", str(path), "--set", taken]) == 1
        assert "E0401" in capsys.readouterr().err


def test_a_model_is_written_where_source_would_take_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """ONNX needs no expressions. What the report would say of source is left out, once the model is written."""
    pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    limit = ["swin", "--limit", "work=5650", "--no-verify"]
    assert main(["build", *limit, "--backend", "torch"]) == 1
    assert "error[E0304]: this network takes more than 5,650 steps to work out" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert main(["build", *limit, "--backend", "onnx"]) == 0
    assert [path.name for path in tmp_path.rglob("*.onnx")] == ["swin.onnx"]


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "5", None, 10**9])
def test_limits_are_whole_numbers_within_bounds(value: object) -> None:
    with pytest.raises(ValueError, match="the limit `nesting`"):
        Limits(nesting=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_the_highest_nesting_goes_all_the_way(backend: str, tmp_path: Path) -> None:
    path, most = tmp_path / "net.yaml", Limits(nesting=80, depth=80)
    blocks = "".join(f"  b{index}: {{layers: [b{index + 1}]}}\n" for index in range(77))
    path.write_text(f"{HEAD}blocks:\n{blocks}  b77: {{layers: [relu]}}\nlayers: [b0]\n")
    assert archspec.generate(archspec.compile(path, limits=most), backend)
    deep = "relu"
    for _ in range(24):
        deep = f"{{add: [[{deep}], []]}}"
    path.write_text(f"{HEAD}layers: [{deep}]\n")
    assert archspec.generate(archspec.compile(path, limits=most), backend)


TAPS = "".join(f"- relu\n- tap: t{i}\n" for i in range(1500))
USES = "".join(f"  - add: [[], {{from: t{i}}}]\n" for i in range(1500))


@pytest.mark.timing
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_very_many_taps_into_one_scope(backend: str) -> None:
    from archspec.spec import load_text

    with within_seconds(10):
        graph = archspec.compile(load_text(f"{HEAD}layers:\n{TAPS}- name: s\n  layers:\n{USES}"))
        assert archspec.generate(graph, backend)
