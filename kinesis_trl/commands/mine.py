"""Find the training clips that a trained expert fails; the next expert trains on them.

Example: kinesis mine --run runs/expert0
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from kinesis_trl.commands import finish, run_command

if TYPE_CHECKING:
    from rich.console import Console

_WORST = 10
"""Most clips that are listed."""


@dataclass(frozen=True, kw_only=True)
class MineConfig:
    """Which run to mine."""

    run: Path = Path("runs/expert0")
    """Folder of the run."""
    rule: Literal["kinesis", "strict"] = "kinesis"
    """When a clip counts as failed: mean error over 0.5 m, or any body over 0.15 m."""
    threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Threads of the simulation."""


def dig(config: MineConfig, console: Console) -> None:
    """Play the clips, write the list, say what was found."""
    from kinesis_trl.evaluation.tables import summary_table
    from kinesis_trl.progress import counting
    from kinesis_trl.training.mining import MINED, mine

    with counting(console, "mining", "frames") as on_step:
        mined = mine(config.run, rule=config.rule, threads=config.threads, on_step=on_step)
    clips = mined.report["clips"]
    if mined.failed:
        console.print(f"{len(mined.failed)} of {len(clips)} clips are not followed to their end (rule {config.rule}).")
    else:
        console.print(f"All {len(clips)} clips are followed: there is nothing for a further expert to learn.")
    console.print(summary_table(mined.report))
    failed = sorted((row for row in clips if not row[config.rule]["success"]), key=lambda row: _covered(row, config))
    for row in failed[:_WORST]:
        console.print(f"  {100 * _covered(row, config):5.1f} % of {row['name']}", markup=False, highlight=False)
    if len(failed) > _WORST:
        console.print(f"  … and {len(failed) - _WORST} more")
    finish(console, config.run / MINED, advice=_advice(config.run, bool(mined.failed)))


def _covered(row: dict[str, Any], config: MineConfig) -> float:
    return float(row[config.rule]["coverage"])


def _advice(run: Path, failed: bool) -> str:
    """What to do after mining a run."""
    from kinesis_trl.training.run_folder import CONFIG

    again = f"kinesis train --config {run / CONFIG}"  # the same motions and settings
    expert = re.fullmatch(r"expert(\d+)", run.name)
    if expert and failed:
        return f"{again} --expert {int(expert[1]) + 1}"
    if expert and int(expert[1]) > 0:
        return f"{again} --moe"
    return f"kinesis eval --policy {run / 'policy'}"


main = partial(run_command, MineConfig, dig, name="mine", description=__doc__)
