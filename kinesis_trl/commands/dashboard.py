"""Show the recorded runs in a browser: Aim's pages, on this machine only, until Ctrl-C.

Example: python -m kinesis_trl.dashboard --runs runs
"""

from __future__ import annotations

import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import tyro
from rich.console import Console

from kinesis_trl.training.dashboard import Dashboard, DashboardError


@dataclass(frozen=True, kw_only=True)
class DashboardConfig:
    """Which runs to show, and where."""

    runs: Path = Path("runs")
    """Folder whose .aim holds the runs."""
    port: int = 43800
    """Port of the pages; the next free one is taken when it is in use, 0 takes any."""
    patience: float = 120.0
    """Longest wait for the pages, in seconds."""


def main() -> None:
    """Start the server, say where it is, and stop it on Ctrl-C, SIGTERM or SIGHUP."""
    config = tyro.cli(DashboardConfig, description=__doc__)
    console = Console()
    # Also when the terminal is closed, and in a shell's background job, which would ignore Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        with console.status("Starting Aim …"):
            dashboard = Dashboard(config.runs, port=config.port, patience=config.patience)
        with dashboard:
            console.print(f"Runs of {config.runs}: {dashboard.url}  (Ctrl-C stops it)", highlight=False, markup=False)
            dashboard.wait()
    except DashboardError as error:
        console.print(f"DashboardError: {error}", style="red", highlight=False, markup=False)
        sys.exit(1)
    except KeyboardInterrupt:
        console.print("Stopped.")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
