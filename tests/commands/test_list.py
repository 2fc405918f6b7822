"""`archspec list`: networks found by family, source and cost, from a table that is current."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import archspec
from archspec.cli import main
from archspec.shipped_networks import digest_of, listed_networks
from archspec.spec import shipped
from archspec.spec.other_names import TABLE

SPECS = Path(__file__).resolve().parents[2] / "specs"


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert main(["list", *arguments, "--format", "json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_the_table_is_of_the_specs_that_ship() -> None:
    """If not: `python -m benchmarks.network_table`."""
    table = json.loads((SPECS / TABLE).read_text(encoding="utf-8"))
    assert table["digest"] == digest_of(SPECS)
    assert [row["name"] for row in table["networks"]] == shipped()


@pytest.mark.slow
def test_the_table_has_what_the_networks_cost() -> None:
    from benchmarks.network_table import text

    assert (SPECS / TABLE).read_text(encoding="utf-8") == text()


def test_nothing_is_compiled() -> None:
    code = (
        "import sys; from archspec.cli import main; main(['list', '--like', 'macs=1G']); "
        "late = ('archspec.lowering', 'archspec.codegen', 'archspec.recipe'); "
        "print([name for name in sys.modules if name.startswith(late)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_specs_that_changed_are_compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The table of other specs is not believed."""
    folder = tmp_path / "_specs"
    folder.mkdir()
    text = (
        "archspec: 1\nname: own\ninput: {channels: 3, height: 8, width: 8}\nlayers: [conv: {filters: 4, kernel: 1}]\n"
    )
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    row = {"name": "own", "title": "", "family": "", "reference": [], "parameters": 7, "macs": 7, "variants": []}
    (folder / TABLE).write_text(json.dumps({"digest": "0", "networks": [row]}), encoding="utf-8")
    monkeypatch.setattr("archspec.spec.shipped_specs._PACKAGE", tmp_path)
    (found,) = listed_networks()
    assert (found.parameters, found.macs) == (16, 4 * 3 * 64)
    (folder / TABLE).write_text(json.dumps({"digest": digest_of(folder), "networks": [row]}), encoding="utf-8")
    assert listed_networks()[0].macs == 7
    row["builders"] = {"library.own": "", "library.gone": "a variant that is not there any more"}
    (folder / TABLE).write_text(json.dumps({"digest": "0", "networks": [row]}), encoding="utf-8")
    (found,) = listed_networks()
    assert (found.parameters, found.builders) == (16, {"library.own": ""})
    for damaged in ("{", "{}", "[]"):
        (folder / TABLE).write_text(damaged, encoding="utf-8")
        assert listed_networks()[0].parameters == 16


def test_by_family_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert {row["family"] for row in _json(capsys, "--family", "swin TRANSFORMER")} == {"Swin Transformer"}
    keras = _json(capsys, "--source", "keras.applications")
    assert {"vgg_keras", "efficientnet_keras"} <= {row["name"] for row in keras}
    assert all("keras.applications" in " ".join(map(str, row["reference"])) for row in keras)  # type: ignore[call-overload]
    assert main(["list", "--family", "no such family"]) == 0
    assert capsys.readouterr().out == "no network that ships fits; `archspec list` shows all\n"
    assert main(["list", "--family", "swni"]) == 0
    assert "did you mean `--family Swin`?" in capsys.readouterr().out


def test_by_cost(capsys: pytest.CaptureFixture[str]) -> None:
    rows = _json(capsys, "--at-most", "parameters=4M", "--at-most", "MACS=350m", "--family", "mobilenet")
    assert "mobilenet_v3_keras" in {row["name"] for row in rows}
    for row in rows:
        for variant in row.get("variants", []):  # type: ignore[attr-defined]
            assert variant["parameters"] <= 4e6
            assert variant["macs"] <= 350e6
    nearest = _json(capsys, "--like", "macs=1G")
    assert len(nearest) == 12
    apart = [max(int(str(row["macs"])) / 1e9, 1e9 / int(str(row["macs"]))) for row in nearest]
    assert apart == sorted(apart)
    first = nearest[0]
    name, variant = str(first["name"]), first["variant"]
    graph = archspec.compile(name) if variant is None else archspec.compile(name, variant=str(variant))
    assert graph.macs == first["macs"]


@pytest.mark.parametrize(
    "text", ["macs", "macs=", "macs=0", "depth=3", "macs=1e", "macs=e9", "parameters=-1", "macs=1 G"]
)
def test_what_is_no_cost(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["list", "--like", text])
    assert caught.value.code == 2
    assert "write parameters=25M or macs=1.5G" in capsys.readouterr().err


def test_a_variant_of_a_network_that_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--like", "resnet50:foo"]) == 1
    assert "help: resnet50 has no variants: write `--like resnet50`" in capsys.readouterr().err
    assert main(["list", "--like", "swin:foo"]) == 1
    assert "help: it has " in capsys.readouterr().err


def test_like_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    """The nearest to a network's costs is itself; a misspelling is asked about."""
    nearest = _json(capsys, "--like", "resnet50")
    assert "resnet50" in {row["name"] for row in nearest[:3]}
    assert len(nearest) == 12
    assert main(["list", "--like", "resnet5O"]) == 1
    assert "no network named `resnet5O` ships" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("source", "network", "variants"),
    [
        ("torchvision.models.swin_t", "swin", ["t"]),
        ("torchvision swin_t", "swin", ["t"]),
        ("keras.applications.ConvNeXtTiny", "convnext_keras", ["tiny"]),
        ("KERAS.applications.convnexttiny", "convnext_keras", ["tiny"]),
    ],
)
def test_the_network_of_a_builder(
    source: str, network: str, variants: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (row,) = _json(capsys, "--source", source)
    assert row["name"] == network
    assert [each["name"] for each in row["variants"]] == variants  # type: ignore[attr-defined]
    assert main(["list", "--source", "keras.applications.ConvNeXtTony"]) == 0
    assert "did you mean `--source keras.applications.ConvNeXtTiny`?" in capsys.readouterr().out


def test_a_family_is_found_by_whole_words(capsys: pytest.CaptureFixture[str]) -> None:
    """VGG is not part of another network's title, and `resnet` is not RegNet or ResNeXt's."""
    families = {row["family"] for row in _json(capsys, "--family", "vgg")}
    assert families
    assert all("VGG" in str(family) for family in families)
