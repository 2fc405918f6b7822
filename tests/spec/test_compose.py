"""Specs of several files: `extends`, `include`, and finding specs by name."""

from __future__ import annotations

from pathlib import Path

import pytest

import archspec
from archspec.errors import SpecError
from archspec.spec import find, load, load_text, shipped
from tests.spec.helpers import DATA, listed

BASE = """archspec: 1
name: base
params: {width: 64, depth: 18}
input: {channels: 3, height: 8, width: 8}
defaults: {conv: {bias: false, init: {normal: 1}}}
layers: [relu, relu]
"""


def write(folder: Path, **texts: str) -> Path:
    """Files by stem; the path of the first is given back."""
    for stem, text in texts.items():
        path = folder / f"{stem.replace('__', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder / f"{next(iter(texts))}.yaml"


def errors(path: Path) -> list[str]:
    """The errors, each with its file's name before it."""
    with pytest.raises(SpecError) as caught:
        load(path)
    names = [Path(found.span.source.name).name if found.span else "-" for found in caught.value.diagnostics]
    return [f"{name} {text}" for name, text in zip(names, listed(caught.value), strict=True)]


def test_mappings_merge_and_all_else_is_replaced(tmp_path: Path) -> None:
    child = """archspec: 1
extends: base.yaml
name: child
params: {width: 32, classes: 10}
defaults: {conv: {init: {normal: 2}}}
layers: [flatten]
"""
    spec = load(write(tmp_path, child=child, base=BASE))
    assert spec.name == "child"
    assert spec.extends == "base.yaml"
    assert list(spec.params) == ["width", "depth", "classes"]
    width = spec.params["width"].default
    assert width
    assert width.raw == 32
    assert width.span
    assert str(width.span) == f"{tmp_path / 'child.yaml'}:4:17"
    depth = spec.params["depth"].default
    assert depth
    assert str(depth.span) == f"{tmp_path / 'base.yaml'}:3:28"
    conv = spec.defaults["conv"]
    assert conv["bias"].raw is False
    assert conv["init"].raw == {"normal": 2}
    assert len(spec.items) == 1
    assert [path.name for path in spec.sources] == ["child.yaml", "base.yaml"]


def test_null_takes_a_parents_key_away(tmp_path: Path) -> None:
    child = "archspec: 1\nextends: base.yaml\nlayers: null\nstem: [relu]\n"
    spec = load(write(tmp_path, child=child, base=BASE))
    assert spec.layers is None
    assert len(spec.items) == 1


@pytest.mark.parametrize("key", ["title", "doc", "params", "defaults", "blocks"])
def test_null_takes_any_key_away(key: str, tmp_path: Path) -> None:
    parent = BASE + "doc: more\n"
    for name, value in {"title": "one", "params": "{}", "defaults": "{conv: {bias: false}}", "blocks": "{}"}.items():
        parent += "" if f"\n{name}:" in parent else f"{name}: {value}\n"
    spec = load(write(tmp_path, child=f"archspec: 1\nextends: base.yaml\n{key}: null\n", base=parent))
    assert not getattr(spec, key)


def test_null_takes_what_has_a_name_away(tmp_path: Path) -> None:
    parent = (
        "archspec: 1\nname: parent\nparams: {width: {default: 16, doc: channels}, depth: 2}\nlet: {wide: width * 2}\n"
        "input: {channels: 3, height: 8, width: 8}\nblocks: {unit: {layers: [relu]}}\n"
        "layers: [conv: {filters: wide, kernel: 1}, tap: early, repeat: {times: depth, layers: [unit]}]\n"
        "outputs: [early]\n"
    )
    child = (
        "archspec: 1\nextends: base.yaml\nname: child\nparams: {width: null, depth: {default: null}}\n"
        "let: {wide: null}\nblocks: {unit: null}\noutputs: null\nlayers: [repeat: {times: depth, layers: [relu]}]\n"
    )
    spec = load(write(tmp_path, child=child, base=parent), {"depth": 3})
    assert list(spec.params) == ["depth"]
    assert not spec.let
    assert not spec.blocks
    assert spec.outputs is None
    with pytest.raises(SpecError) as caught:
        archspec.compile(tmp_path / "child.yaml")
    assert [found.code for found in caught.value.diagnostics] == ["E0402"]  # `default: null` makes it required
    assert list(archspec.compile(spec).outputs) == ["output"]


def test_extends_in_a_row_with_paths_from_each_file(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        a="archspec: 1\nname: a\nextends: sub/b.yaml\n",
        sub__b="archspec: 1\nextends: ../c.yaml\ninclude: [lib.yaml]\n",
        sub__lib="archspec: 1\nblocks: {b: {layers: [relu]}}\n",
        c=BASE,
    )
    spec = load(path)
    assert list(spec.blocks) == ["b"]
    assert spec.extends == "sub/b.yaml"
    assert spec.include == ()


