"""`hf://`: weights of a repository, from an endpoint on this machine that answers as the hub does."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pytest
from safetensors.numpy import save_file

import archspec
from archspec import SpecError, WeightsError
from archspec.cli import main
from archspec.parity import random_weights
from archspec.weights import read_weights
from tests.needed import needs

pytest.importorskip("huggingface_hub")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@cache
def lenet() -> archspec.LayerGraph:
    return archspec.compile("lenet")


class Hub:
    """Repositories as folders."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, list[str]()
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.answer(False)

            def do_GET(self) -> None:
                self.answer(True)

            def do_POST(self) -> None:
                """A repository is made; files are to come within the commit; the commit, a line for each."""
                hub.asked.append(f"POST {self.path}")
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/api/repos/create":
                    name = json.loads(body)
                    (hub.folder / name["organization"] / name["name"]).mkdir(parents=True)
                    self.say({"url": f"{hub.url}/{name['organization']}/{name['name']}"})
                elif self.path == "/api/validate-yaml":
                    self.say({"errors": [], "warnings": []})
                elif "/preupload/" in self.path:
                    names = [file["path"] for file in json.loads(body)["files"]]
                    self.say({"files": [{"path": x, "uploadMode": "regular", "shouldIgnore": False} for x in names]})
                else:
                    _, _, _, owner, name, *_ = self.path.split("/")
                    for line in map(json.loads, body.splitlines()):
                        if line["key"] == "file":
                            data = base64.b64decode(line["value"]["content"])
                            (hub.folder / owner / name / line["value"]["path"]).write_bytes(data)
                    self.say({"commitOid": COMMIT, "commitUrl": f"{hub.url}/{owner}/{name}/commit/{COMMIT}"})

            def say(self, data: object) -> None:
                text = json.dumps(data).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def answer(self, whole: bool) -> None:
                hub.asked.append(f"{self.command} {self.path}")
                owner, name, _, revision, file = self.path.lstrip("/").split("/", 4)
                path = hub.folder / owner / name / file
                if not (hub.folder / owner / name).is_dir():
                    self.refuse("RepoNotFound")
                elif unquote(revision) not in ("main", "v1", "refs/pr/3", COMMIT):
                    self.refuse("RevisionNotFound")
                elif not path.is_file():
                    self.refuse("EntryNotFound")
                else:
                    data = path.read_bytes()
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(data)))
                    self.send_header("ETag", f'"{hashlib.sha1(data).hexdigest()}"')
                    self.send_header("X-Repo-Commit", COMMIT)
                    self.end_headers()
                    if whole:
                        self.wfile.write(data)

            def refuse(self, code: str) -> None:
                self.send_response(404)
                self.send_header("X-Error-Code", code)
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing is logged."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import constants

    found = Hub(tmp_path / "hub")
    monkeypatch.setenv("HF_ENDPOINT", found.url)
    monkeypatch.setenv("HF_TOKEN", "hf_nothing")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


def put(hub: Hub, repository: str, name: str = "model.safetensors") -> dict[str, Any]:
    arrays = {key: array.astype(np.float32) for key, array in random_weights(lenet()).items()}
    path = hub.folder / repository / name
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(arrays, path)
    return arrays


