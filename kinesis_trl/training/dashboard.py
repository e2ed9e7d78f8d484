"""Aim's web pages on this machine, for who was given their address, started and stopped whole."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

from kinesis_trl.training.aim_app import APP, TOKEN
from kinesis_trl.training.aim_view import prepared_view
from kinesis_trl.web_access import WebAccess

HOST = "127.0.0.1"
_PORTS_TRIED = 20
_STOP_PATIENCE = 10.0  # seconds
# `python -m aim` does not exist; this is what its `aim` command does, but for what it lets uvicorn serve.
_COMMAND = f"""
from aim.cli.cli import cli_entry_point
from aim.cli.up import commands
usual = commands.build_uvicorn_command
commands.build_uvicorn_command = lambda app, **settings: usual({APP!r}, **settings)
cli_entry_point()
"""


class DashboardError(RuntimeError):
    """The pages cannot be shown."""


class Dashboard:
    """A running Aim server on the loopback interface; use it as a context, or call `stop`."""

    def __init__(self, folder: Path | str = "runs", *, port: int = 43800, patience: float = 120.0) -> None:
        """Start the server for the repository at `folder`/.aim and wait until its page answers.

        A port that is taken gives way to the next free one. `patience` is the longest wait, in seconds.
        Raises DashboardError when there are no runs, Aim is missing, no port is free, or it does not start.
        """
        folder = Path(folder)
        if not (folder / ".aim").is_dir():
            raise DashboardError(
                f"{folder.absolute()} holds no .aim, expected a folder that a training run was recorded in. "
                "Train first (kinesis train laptop), or name the folder of your runs."
            )
        if find_spec("aim") is None:
            raise DashboardError("aim is not installed, expected the package that draws the pages: pip install aim")
        port = _free_port(port)
        self._access, self._port = WebAccess(HOST), port
        self.url = self._access.url(port)
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  (closed by stop)
        where = ["--repo", str(folder.absolute()), "--host", HOST, "--port", str(port)]
        # A session of its own: `aim up` leaves its web server behind when only it is stopped.
        self._process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND, "up", *where, "--workers", "1"],
            stdin=subprocess.DEVNULL,  # it asks before it replaces a repository of an older format: never
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, TOKEN: self._access.token},
        )
        try:
            self._wait_until_up(time.monotonic() + patience)
            self.url = self._access.url(port, prepared_view(self._access, port))
        except BaseException:
            self.stop()
            raise

    def wait(self) -> None:
        """Return when the server ends by itself, with DashboardError if that was a failure."""
        if self._process.wait() != 0:
            raise DashboardError(f"Aim stopped with status {self._process.returncode}:\n{self._last_output()}")

    def stop(self) -> None:
        """End every process of the server; may be called twice."""
        if self._output.closed:  # its number may be another process's by now
            return
        _end_session(self._process)
        self._output.close()

    def __enter__(self) -> Dashboard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_up(self, deadline: float) -> None:
        # No proxy of the environment may stand between us and our own machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while self._process.poll() is None:
            try:
                with opener.open(self.url, timeout=5):
                    return
            except urllib.error.HTTPError as error:
                raise DashboardError(
                    f"{self.url} answers {error.code}; another program may have taken the port."
                ) from None
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                if time.monotonic() > deadline:
                    raise DashboardError(
                        f"{self.url} does not answer. Wait longer, or look at what Aim says:\n{self._last_output()}"
                    ) from None
                time.sleep(0.2)
        raise DashboardError(
            f"Aim ended with status {self._process.returncode} instead of showing pages:\n{self._last_output()}\n"
            "If it is about the repository, move .aim away; metrics.jsonl of each run holds the same numbers."
        )

    def _last_output(self) -> str:
        self._output.seek(0)
        return self._output.read().decode(errors="replace")[-2000:].strip()


def _free_port(first: int) -> int:
    """The first free port from `first` on; 0 lets the system choose."""
    for port in [0] if first == 0 else range(first, min(first + _PORTS_TRIED, 65536)):
        with socket.socket() as probe:
            # As the server does it: a port that was only just left is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DashboardError(f"ports {first} to {first + _PORTS_TRIED - 1} are all taken or forbidden; choose another.")


def _end_session(process: subprocess.Popen[bytes]) -> None:
    """Ask all processes of the session to end, and make them after a while; they are its own process group."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + _STOP_PATIENCE
        while time.monotonic() < deadline and _group_lives(process):
            time.sleep(0.05)
        if not _group_lives(process):
            break
    process.wait()


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    process.poll()  # collects the leader, which would else count as alive
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True
