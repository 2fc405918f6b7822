"""The command line, as a user calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import archspec
from archspec.recipe import shipped_recipes
from archspec.spec import shipped
from tests.commands.conftest import Run


def test_build_writes_the_source_and_says_what_it_is(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    code, out, err = run("build", "resnet50", "--backend", "torch")
    assert (code, err) == (0, "")
    path = tmp_path / "generated" / "torch" / "resnet50.py"
    assert "class ResNet50(nn.Module):" in path.read_text(encoding="utf-8")
    for part in ("25,557,032", "4.089 G", "3x224x224", "50 weighted layers", "generated/torch/resnet50.py"):
        assert part in out
    assert [entry.name for entry in path.parent.iterdir()] == ["resnet50.py"]


def test_build_says_what_the_fixed_params_decide(run: Run) -> None:
    pytest.importorskip("torch")
    code, out, _ = run("build", "resnet50")
    assert code == 0
    assert "  fixed       size: decides the height of the input\n" in out
    assert "              include_top: decides whether global_avg_pool is there\n" in out
    assert (
        "              stride_on, output_stride: decide the stride of layer1.0.conv1; --set gives other values" in out
    )


def test_build_says_what_a_framework_cannot_do_with_a_network(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    spec = tmp_path / "named.yaml"
    head = "archspec: 1\nname: named\ninput: {channels: 3, height: 8, width: 8}\n"
    for name, said in (("class", True), ("klass", False)):
        layer = f"conv: {{name: {name}, filters: 4, kernel: 1}}"
        spec.write_text(f"{head}layers: [{layer}]\n", encoding="utf-8")
        code, out, _ = run("build", str(spec), "--force")
        assert code == 0
        assert ("  limit       torch.fx and" in out) == said


def test_the_lines_that_build_prints_run(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    _, out, _ = run("build", "resnet18", "--set", "classes=7")
    lines = [line.strip() for line in out.partition("\n\n")[2].splitlines() if line]
    script = "\n".join([*lines, "print(tuple(output.shape))"])
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "(1, 7)\n", done.stderr


def test_output_to_a_file_a_folder_and_standard_output(run: Run, tmp_path: Path) -> None:
    code, printed, _ = run("build", "resnet18", "--no-verify", "-o", "-")
    assert code == 0
    assert run("build", "resnet18", "--no-verify", "-o", "net.py")[0] == 0
    assert run("build", "resnet18", "--no-verify", "-o", "folder/")[0] == 0
    assert (tmp_path / "net.py").read_text(encoding="utf-8") == printed
    assert (tmp_path / "folder" / "resnet18.py").read_text(encoding="utf-8") == printed


def test_check_tells_current_from_stale(run: Run, tmp_path: Path) -> None:
    assert run("build", "resnet18", "--check")[0] == 3
    assert not (tmp_path / "generated").exists()
    run("build", "resnet18", "--no-verify")
    assert run("build", "resnet18", "--check")[0] == 0
    code, _, err = run("build", "resnet18", "--set", "classes=5", "--check")
    assert code == 3
    assert "E0606" in err


def test_an_edited_file_is_not_overwritten_unasked(run: Run, tmp_path: Path) -> None:
    run("build", "resnet18", "--no-verify")
    path = tmp_path / "generated" / "torch" / "resnet18.py"
    edited = path.read_text(encoding="utf-8") + "# mine\n"
    path.write_text(edited, encoding="utf-8")
    code, _, err = run("build", "resnet18", "--no-verify")
    assert code == 1
    assert "E0604" in err
    assert "--force" in err
    assert path.read_text(encoding="utf-8") == edited
    assert run("build", "resnet18", "--no-verify", "--force")[0] == 0
    assert "# mine" not in path.read_text(encoding="utf-8")


def test_a_file_that_is_not_ours_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.py").write_text("x = 1\n", encoding="utf-8")
    assert run("build", "resnet18", "--no-verify", "-o", "notes.py")[0] == 1
    assert (tmp_path / "notes.py").read_text(encoding="utf-8") == "x = 1\n"


def test_a_stale_file_of_ours_is_overwritten(run: Run) -> None:
    run("build", "resnet18", "--no-verify")
    assert run("build", "resnet18", "--no-verify", "--set", "classes=5")[0] == 0


def test_the_same_bytes_every_time(run: Run) -> None:
    first = run("build", "resnet50", "--no-verify", "-o", "-")[1]
    code = "from archspec.cli import main; main(['build', 'resnet50', '--no-verify', '-o', '-'])"
    for seed in ("0", "1"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == first


def test_emit_ir(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("build", "resnet18", "--emit", "ir")
    assert code == 0
    assert out.startswith("network resnet18\n")
    assert "layer1.0.conv1: 64x56x56 = conv(" in out
    assert not (tmp_path / "generated").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "wanted"),
    [
        (["build", "resnet5000"], 1, "E0106"),
        (["build", "resnet50", "--set", "clases=10"], 1, "did you mean `classes`?"),
        (["build", "resnet50", "--set", "classes"], 1, "NAME=VALUE"),
        (["build", "resnet50", "--set", "classes=0"], 1, "E0411"),
        (["build", "resnet50", "--backend", "tensorflow"], 1, "E0603"),
        (["build", "resnet50", "--backend", "JAX"], 1, "write `keras`"),
        (["build", "resnet50", "--backend", "pytorch"], 1, "write `torch`"),
        (["new", "mine.yaml"], 1, "`archspec new mine -o mine.yaml`"),
        (["new", "nets/mine"], 1, "`archspec new mine -o nets/`"),
        (["new", "my.net"], 1, "write `my_net`"),
        (["build", "resnet50", "--weights", "none.safetensors"], 1, "E0701"),
        (["parity", "resnet18", "--backends", "torch"], 1, "two backends"),
        (["parity", "resnet18", "--backends", "torch,teras"], 1, "E0603"),
    ],
)
def test_mistakes(run: Run, tmp_path: Path, arguments: list[str], code: int, wanted: str) -> None:
    found, out, err = run(*arguments)
    assert (found, out) == (code, "")
    assert wanted in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def _state_dict(path: Path, classes: int = 1000) -> None:
    import torch

    import archspec

    torch.save(archspec.build("resnet18", backend="torch", classes=classes).state_dict(), path)


def test_weights_are_written_beside_the_source_and_loaded_by_the_lines_printed(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    _state_dict(tmp_path / "mine.pth", classes=7)
    code, out, err = run("build", "resnet18", "--set", "classes=7", "--weights", "mine.pth")
    assert (code, err) == (0, "")
    lines = [line.strip() for line in out.partition("\n\n")[2].splitlines() if line]
    script = "\n".join(
        [
            *lines,
            "wanted = torch.load('mine.pth', weights_only=True)['fc.weight']",
            "assert torch.equal(model.state_dict()['fc.weight'], wanted)",
            "print(tuple(output.shape))",
        ]
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "(1, 7)\n", done.stderr


def test_no_weights_file_is_overwritten_unasked(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    _state_dict(tmp_path / "net.pt")
    before = (tmp_path / "net.pt").read_bytes()
    _state_dict(tmp_path / "other.pt")
    for given, force in (("net.pt", False), ("net.pt", True), ("other.pt", False)):
        code, _, err = run("build", "resnet18", "-o", "net.py", "--weights", given, *(["--force"] if force else []))
        assert code == 1
        assert "E0604" in err
        assert (tmp_path / "net.pt").read_bytes() == before
        assert not (tmp_path / "net.py").exists()
    assert run("build", "resnet18", "-o", "net.py", "--weights", "other.pt", "--force")[0] == 0


def test_a_dump_overwrites_only_dumps(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious", encoding="utf-8")
    assert run("build", "resnet18", "--emit", "ir", "-o", "mine.txt")[0] == 1
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "precious"
    for _ in range(2):
        assert run("build", "resnet18", "--emit", "ir", "-o", "graph.txt")[0] == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_devices_and_full_disks(run: Run, tmp_path: Path) -> None:
    code, _, err = run("build", "resnet18", "--no-verify", "-o", "/dev/full")
    assert code == 1
    assert "not a regular file" in err
    assert Path("/dev/full").is_char_device()
    command = f"{sys.executable} -m archspec.cli build resnet18 --no-verify -o - > /dev/full"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr


def test_a_bug_of_ours_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a slip of ours")

    monkeypatch.setattr("archspec.commands.list.listed_networks", broken)
    code, _, err = run("list")
    assert code == 70
    assert "internal error of archspec" in err
    assert "a slip of ours" in err
    assert "Traceback" not in err


def test_a_failing_weights_file_leaves_nothing(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "w.safetensors").write_bytes(b"nothing")
    assert run("build", "resnet18", "--weights", "w.safetensors")[0] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.safetensors"]


def test_validate_shows_all_errors_of_all_specs(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(
            f"archspec: 1\nname: {name}\ninput: {{channels: 3, height: 8, width: 8}}\n"
            "layers:\n  - conv: {filters: 4, kernal: 3}\n  - rely\n",
            encoding="utf-8",
        )
    code, out, err = run("validate", "a.yaml", "b.yaml", "resnet18")
    assert code == 1
    assert "resnet18: right" in out
    for place in ("a.yaml:5", "a.yaml:6", "b.yaml:5", "b.yaml:6"):
        assert place in err
    assert "did you mean `kernel`?" in err
    code, out, err = run("validate", "a.yaml", "--format", "json")
    assert code == 1
    found = json.loads(out)
    assert {entry["place"]["line"] for entry in found} == {5, 6}
    assert all(entry["code"] and entry["message"] for entry in found)


def test_color_only_where_it_is_wanted(run: Run) -> None:
    assert "\x1b[" not in run("build", "resnet5000")[2]
    assert "\x1b[" in run("--color", "always", "build", "resnet5000")[2]


def test_list(run: Run) -> None:
    code, out, _ = run("list")
    assert code == 0
    assert "resnet50" in out
    assert "25,557,032" in out
    names = run("list", "--names")[1].split()
    assert {"resnet18", "resnet34", "resnet50", "resnet101", "resnet152"} <= set(names)
    assert not any("/" in name for name in names)


@pytest.mark.parametrize(
    "arguments",
    [
        ["build"],
        ["build", "resnet18", "-o", ""],
        ["build", "resnet18", "--check", "-o", "-"],
        ["build", "resnet18", "--check", "--emit", "ir"],
        ["build", "resnet18", "--weights", "w.pt", "-o", "-"],
        ["parity", "resnet18", "--batch", "0"],
    ],
)
def test_usage_errors_exit_with_2(run: Run, tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    assert caught.value.code == 2
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m archspec.cli build resnet152 --emit ir | head -1"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "network resnet152\n"
    assert done.stderr == ""


def test_the_list_has_headings_and_fits_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = run("list")
    assert code == 0
    *groups, recipes = [group.splitlines() for group in out.split("\n\n")]
    assert recipes[0] == "Recipes for training"
    assert [line.split()[0] for line in recipes[2:]] == shipped_recipes()
    assert [group[0] for group in groups] == [*dict.fromkeys(archspec.load(name).family for name in shipped())]
    listed = [line.split()[0] for group in groups for line in group[2:] if not line.startswith("    variant=")]
    assert sorted(listed) == sorted(shipped())
    assert listed.index("resnet18") < listed.index("resnet101")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert max(map(len, run("list")[1].splitlines())) <= 60
    monkeypatch.undo()
    assert max(map(len, out.splitlines())) > 100  # what is piped is whole


def test_validate_checks_a_library_of_blocks(run: Run, tmp_path: Path) -> None:
    library, network = tmp_path / "mine.yaml", tmp_path / "net.yaml"
    text = (
        "archspec: 1\nblocks: {unit: {params: {width: {doc: channels}}, layers: [conv: {filters: width, kernel: 1}]}}\n"
    )
    library.write_text(text)
    network.write_text(
        "archspec: 1\nname: net\ninclude: [mine.yaml]\ninput: {channels: 3, height: 8, width: 8}\n"
        "layers: [unit: {width: 4}]\n"
    )
    assert run("validate", "mine.yaml") == (0, "mine.yaml: right (a library of 1 block)\n", "")
    library.write_text(text.replace("doc: channels", "doc: channels, which it returns to"))
    code, out, err = run("validate", "net.yaml", "mine.yaml")
    assert (code, out, err.count("E0201]")) == (1, "", 1)  # said once
    assert '`doc: "channels, which it returns to"`' in err


def test_all_commands_count_the_same_layers(run: Run) -> None:
    """Inputs are none of them."""
    count = archspec.compile("lenet").layer_count
    assert f"right ({count} layers, " in run("validate", "lenet")[1]
    (row,) = (
        line for line in run("diff", "lenet", "lenet", "--set-b", "classes=7")[1].splitlines() if "layers" in line
    )
    assert row.split()[:3] == ["layers", str(count), str(count)]
    assert f"{count} layers" in repr(archspec.compile("lenet"))
    assert archspec.summary(archspec.compile("lenet")).total.layers == count
