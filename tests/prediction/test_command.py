"""`archspec predict`, as a user calls it."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import ssl
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import archspec
from archspec.cli import main
from archspec.hub import write_repository
from archspec.prediction import PredictionError, Ranking
from archspec.weights import downloads, write
from archspec.weights_addresses import same_file

pytest.importorskip("PIL")
Run = Callable[..., tuple[int, str, str]]
SPEC = """
archspec: 1
name: tiny
params: {classes: 4}
input: {channels: 3, height: 16, width: 16}
layers: [conv: {name: conv1, filters: 4, kernel: 3}, relu, flatten, dense: {name: fc, units: classes}]
pretrained:
  weights: tiny.safetensors
  size: 18
  crop: 16
  mean: [0.5, 0.4, 0.3]
  std: [0.2, 0.3, 0.4]
  classes: names.txt
  license: mit
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in a folder with a spec, its weights, and images of which two cannot be used."""
    from benchmarks.preprocessing import picture

    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(SPEC, encoding="utf-8")
    Path("names.txt").write_text("cat\ndog\n\nbird of prey\nfish\n", encoding="utf-8")
    write("tiny.safetensors", archspec.init_weights("tiny.yaml", seed=3), archspec.compile("tiny.yaml"))
    picture(30, 24).save("one.png")
    picture(17, 40).save("two.png")
    Path("bad.png").write_bytes(Path("one.png").read_bytes()[:200])
    monkeypatch.setattr(os, "environ", dict(os.environ))

    def command(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return command


def expected(image: str) -> np.ndarray:
    """The probabilities, by plain arithmetic."""
    from numpy.lib.stride_tricks import sliding_window_view

    weights = archspec.init_weights("tiny.yaml", seed=3)
    x = archspec.preprocessing("tiny.yaml")([image])[0].astype(np.float64)
    seen = sliding_window_view(x, (3, 3), axis=(1, 2))
    conv = np.einsum("chwij,ocij->ohw", seen, weights["conv1.weight"].astype(np.float64))
    conv += weights.get("conv1.bias", np.zeros(4))[:, None, None]
    logits = weights["fc.weight"].astype(np.float64) @ np.maximum(conv, 0).reshape(-1) + weights["fc.bias"]
    numbers: np.ndarray = np.exp(logits) / np.exp(logits).sum()
    return numbers


@pytest.mark.parametrize(
    "backend", ["torch", "onnx:reference", "openvino", pytest.param("keras", marks=pytest.mark.slow)]
)
def test_the_classes_are_the_same_on_every_backend(run: Run, backend: str) -> None:
    pytest.importorskip(backend.partition(":")[0])
    code, out, err = run("predict", "tiny.yaml", "one.png", "two.png", "--backend", backend, "--json", "--top", "4")
    assert code == 0, err
    found = json.loads(out)
    assert [each["image"] for each in found] == ["one.png", "two.png"]
    for each in found:
        numbers = expected(each["image"])
        assert [one["class"] for one in each["classes"]] == np.argsort(-numbers).tolist()
        assert [one["probability"] for one in each["classes"]] == pytest.approx(np.sort(numbers)[::-1], abs=1e-5)
        assert {one["class"]: one["name"] for one in each["classes"]} == {
            0: "cat",
            1: "dog",
            2: "bird of prey",
            3: "fish",
        }


def test_images_that_cannot_be_used_are_named_and_the_others_go_on(run: Run) -> None:
    pytest.importorskip("torch")
    Path("text.png").write_text("no image", encoding="utf-8")
    code, out, err = run("predict", "tiny.yaml", "bad.png", "one.png", "none.png", "text.png", "--top", "1")
    assert code == 1
    assert out.splitlines()[0] == "one.png"
    assert len(out.splitlines()) == 2
    lines = err.splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["bad.png", "none.png", "text.png"]
    assert lines[1] == "error: none.png: it cannot be read: No such file or directory"
    assert lines[2] == "error: text.png: it is no image that Pillow reads, or is damaged"


def test_other_weights_are_known_by_their_address(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are prepared as these weights need it, and the file is held against its digest."""
    pytest.importorskip("torch")
    data = Path("tiny.safetensors").read_bytes()
    file = tmp_path / "old.safetensors"
    file.write_bytes(data)
    monkeypatch.setattr("archspec.prediction.runs.local", lambda address: file)
    address, sha256 = "hf://someone/old", hashlib.sha256(data).hexdigest()
    entry = f'others: {{old: {{weights: {address}, size: 30, sha256: "{sha256[:16]}"}}}}'
    Path("tiny.yaml").write_text(f"{SPEC}  {entry}\n", encoding="utf-8")
    shown = run("predict", "tiny.yaml", "one.png", "--weights", address, "--json", "--top", "4")[1]
    Path("tiny.yaml").write_text(SPEC.replace("size: 18", "size: 30"), encoding="utf-8")
    assert json.loads(shown)[0]["classes"][0]["probability"] == pytest.approx(expected("one.png").max(), abs=1e-5)
    Path("tiny.yaml").write_text(f"{SPEC}  {entry.replace(sha256[:16], '0' * 16)}\n", encoding="utf-8")
    code, _, err = run("predict", "tiny.yaml", "one.png", "--weights", address)
    assert code == 1
    assert "SHA-256" in err


