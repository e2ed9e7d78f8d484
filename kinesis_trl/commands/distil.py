"""Distil a policy of plain target lengths from one that corrects inverse solutions (DAgger).

Example: kinesis distil --policy assets/policies/walking --motions locomotion-v1/train --out runs/plain
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kinesis_trl.commands import finish, run_command
from kinesis_trl.training.config import DistilConfig

if TYPE_CHECKING:
    from rich.console import Console


def run(config: DistilConfig, console: Console) -> None:
    """Distil, compare, and say what to do with the learner."""
    from kinesis_trl.training.distillation import distil

    distil(config, console)
    finish(console, config.out, advice=f"kinesis eval --policy {config.out}")


main = partial(
    run_command,
    DistilConfig,
    run,
    name="distil",
    description=__doc__,
    stopped="stopped; the same command goes on from the last saving",
)
