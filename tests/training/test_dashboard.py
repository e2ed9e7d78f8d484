"""Aim's pages: they answer, and nothing of them stays behind."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from kinesis_trl.commands.dashboard import main
from kinesis_trl.training import dashboard
from kinesis_trl.training.aim_view import NAME, prepared_view
from kinesis_trl.training.dashboard import Dashboard, DashboardError
from kinesis_trl.training.run_log import RunLog, TrackingConfig

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, empty_repository: Path) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(empty_repository / ".aim", folder / ".aim")
    with RunLog(folder / "walk", TrackingConfig(repository=folder)) as log:
        log.log_scalars({"train/loss": 0.5}, 0)
    return folder


def get(url: str) -> tuple[int, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        return answer.status, answer.read()


def serving(port: str) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if port in (p.info["cmdline"] or ())]


def test_command_shows_pages_until_it_is_told_to_stop(runs: Path) -> None:
    command = [sys.executable, "-m", "kinesis_trl.dashboard", "--runs", str(runs), "--port", "0"]
    environment = {**os.environ, "COLUMNS": "500"}
    shown = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    assert shown.stdout is not None
    try:
        url = shown.stdout.readline().split("Runs in ")[1].split(": ", 1)[1].split()[0]
        status, page = get(url)
        assert status == 200 and b"<title>Aim</title>" in page
        host, port = urlsplit(url).netloc.split(":")
        assert host == "127.0.0.1"
        assert len(serving(port)) >= 2  # Aim's command, and the web server it starts
        shown.send_signal(signal.SIGTERM)
        assert shown.wait(30) == 0
        assert shown.stdout.read() == "Stopped.\n"
        assert serving(port) == []
        with pytest.raises(urllib.error.URLError):
            get(url)
    finally:
        shown.kill()
        shown.wait()
        shown.stdout.close()


@pytest.fixture(scope="module")
def pages(runs: Path) -> Iterator[Dashboard]:
    with Dashboard(runs, port=0) as dashboard:
        yield dashboard


def ask(pages: Dashboard, method: str, target: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    parts = urlsplit(pages.url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=30)
    connection.putrequest(method, target, skip_host=True)
    for name, value in {"Host": parts.netloc, **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def test_pages_of_other_origins_read_and_delete_nothing(pages: Dashboard) -> None:
    parts = urlsplit(pages.url)
    mine = f"http://{parts.netloc}"
    status, headers, _ = ask(pages, "GET", f"/?{parts.query}")
    kept = headers["Set-Cookie"].split(";")[0]
    assert status == 200 and "HttpOnly" in headers["Set-Cookie"]
    runs = "/api/runs/search/run/?q=&limit=10"
    status, headers, _ = ask(pages, "GET", runs, Cookie=kept, Origin=mine)
    assert status == 200 and not [name for name in headers if name.lower().startswith("access-control")]
    evil = {"Origin": "http://evil.example", "Access-Control-Request-Method": "DELETE"}
    for method, target in (("GET", runs), ("DELETE", "/api/runs/x/"), ("POST", "/api/tags/"), ("OPTIONS", runs)):
        for refused in (
            {},
            {"Origin": mine},
            {**evil},
            {**evil, "Cookie": kept},
            {"Origin": "null", "Cookie": kept},
            {"Origin": "http://127.0.0.1:3000", "Cookie": kept},
            {"Host": f"evil.example:{parts.port}", "Cookie": kept},
            {"Host": "127.0.0.1:1", "Cookie": kept},
        ):
            status, headers, said = ask(pages, method, target, **refused)
            assert status == 403 and said.startswith(b"Refused: ")
            assert not [name for name in headers if name.lower().startswith("access-control")]
    assert ask(pages, "DELETE", "/api/runs/x/", Cookie=kept, Origin=mine)[0] != 403


def test_a_prepared_view_is_opened_and_kept_once(pages: Dashboard) -> None:
    parts = urlsplit(pages.url)
    assert parts.path.startswith("/metrics/")
    status, _, body = ask(pages, "GET", f"/api/apps/{parts.path.removeprefix('/metrics/')}/?{parts.query}")
    assert status == 200 and "success" in json.loads(body)["state"]["select"]["advancedQuery"]
    again = prepared_view(pages._access, parts.port)
    assert again == parts.path
    boards = json.loads(ask(pages, "GET", f"/api/dashboards/?{parts.query}")[2])
    assert [board["name"] for board in boards].count(NAME) == 1


def test_no_runs_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DashboardError, match=r"holds no \.aim.*Train first"):
        Dashboard(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["--runs", str(tmp_path / "none")])
    assert ended.value.code == 1 and "Train first" in " ".join(capsys.readouterr().out.split())


def test_aim_missing(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "find_spec", lambda _: None)
    with pytest.raises(DashboardError, match="pip install aim"):
        Dashboard(runs)


def test_a_port_in_use_gives_way_to_the_next() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert port < dashboard._free_port(port) < port + 20
    with pytest.raises(DashboardError, match="choose another"):
        dashboard._free_port(70000)


def test_a_server_that_fails_or_hangs_is_told_with_its_words_and_ended(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dashboard, "_COMMAND", "raise SystemExit('the database is broken')")
    with pytest.raises(DashboardError, match=r"status 1(.|\n)*the database is broken(.|\n)*move \.aim away"):
        Dashboard(runs, port=0)
    others = set(serving(str(runs)))  # the server that other tests look at
    # One that does not answer, has a child, and takes no heed of requests to end.
    stubborn = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True);"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)', *sys.argv[1:]]).wait()"
    )
    monkeypatch.setattr(dashboard, "_COMMAND", stubborn)
    monkeypatch.setattr(dashboard, "_STOP_PATIENCE", 0.5)
    with pytest.raises(DashboardError, match=r"does not answer(.|\n)*up"):
        Dashboard(runs, port=0, patience=4.0)  # time to say that it is up
    assert set(serving(str(runs))) == others
