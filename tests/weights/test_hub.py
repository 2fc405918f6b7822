"""`hf://`: weights of a repository, from an endpoint on this machine that answers as the hub does."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import archspec
from archspec import WeightsError
from archspec.parity import random_weights
from archspec.weights import read_weights

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

            def answer(self, whole: bool) -> None:
                hub.asked.append(f"{self.command} {self.path}")
                owner, name, _, revision, file = self.path.lstrip("/").split("/", 4)
                path = hub.folder / owner / name / file
                if not (hub.folder / owner / name).is_dir():
                    self.refuse("RepoNotFound")
                elif revision not in ("main", "v1", COMMIT):
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
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()


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


def test_without_a_connection(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(WeightsError, match="cannot be downloaded"):
        read_weights("hf://someone/lenet/model.safetensors", lenet())
