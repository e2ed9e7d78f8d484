"""Time our physics, environment and training beside bare MuJoCo, all in one run, and write the figures.

Everything is timed in turns, round after round, on the same states: those that bodies pass through while they
follow reference muscle lengths, about an eighth of them lost and reset in each step. Training has its own states:
those of the laptop preset's untrained policy, two fifths of them reset in each step. A policy step is 5 physics steps
(1/30 s). Ratios are between the best rounds: other work on the machine only ever adds time.
"""

from __future__ import annotations

import json
import os
from functools import partial
from typing import TYPE_CHECKING

from kinesis_trl.commands import check_outputs, finish, run_command
from kinesis_trl.training.config import BenchConfig

if TYPE_CHECKING:
    from rich.console import Console

_IDLE = 0.5
"""Load average of a machine on which nothing else runs."""


def bench(config: BenchConfig, console: Console) -> None:
    """Time everything, print the table, write the file."""
    from kinesis_trl.atomic import write_text
    from kinesis_trl.training.bench import ENV_2, run, table
    from kinesis_trl.training.presets import preset

    check_outputs(config.json)
    if config.json and not config.busy and (load := os.getloadavg()[0]) > _IDLE:
        raise ValueError(
            f"the machine is busy: its load over the last minute is {load:.1f}, figures worth keeping need {_IDLE} or "
            "less; wait, or give --busy."
        )
    report = run(config, preset("laptop"), console)
    ratio = report["training_over_bare_2_threads"]
    speed = 1 / report["timings"][ENV_2]["median"]
    console.print(
        f"On 2 threads the environment makes {speed:,.0f} policy steps a second, and training goes at "
        f"{100 * ratio:.0f} % of the speed of bare MuJoCo."
    )
    console.print(table(report))
    if config.json:
        write_text(config.json, json.dumps(report, indent=1))
    finish(console, config.json, advice="docs/performance.md says where the time goes")


main = partial(run_command, BenchConfig, bench, name="bench", description=__doc__)
