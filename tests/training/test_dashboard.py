"""Aim's pages: they answer, and nothing of them stays behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from kinesis_trl.training import dashboard
from kinesis_trl.training.dashboard import Dashboard, DashboardError
from kinesis_trl.training.run_log import RunLog, TrackingConfig

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    with RunLog(folder / "walk", TrackingConfig(repository=folder)) as log:
        log.log_scalars({"train/loss": 0.5}, 0)
    return folder


def get(url: str) -> tuple[int, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as answer:
        return answer.status, answer.read()


def serving(port: str) -> list[psutil.Process]:
    return [p for p in psutil.process_iter(["cmdline"]) if port in (p.info["cmdline"] or ())]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_shows_pages_until_it_is_told_to_stop(runs: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "kinesis_trl.dashboard", "--runs", str(runs), "--port", "0"]
    environment = {**os.environ, "COLUMNS": "500"}
    shown = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True)
    assert shown.stdout is not None
    try:
        url = shown.stdout.readline().split("http://")[1].split()[0]
        status, page = get(f"http://{url}")
        assert status == 200 and b"<title>Aim</title>" in page
        assert get(f"http://{url}/api/projects/")[0] == 200
        host, port = url.split(":")
        assert host == "127.0.0.1"
        assert len(serving(port)) >= 2  # Aim's command, and the web server it starts
        shown.send_signal(number)
        assert shown.wait(30) == 0
        assert shown.stdout.read() == "Stopped.\n"
        assert serving(port) == []
        with pytest.raises(urllib.error.URLError):
            get(f"http://{url}")
    finally:
        shown.kill()
        shown.wait()
        shown.stdout.close()


def test_no_runs_yet(tmp_path: Path) -> None:
    with pytest.raises(DashboardError, match=r"holds no \.aim.*Train first"):
        Dashboard(tmp_path)
    command = [sys.executable, "-m", "kinesis_trl.dashboard", "--runs", str(tmp_path / "none")]
    shown = subprocess.run(command, check=False, capture_output=True, text=True)
    assert shown.returncode == 1 and "Train first" in " ".join(shown.stdout.split())


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
    # One that does not answer, has a child, and takes no heed of requests to end.
    stubborn = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True);"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)', *sys.argv[1:]]).wait()"
    )
    monkeypatch.setattr(dashboard, "_COMMAND", stubborn)
    monkeypatch.setattr(dashboard, "_STOP_PATIENCE", 0.5)
    with pytest.raises(DashboardError, match=r"does not answer(.|\n)*up"):
        Dashboard(runs, port=0, patience=1.0)
    assert serving(str(runs)) == []
