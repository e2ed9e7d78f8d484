"""Fetching and publishing policies, against a server on this machine that speaks as the hub does."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants

from kinesis_trl.agents.checkpoint import load_checkpoint, save_policy
from kinesis_trl.agents.hub import HubError, pull, push
from kinesis_trl.agents.lattice import LatticeConfig
from kinesis_trl.agents.networks import NetworkConfig
from kinesis_trl.agents.policy import make_actor
from kinesis_trl.commands.hub import main

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_made_up"


class StandIn(ThreadingHTTPServer):
    """A hub with repositories in memory; weights travel by the LFS protocol, the rest inside the commit."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos: dict[str, dict[str, bytes]] = {}
        self.objects: dict[str, bytes] = {}
        self.seen: list[tuple[str, str, str | None]] = []
        self.declared_size: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: StandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self._note()
        if path.startswith("/api/models/"):
            repo, _, revision = path.removeprefix("/api/models/").partition("/revision/")
            if self._unknown(repo, revision):
                return
            files = self.server.repos[repo]
            siblings = [{"rfilename": n, "size": self.server.declared_size or len(c)} for n, c in files.items()]
            self._json({"id": repo, "sha": COMMIT, "siblings": siblings})
        else:
            repo, _, rest = path.lstrip("/").partition("/resolve/")
            revision, _, name = rest.partition("/")
            if self._unknown(repo, revision):
                return
            content = self.server.repos[repo][name]
            self._send(200, content, {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": COMMIT})

    def do_POST(self) -> None:
        path = self._note()
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._json({"error": "Invalid credentials"}, 401)
        elif path == "/api/repos/create":
            asked = json.loads(body)
            if asked["organization"] == "others":
                self._json({"error": "You may not create here"}, 403)
                return
            repo = f"{asked['organization']}/{asked['name']}"
            self.server.repos.setdefault(repo, {})
            self._json({"url": f"{self.server.url}/{repo}", "name": repo})
        elif path == "/api/validate-yaml":
            wrong = "license: [" in json.loads(body)["content"]
            self._json({"errors": [{"message": "bad YAML"}] if wrong else [], "warnings": []}, 400 if wrong else 200)
        elif "/preupload/" in path:
            files = json.loads(body)["files"]
            modes = {f["path"]: "lfs" if f["path"].endswith(".safetensors") else "regular" for f in files}
            self._json({"files": [{"path": p, "uploadMode": m, "shouldIgnore": False} for p, m in modes.items()]})
        elif path.endswith("/objects/batch"):
            objects = json.loads(body)["objects"]
            uploads = [{**o, "actions": {"upload": {"href": f"{self.server.url}/lfs/{o['oid']}"}}} for o in objects]
            self._json({"transfer": "basic", "objects": uploads})
        elif "/commit/" in path:
            repo = path.removeprefix("/api/models/").partition("/commit/")[0]
            files = self.server.repos[repo]
            for line in map(json.loads, body.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    files[value["path"]] = self.server.objects[value["oid"]]
            self._json({"success": True, "commitOid": COMMIT, "commitUrl": f"{self.server.url}/{repo}/commit/{COMMIT}"})
        else:
            self._json({"error": f"no such endpoint {path}"}, 404)

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        oid = self._note().rsplit("/", 1)[-1]
        assert hashlib.sha256(content).hexdigest() == oid
        self.server.objects[oid] = content
        self._json({})

    def _note(self) -> str:
        path = self.path.partition("?")[0]
        self.server.seen.append((self.command, path, self.headers.get("Authorization")))
        return path

    def _unknown(self, repo: str, revision: str) -> bool:
        if repo not in self.server.repos:
            self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
        elif revision not in {"main", COMMIT}:
            self._json({"error": "Invalid rev"}, 404, {"X-Error-Code": "RevisionNotFound"})
        else:
            return False
        return True

    def _json(self, value: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StandIn]:
    """A running stand-in that the client is set to, with a token; any other address is refused."""
    server = StandIn()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    reach(server.url, monkeypatch, tmp_path)
    yield server
    server.shutdown()
    server.server_close()


def reach(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def known(host: str, *others: Any, **more: Any) -> Any:
        assert host == "127.0.0.1", f"asked for {host}"
        return look_up(host, *others, **more)

    def loopback_only(self: socket.socket, address: Any) -> None:
        assert self.family == socket.AF_UNIX or address[0] == "127.0.0.1", f"asked for {address}"
        connect(self, address)

    monkeypatch.setattr(socket, "getaddrinfo", known)
    monkeypatch.setattr(socket.socket, "connect", loopback_only)
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # a protocol of its own, in compiled code
    monkeypatch.setattr(constants, "AGENT_HARNESSES_PATH", str(tmp_path / "harnesses.json"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
    huggingface_hub.close_session()


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    policy = make_actor(LatticeConfig(network=NetworkConfig(hidden=(8, 6))), 5, 3)
    return save_policy(tmp_path / "saved", policy, body="legs", notes={"steps": 7})


def original(path: Path, extra: Any = None) -> bytes:
    """A model.pth as the original writes it, of one hidden layer."""
    weights = {
        "norm.n": torch.tensor(3),
        **{f"norm.{name}": torch.ones(5) for name in ("mean", "var", "std")},
        "net.affine_layers.0.weight": torch.randn(4, 5),
        "net.affine_layers.0.bias": torch.randn(4),
        "action_mean.weight": torch.randn(3, 4),
        "action_mean.bias": torch.randn(3),
        "log_std": torch.zeros(1, 7),
    }
    torch.save({"policy": weights, "epoch": 2, "frame": 10, **({"extra": extra} if extra else {})}, path)
    return path.read_bytes()


def test_a_pushed_policy_comes_back_equal(hub: StandIn, saved: Path, tmp_path: Path) -> None:
    (saved / "README.md").write_text("A walker.")
    (saved / "optimizer.pt").write_text("private")
    assert push(folder=saved, repo="me/walker") == f"{hub.url}/me/walker"
    assert set(hub.repos["me/walker"]) == {"policy.safetensors", "policy.json", "README.md"}
    assert len(hub.objects) == 1
    out = pull(repo="me/walker")
    assert out == Path("runs/walker")
    assert {p.name for p in out.iterdir()} == {"policy.safetensors", "policy.json", "source.json"}
    assert [p.name for p in out.parent.iterdir()] == ["walker"]  # nothing temporary is left
    assert json.loads((out / "source.json").read_text())["commit"] == COMMIT
    ours, theirs = load_checkpoint(saved), load_checkpoint(out)
    assert theirs.body == "legs" and theirs.notes == {"steps": 7}
    for name, weight in ours.policy.state_dict().items():
        assert torch.equal(weight, theirs.policy.state_dict()[name])


def test_the_token_goes_to_the_hub_but_not_to_the_storage_it_names(hub: StandIn, saved: Path) -> None:
    push(folder=saved, repo="me/walker")
    assert all((token is None) == path.startswith("/lfs/") for _, path, token in hub.seen)


def test_original_is_fetched_and_loads(hub: StandIn, tmp_path: Path) -> None:
    hub.repos["lab/moe"] = {"model.pth": original(tmp_path / "m.pth"), "config.yaml": b"x"}
    out = pull(repo="lab/moe", out=tmp_path / "deep" / "moe")
    assert {p.name for p in out.iterdir()} == {"model.pth", "source.json"}
    assert load_checkpoint(out).notes == {"epoch": 2, "frame": 10}


class Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch hacked",)


def test_hostile_file_is_refused_and_leaves_nothing(hub: StandIn, tmp_path: Path) -> None:
    hub.repos["lab/bad"] = {"model.pth": original(tmp_path / "m.pth", extra=Payload())}
    with pytest.raises(HubError, match=r"lab/bad/model\.pth: holds more than tensors"):
        pull(repo="lab/bad")
    assert not (tmp_path / "hacked").exists()
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"model.pth": b"<html>"}, r"damaged or no model\.pth"),
        ({"policy.safetensors": b"not weights", "policy.json": b"{}"}, "not a readable safetensors file"),
        ({"weights.bin": b"x", "README.md": b"x"}, r"holds README\.md, weights\.bin, expected policy\.safetensors or"),
        ({}, "holds no files"),
    ],
)
def test_wrong_kinds_are_refused(hub: StandIn, files: dict[str, bytes], message: str) -> None:
    hub.repos["lab/x"] = files
    with pytest.raises(HubError, match=message):
        pull(repo="lab/x")
    assert not Path("runs/x").exists()


def test_oversized_file_is_not_downloaded(hub: StandIn, tmp_path: Path) -> None:
    hub.repos["lab/big"] = {"model.pth": b"x"}
    hub.declared_size = 5 << 30
    with pytest.raises(HubError, match="expected at most"):
        pull(repo="lab/big")
    assert not any("/resolve/" in path for _, path, _ in hub.seen)


def test_a_folder_in_use_is_left_alone(hub: StandIn, saved: Path, tmp_path: Path) -> None:
    push(folder=saved, repo="me/walker")
    before = (saved / "policy.safetensors").read_bytes()
    with pytest.raises(HubError, match="not empty"):
        pull(repo="me/walker", out=saved)
    assert (saved / "policy.safetensors").read_bytes() == before


def test_unknown_names(hub: StandIn, saved: Path) -> None:
    hub.repos["me/walker"] = {}
    with pytest.raises(HubError, match="knows no repository me/runner"):
        pull(repo="me/runner")
    with pytest.raises(HubError, match="has no revision 'v9'"):
        pull(repo="me/walker", revision="v9")
    with pytest.raises(HubError, match="no name of a repository"):
        pull(repo="a/b/c")


def test_push_without_or_with_a_wrong_token(hub: StandIn, saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HubError, match=r"status 403 for others/walker: You may not create here"):
        push(folder=saved, repo="others/walker")
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(HubError, match="status 401"):
        push(folder=saved, repo="me/walker")
    hub.seen.clear()
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(HubError, match="no access token"):
        push(folder=saved, repo="me/walker")
    assert hub.seen == []


def test_only_sound_policies_of_ours_are_published(hub: StandIn, saved: Path, tmp_path: Path) -> None:
    original(tmp_path / "model.pth")
    with pytest.raises(HubError, match=r"holds no policy\.safetensors"):
        push(folder=tmp_path, repo="me/walker")
    weights = saved / "policy.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(HubError, match="no policy that can be used"):
        push(folder=saved, repo="me/walker")
    assert hub.seen == []


def test_a_card_the_hub_does_not_take_is_said_to_be_wrong(hub: StandIn, saved: Path) -> None:
    (saved / "README.md").write_text("---\nlicense: [\n---\n")
    with pytest.raises(HubError, match="bad YAML"):
        push(folder=saved, repo="me/walker")
    assert hub.repos["me/walker"] == {}


def test_command_line(
    hub: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repos["lab/moe"] = {"model.pth": original(tmp_path / "m.pth")}
    arguments = ["pull", "lab/moe", "--out", "got"]
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "kinesis_trl.hub", *arguments]
    done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("Fetched into got\n")
    monkeypatch.setattr(sys, "argv", ["hub", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1 and "got exists and is not empty" in capsys.readouterr().out


def test_server_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, saved: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        reach(f"http://127.0.0.1:{unused.getsockname()[1]}", monkeypatch, tmp_path)
        with pytest.raises(HubError, match=r"cannot be reached .* Check the network"):
            pull(repo="lab/moe")
        with pytest.raises(HubError, match="cannot be reached"):
            push(folder=saved, repo="me/walker")


def test_offline_mode(hub: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
        pull(repo="lab/moe")
    assert hub.seen == []
