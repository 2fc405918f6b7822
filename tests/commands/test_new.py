"""`archspec new`: what it writes is right where it stands, and overwrites nothing unasked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import archspec
from archspec.cli import main
from archspec.spec import shipped
from archspec.starters import KINDS
from tests.commands.conftest import Run


def _suggested(text: str) -> Iterator[str]:
    """The text with each of the edits that its comments suggest, one at a time."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        indent, mark, edit = line.partition("# or: ")
        above = index - 1
        if mark and not indent.strip():
            while lines[above].lstrip().startswith("#"):
                above -= 1
            yield "\n".join((*lines[:above], indent + edit, *lines[index + 1 :]))
        indent, mark, edit = line.partition("# add: ")
        if mark and not indent.strip():
            yield "\n".join((*lines[:index], indent + edit, *lines[index + 1 :]))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_and_what_it_suggests(kind: str, run: Run, tmp_path: Path) -> None:
    assert run("new", "mine", "--kind", kind)[0] == 0
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert "depth:" not in text  # it would be wrong after the first edit
    texts = [text, *_suggested(text)]
    assert len(texts) >= 4
    for number, edited in enumerate(texts):
        path = tmp_path / f"edit_{number}.yaml"
        path.write_text(edited, encoding="utf-8")
        graph = archspec.compile(path)
        for backend in ("torch", "keras"):
            assert archspec.generate(graph, backend)


def test_the_kinds_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["new", "--help"])
    assert caught.value.code == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert all(f"{kind}: {does}" in shown for kind, does in KINDS.items())


def test_a_kind_and_a_copy_are_two_things() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["new", "mine", "--kind", "residual", "--like", "resnet50"])
    assert caught.value.code == 2


def test_a_template_that_builds(run: Run, tmp_path: Path) -> None:
    code, out, err = run("new", "mine")
    assert (code, err) == (0, "")
    text = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    assert "\nname: mine\n" in text
    assert "  archspec validate mine.yaml\n  archspec build mine.yaml" in out
    assert run("validate", "mine.yaml")[0] == 0
    for backend in ("torch", "keras"):
        assert run("build", "mine.yaml", "--backend", backend, "--no-verify")[0] == 0


@pytest.mark.parametrize("name", shipped())
def test_a_copy_of_what_ships(name: str, run: Run, tmp_path: Path) -> None:
    assert run("new", "mine", "--like", name, "-o", "some/folder/")[0] == 0
    path = tmp_path / "some" / "folder" / "mine.yaml"
    graph, origin = archspec.compile(path), archspec.compile(name)
    assert (graph.name, graph.title, graph.class_name) == ("mine", f"begun as a copy of {name}", "Mine")
    assert list(graph.nodes) == list(origin.nodes)
    assert graph.parameters == origin.parameters


def test_the_schema_is_found_from_where_it_stands(run: Run, tmp_path: Path) -> None:
    _, out, _ = run("new", "far", "--like", "resnet50", "-o", "folder/")
    modeline = "# yaml-language-server: $schema=schema.json"
    assert (tmp_path / "folder" / "far.yaml").read_text(encoding="utf-8").startswith("archspec: 1\n")
    assert out.splitlines()[-2:] == ["  archspec schema -o folder/schema.json", f"  {modeline}"]
    run("schema", "-o", "folder/schema.json")
    _, out, _ = run("new", "near", "-o", "folder/")
    assert (tmp_path / "folder" / "near.yaml").read_text(encoding="utf-8").startswith(f"{modeline}\n")
    assert "schema" not in out