def test_weights_come_from_the_hub_once(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = put(hub, "someone/lenet")
    for _ in range(2):
        found, _report = read_weights("hf://someone/lenet", lenet())
        assert all(np.array_equal(found[name], wanted[name]) for name in wanted)
    assert sum(each.startswith("GET") for each in hub.asked) == 1
    hub.server.shutdown()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    found, _report = read_weights("hf://someone/lenet", lenet())  # what the cache has needs no hub
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


def test_a_file_and_a_revision(hub: Hub) -> None:
    put(hub, "someone/lenet", "inside/w.safetensors")
    assert read_weights("hf://someone/lenet@v1/inside/w.safetensors", lenet())[1].complete


def test_a_pull_request_is_a_revision_and_the_commit_is_said(hub: Hub) -> None:
    put(hub, "someone/lenet")
    _, report = read_weights("hf://someone/lenet@refs/pr/3", lenet())
    assert report.notes[0] == f"of the commit {COMMIT[:12]}"
    assert any("refs%2Fpr%2F3" in each for each in hub.asked)


@needs("onnx")
def test_the_numbers_beside_a_model_of_onnx_come_with_it(hub: Hub, tmp_path: Path) -> None:
    wanted = archspec.init_weights(lenet(), seed=1)
    write_file = tmp_path / "w.safetensors"
    archspec.weights.write(write_file, wanted, lenet())
    folder = hub.folder / "someone" / "lenet" / "onnx"
    folder.mkdir(parents=True)
    given = ["--backend", "onnx", "--weights", str(write_file), "--external-data", "-o", str(folder / "model.onnx")]
    assert main(["build", "lenet", *given]) == 0
    assert len([*folder.iterdir()]) == 2
    found, _ = read_weights("hf://someone/lenet/onnx/model.onnx", lenet())
    assert all(np.array_equal(found[name], wanted[name]) for name in wanted)


def test_weights_in_several_files(hub: Hub) -> None:
    wanted = put(hub, "someone/lenet", "whole.safetensors")
    folder = hub.folder / "someone" / "lenet"
    names = list(wanted)
    parts = {"model-1.safetensors": names[:3], "model-2.safetensors": names[3:]}
    for part, own in parts.items():
        save_file({name: wanted[name] for name in own}, folder / part)
    where = {name: part for part, own in parts.items() for name in own}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    assert read_weights("hf://someone/lenet", lenet())[1].complete


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("hf://lenet", "is no address on the hub"),
        ("hf://someone/../lenet", "cannot be downloaded"),
        ("hf://someone/nothing", "see its name"),
        ("hf://someone/lenet@v9", "see the revision"),
        ("hf://someone/lenet/other.bin", "has no file `other.bin`"),
        ("hf://someone/empty", "has none of model.safetensors"),
    ],
)
def test_what_is_not_there(address: str, said: str, hub: Hub) -> None:
    put(hub, "someone/lenet")
    (hub.folder / "someone" / "empty").mkdir()
    with pytest.raises(WeightsError) as caught:
        read_weights(address, lenet())
    [found] = caught.value.diagnostics
    assert found.code == "E0701"
    assert said in str(caught.value)


@pytest.mark.slow
def test_without_a_connection(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WeightsError, match="cannot be downloaded"):
        read_weights("hf://someone/lenet/model.safetensors", lenet())


def test_a_hub_that_cannot_be_reached_is_asked_for_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's library tries each name for half a minute; the cache is asked for all."""
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    asked: list[tuple[str, bool]] = []

    def refused(_repository: str, name: str, *, local_files_only: bool, **_: object) -> str:
        asked.append((name, local_files_only))
        raise LocalEntryNotFoundError("no connection") from ConnectionError("refused")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refused)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1:9 cannot be reached: refused[\s\S]*see the connection"):
        read_weights("hf://someone/lenet", lenet())
    assert [name for name, local_only in asked if not local_only] == ["model.safetensors"]
    assert len(asked) > 2


@pytest.mark.parametrize("address", ["nothing", "a/b/c", "https://a.example/b"])
def test_what_is_no_repository_is_not_asked_for(address: str, hub: Hub) -> None:
    with pytest.raises(WeightsError, match="is no repository, and no folder"):
        archspec.from_pretrained(address, "torch")
    assert not hub.asked


def test_a_repository_has_an_owner(capsys: pytest.CaptureFixture[str], hub: Hub) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["push", "lenet", "nobody", "--weights", "w.pth"])
    assert caught.value.code == 2
    assert "write OWNER/NAME" in capsys.readouterr().err


