"""Improve a policy by what the planner finds about it (expert iteration): MPPI labels states, the policy learns them.

Example: kinesis improve --policy runs/expert0/policy --motions motions/train --out runs/improved --threads 2
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kinesis_trl.commands import finish, run_command
from kinesis_trl.training.improve_config import ImproveConfig

if TYPE_CHECKING:
    from rich.console import Console


def run(config: ImproveConfig, console: Console) -> None:
    """Improve, and say how to evaluate the better policy."""
    from kinesis_trl.training.improving import improve

    improve(config, console)
    finish(console, config.out, advice=f"kinesis eval --policy {config.out}")


main = partial(
    run_command,
    ImproveConfig,
    run,
    name="improve",
    description=__doc__,
    stopped="stopped; the same command goes on from the last saving",
)