HUB_ADDRESS = "hf://someone/old"
SAME = ("", "/", "@main", "@main/", "@refs/heads/main", "/model.safetensors", "@main/model.safetensors")
PAGE = "https://huggingface.co/someone/old"
PAGES = ("", "/", "/resolve/main/model.safetensors", "/blob/main/model.safetensors")


@pytest.mark.parametrize("written", [HUB_ADDRESS + end for end in SAME] + [PAGE + end for end in PAGES])
@pytest.mark.parametrize("told", ["hf://someone/old", "hf://someone/old@main", "hf://someone/old/model.safetensors"])
def test_no_way_to_write_an_address_passes_the_digest_by(
    told: str, written: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("prediction.runs", "weights.loading"):
        monkeypatch.setattr(f"archspec.{module}.local", lambda address: Path("tiny.safetensors").resolve())
    text = SPEC.replace("weights: tiny.safetensors", f'weights: {told}\n  sha256: "{"0" * 16}"')
    Path("tiny.yaml").write_text(text, encoding="utf-8")
    code, _, err = run("predict", "tiny.yaml", "one.png", "--weights", written)
    assert code == 1
    assert "SHA-256" in err


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hf://someone/old", "hf://someone/old@3f2a"),
        ("hf://someone/old@v1", "hf://someone/old@v2"),
        ("hf://someone/old", "hf://someone/old/pytorch_model.bin"),
        ("hf://someone/old", "hf://someone/older"),
        ("https://localhost/a.pth", "https://localhost/b.pth"),
    ],
)
def test_other_files_have_other_digests(one: str, other: str) -> None:
    assert not same_file(one, other)
    assert same_file(one, f"{one}/")
    assert same_file(other, other)


def test_names_that_are_not_those_of_the_classes_are_not_shown(run: Run) -> None:
    pytest.importorskip("torch")
    arrays = archspec.init_weights("tiny.yaml", seed=1, classes=7)
    write("seven.safetensors", arrays, archspec.compile("tiny.yaml", classes=7))
    code, out, err = run("predict", "tiny.yaml", "one.png", "--set", "classes=7", "--weights", "seven.safetensors")
    assert code == 0
    assert err == "warning: the spec names 4 classes, and the network has 7: they are shown by number\n"
    assert "class" in out
    assert "cat" not in out


def test_a_spec_that_does_not_say_how_images_are_prepared_is_refused(run: Run) -> None:
    pytest.importorskip("torch")
    code, _, err = run("predict", "lenet", "one.png", "--weights", "tiny.safetensors")
    assert code == 1
    assert "E0704" in err
    assert "write it under `pretrained`" in err


@pytest.mark.parametrize(("algorithm", "title", "digits"), [("sha256", "SHA-256", 8), ("md5", "MD5", 32)])
def test_the_digest_of_weights_is_held_against_the_file(run: Run, algorithm: str, title: str, digits: int) -> None:
    pytest.importorskip("torch")
    digest = hashlib.new(algorithm, Path("tiny.safetensors").read_bytes()).hexdigest()
    for name, told, code in (("right", digest[:digits], 0), ("wrong", "0" * digits, 1)):
        Path(f"{name}.yaml").write_text(SPEC.replace("  size", f'  {algorithm}: "{told}"\n  size'), encoding="utf-8")
        found, _, err = run("predict", f"{name}.yaml", "one.png")
        assert found == code, err
    assert f"its {title} begins with" in err


