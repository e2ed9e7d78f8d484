"""Find the training clips that a trained expert fails; the next expert trains on them.

Example: python -m kinesis_trl.mine --run runs/expert0
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console
from rich.markup import escape

from kinesis_trl.agents.exceptions import CheckpointError
from kinesis_trl.evaluation.tables import summary_table
from kinesis_trl.motion.clip import ClipFormatError
from kinesis_trl.progress import progress
from kinesis_trl.settings import SettingsError
from kinesis_trl.training.agent import RunError
from kinesis_trl.training.mining import MINED, mine


@dataclass(frozen=True, kw_only=True)
class MineConfig:
    """Which run to mine."""

    run: Path = Path("runs/expert0")
    """Folder of the run."""
    rule: Literal["kinesis", "strict"] = "kinesis"
    """When a clip counts as failed: mean error over 0.5 m, or any body over 0.15 m."""
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads of the simulation."""


def main() -> None:
    """Play the clips, print the table, write the list."""
    config = tyro.cli(MineConfig, description=__doc__, prog="kinesis_trl.mine")
    console = Console()
    try:
        with progress(console, "mining", None, "frames") as advance:
            mined = mine(config.run, rule=config.rule, threads=config.threads, on_step=advance)
    except (CheckpointError, ClipFormatError, RunError, SettingsError) as error:
        console.print(f"[red]{type(error).__name__}[/]: {escape(str(error))}", highlight=False)
        sys.exit(1)
    console.print(summary_table(mined.report))
    if mined.failed:
        console.print(f"{len(mined.failed)} clips failed; their names are in {config.run / MINED}")
    else:
        console.print("no clip failed: there is nothing for a further expert to learn")


if __name__ == "__main__":
    main()