def test_extends_a_shipped_spec_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("archspec.spec.shipped_specs._PACKAGE", ships(tmp_path))
    spec = load_text("archspec: 1\nname: mine\nextends: resnet50\nparams: {classes: 3}\n")
    assert len(spec.items) == 11
    with pytest.raises(SpecError) as caught:
        load_text("archspec: 1\nname: mine\nextends: resnet5\n")
    assert listed(caught.value) == ["E0106 3:10 no spec named `resnet5` ships"]


CIRCLE = "files extend or include each other in a circle"


def test_circles(tmp_path: Path) -> None:
    path = write(tmp_path, a="archspec: 1\nextends: b.yaml\n", b="archspec: 1\nextends: ./a.yaml\n")
    assert errors(path) == [f"b.yaml E0107 2:10 {CIRCLE}: a.yaml → b.yaml → a.yaml"]
    path = write(
        tmp_path,
        net=BASE + "include: [one.yaml]\n",
        one="archspec: 1\ninclude: [two.yaml]\n",
        two="archspec: 1\ninclude: [one.yaml]\n",
    )
    assert errors(path) == [f"two.yaml E0107 2:11 {CIRCLE}: one.yaml → two.yaml → one.yaml"]
    path = write(tmp_path, me="archspec: 1\nextends: me.yaml\n")
    assert errors(path) == [f"me.yaml E0107 2:10 {CIRCLE}: me.yaml → me.yaml"]


def test_a_block_defined_twice(tmp_path: Path) -> None:
    library = "archspec: 1\nblocks: {b: {layers: [relu]}}\n"
    path = write(tmp_path, net=BASE + "include: [one.yaml, two.yaml]\n", one=library, two=library)
    with pytest.raises(SpecError) as caught:
        load(path)
    (found,) = caught.value.diagnostics
    assert (found.code, str(found.span)) == ("E0108", f"{tmp_path / 'two.yaml'}:2:10")
    assert str(found.notes[0].span) == f"{tmp_path / 'one.yaml'}:2:10"
    path = write(tmp_path, own=BASE + "include: [one.yaml]\nblocks: {b: {layers: []}}\n", one=library)
    assert errors(path) == ["own.yaml E0108 8:10 the block `b` is defined twice"]


def test_a_library_may_come_by_two_ways(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        net=BASE + "include: [one.yaml, two.yaml, three.yaml]\n",
        one="archspec: 1\ninclude: [three.yaml]\n",
        two="archspec: 1\ninclude: [three.yaml]\nblocks: {c: {layers: [b]}}\n",
        three="archspec: 1\ndoc: the third\nblocks: {b: {layers: [relu]}}\n",
        child="archspec: 1\nextends: net.yaml\ninclude: [three.yaml]\n",
    )
    assert sorted(load(path).blocks) == ["b", "c"]
    assert sorted(load(tmp_path / "child.yaml").blocks) == ["b", "c"]


def test_a_child_changes_its_parents_block_but_a_library_does_not(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        child="archspec: 1\nextends: net.yaml\nblocks: {b: {layers: [relu]}}\n",
        net=BASE + "blocks: {b: {unit: [depth], layers: []}}\n",
        other="archspec: 1\nextends: net.yaml\ninclude: [library.yaml]\n",
        library="archspec: 1\nblocks: {b: {layers: [relu]}}\n",
    )
    block = load(path).blocks["b"]
    assert block.unit == ("depth",)
    assert len(block.layers) == 1
    assert errors(tmp_path / "other.yaml") == ["library.yaml E0108 2:10 the block `b` is defined twice"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("include: lib.yaml", "net.yaml E0202 7:10 `include` must be a list of files, found"),
        ("include: [3]", "net.yaml E0202 7:11 `include` must name files, found the number 3"),
        ("include: [none.yaml]", "net.yaml E0101 7:11 `"),
        ("extends: none.yaml", "net.yaml E0101 7:10 `"),
        ("extends: [a, b]", "net.yaml E0202 7:10 `extends` must be a string, found a list"),
        ("extends: nonesuch", "net.yaml E0106 7:10 no spec named `nonesuch` ships"),
        ("include: [empty.yaml]", "empty.yaml E0202 1:1 `"),
        ("include: [odd.yaml]", "odd.yaml E0201 2:1 unknown key `block` in a library of blocks"),
        ("include: [old.yaml]", "old.yaml E0206 1:11 version 1 of the language is read here"),
        ("include: [bare.yaml]", "bare.yaml E0205 1:1 a library of blocks needs the key `blocks`"),
        ("include: [list.yaml]", "list.yaml E0202 2:9 `blocks` must be a mapping of names, found"),
    ],
)
def test_wrong_references(tmp_path: Path, line: str, error: str) -> None:
    path = write(
        tmp_path,
        net=BASE + line + "\n",
        empty="",
        odd="archspec: 1\nblock: {}\nblocks: {}\n",
        old="archspec: 0\nblocks: {}\n",
        bare="archspec: 1\n",
        list="archspec: 1\nblocks: []\n",
    )
    (found,) = errors(path)
    assert found.startswith(error)