@needs("torch")
@pytest.mark.parametrize(
    "command",
    [
        "summary REPOSITORY",
        "build REPOSITORY --backend torch --weights REPOSITORY -o made.py",
        "weights convert REPOSITORY REPOSITORY -o made.npz",
        "diff REPOSITORY lenet --set-b classes=3",
        "push REPOSITORY --weights w.npz -o again",
        "validate REPOSITORY",
        "count REPOSITORY",
    ],
)
def test_commands_take_a_repository_for_its_network(
    command: str, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a folder, and on the hub; the params are those that its weights were trained with."""
    monkeypatch.chdir(tmp_path)
    small = archspec.compile("lenet", classes=3)
    np.savez("w.npz", allow_pickle=False, **random_weights(small))
    assert main(["push", "lenet", "--set", "classes=3", "--weights", "w.npz", "-o", "hub/someone/mine"]) == 0
    capsys.readouterr()
    for repository in ("hub/someone/mine", "hf://someone/mine"):
        assert main([*command.replace("REPOSITORY", repository).split()]) == 0, capsys.readouterr().err
    if "made.npz" in command:
        with np.load("made.npz") as held:
            assert held.files == [*small.all_weights]
    if "again" in command:  # the same network with the same params
        first, second = (
            json.loads(Path(folder, "config.json").read_text()) for folder in ("hub/someone/mine", "again")
        )
        assert (first["spec"], first["params"]) == (second["spec"], second["params"])


@needs("torch")
def test_a_repository_is_trained(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.chdir(tmp_path)
    graph = archspec.compile("digits_resnet")
    np.savez("w.npz", allow_pickle=False, **random_weights(graph))
    assert main(["push", "digits_resnet", "--weights", "w.npz", "-o", "hub/someone/mine"]) == 0
    for number, repository in enumerate(("hub/someone/mine", "hf://someone/mine")):
        command = f"train {repository} --recipe digits -o run{number} --emit".split()
        assert main(command) == 0, capsys.readouterr().err


def test_the_license_of_a_published_file_is_not_that_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spec says it of the file that it names; weights of one's own have none unless it is given."""
    monkeypatch.chdir(tmp_path)
    extended = "archspec: 1\nname: mine\nextends: lenet\npretrained: {license: mit, source: a place, WEIGHTS}\n"
    np.savez("own.npz", allow_pickle=False, **random_weights(lenet()))
    for weights, said in (("weights: own.npz", True), ("weights: other.npz", False), ("size: 28", True)):
        Path("mine.yaml").write_text(extended.replace("WEIGHTS", weights))
        assert main(["push", "mine.yaml", "--weights", "own.npz", "-o", "made", "--force"]) == 0
        config = json.loads(Path("made/config.json").read_text())
        assert ('license: "mit"' in Path("made/README.md").read_text()) == said
        assert ("license" in config["spec"]["pretrained"]) == ("source" in config["spec"]["pretrained"]) == said


def test_a_repository_of_another_program_is_no_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    assert main(["summary", str(tmp_path)]) == 1
    assert "holds no network of archspec's" in capsys.readouterr().err


@needs("torch")
def test_a_repository_is_the_network_too(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pushed with params, from a spec that extends another; pulled where none of its files is."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("archspec: 1\nextends: lenet\nname: mine\ntitle: Mine <b>\n")
    graph = archspec.compile("mine.yaml", classes=4)
    wanted = {name: array.astype(np.float32) for name, array in random_weights(graph).items()}
    np.savez("w.npz", allow_pickle=False, **wanted)
    command = ["push", "mine.yaml", "someone/mine", "--weights", "w.npz", "--set", "classes=4", "--license", "mit"]
    assert main(command) == 0
    assert sorted(path.name for path in (hub.folder / "someone" / "mine").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
    ]
    (tmp_path / "mine.yaml").unlink()
    card = (hub.folder / "someone" / "mine" / "README.md").read_text()
    assert "\n# Mine \\<b\\>\n" in card
    assert 'license: "mit"' in card
    for address in ("someone/mine", "hf://someone/mine", hub.folder / "someone" / "mine"):
        model = archspec.from_pretrained(address, "torch")
        assert all(np.array_equal(model.state_dict()[name].numpy(), wanted[name]) for name in wanted)
    with pytest.raises(WeightsError, match="do not fit"):
        archspec.from_pretrained("someone/mine", "torch", classes=5)


def test_a_folder_is_written_again_unless_it_was_edited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weights, folder = tmp_path / "w.npz", tmp_path / "repository"
    np.savez(weights, allow_pickle=False, **archspec.init_weights(lenet(), seed=1))
    command = ["push", "lenet", "--weights", str(weights), "-o", str(folder)]
    for _ in range(2):
        assert main(command) == 0, capsys.readouterr().err
    np.savez(weights, allow_pickle=False, **archspec.init_weights(lenet(), seed=2))
    assert main([*command, "--license", "mit"]) == 0
    found, _ = read_weights(folder / "model.safetensors", lenet())
    assert np.array_equal(found["conv1.weight"], archspec.init_weights(lenet(), seed=2)["conv1.weight"])
    assert 'license: "mit"' in (folder / "README.md").read_text()
    whole = {path: path.read_bytes() for path in folder.iterdir()}
    for path, data in whole.items():
        path.write_bytes(data.replace(b"0.", b"1.").replace(b"weights", b"Weights").replace(b"fc1", b"fc9"))
        capsys.readouterr()
        assert main(command) == 1
        assert f"{path} was edited by hand" in capsys.readouterr().err
        path.write_bytes(data)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"spec": 3}', '{"spec": {"archspec": 1}}', "[" * 100_000])
def test_a_repository_without_a_network(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(SpecError):
        archspec.from_pretrained(tmp_path, "torch")


def test_what_a_repository_may_not_do(tmp_path: Path) -> None:
    """Its spec reads no other file."""
    (tmp_path / "secret.yaml").write_text("archspec: 1\nname: other\ninput: {shape: [3]}\nlayers: [relu]\n")
    folder = tmp_path / "repository"
    folder.mkdir()
    spec = {"archspec": 1, "extends": "../secret.yaml", "name": "net"}
    (folder / "config.json").write_text(json.dumps({"spec": spec}))
    with pytest.raises(SpecError, match=r"E0105|outside|leaves"):
        archspec.from_pretrained(folder, "torch")
