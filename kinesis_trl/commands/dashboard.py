"""Show the recorded runs in a browser: Aim's pages, on this machine only, until Ctrl-C.

Example: kinesis dashboard --runs runs
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kinesis_trl.commands import run_command, stopping_on

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, kw_only=True)
class DashboardConfig:
    """Which runs to show, and where."""

    runs: Path = Path("runs")
    """Folder whose .aim holds the runs."""
    port: int = 43800
    """Port of the pages; the next free one is taken when it is in use, 0 takes any."""
    patience: float = 120.0
    """Longest wait for the pages, in seconds."""


def show(config: DashboardConfig, console: Console) -> None:
    """Start the server, say where it is, and stop it on Ctrl-C, SIGTERM or SIGHUP."""
    from kinesis_trl.training.dashboard import Dashboard

    try:
        with stopping_on(signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with console.status("Starting Aim …"):
                dashboard = Dashboard(config.runs, port=config.port, patience=config.patience)
            with dashboard:
                console.print(f"Runs in {config.runs}: {dashboard.url}  (Ctrl-C stops it)", soft_wrap=True)
                dashboard.wait()
    except KeyboardInterrupt:
        console.print("Stopped.")


main = partial(run_command, DashboardConfig, show, name="dashboard", description=__doc__, simulates=False)