def test_no_path_leads_into_an_environment(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = tmp_path / ".venv" / "lib" / "site-packages" / "archspec" / "_specs"
    installed.mkdir(parents=True)
    (installed / "schema.json").write_text("{}", encoding="utf-8")
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr("archspec.commands.new.shipped_folder", lambda: installed)
    run("new", "mine")
    assert (tmp_path / "mine.yaml").read_text(encoding="utf-8").startswith("archspec: 1\n")


def test_within_a_project_the_schema_is_named_by_a_relative_path(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "schema.json").write_text("{}", encoding="utf-8")
    monkeypatch.setattr("archspec.commands.new.shipped_folder", lambda: tmp_path / "specs")
    run("new", "mine", "-o", "networks/small/")
    text = (tmp_path / "networks" / "small" / "mine.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=../../specs/schema.json\n")


def test_comments_stay_and_files_are_found_again(run: Run, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "own.yaml").write_text("archspec: 1\nblocks: {twice: {layers: [relu, relu]}}\n")
    (tmp_path / "base.yaml").write_text(
        "# yaml-language-server: $schema=gone.json\n# first\narchspec: 1\nname: base # its name\nclass: Own\n"
        "title: >\n  a folded\n  title\ninclude: [parts/own.yaml] # ours\n"
        "input: {channels: 3, height: 8, width: 8}\nlayers: [twice]\n"
    )
    (tmp_path / "child.yaml").write_text("archspec: 1\nname: child\nextends: base.yaml # above\n")
    assert run("new", "mine", "--like", "base.yaml", "-o", "a/b/")[0] == 0
    text = (tmp_path / "a" / "b" / "mine.yaml").read_text(encoding="utf-8")
    assert "gone.json" not in text
    for line in ("# first", "name: mine # its name", "class: Mine", 'include: ["../../parts/own.yaml"] # ours'):
        assert line in text.splitlines()
    assert 'title: "begun as a copy of base"\ninclude' in text
    assert run("validate", "a/b/mine.yaml")[0] == 1  # its library is in a folder of its own
    assert run("validate", "a/b/mine.yaml", "--root", ".")[0] == 0
    code, out, _ = run("new", "heir", "--like", "child.yaml", "-o", "a/")
    assert code == 0
    assert "validate a/heir.yaml --root ." in out
    assert 'extends: "../base.yaml" # above' in (tmp_path / "a" / "heir.yaml").read_text(encoding="utf-8")


def test_nothing_is_overwritten_unasked(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("mine\n", encoding="utf-8")
    code, _, err = run("new", "mine", "--like", "resnet18")
    assert (code, path.read_text(encoding="utf-8")) == (1, "mine\n")
    assert "E0604" in err
    assert "--force" in err
    assert run("new", "mine", "--like", "resnet18", "--force")[0] == 0
    assert archspec.load(path).name == "mine"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["my-net"], "E0404"),
        (["class"], "E0404"),
        (["mine", "--like", "resnet5"], "E0106"),
        (["mine", "--like", "nowhere.yaml"], "E0101"),
        (["mine", "--like", "library.yaml"], "E0205"),
        (["mine", "--like", "broken.yaml"], "E0408"),
    ],
)
def test_what_cannot_be_started(arguments: list[str], code: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "library.yaml").write_text("archspec: 1\nblocks: {}\n")
    (tmp_path / "broken.yaml").write_text("archspec: 1\nname: a\ninput: {shape: [3]}\nlayers: [rely]\n")
    result, _, err = run("new", *arguments)
    assert result == 1
    assert f"error[{code}]" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.yaml", "library.yaml"]


def test_a_name_that_yaml_would_not_take_for_one(run: Run, tmp_path: Path) -> None:
    assert run("new", "null")[0] == 0
    assert archspec.load(tmp_path / "null.yaml").name == "null"


def test_what_is_wrong_replaces_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("new", "mine")[0] == 0
    old = (tmp_path / "mine.yaml").read_text(encoding="utf-8")
    monkeypatch.setattr(
        "archspec.commands.new.starter", lambda kind, name: f"archspec: 1\nname: {name}\nlayers: [rleu]\n"
    )
    code, _, err = run("new", "mine", "--force")
    assert code == 1
    assert "--> mine.yaml:" in err
    assert "archspec-tmp" not in err
    assert (tmp_path / "mine.yaml").read_text(encoding="utf-8") == old
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]