def test_weights_behind_a_link_out_of_the_folder_are_refused(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "names.txt").write_text("a\nb\nc\nd\n", encoding="utf-8")
    (inner / "tiny.yaml").write_text(SPEC, encoding="utf-8")
    (inner / "tiny.safetensors").symlink_to(tmp_path / "tiny.safetensors")
    code, _, err = run("predict", "inner/tiny.yaml", "one.png")
    assert code == 1
    assert "E0109" in err


def test_a_repository_holds_how_images_are_prepared(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    folder = tmp_path / "repository"
    folder.mkdir()
    write_repository(folder, Path("tiny.yaml"), "tiny.safetensors")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["spec"]["pretrained"]["classes"] == ["cat", "dog", "bird of prey", "fish"]
    assert "weights" not in config["spec"]["pretrained"]
    assert 'license: "mit"' in (folder / "README.md").read_text(encoding="utf-8")
    mine, theirs = run("predict", "tiny.yaml", "one.png"), run("predict", "repository", "one.png")
    assert mine[1] == theirs[1]
    assert theirs[0] == 0
    one = archspec.preprocessing(folder)(["one.png"])
    assert np.array_equal(one, archspec.preprocessing("tiny.yaml")(["one.png"]))


def test_a_file_of_the_web_is_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import urllib.request
    from email.message import Message
    from io import BytesIO

    asked: list[str] = []

    class Answer(BytesIO):
        url = "https://localhost/net.pth"
        headers = Message()

    def urlopen(request: urllib.request.Request, timeout: float) -> Answer:
        asked.append(request.full_url)
        return Answer(b"numbers")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    first, second = (downloads.fetched("https://localhost/net.pth") for _ in range(2))
    assert first == second
    assert first.read_bytes() == b"numbers"
    assert asked == ["https://localhost/net.pth"]
    Answer.headers["Content-Length"] = "99"
    with pytest.raises(archspec.WeightsError, match="cannot be downloaded"):
        downloads.fetched("https://localhost/other.pth")
    assert not [path for path in tmp_path.rglob("*other*") if path.is_file()]


@pytest.mark.parametrize("when", ["opening", "reading"])
@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(104, "Connection reset by peer"),
        ssl.SSLError("record layer failure"),
        TimeoutError("timed out"),
        http.client.RemoteDisconnected("closed"),
        http.client.IncompleteRead(b""),
        ValueError("read of closed file"),
        ConnectionAbortedError(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_that_is_lost_is_an_error_of_the_download(
    error: Exception, when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import urllib.request
    from email.message import Message
    from io import BytesIO

    class Answer(BytesIO):
        url = "https://localhost/net.pth"
        headers = Message()

        def read(self, count: int | None = -1) -> bytes:
            if not self.tell():
                return super().read(3)
            raise error

    def urlopen(request: urllib.request.Request, timeout: float) -> Answer:
        if when == "opening":
            raise error
        return Answer(b"numbers")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    with pytest.raises(archspec.WeightsError, match=r"net\.pth cannot be downloaded") as caught:
        downloads.fetched("https://localhost/net.pth")
    [found] = caught.value.diagnostics
    assert (found.code, bool(found.label)) == ("E0701", True)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_numbers_that_are_none_are_an_error_for_each_image(run: Run) -> None:
    pytest.importorskip("torch")
    arrays = archspec.init_weights("tiny.yaml", seed=3)
    arrays["fc.bias"][1] = np.nan
    write("nan.safetensors", arrays, archspec.compile("tiny.yaml"))
    given = ("predict", "tiny.yaml", "one.png", "two.png", "--weights", "nan.safetensors")
    code, out, _ = run(*given, "--json")
    assert code == 1
    assert "NaN," not in out
    said = "1 of the network's 4 outputs are NaN or infinite"
    assert json.loads(out) == [{"image": name, "error": said} for name in ("one.png", "two.png")]
    code, out, err = run(*given)
    assert (code, out) == (1, "")
    assert f"error: one.png: {said}\nerror: two.png: {said}\n" in err


@pytest.mark.parametrize("ends", [True, False])
def test_outputs_that_are_no_probabilities(ends: bool) -> None:
    ranking = Ranking("output", ends, ())
    for wrong in ([0.5, np.nan], [np.inf, 0.5], [-np.inf, -np.inf]):
        with pytest.raises(PredictionError, match="of the network's 2 outputs are NaN or infinite"):
            ranking.top(np.array(wrong, np.float32), 2)
    assert Ranking("output", False, ()).top(np.array([-np.inf, 1], np.float32), 1)[0].probability == 1


def test_a_head_that_is_drawn_is_a_warning_and_notes_go_to_standard_error(run: Run) -> None:
    pytest.importorskip("torch")
    code, out, err = run("predict", "tiny.yaml", "one.png", "--json", "--adapt", "head")
    assert code == 0, err
    assert json.loads(out)
    assert err.splitlines() == [
        "note: fc.weight drawn anew, for 4 classes",
        "note: fc.bias drawn anew, for 4 classes",
        "warning: fc.weight, fc.bias: drawn anew, so that the classes mean nothing before a training",
    ]
    named = {f"w{place}": array for place, array in enumerate(archspec.init_weights("tiny.yaml", seed=3).values())}
    np.savez("named.npz", allow_pickle=False, **named)
    code, _, err = run("predict", "tiny.yaml", "one.png", "--weights", "named.npz", "--map", "order")
    assert code == 0
    assert err.startswith("note: taken by their order, as `w0` for `conv1.weight`: see that outputs are right")
    assert "warning" not in err


def test_how_images_are_prepared_is_said_where_the_names_are_those_of_another_library(run: Run) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("h5py")
    write("own.safetensors", archspec.init_weights("tiny.yaml", seed=1), archspec.compile("tiny.yaml"))
    assert run("weights", "convert", "own.safetensors", "tiny.yaml", "-o", "tiny.weights.h5")[0] == 0
    said = "resize 18 (bilinear), crop 16, rgb, 0 to 1, mean 0.5 0.4 0.3, std 0.2 0.3 0.4"
    code, _, err = run("predict", "tiny.yaml", "one.png", "--weights", "tiny.weights.h5")
    assert code == 0, err
    assert err.splitlines()[-1] == f"note: images are prepared as the spec says of its weights: {said}"
    _, _, err = run("predict", "tiny.yaml", "one.png", "--weights", "own.safetensors")
    assert "prepared" not in err


def test_classes_of_the_weights_that_the_spec_names_have_their_names(run: Run) -> None:
    pytest.importorskip("torch")
    _, whole, _ = run("predict", "tiny.yaml", "one.png", "--json", "--top", "4")
    code, out, err = run(
        "predict", "tiny.yaml", "one.png", "--json", "--top", "2", "--set", "classes=2", "--adapt", "head=3,1"
    )
    assert code == 0, err
    assert "warning" not in err
    order = [each["name"] for each in json.loads(whole)[0]["classes"] if each["name"] in ("fish", "dog")]
    assert [each["name"] for each in json.loads(out)[0]["classes"]] == order
    assert {each["class"]: each["name"] for each in json.loads(out)[0]["classes"]} == {0: "fish", 1: "dog"}


def test_a_child_inherits_how_images_are_prepared_and_no_weights(run: Run) -> None:
    Path("child.yaml").write_text("archspec: 1\nextends: tiny.yaml\nname: child\n", encoding="utf-8")
    found = archspec.load("child.yaml").chosen_pretrained
    assert found is not None
    assert (found.size, found.crop, found.weights, found.license) == (18, 16, None, "")
    assert found.classes == ("cat", "dog", "bird of prey", "fish")


def test_an_address_that_the_spec_does_not_name_is_a_warning(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Images may be prepared otherwise for these weights. A file may be of a training of one's own."""
    monkeypatch.setattr("archspec.weights.hub.download", lambda address: Path("tiny.safetensors"))
    text = SPEC.replace("tiny.safetensors", "hf://someone/tiny")
    Path("tiny.yaml").write_text(text, encoding="utf-8")
    for address in ("hf://someone/tinny", "hf://nobody/at_all"):
        code, _, err = run("predict", "tiny.yaml", "one.png", "--weights", address)
        assert code == 0
        assert f"warning: the spec tiny does not name the weights `{address}`: " in err
    for known in ("hf://someone/tiny", "hf://someone/tiny/", "hf://someone/tiny@main", "tiny.safetensors"):
        code, _, err = run("predict", "tiny.yaml", "one.png", "--weights", known)
        assert (code, err) == (0, "")