def test_errors_of_all_files_come_together(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        net=BASE + "include: [lib.yaml]\ntitle: 3\n",
        lib="archspec: 1\nblocks: {b: {layers: relu}}\n",
    )
    assert [line[:20] for line in errors(path)] == ["lib.yaml E0202 2:22 ", "net.yaml E0202 8:8 `"]


def ships(folder: Path) -> Path:
    """A package folder with specs as they lie in a wheel."""
    write(
        folder,
        _specs__resnet50=(DATA / "resnet50.yaml").read_text(),
        _specs__parts="archspec: 1\nblocks: {}\n",
    )
    write(folder / "_specs", blocks__residual=(DATA / "blocks" / "residual.yaml").read_text())
    return folder


def test_shipped_specs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("archspec.spec.shipped_specs._PACKAGE", ships(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert shipped() == ["resnet50"]
    assert find("resnet50") == tmp_path / "_specs" / "resnet50.yaml"
    assert find("a/b.yaml") == Path("a/b.yaml")
    assert load("resnet50").name == "resnet50"
    with pytest.raises(SpecError) as caught:
        load("resnet")
    assert caught.value.diagnostics[0].code == "E0106"
    assert caught.value.diagnostics[0].help == "did you mean `resnet50`?"
    # The shipped blocks are there for any spec, wherever it lies.
    assert "bottleneck" in load_text(BASE + "include: [blocks/residual.yaml]\n").blocks


def test_a_checkout_has_its_specs_beside_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("archspec.spec.shipped_specs._PACKAGE", tmp_path / "archspec")
    assert shipped() == []
    write(tmp_path, specs__net=BASE)
    assert shipped() == ["net"]


def test_a_plain_value_of_a_param_is_its_new_default(tmp_path: Path) -> None:
    act = "{default: relu, choices: [relu, tanh], doc: the activation}"
    path = write(
        tmp_path,
        child="archspec: 1\nextends: net.yaml\nparams: {act: tanh}\n",
        net=f"archspec: 1\nname: net\nparams: {{act: {act}}}\ninput: {{channels: 3, height: 8, width: 8}}\n"
        "layers: [{relu: {}, when: act == 'relu', else: tanh}]\n",
        wrong="archspec: 1\nextends: net.yaml\nparams: {act: gelu}\n",
    )
    param = load(path).params["act"]
    assert (param.default.raw if param.default else None, param.choices, param.doc) == (
        "tanh",
        ("relu", "tanh"),
        "the activation",
    )
    assert [text.split(" ", 2)[1] for text in errors(tmp_path / "wrong.yaml")]


@pytest.mark.parametrize("key", ["extends", "include"])
@pytest.mark.parametrize(("count", "right"), [(99, True), (100, False), (900, False)])
def test_long_chains_of_files(key: str, count: int, right: bool, tmp_path: Path) -> None:
    """Under the highest limit on files: read, or refused in a few words."""
    for index in range(count):
        last = index == count - 1
        name = f"f{index + 1}.yaml"
        following = "" if last else f"extends: {name}\n" if key == "extends" else f"include: [{name}]\n"
        own = f"blocks: {{b{index}: {{layers: [relu]}}}}\n"
        if key == "extends":
            own = "name: net\ninput: {shape: [3]}\nlayers: [relu]\n" if last else ""
        (tmp_path / f"f{index}.yaml").write_text(f"archspec: 1\n{following}{own}", encoding="utf-8")
    head = "extends: f0.yaml\n" if key == "extends" else "input: {shape: [3]}\ninclude: [f0.yaml]\nlayers: [b0]\n"
    (tmp_path / "net.yaml").write_text(f"archspec: 1\nname: top\n{head}", encoding="utf-8")
    limits = archspec.Limits(files=1_000)
    if right:
        assert archspec.compile(tmp_path / "net.yaml", limits=limits).outputs == {
            "output": "relu" if key == "extends" else "b0.relu"
        }
        return
    with pytest.raises(archspec.SpecError) as caught:
        archspec.compile(tmp_path / "net.yaml", limits=limits)
    (found,) = caught.value.diagnostics
    assert found.code == "E0304"
    assert "more than 100 deep" in found.message
    assert found.span is not None
